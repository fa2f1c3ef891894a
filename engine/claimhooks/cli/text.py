"""The results of a dry run for reading: 80 columns, with colour on a terminal."""

from __future__ import annotations

import json
import os
import sys
import textwrap
from typing import IO, TYPE_CHECKING, Final

import click

from claimhooks.errors import FAULTS, REFUSALS, printable
from claimhooks.exchange import DEFAULT_TOKEN_LIFETIME

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from pydantic import JsonValue

    from claimhooks.cli.report import Result
    from claimhooks.exchange import TraceEntry
    from claimhooks.expectation import Difference

WIDTH: Final = 80
_VERDICTS: Final = {"granted": "green", "denied": "yellow", "fault": "red"}


class TextReport:
    """Per sample: the verdict, what each hook did, what that changed, and the token."""

    def __init__(self, file: IO[bytes], digest: str, *, quiet: bool) -> None:
        self.is_good = True
        self._quiet = quiet
        self._counts = dict.fromkeys(_VERDICTS, 0)
        self._expected = self._unexpected = self._refused = 0
        self._write = line_writer(file)
        self._write(f"generation {digest[:12]}")

    def add(self, result: Result) -> None:
        """Write one result."""
        outcome = result.outcome
        self._counts[outcome.status] += 1
        self._expected += result.sample.expect is not None
        self._unexpected += bool(result.differences)
        self._refused += sum(len(entry.refused) for entry in outcome.trace)
        if result.is_good:
            if self._quiet:
                return
        else:
            self.is_good = False
        for line in result_lines(result):
            self._write(line)

    def end(self) -> None:
        """Write the totals."""
        counts = ", ".join(f"{count:,} {status}" for status, count in self._counts.items())
        kept = f"{self._expected - self._unexpected:,} of {self._expected:,} expectations hold"
        total = sum(self._counts.values())
        self._write("")
        self._write(f"{total:,} samples: {counts}; {self._refused:,} refusals; {kept}")


def line_writer(file: IO[bytes]) -> Callable[[str], None]:
    """Writes styled lines that are to come to stdout: without colour where that is no terminal."""
    has_color = sys.stdout.isatty() and not os.environ.get("NO_COLOR")

    def write(line: str) -> None:
        text = line if has_color else click.unstyle(line)
        file.write(text.encode(errors="backslashreplace") + b"\n")

    return write


def result_lines(result: Result) -> Iterator[str]:
    """`result` for reading, styled for a terminal."""
    sample, outcome = result.sample, result.outcome
    color = _VERDICTS[outcome.status]
    yield ""
    verdict = click.style(outcome.status, fg=color, bold=True)
    yield f"{click.style(printable(sample.name), bold=True)}  {verdict}"
    about = ", ".join(filter(None, [sample.client.name, sample.client.tenant]))
    yield from _field("client", sample.client.id + (f" ({about})" if about else ""))
    yield from _field("audience", sample.audience)
    if outcome.error is not None:
        answer = f"{outcome.error.error}: {outcome.error.error_description}"
        yield from _field("answer", f"HTTP {outcome.error.status} {answer}", color)
    if result.differences:
        yield click.style("  not as expected", fg="red")
        yield from difference_lines(result.differences)
    for warning in outcome.warnings:
        yield from _field("warning", warning, "yellow")
    yield from hook_lines(result)
    if result.payload is not None:
        yield "  token, against one without hooks"
        yield from _changes(list(sample.scope), outcome.scope, "scope")
        for name, value in outcome.claims.items():
            yield from _change("+", f"claim {name} = {_json(value)}")
        yield from _lifetime_change(_lifetime(result), outcome.expires_in)
        yield from _json_block(result.header)
        yield from _json_block(result.payload)
    if result.jwt is not None:
        # In one piece, so that it can be copied.
        yield "  jwt"
        yield result.jwt


def difference_lines(differences: Iterable[Difference]) -> Iterator[str]:
    """What was expected and what is there instead, styled for a terminal."""
    for difference in differences:
        yield from change_lines(difference.lines())


