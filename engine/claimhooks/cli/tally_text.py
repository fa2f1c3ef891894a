"""What a replay has counted, for reading: 80 columns, styled for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from claimhooks.cli.text import duration, wrapped
from claimhooks.errors import printable
from claimhooks.replay.changes import parts
from claimhooks.replay.groups import MAX_GROUPS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from claimhooks.replay.groups import Example, Group
    from claimhooks.replay.tally import Tally

MAX_SHOWN: Final = 8
"""Groups within one; the JSON document has all."""

_STATUSES: Final = {"granted": "green", "denied": "yellow", "fault": "red"}
_COLORS: Final = {"+": "green", "-": "red"}


def change_lines(tally: Tally) -> Iterator[str]:
    """Every kind of change, on how many exchanges, with an example."""
    if tally.changes.count:
        yield from _groups(tally.changes, _change)


def report_lines(tally: Tally) -> Iterator[str]:
    """All that has been counted of the outcomes."""
    yield ""
    yield from _totals(tally)
    if tally.before:
        of = f"{tally.changes.count:,} of {sum(tally.before.values()):,} exchanges"
        yield from _section(f"changes, on {of}", change_lines(tally))
    for title, group, color in (
        ("denials", tally.denials, "yellow"),
        ("faults", tally.faults, "red"),
        ("faults of hooks that were left out, as their on_error is skip", tally.skipped, "red"),
    ):
        if group.count:
            yield from _section(title, _groups(group, _failure, color))
    if tally.hooks:
        yield from _section("slowest hooks", _hooks(tally))


def note_lines(tally: Tally) -> Iterator[str]:
    """What the recording is like, where it is not as it should be."""
    if unrecorded := tally.exchanges - tally.recorded.count:
        yield from wrapped(f"no outcome recorded on {unrecorded:,}", "")
    if tally.clock.back.count:
        times = "once" if tally.clock.back.count == 1 else f"{tally.clock.back.count:,} times"
        back = f"the clock went back {times}, first at"
        yield from wrapped(f"{back} {_place(tally.clock.back.example)}", "", "yellow")
    if tally.hidden.count:
        yield "claims that cannot be compared, as the recording hides their values"
        yield from _groups(tally.hidden, lambda path: f"claim {path[0]}" if path else "claims")
    if tally.unread:
        lines = "1 line" if tally.unread == 1 else f"{tally.unread:,} lines"
        yield click.style(f"{lines} could not be read", fg="red", bold=True)
        for unread in tally.unread_first:
            yield from wrapped(f"{unread.file}:{unread.line}: {unread.reason}", "  ", "red")
        if tally.unread > len(tally.unread_first):
            yield f"  and {tally.unread - len(tally.unread_first):,} more"


def _section(title: str, lines: Iterator[str]) -> Iterator[str]:
    yield ""
    yield click.style(title, bold=True)
    yield from lines


def _totals(tally: Tally) -> Iterator[str]:
    head = f"{'exchanges':<12}{'before' if tally.before else '':>14}{'now':>14}"
    yield click.style(head, bold=True)
    for status, color in _STATUSES.items():
        before = f"{tally.before.get(status, 0):,}" if tally.before else ""
        yield click.style(f"  {status:<10}", fg=color) + (
            f"{before:>14}{tally.after.get(status, 0):>14,}"
        )


def _groups(
    group: Group,
    text: Callable[[tuple[str, ...]], str],
    color: str | None = None,
    path: tuple[str, ...] = (),
) -> Iterator[str]:
    """A group, or the groups within it: the largest, and how many others there are."""
    if not group.groups:
        many = f": more than {MAX_GROUPS} different ones" if group.groups is None else ""
        shown = text(path)
        yield from wrapped(f"{shown}{many} on {group.count:,}", "  ", color or _color(shown))
        yield from wrapped(_place(group.example), "      ")
        return
    inner = sorted(group.groups.items(), key=lambda item: (-item[1].count, item[0]))
    for name, one in inner[:MAX_SHOWN]:
        yield from _groups(one, text, color, (*path, name))
    if rest := [one.count for _, one in inner[MAX_SHOWN:]]:
        shown = text(path)
        others = f"{shown}: {len(rest):,} others, {sum(rest):,} times"
        yield from wrapped(others, "  ", color or _color(shown))


def _color(text: str) -> str | None:
    return _COLORS.get(text[:1])


def _change(path: tuple[str, ...]) -> str:
    match path:
        case "outcome", pair:
            return "{} → {}".format(*parts(pair))
        case "claim", name, pair:
            return "claim {} {} → {}".format(name, *parts(pair))
        case "+ claim", name, value:
            return f"+ claim {name} = {value}"
        case "expires_in", pair:
            return "expires_in {} → {} s".format(*parts(pair))
        case _:
            return " ".join(path)


def _failure(path: tuple[str, ...]) -> str:
    hook, code, reason = (*path, "", "", "")[:3]
    return f"{hook} {code}: {reason}" if reason else f"{hook} {code}".rstrip() or "hooks"


def _hooks(tally: Tally) -> Iterator[str]:
    yield f"  {'':<30}{'calls':>12}{'p50':>12}{'p99':>12}{'longest':>12}"
    slowest = sorted(tally.hooks.items(), key=lambda item: -item[1].quantile(0.99))
    for name, times in slowest[:MAX_SHOWN]:
        shown = [duration(t) for t in (times.quantile(0.5), times.quantile(0.99), times.longest)]
        columns = "".join(f"{text:>12}" for text in (f"{times.calls:,}", *shown))
        yield f"  {printable(name):<30}{columns}"
    if (rest := len(slowest) - MAX_SHOWN) > 0:
        yield f"  and {rest:,} others"


def _place(example: Example | None) -> str:
    if example is None:
        return ""
    return f"{example.file}:{example.line}, client {example.client}"
