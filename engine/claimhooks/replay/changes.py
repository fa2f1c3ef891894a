"""What changes of a token, between two outcomes of the same exchange.

A change is a path into the groups of a tally: its kind, and what tells it from others of its kind.

* ``outcome``, before and after: if one of them was not granted, nothing else is compared
* ``+ scope`` and ``- scope``, the scope token
* ``scope order``
* ``+ claim``, its name, its value
* ``- claim``, its name
* ``claim``, its name, its values before and after
* ``expires_in``, before and after
* ``hidden``, the claim, if a recording hides its value of then: it may have changed
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from pydantic_core import to_json

from claimhooks.recording.entry import RecordedOutcome
from claimhooks.recording.hiding import MARK, PREFIX
from claimhooks.replay.groups import short

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pydantic import JsonValue

    from claimhooks.exchange import Outcome

    Ending = Outcome | RecordedOutcome

HIDDEN: Final = "hidden"
"""The kind of what may be a change or none."""


def changes(before: Ending, after: Outcome) -> Iterator[tuple[str, ...]]:
    """Every change from `before` to `after`. The generation is none."""
    if before.status != "granted" or after.status != "granted":
        endings = _ending(before), _ending(after)
        if endings[0] != endings[1]:
            yield "outcome", _pair(*endings)
        return
    if before.scope != after.scope:
        yield from _scope(before.scope, after.scope)
    # JSON, not Python values: there True is no 1. The same bytes are the same JSON.
    if to_json(before.claims) != to_json(after.claims):
        is_recorded = isinstance(before, RecordedOutcome)
        yield from _claims(before.claims, after.claims, may_hide=is_recorded)
    if before.expires_in != after.expires_in:
        yield "expires_in", _pair(json.dumps(before.expires_in), json.dumps(after.expires_in))


def parts(pair: str) -> tuple[str, str]:
    """The texts before and after, of the last step of some changes."""
    before, after = json.loads(pair)
    return before, after


def _ending(ending: Ending) -> str:
    if ending.error is None or ending.status == "fault":
        return ending.status  # clients are told the same of every fault
    return short(f"{ending.status}: {ending.error.error}: {ending.error.error_description}")


def _scope(before: Sequence[str], after: Sequence[str]) -> Iterator[tuple[str, ...]]:
    for token in dict.fromkeys(after):
        if token not in before:
            yield "+ scope", short(token)
    for token in dict.fromkeys(before):
        if token not in after:
            yield "- scope", short(token)
    if [t for t in before if t in after] != [t for t in after if t in before]:
        yield ("scope order",)


def _claims(
    before: Mapping[str, JsonValue], after: Mapping[str, JsonValue], *, may_hide: bool
) -> Iterator[tuple[str, ...]]:
    for name, value in after.items():
        if name not in before:
            yield "+ claim", short(name), short(_text(value))
        elif (old := _text(before[name])) != (new := _text(value)):
            if may_hide and (MARK in old or PREFIX in old):
                yield HIDDEN, short(name)
            else:
                yield "claim", short(name), _pair(short(old), short(new))
    for name in before:
        if name not in after:
            yield "- claim", short(name)


def _text(value: JsonValue) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def _pair(before: str, after: str) -> str:
    return json.dumps([before, after], ensure_ascii=False)
