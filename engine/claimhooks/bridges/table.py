"""What works where, for the README: the declared capabilities of all peers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from claimhooks.bridges.opening import PEERS, peer_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from claimhooks.bridges.capabilities import Capabilities
    from claimhooks.bridges.peer import Peer

_VALUES: Final = {
    "json": "any JSON",
    "nonnull": "any JSON but null",
    "flat": "text, numbers, booleans, lists of text",
    "text": "text, lists of text",
}


def _is(attribute: str) -> Callable[[Capabilities], str]:
    return lambda can: "yes" if getattr(can, attribute) else "no"


_ROWS: Final[tuple[tuple[str, Callable[[Capabilities], str]], ...]] = (
    ("add a claim", _is("add_claims")),
    ("replace a claim that the token has", _is("replace_claims")),
    ("values of claims", lambda can: _VALUES[can.values]),
    ("add scopes", _is("add_scopes")),
    ("remove scopes", _is("remove_scopes")),
    ("shorten the lifetime", _is("lifetime")),
    ("the client gets the code of a denial", _is("denial_code")),
    ("… and its text", _is("denial_text")),
    ("could remove a claim \\*", _is("remove_claims")),
    ("could change the audience \\*", _is("audience")),
)


def table() -> str:
    """A table in Markdown, and below it what there is to know of each peer."""
    peers = [peer_of(name) for name in PEERS]
    return "\n".join([*_table(peers), "", *_notes(peers)]) + "\n"


def _table(peers: list[Peer[Any]]) -> Iterator[str]:
    yield _row("a hook can", (peer.title for peer in peers))
    yield _row("---", ("---" for _ in peers))
    for what, cell in _ROWS:
        yield _row(what, (cell(peer.capabilities) for peer in peers))
    yield _row("it is proven by", (_callers(peer) for peer in peers))
    yield _row("answered within", (f"{peer.deadline:g} s" for peer in peers))


def _notes(peers: list[Peer[Any]]) -> Iterator[str]:
    yield "\\* Hooks cannot ask for it yet."
    for peer in peers:
        if peer.capabilities.notes:
            yield ""
            yield f"**{peer.title}**: {' '.join(peer.capabilities.notes)}"


def _callers(peer: Peer[Any]) -> str:
    return ", ".join(f"`{caller}`" for caller in peer.callers) or "its platform"


def _row(first: str, cells: Iterator[str]) -> str:
    return f"| {first} | {' | '.join(cells)} |"
