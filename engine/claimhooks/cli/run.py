"""``claimhooks run``: the dry run."""

from __future__ import annotations

import shutil
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from claimhooks.cli.dryrun import DryRun
from claimhooks.cli.options import (
    allow_empty_option,
    config_option,
    duration,
    format_option,
    hooks_option,
    html_option,
    lane_option,
    settings_file,
    settings_from,
)
from claimhooks.cli.output import replacing
from claimhooks.cli.peers import bridge_option
from claimhooks.cli.report import JsonReport
from claimhooks.cli.text import TextReport
from claimhooks.errors import LoadError, Problem
from claimhooks.generation import hook_names
from claimhooks.samples import Sample, read
from claimhooks.settings import HookSettings, Settings
from claimhooks.snapshot import Snapshot
from claimhooks.source import Source
from claimhooks.validation import nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from claimhooks.cli.page import HtmlReport
    from claimhooks.settings import Lane, PeerName
    from claimhooks.token import Profile

    Report = JsonReport | TextReport | HtmlReport

IN_MEMORY_BYTES: Final = 4 * 1024 * 1024


def _hooks(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """For shells: the hooks that are there."""
    try:
        names = hook_names(Snapshot.read(ctx.params.get("hooks_dir", "hooks")))
    except LoadError:
        return []
    return [name for name in names if name.startswith(incomplete)]


@click.command(
    epilog="""\b
Examples:
  claimhooks run examples/exchanges
  claimhooks run sample.json --only 20-tier --sign
  claimhooks run examples/exchanges --watch
  claimhooks run examples/exchanges --html page.html
  claimhooks run sample.json --lane worker --deadline 250ms
  claimhooks run --format json exchanges.jsonl > results.json
  cat sample.json | claimhooks run -
  claimhooks run --bridge hydra call.json

Exit status: 0 if every sample was granted or denied; 1 after a fault, or an `expect` that does
not hold; 2 if hooks, settings or samples cannot be used."""
)
@click.argument("samples", nargs=-1, required=True, metavar="SAMPLE...", type=click.Path())
@hooks_option
@config_option
@format_option
@html_option
@click.option("--sign", is_flag=True, help="Sign with a throw-away key and print the JWT.")
@click.option(
    "--profile",
    type=click.Choice(["rfc9068", "auth0"]),
    default="rfc9068",
    show_default=True,
    help="Which claims the token has.",
)
@lane_option
@click.option(
    "--deadline",
    callback=duration,
    metavar="TIME",
    help="What the hooks of one sample may take in a worker, such as 250ms.",
)
@bridge_option
@click.option("--watch", is_flag=True, help="Run again whenever a file is saved.")
@click.option("--only", metavar="HOOK", shell_complete=_hooks, help="Run only this hook.")
@click.option("--quiet", is_flag=True, help="Print only samples that fail, and the totals.")
@allow_empty_option
def run(
    samples: tuple[str, ...],
    hooks_dir: Path,
    config: Path | None,
    style: str,
    html: Path | None,
    sign: bool,
    profile: Profile,
    lane: Lane | None,
    deadline: float | None,
    peer: PeerName | None,
    watch: bool,
    only: str | None,
    quiet: bool,
    allow_empty: bool,
) -> None:
    """Run the hooks over sample exchanges and show what they do.

    A SAMPLE is a .json file, a .jsonl file with one sample a line, a folder of them, or - for
    standard input. Nothing is printed until all samples have been read.

    With --bridge, a SAMPLE is what that peer sends; the exchange that is made of it is shown, and
    the answer as it would be sent.
    """

    def settings() -> Settings:
        found = settings_from(config, hooks_dir)
        if only is not None:
            found = _only(only, hooks_dir, found)
        return _in_lane(found, lane, deadline)

    if peer is not None:
        if watch or html or sign:
            raise click.UsageError("with --bridge there is no --watch, no --html and no --sign")
        # Not at the top: it is for those who have a bridge.
        from claimhooks.cli.bridging import run_calls  # noqa: PLC0415

        options = {"allow_empty": allow_empty, "quiet": quiet}
        sys.exit(0 if run_calls(peer, samples, hooks_dir, settings(), style, **options) else 1)
    dry_run = DryRun(hooks_dir, settings, profile, allow_empty=allow_empty, sign=sign)
    if watch:
        if style == "json" or html or "-" in samples:
            raise click.UsageError("--watch prints text, and reads its samples again and again")
        # Not at the top: a single run need not load it.
        from claimhooks.cli.watching import watch_samples  # noqa: PLC0415

        watch_samples(dry_run, samples, settings_file(config, hooks_dir), quiet=quiet)
        return
    key = dry_run.key if sign else None
    with dry_run.started() as digest, tempfile.SpooledTemporaryFile(IN_MEMORY_BYTES) as results:
        reports: list[Report] = [
            JsonReport(results, digest, key, quiet=quiet)
            if style == "json"
            else TextReport(results, digest, quiet=quiet)
        ]
        with ExitStack() as files:
            if html is not None:
                # Not at the top: it is loaded by those who want it.
                from claimhooks.cli.page import HtmlReport  # noqa: PLC0415

                page = files.enter_context(replacing(html))
                reports.append(HtmlReport(page, digest, dry_run.issuer, profile, quiet=quiet))
            for sample in _with_progress(read(samples), samples):
                result = dry_run.result(sample)
                for report in reports:
                    report.add(result)
            for report in reports:
                report.end()
        results.seek(0)
        shutil.copyfileobj(results, sys.stdout.buffer)
    sys.exit(0 if reports[0].is_good else 1)


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
    source = Source(hooks_dir, settings, "inline", allow_empty=False)
    names = hook_names(source.read(fetch=True).contents.snapshot)
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
