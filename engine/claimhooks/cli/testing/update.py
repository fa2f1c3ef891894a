"""Writing what was seen into the samples that expect something else, or nothing."""

from __future__ import annotations

import io
import json
import os
import re
from collections import defaultdict
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from claimhooks.cli.output import replacing
from claimhooks.errors import LoadError, Problem
from claimhooks.expectation import changes, type_of
from claimhooks.jsontext import with_member

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pydantic import JsonValue

    from claimhooks.cli.testing.verdict import Verdict
    from claimhooks.exchange import Outcome
    from claimhooks.expectation import Difference
    from claimhooks.samples import Written

    Edit = tuple[list[str], JsonValue]


@dataclass(frozen=True, slots=True)
class Update:
    """A sample as it is to be: what it expects is what was seen."""

    written: Written
    data: bytes
    lines: list[str]
    """What changes in `expect`, for reading."""


def update_of(written: Written, verdict: Verdict) -> Update | None:
    """How a sample that failed, or that expects nothing, would pass.

    None if nobody should expect what was seen: a fault, or what is not the same every time.
    """
    if verdict.result is None or verdict.kind == "passed":
        return None
    outcome = verdict.result.outcome
    if outcome.status == "fault" or verdict.unstable:
        return None
    text = written.data.decode()
    before: dict[str, JsonValue] = json.loads(text).get("expect") or {}
    for path, value in _edits(before, verdict.differences, outcome):
        text = with_member(text, ["expect", *path], value)
    after = json.loads(text)["expect"]
    return Update(written, text.encode(), changes(before, after))


def write(updates: Iterable[Update]) -> list[str]:
    """Write `updates` into their files, each whole or not at all; returns the files' names.

    Raises :class:`LoadError`, before any file is changed if one cannot be.
    """
    by_file: defaultdict[str, dict[int | None, Update]] = defaultdict(dict)
    for update in updates:
        by_file[update.written.file][update.written.line] = update
    with ExitStack() as files:
        for file, changed in by_file.items():
            path = Path(file)
            new = files.enter_context(replacing(path))
            with path.open("rb") as old:
                os.fchmod(new.fileno(), os.fstat(old.fileno()).st_mode & 0o7777)
                new.writelines(_rewritten(file, old.read(), changed))
    return [*by_file]


def _edits(
    before: Mapping[str, JsonValue], differences: list[Difference], outcome: Outcome
) -> Iterator[Edit]:
    """What to set within `expect`: what holds stays as it is.

    Where a token was expected and there is none, or the other way round, nothing of it stays.
    """
    if not before or not all(_is_of(outcome, one) for one in differences):
        yield [], _seen(outcome)
        return
    for one in differences:
        if one.name == "claims_like" and isinstance(one.expected, dict):
            for claim, expected in one.expected.items():
                yield [one.name, claim], _like(claim, expected, outcome)
        elif one.name.startswith("error") and isinstance(before["error"], dict):
            yield ["error", one.name], one.got
        else:
            yield [one.name], one.got


def _is_of(outcome: Outcome, difference: Difference) -> bool:
    """Whether an outcome like `outcome` can have what was expected, if with another value."""
    return difference.name != "status" and (
        difference.name.startswith("error") == (outcome.error is not None)
    )


def _seen(outcome: Outcome) -> JsonValue:
    if outcome.error is not None:
        denial = outcome.error
        error: JsonValue = {"error": denial.error, "error_description": denial.error_description}
        return {"status": outcome.status, "error": error}
    return {
        "status": outcome.status,
        "scope": [*outcome.scope],
        "claims": outcome.claims,
        "expires_in": outcome.expires_in,
    }


def _like(claim: str, expected: JsonValue, outcome: Outcome) -> JsonValue:
    if claim not in outcome.claims:
        return {"absent": True}
    value = outcome.claims[claim]
    if isinstance(value, str) and isinstance(expected, dict) and "pattern" in expected:
        return {"pattern": re.escape(value)}
    return {"type": type_of(value)}


def _rewritten(file: str, data: bytes, changed: Mapping[int | None, Update]) -> Iterator[bytes]:
    """The new content of a file: with other lines, or another as a whole."""
    lines = [data] if None in changed else io.BytesIO(data).readlines()
    for number, update in changed.items():
        index = (number or 1) - 1
        if lines[index : index + 1] != [update.written.data]:
            raise LoadError([Problem("sample_changed", file, "has changed since it was read")])
        lines[index] = update.data
    yield from lines
