"""``claimhooks run``: the dry run."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from claimhooks.cli.dryrun import DryRun
from claimhooks.cli.options import (
    allow_empty_option,
    config_option,
    duration,
    format_option,
    settings_file,
    settings_from,
)
from claimhooks.cli.report import JsonReport
from claimhooks.cli.text import TextReport
from claimhooks.errors import LoadError, Problem
from claimhooks.generation import hook_names
from claimhooks.samples import Sample, read
from claimhooks.settings import HookSettings, Settings
from claimhooks.snapshot import Snapshot
from claimhooks.validation import nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from claimhooks.settings import Lane
    from claimhooks.token import Profile

IN_MEMORY_BYTES: Final = 4 * 1024 * 1024


@click.command(
    epilog="""\b
Examples:
  claimhooks run examples/exchanges
  claimhooks run sample.json --only 20-tier --sign
  claimhooks run examples/exchanges --watch
  claimhooks run sample.json --lane worker --deadline 250ms
  claimhooks run --format json exchanges.jsonl > results.json
  cat sample.json | claimhooks run -

Exit status: 0 if every sample was granted or denied; 1 after a fault, or an `expect` that does
not hold; 2 if hooks, settings or samples cannot be used."""
)
@click.argument("samples", nargs=-1, required=True, metavar="SAMPLE...")
@click.option(
    "--hooks",
    "hooks_dir",
    type=click.Path(path_type=Path),
    default=Path("hooks"),
    show_default=True,
    help="The folder of hooks.",
)
@config_option
@format_option
@click.option("--sign", is_flag=True, help="Sign with a throw-away key and print the JWT.")
@click.option(
    "--profile",
    type=click.Choice(["rfc9068", "auth0"]),
    default="rfc9068",
    show_default=True,
    help="Which claims the token has.",
)
@click.option(
    "--lane",
    type=click.Choice(["inline", "worker"]),
    help="Where hooks run.  [default: as in the settings, else inline]",
)
@click.option(
    "--deadline",
    callback=duration,
    metavar="TIME",
    help="What the hooks of one sample may take in a worker, such as 250ms.",
)
@click.option("--watch", is_flag=True, help="Run again whenever a file is saved.")
@click.option("--only", metavar="HOOK", help="Run only this hook.")
@click.option("--quiet", is_flag=True, help="Print only samples that fail, and the totals.")
@allow_empty_option
def run(
    samples: tuple[str, ...],
    hooks_dir: Path,
    config: Path | None,
    style: str,
    sign: bool,
    profile: Profile,
    lane: Lane | None,
    deadline: float | None,
    watch: bool,
    only: str | None,
    quiet: bool,
    allow_empty: bool,
) -> None:
    """Run the hooks over sample exchanges and show what they do.

    A SAMPLE is a .json file, a .jsonl file with one sample a line, a folder of them, or - for
    standard input. Nothing is printed until all samples have been read.
    """

    def settings() -> Settings:
        found = settings_from(config, hooks_dir)
        if only is not None:
            found = _only(only, hooks_dir, found)
        return _in_lane(found, lane, deadline)

    dry_run = DryRun(hooks_dir, settings, profile, allow_empty=allow_empty, sign=sign)
    if watch:
        if style == "json" or "-" in samples:
            raise click.UsageError("--watch prints text, and reads its samples again and again")
        # Not at the top: a single run need not load it.
        from claimhooks.cli.watching import watch_samples  # noqa: PLC0415

        watch_samples(dry_run, samples, settings_file(config, hooks_dir), quiet=quiet)
        return
    key = dry_run.key if sign else None
    with dry_run.started() as digest, tempfile.SpooledTemporaryFile(IN_MEMORY_BYTES) as results:
        report = (
            JsonReport(results, digest, key, quiet=quiet)
            if style == "json"
            else TextReport(results, digest, quiet=quiet)
        )
        for sample in _with_progress(read(samples), samples):
            report.add(dry_run.result(sample))
        report.end()
        results.seek(0)
        shutil.copyfileobj(results, sys.stdout.buffer)
    sys.exit(0 if report.is_good else 1)


def _in_lane(settings: Settings, lane: Lane | None, deadline: float | None) -> Settings:
    if lane is not None:
        settings = settings.model_copy(update={"lane": lane})
    if deadline is not None:
        if settings.lane != "worker":
            reason = "--deadline: nothing can be ended inline"
            raise LoadError([Problem("deadline_unkept", settings.file, reason)])
        worker = settings.worker.model_copy(update={"deadline": deadline})
        settings = settings.model_copy(update={"worker": worker})
    return settings


def _only(name: str, hooks_dir: Path, settings: Settings) -> Settings:
    names = hook_names(Snapshot.read(hooks_dir))
    if name not in names:
        reason = f"--only: there is no hook {name!r}{nearest(name, names)}"
        raise LoadError([Problem("hook_unknown", str(hooks_dir), reason)])
    off = {other: HookSettings(enabled=False) for other in names if other != name}
    return settings.model_copy(update={"hooks": settings.hooks | off})


def _with_progress(samples: Iterator[Sample], places: Iterable[str]) -> Iterable[Sample]:
    """Shows progress on a terminal where there is a file long enough to wait for."""
    files = [Path(place) for place in places if Path(place).suffix == ".jsonl"]
    if not sys.stderr.isatty() or sum(f.stat().st_size for f in files if f.exists()) < 5_000_000:
        yield from samples
        return
    count = sum(_lines(file) for file in files if file.exists())
    with click.progressbar(
        samples, length=count, label="Samples", file=sys.stderr, update_min_steps=1000
    ) as bar:
        yield from bar


def _lines(path: Path) -> int:
    with path.open("rb") as file:
        return sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))
