"""``claimhooks test``: samples against what they expect."""

from __future__ import annotations

import shutil
import sys
import tempfile
from contextlib import ExitStack, redirect_stdout
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final, Protocol

import click

from claimhooks.cli.options import (
    allow_empty_option,
    config_option,
    hooks_option,
    html_option,
    lane_option,
    settings_from,
)
from claimhooks.cli.output import replacing
from claimhooks.cli.testing.crew import tried
from claimhooks.cli.testing.summary import Summary
from claimhooks.cli.testing.text import TextReport
from claimhooks.cli.testing.update import update_of, write
from claimhooks.cli.testing.verdict import Job, Verdict
from claimhooks.errors import Problem, SampleError
from claimhooks.runtime import Runtime
from claimhooks.samples import find

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from claimhooks.cli.testing.coverage import Tracing
    from claimhooks.cli.testing.update import Update
    from claimhooks.samples import Written
    from claimhooks.settings import Lane

IN_MEMORY_BYTES: Final = 4 * 1024 * 1024
SAMPLES: Final = "samples"
"""The folder beside that of the hooks."""


class Report(Protocol):
    """Is told the verdicts one by one."""

    def add(self, verdict: Verdict) -> None: ...
    def end(self, summary: Summary) -> None: ...


@click.command(
    epilog="""\b
Examples:
  claimhooks test
  claimhooks test samples/tiers -k gold
  claimhooks test --update
  claimhooks test --coverage --fail-under 90 --junit results.xml
  claimhooks test --repeat 10

Exit status: 0 if all samples are as they expect; 1 if one is not, or does not give the same every
time, or too little is covered; 2 if hooks, settings or samples cannot be used."""
)
@click.argument("paths", nargs=-1, metavar="[PATH]...", type=click.Path())
@hooks_option
@config_option
@lane_option
@click.option(
    "-k",
    "keyword",
    metavar="TEXT",
    default="",
    help="Only samples with TEXT in their name or file.",
)
@click.option(
    "--format",
    "style",
    type=click.Choice(["text", "tap", "json"]),
    default="text",
    show_default=True,
    help="For reading, TAP version 14, or one JSON document.",
)
@click.option(
    "--junit",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Write the results as JUnit XML, too.",
)
@html_option
@click.option(
    "--update", is_flag=True, help="Show, and write, what samples that fail are to expect."
)
@click.option("--coverage", is_flag=True, help="Tell which lines of the hooks no sample reached.")
@click.option(
    "--fail-under",
    type=click.FloatRange(0, 100),
    metavar="PERCENT",
    help="Fail if fewer of the lines are reached.",
)
@click.option(
    "--repeat",
    "times",
    type=click.IntRange(1),
    default=1,
    metavar="N",
    help="Run each sample N times, and fail where a hook does not give the same every time.",
)
@allow_empty_option
def test(
    paths: tuple[str, ...],
    hooks_dir: Path,
    config: Path | None,
    lane: Lane | None,
    keyword: str,
    style: str,
    junit: Path | None,
    html: Path | None,
    update: bool,
    coverage: bool,
    fail_under: float | None,
    times: int,
    allow_empty: bool,
) -> None:
    """Run the hooks over samples, against what these expect.

    A PATH is a .json file, a .jsonl file with one sample a line, a folder of them, or - for
    standard input. Default: the folder samples, beside that of the hooks.
    """
    if fail_under is not None and not coverage:
        raise click.UsageError("--fail-under says how much --coverage must find")
    if coverage and lane == "worker":
        raise click.UsageError("--coverage sees nothing of hooks in workers: they run inline")
    if coverage and hooks_dir.is_file():
        raise click.UsageError("--coverage reads lines of files: name the folder, not its bundle")
    if update and "-" in paths:
        raise click.UsageError("--update writes into files")
    settings = settings_from(config, hooks_dir)
    lane = lane or settings.lane
    if coverage and lane == "worker":
        click.echo("coverage: hooks run inline, where their lines can be seen", err=True)
        lane = "inline"
    # A gate is for those who can go on with older hooks: here its samples are like any others.
    settings = settings.model_copy(update={"lane": lane, "gate": None})
    with ExitStack() as stack:
        tracing = stack.enter_context(_tracing(hooks_dir)) if coverage else None
        with redirect_stdout(sys.stderr):
            runtime = stack.enter_context(Runtime(hooks_dir, settings, allow_empty=allow_empty))
        if tracing is not None:
            tracing.loaded(runtime.generation)
        job = Job(runtime.snapshot, settings, allow_empty, keyword, times, html is not None)
        verdicts = _verdicts(_places(paths, hooks_dir), job, runtime, is_alone=coverage)
        summary = Summary(runtime.generation.digest)
        page = None if html is None else (html, settings.issuer)
        updates = _tell(verdicts, summary, style, junit, page, tracing, update=update)
    if update:
        _update(updates, summary.counts["failed"])
    percent = 100.0 if summary.coverage is None else summary.coverage.percent
    if is_low := percent < (fail_under or 0):
        click.echo(f"coverage: {percent:g} % is less than {fail_under:g} %", err=True)
    sys.exit(1 if summary.counts["failed"] or is_low else 0)


