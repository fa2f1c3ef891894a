"""``claimhooks diff``: which tokens change between two versions of the hooks."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click
from pydantic_core import to_json

from claimhooks.cli import tally_json
from claimhooks.cli.hooks_at import hooks_at
from claimhooks.cli.options import config_option, format_option, lane_option
from claimhooks.cli.progress import progress
from claimhooks.cli.tally_text import change_lines
from claimhooks.errors import Problem, SampleError, printable
from claimhooks.replay.checkpoint import fingerprint_of
from claimhooks.replay.evaluation import Job
from claimhooks.replay.place import places, shown
from claimhooks.replay.replaying import replay

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from claimhooks.replay.tally import Tally
    from claimhooks.settings import Lane
    from claimhooks.source import Contents


@click.command(
    epilog="""\b
Examples:
  claimhooks diff HEAD:hooks hooks examples/exchanges
  claimhooks diff HEAD~1:hooks HEAD:hooks samples.jsonl
  claimhooks diff live.bundle hooks samples.jsonl --format json

Exit status: 0 if every sample has the same outcome with both; 1 if any differs; 2 if hooks,
settings or samples cannot be used."""
)
@click.argument("old", type=click.Path())
@click.argument("new", type=click.Path())
@click.argument("samples", nargs=-1, required=True, metavar="SAMPLE...", type=click.Path())
@config_option
@lane_option
@format_option
def diff(
    old: str,
    new: str,
    samples: tuple[str, ...],
    config: Path | None,
    lane: Lane | None,
    style: str,
) -> None:
    """Tell which tokens differ between two versions of the hooks.

    OLD and NEW are folders, bundles, or folders in git revisions, such as HEAD~1:hooks; each with
    the claimhooks.toml beside it. A SAMPLE is what `claimhooks run` takes, or a recording.
    """
    found = [*places(samples)]
    before, after = (hooks_at(name, config, lane) for name in (old, new))
    old, new = shown(old), shown(new)
    with progress("Samples", found) as advance:
        tally = replay(Job(after, before, datetime.now(UTC)), found, advance=advance)
    if tally.unread:
        unread = tally.unread_first
        if tally.unread > len(unread):
            many = f"{tally.unread:,} lines cannot be used; the first {len(unread)} of them:"
            click.echo(many, err=True)
        raise SampleError(
            [Problem("sample_invalid", one.file, one.reason, one.line) for one in unread]
        )
    if not tally.exchanges:
        raise SampleError([Problem("recording_empty", found[0].name, "there is no sample in it")])
    if style == "json":
        document = {
            "old": _side(old, before),
            "new": _side(new, after),
            "samples": tally.exchanges,
            "differ": tally.changes.count,
            "changes": tally_json.changes(tally),
        }
        click.echo(to_json(document))
    else:
        click.echo("\n".join(_lines(tally, (old, before), (new, after))))
    sys.exit(1 if tally.changes.count else 0)


def _side(name: str, contents: Contents) -> dict[str, str]:
    return {"hooks": name, "generation": contents.snapshot.digest}


def _lines(
    tally: Tally, before: tuple[str, Contents], after: tuple[str, Contents]
) -> Iterator[str]:
    for title, (name, contents) in (("old", before), ("new", after)):
        yield f"{title}  {printable(name)}, generation {contents.snapshot.digest[:12]}"
    yield ""
    total = f"{tally.changes.count:,} of {tally.exchanges:,} samples differ"
    yield click.style(total, bold=True)
    if tally.changes.count and before[1].snapshot.digest == after[1].snapshot.digest:
        is_same = fingerprint_of(before[1]) == fingerprint_of(after[1])
        why = "they do not answer the same every time" if is_same else "their settings differ"
        yield click.style(f"the hooks are the same: {why}", fg="yellow")
    yield from change_lines(tally)
