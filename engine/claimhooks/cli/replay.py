"""``claimhooks replay``: what hooks would have done to recorded traffic."""

from __future__ import annotations

import sys
from contextlib import suppress
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import click
from pydantic_core import to_json

from claimhooks import __version__
from claimhooks.cli import tally_json
from claimhooks.cli.hooks_at import hooks_at
from claimhooks.cli.options import config_option, format_option, lane_option
from claimhooks.cli.progress import progress
from claimhooks.cli.tally_text import note_lines, report_lines
from claimhooks.cli.text import wrapped
from claimhooks.errors import Problem, ProblemsError, SampleError, printable
from claimhooks.replay.checkpoint import Checkpoint, fingerprint_of
from claimhooks.replay.evaluation import Job
from claimhooks.replay.place import Pipe, places, shown
from claimhooks.replay.replaying import replay as replay_all

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from claimhooks.replay.place import Place
    from claimhooks.replay.replaying import Engine
    from claimhooks.replay.tally import Tally
    from claimhooks.settings import Lane
    from claimhooks.source import Contents


@click.command(
    epilog="""\b
Examples:
  claimhooks replay recordings
  claimhooks replay recording.jsonl.gz --hooks new/hooks --against hooks
  claimhooks replay recordings --against HEAD~1:hooks
  claimhooks replay year.parquet --resume replay.state
  claimhooks replay 's3://bucket/recordings/*.parquet' --engine ray

Exit status: 0 if every line was replayed, nothing changes and no exchange ends in a fault; 1 if
not; 2 if hooks, settings or recordings cannot be used."""
)
@click.argument("recordings", nargs=-1, required=True, metavar="RECORDING...", type=click.Path())
@click.option(
    "--hooks",
    default="hooks",
    show_default=True,
    help="The hooks: a folder, a bundle, or a folder in a git revision, as HEAD:hooks.",
)
@click.option("--against", metavar="HOOKS", help="Compare with these hooks, not the recording.")
@config_option
@lane_option
@click.option("--strict", is_flag=True, help="Stop at a line that cannot be read.")
@click.option(
    "--resume",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Keep in FILE how far the replay has come, and go on from there.",
)
@click.option(
    "--engine",
    type=click.Choice(["local", "ray"]),
    default="local",
    show_default=True,
    help="All cores of this machine, or a Ray cluster.",
)
@format_option
def replay(
    recordings: tuple[str, ...],
    hooks: str,
    against: str | None,
    config: Path | None,
    lane: Lane | None,
    strict: bool,
    resume: Path | None,
    engine: Engine,
    style: str,
) -> None:
    """Run hooks over recorded exchanges, and tell what changes.

    A RECORDING is a file of lines that claimhooks has recorded, or of samples; plain, packed with
    gzip or Zstandard, or Apache Parquet; a folder of such files, an address that fsspec opens, or
    - for standard input. Every exchange runs once, at the time at which it was recorded; hooks
    with side effects have them.
    """
    found = [*places(recordings)]
    now = hooks_at(hooks, config, lane)
    before = None if against is None else hooks_at(against, config, lane)
    if any(isinstance(place, Pipe) for place in found) and (resume or engine == "ray"):
        raise click.UsageError("--resume and --engine ray need files, not a pipe")
    checkpoint = None
    if resume is not None:
        checkpoint = Checkpoint(resume, _identity(found, now, before, engine))
    job = Job(now, before, checkpoint.now if checkpoint else datetime.now(UTC))
    try:
        done = checkpoint.tally.exchanges if checkpoint else 0
        with progress("Replay", found, before=done) as advance:
            tally = replay_all(
                job, found, engine, checkpoint=checkpoint, strict=strict, advance=advance
            )
    except KeyboardInterrupt:
        problem = Problem("replay_interrupted", shown(recordings[0]), "interrupted")
        raise ProblemsError([problem]) from None
    if not tally.exchanges and not tally.unread:
        reason = "there is no exchange in it"
        raise SampleError([Problem("recording_empty", found[0].name, reason)])
    if style == "json":
        digests = {"generation": now.snapshot.digest, "against": before and before.snapshot.digest}
        click.echo(to_json(digests | tally_json.report(tally)))
    else:
        click.echo("\n".join(_lines(tally, recordings, now, before)))
    if checkpoint is not None:
        # Not before the results have been written: else they might be lost.
        checkpoint.remove()
    sys.exit(1 if tally.changes.count or tally.unread or tally.after.get("fault") else 0)


def _identity(
    recording: Sequence[Place | Pipe], now: Contents, before: Contents | None, engine: Engine
) -> dict[str, str]:
    files = [f"{p.name} {p.fingerprint()}" for p in recording if not isinstance(p, Pipe)]
    return {
        "recordings": sha256("\n".join(files).encode()).hexdigest(),
        "hooks or settings": fingerprint_of(now),
        "hooks to compare with": "recorded" if before is None else fingerprint_of(before),
        "options: --engine": engine,
        "claimhooks": __version__,
    }


def _lines(
    tally: Tally, recordings: Sequence[str], now: Contents, before: Contents | None
) -> Iterator[str]:
    many = f" and {len(recordings) - 1:,} more" if len(recordings) > 1 else ""
    first = f"replay of {shown(recordings[0])}{many}: {tally.exchanges:,} exchanges"
    yield from wrapped(first, "")
    earliest, latest = tally.clock.earliest, tally.clock.latest
    if earliest is not None and latest is not None:
        yield f"recorded  {_in_utc(earliest)} to {_in_utc(latest)} UTC"
    if before is not None:
        yield _side("before", before)
    elif tally.recorded.count:
        generations = [
            f"generation {path[0][:12]} on {leaf.count:,}" if path else "many generations"
            for path, leaf in tally.recorded.leaves()
        ]
        yield from wrapped(f"as recorded: {', '.join(generations)}", "before    ")
    yield _side("now", now)
    yield from report_lines(tally)
    if notes := [*note_lines(tally)]:
        yield ""
        yield from notes


def _in_utc(at: datetime) -> str:
    with suppress(OverflowError):  # at both ends of the calendar
        at = at.astimezone(UTC)
    return f"{at:%Y-%m-%d %H:%M:%S}"


def _side(name: str, contents: Contents) -> str:
    snapshot = contents.snapshot
    return f"{name:<10}{printable(str(snapshot.root))}, generation {snapshot.digest[:12]}"
