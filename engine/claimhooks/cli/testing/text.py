"""The results of a test for reading: what failed, and why; of the rest, how many."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Final

import click

from claimhooks.cli.text import change_lines, difference_lines, hook_lines, line_writer
from claimhooks.errors import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from claimhooks.cli.testing.coverage import Coverage
    from claimhooks.cli.testing.summary import Summary
    from claimhooks.cli.testing.verdict import Kind, Verdict


class TextReport:
    """Samples that failed, or are to be updated, and the totals."""

    def __init__(self, file: IO[bytes], digest: str) -> None:
        self._write = line_writer(file)
        self._write(f"generation {digest[:12]}")

    def add(self, verdict: Verdict) -> None:
        """Write one verdict, if there is something to tell."""
        if verdict.kind == "updated":
            self._write(_head("~", verdict, "yellow"))
            for line in change_lines(verdict.update):
                self._write(line)
        elif verdict.kind == "failed":
            for line in _failure(verdict):
                self._write(line)

    def end(self, summary: Summary) -> None:
        """Write the totals."""
        if summary.coverage is not None:
            for line in _coverage(summary.coverage):
                self._write(line)
        counts = ", ".join(
            f"{count:,} {kind}{_HINTS.get(kind, '')}"
            for kind, count in summary.counts.items()
            if count or kind in {"passed", "failed"}
        )
        self._write(f"\n{summary.total:,} samples: {counts}; {summary.seconds:.2f} s")


_HINTS: Final[dict[Kind, str]] = {"no expectation": " (--update writes one)"}


def _head(sign: str, verdict: Verdict, color: str) -> str:
    name = click.style(f"{sign} {printable(verdict.name)}", fg=color, bold=True)
    return f"\n{name}  {verdict.place}"


def _failure(verdict: Verdict) -> Iterator[str]:
    yield _head("✗", verdict, "red")
    yield from difference_lines(verdict.differences)
    for unstable in verdict.unstable:
        yield from change_lines([f"! {unstable}"])
    if verdict.result is not None:
        yield from hook_lines(verdict.result)


def _coverage(coverage: Coverage) -> Iterator[str]:
    yield f"\ncoverage {coverage.percent:g} % of the lines that run for an exchange"
    for file in coverage.files:
        reached = file.lines - len(file.missing)
        missing = f"  not reached: {file.ranges}" if file.missing else ""
        yield f"  {file.file}  {reached} of {file.lines}{missing}"
