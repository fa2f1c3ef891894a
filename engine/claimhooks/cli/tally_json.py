"""What a replay has counted, as parts of a JSON document."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from claimhooks.replay.changes import parts

if TYPE_CHECKING:
    from claimhooks.replay.groups import Group
    from claimhooks.replay.tally import Tally

Part = dict[str, object]


def changes(tally: Tally) -> list[Part]:
    """Every kind of change; values are JSON texts."""
    return [_change(path) | _counted(group) for path, group in _leaves(tally.changes)]


def failures(group: Group) -> list[Part]:
    """Denials or faults, by hook, code and reason."""
    keys = ("hook", "code", "reason")
    return [
        dict.fromkeys(keys) | dict(zip(keys, path, strict=False)) | _counted(leaf)
        for path, leaf in _leaves(group)
    ]


def report(tally: Tally) -> Part:
    """All that has been counted."""
    return {
        "exchanges": tally.exchanges,
        "before": tally.before,
        "now": tally.after,
        "changed": tally.changes.count,
        "changes": changes(tally),
        "denials": failures(tally.denials),
        "faults": failures(tally.faults),
        "skipped": failures(tally.skipped),
        "hidden": [
            {"claim": path[0] if path else None} | _counted(leaf)
            for path, leaf in _leaves(tally.hidden)
        ],
        "hooks": [
            {
                "hook": name,
                "calls": times.calls,
                "p50": round(times.quantile(0.5), 1),
                "p99": round(times.quantile(0.99), 1),
                "longest": times.longest,
            }
            for name, times in tally.hooks.items()
        ],
        "recorded": {
            "first": tally.clock.earliest,
            "last": tally.clock.latest,
            "generations": [
                {"generation": path[0] if path else None, "count": leaf.count}
                for path, leaf in _leaves(tally.recorded)
            ],
            "clock_back": _counted(tally.clock.back),
        },
        "unread": {"count": tally.unread, "first": [asdict(one) for one in tally.unread_first]},
    }


def _leaves(group: Group) -> list[tuple[tuple[str, ...], Group]]:
    return [*group.leaves()] if group.count else []


def _counted(group: Group) -> Part:
    """Its count and example. `is_one` is false for groups that are too many to be told apart."""
    return {
        "count": group.count,
        "is_one": group.groups is not None,
        "example": group.example and asdict(group.example),
    }


def _change(path: tuple[str, ...]) -> Part:
    kind, *rest = path
    name: str | None = None
    before: str | None = None
    after: str | None = None
    match kind, rest:
        case (("outcome" | "expires_in"), [pair]):
            before, after = parts(pair)
        case "claim", [name, pair]:
            before, after = parts(pair)
        case "+ claim", [name, after]:
            pass
        case _:
            name = rest[0] if rest else None
    return {"kind": kind, "name": name, "before": before, "after": after}