def _places(paths: tuple[str, ...], hooks_dir: Path) -> tuple[str, ...]:
    if paths:
        return paths
    folder = hooks_dir.parent / SAMPLES
    if not folder.exists():
        remedy = "make it, or name the samples: claimhooks test PATH"
        problem = Problem("sample_missing", str(folder), "there is no such folder", remedy=remedy)
        raise SampleError([problem])
    return (str(folder),)


def _tell(
    verdicts: Iterator[tuple[Written, Verdict]],
    summary: Summary,
    style: str,
    junit: Path | None,
    page: tuple[Path, str | None] | None,
    tracing: Tracing | None,
    *,
    update: bool,
) -> list[Update]:
    """Print the results, once they are complete; returns what is to be written."""
    updates: list[Update] = []
    with tempfile.SpooledTemporaryFile(IN_MEMORY_BYTES) as results:
        reports = [_report(style, results, summary.digest)]
        with ExitStack() as files:
            if junit is not None:
                file = files.enter_context(replacing(junit))
                reports.append(_report("junit", file, summary.digest))
            if page is not None:
                file = files.enter_context(replacing(page[0]))
                reports.append(_page(file, summary.digest, page[1]))
            for written, verdict in verdicts:
                if update and (made := update_of(written, verdict)) is not None:
                    verdict.update = made.lines
                    updates.append(made)
                summary.add(verdict)
                for report in reports:
                    report.add(verdict)
            if summary.total == 0:
                raise click.UsageError("there is no such sample")
            if tracing is not None:
                summary.coverage = tracing.result()
            for report in reports:
                report.end(summary)
        results.seek(0)
        shutil.copyfileobj(results, sys.stdout.buffer)
        sys.stdout.buffer.flush()
    return updates


def _update(updates: list[Update], failed: int) -> None:
    if updates:
        files = write(updates)
        click.echo(f"{len(updates):,} samples updated, in {len(files):,} files", err=True)
    if failed:
        reason = "nobody should expect a fault, or what is not the same every time"
        click.echo(f"{failed:,} samples not updated: {reason}", err=True)


def _verdicts(
    places: tuple[str, ...], job: Job, runtime: Runtime, *, is_alone: bool
) -> Iterator[tuple[Written, Verdict]]:
    """Raises :class:`SampleError`, once all that can be read has been tried."""
    problems: list[Problem] = []
    for written, found in tried(find(places, problems), job, runtime, is_alone=is_alone):
        if isinstance(found, Verdict):
            yield written, found
        elif found is not None:
            problems.extend(found)
    if problems:
        raise SampleError(problems)


# Not at the top: what only some tests need.


def _report(style: str, file: IO[bytes], digest: str) -> Report:
    if style == "text":
        return TextReport(file, digest)
    from claimhooks.cli.testing import machine  # noqa: PLC0415

    reports: dict[str, Callable[[IO[bytes], str], Report]] = {
        "tap": machine.TapReport,
        "json": machine.JsonReport,
        "junit": machine.JunitReport,
    }
    return reports[style](file, digest)


def _page(file: IO[bytes], digest: str, issuer: str | None) -> Report:
    from claimhooks.cli.testing.page import PageReport  # noqa: PLC0415

    return PageReport(file, digest, issuer)


def _tracing(hooks_dir: Path) -> Tracing:
    from claimhooks.cli.testing.coverage import Tracing  # noqa: PLC0415

    return Tracing(hooks_dir)
