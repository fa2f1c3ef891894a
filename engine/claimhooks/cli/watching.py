"""``claimhooks run --watch``: runs again on every save, and shows what that changed."""

from __future__ import annotations

import queue
import sys
from dataclasses import replace
from datetime import datetime
from difflib import unified_diff
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from claimhooks.cli.text import TextReport, result_lines
from claimhooks.errors import ProblemsError
from claimhooks.samples import read
from claimhooks.source import hash_of_files
from claimhooks.watch import Watcher

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from claimhooks.cli.dryrun import DryRun
    from claimhooks.cli.report import Result

QUIET: Final = 0.1
"""Seconds without an event after which a save is taken to be complete."""
CONTEXT: Final = 2
"""Lines around a change that are shown."""

_VOLATILE: Final = ("iat", "exp", "jti")
_COLORS: Final = {"+": "green", "-": "red", "@": "cyan"}


def watch_samples(dry_run: DryRun, samples: Sequence[str], settings: Path, *, quiet: bool) -> None:
    """Run now and after each change of hooks, settings or samples, until interrupted."""
    places = [dry_run.hooks_dir, *map(Path, samples), settings]
    changes: queue.SimpleQueue[str] = queue.SimpleQueue()
    seen = hash_of_files(places)

    def changed(found: str) -> bool:
        changes.put(found)
        return True

    watcher = Watcher(lambda: places, lambda: hash_of_files(places), changed, seen, lambda: QUIET)
    watcher.start()
    last: dict[str, list[str]] | None = None
    try:
        while True:
            last = _run(dry_run, samples, last, quiet=quiet)
            click.echo(
                f"\nwatching {', '.join(map(str, places))} ({watcher.mode}); ^C ends", err=True
            )
            changes.get()
            while not changes.empty():
                changes.get()
    except KeyboardInterrupt:
        click.echo(err=True)
    finally:
        watcher.close()


def _run(
    dry_run: DryRun, samples: Sequence[str], last: dict[str, list[str]] | None, *, quiet: bool
) -> dict[str, list[str]] | None:
    """One run; returns what the next is to be compared with."""
    try:
        with dry_run.started() as digest:
            results = [dry_run.result(sample) for sample in read(samples)]
    except ProblemsError as error:
        click.echo(f"{_now()}  nothing was run; the last results stand\n{error}", err=True)
        return last
    found: dict[str, list[str]] = {}
    for result in results:
        name = result.sample.name
        same = sum(other.partition(" #")[0] == name for other in found)
        found[f"{name} #{same + 1}" if same else name] = [*_stable(result)]
    if last is None:
        report = TextReport(sys.stdout.buffer, digest, quiet=quiet)
        for result in results:
            report.add(result)
        report.end()
        sys.stdout.buffer.flush()
        return found
    if sys.stdout.isatty():
        click.clear()
    changed = [name for name in found.keys() | last.keys() if found.get(name) != last.get(name)]
    click.echo(
        f"\n{_now()}  generation {digest[:12]}: {len(changed)} of {len(found)} samples changed"
    )
    for name in sorted(changed):
        click.echo(f"\n{click.style(name, bold=True)}")
        for line in _difference(last.get(name, []), found.get(name, [])):
            click.echo(f"  {line}")
    return found


def _stable(result: Result) -> Iterator[str]:
    """The lines of `result`, without what differs from run to run."""
    trace = [replace(entry, micros=0.0) for entry in result.outcome.trace]
    payload = result.payload and {k: v for k, v in result.payload.items() if k not in _VOLATILE}
    outcome = replace(result.outcome, trace=trace)
    for line in result_lines(replace(result, outcome=outcome, payload=payload, jwt=None)):
        yield click.unstyle(line).replace(" 0.0 µs", "")


def _difference(before: list[str], after: list[str]) -> Iterator[str]:
    if not after:
        yield "is gone"
        return
    lines = unified_diff(before, after, n=CONTEXT, lineterm="")
    for line in [*lines][2:]:
        yield click.style(line, fg=_COLORS.get(line[0]))


def _now() -> str:
    return f"{datetime.now().astimezone():%H:%M:%S}"
