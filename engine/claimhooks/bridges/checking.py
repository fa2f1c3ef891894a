"""What can be told of a bridge before it is called."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from claimhooks.bridges.capabilities import VALUES, WHY, takes
from claimhooks.bridges.opening import peer_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import JsonValue

    from claimhooks.bridges.peer import Peer
    from claimhooks.generation import Hook
    from claimhooks.settings import PeerName, Settings

_EXAMPLES: dict[type, JsonValue] = {
    dict: {},
    list: [],
    str: "",
    bool: True,
    int: 1,
    float: 1.0,
    type(None): None,
}


class Carrier:
    """A peer, asked what hooks may ask for; see :class:`claimhooks.analysis.Carrier`."""

    def __init__(self, peer: Peer[Any]) -> None:
        self._peer = peer

    @property
    def title(self) -> str:
        """The vendor's name of the peer."""
        return self._peer.title

    def refusal(self, key: str) -> str | None:
        """Why no hook can return `key`."""
        can = self._peer.capabilities
        if key == "scope":
            return None if can.add_scopes or can.remove_scopes else "it lets no hook change scopes"
        if key == "expires_in":
            return None if can.lifetime else WHY["lifetime"]
        return self._peer.refusal_of_claim(key) if can.add_claims else WHY["claim"]

    def refusal_of_value(self, kind: type) -> str | None:
        """Why no claim can have a value of this type."""
        values = self._peer.capabilities.values
        return None if takes(values, _EXAMPLES.get(kind, "")) else VALUES[values]


@dataclass(frozen=True, slots=True)
class Facts:
    """How a bridge would start."""

    peer: PeerName
    title: str
    deadline: float
    """Seconds."""
    caller: str | None
    on_unsupported: str
    registry: str | None
    warnings: tuple[str, ...]


def facts_of(name: PeerName, settings: Settings, hooks: tuple[Hook, ...]) -> Facts:
    """How the bridge of this peer would start. Raises :class:`~claimhooks.errors.LoadError`."""
    peer, table = peer_of(name), settings.of_bridge(name)
    peer.caller(settings)
    return Facts(
        peer=name,
        title=peer.title,
        deadline=peer.deadline,
        caller=table.caller,
        on_unsupported=table.on_unsupported,
        registry=settings.registry_address if table.registry else None,
        warnings=tuple(_warnings(peer, settings, hooks)),
    )


def _warnings(peer: Peer[Any], settings: Settings, hooks: tuple[Hook, ...]) -> Iterator[str]:
    if settings.lane != "worker":
        yield "no hook can be ended inline: one that hangs keeps the bridge from answering in time"
        return
    longest = settings.worker.deadline + sum(hook.deadline or 0 for hook in hooks)
    if longest >= peer.deadline:
        yield (
            f"hooks may take {longest:g} s, and the bridge has to answer within {peer.deadline:g} s"
        )