def change_lines(changes: Iterable[str]) -> Iterator[str]:
    """What :func:`~claimhooks.expectation.changes` found, styled for a terminal."""
    for line in changes:
        yield from _change(line[0], line[2:])


def hook_lines(result: Result) -> Iterator[str]:
    """What each hook did, styled for a terminal."""
    scope, lifetime = list(result.sample.scope), _lifetime(result)
    yield "  hooks"
    for entry in result.outcome.trace:
        yield from _hook(entry, scope, lifetime)
        if isinstance(changed := entry.applied.get("scope"), list):
            scope = [str(token) for token in changed]
        lifetime = entry.applied.get("expires_in", lifetime)


def _lifetime(result: Result) -> JsonValue:
    api = result.sample.api
    return DEFAULT_TOKEN_LIFETIME if api is None else api.token_lifetime


def _hook(entry: TraceEntry, scope: list[str], lifetime: JsonValue) -> Iterator[str]:
    yield f"    {entry.hook:<24} {duration(entry.micros):>12}  {click.style(entry.file, dim=True)}"
    is_silent = True
    for name, value in entry.applied.items():
        if name == "scope" and isinstance(value, list):
            lines = [*_changes(scope, [str(token) for token in value], "scope")]
        elif name == "expires_in":
            lines = [*_lifetime_change(lifetime, value)]
        else:
            lines = [*_change("+", f"claim {name} = {_json(value)}")]
        is_silent = is_silent and not lines
        yield from lines
    for refused in entry.refused:
        what = f"refused {refused.name}: {refused.reason} [{refused.code}]"
        yield from _change("!", what, "red")
        yield from wrapped(REFUSALS[refused.code], "        → ")
    if error := entry.error:
        color = "red" if error.code in FAULTS else "yellow"
        place = error.file if error.line is None else f"{error.file}:{error.line}"
        yield from _change("!", f"{error.reason} [{error.code}] at {place}", color)
        if error.traceback:
            for line in error.traceback.rstrip().splitlines():
                yield from wrapped(line, "        ", keep_spaces=True)
        if error.code in FAULTS and not entry.refused:
            yield from wrapped(FAULTS[error.code], "        → ")
    if entry.skipped:
        yield from _change(" ", f"left out: {entry.skipped}", "yellow")
    elif is_silent and not entry.refused and not entry.error:
        yield click.style("      no change", dim=True)


def _changes(before: list[str], after: list[str], noun: str) -> Iterator[str]:
    for token in dict.fromkeys(before):
        if token not in after:
            yield from _change("-", f"{noun} {token}")
    for token in after:
        if token not in before:
            yield from _change("+", f"{noun} {token}")


def _lifetime_change(before: JsonValue, after: JsonValue) -> Iterator[str]:
    if before != after:
        yield from _change("~", f"expires_in {before} → {after} s")


def _change(sign: str, text: str, color: str | None = None) -> Iterator[str]:
    color = color or {"+": "green", "-": "red", "~": "yellow"}.get(sign)
    yield from wrapped(text, f"      {sign} ", color)


def _field(name: str, text: str, color: str | None = None) -> Iterator[str]:
    yield from wrapped(text, f"  {name:<9} ", color)


def wrapped(
    text: str, start: str, color: str | None = None, *, keep_spaces: bool = False
) -> Iterator[str]:
    """`text` after `start`, in lines of 80 columns; long words stay whole."""
    lines = textwrap.wrap(
        printable(text),
        WIDTH - len(start),
        break_long_words=False,
        break_on_hyphens=False,
        drop_whitespace=not keep_spaces,
    ) or [""]
    for number, line in enumerate(lines):
        yield (start if number == 0 else " " * len(start)) + click.style(line, fg=color)


def _json_block(value: object) -> Iterator[str]:
    for line in json.dumps(value, indent=2, ensure_ascii=False).splitlines():
        yield f"    {printable(line)}"


def _json(value: JsonValue) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 1000 else f"{text[:1000]}… ({len(text):,} characters)"


def duration(micros: float) -> str:
    """`micros` for reading."""
    return f"{micros:,.1f} µs" if micros < 10_000 else f"{micros / 1000:,.1f} ms"
