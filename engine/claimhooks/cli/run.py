"""``claimhooks run``: the dry run."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from claimhooks.cli.options import allow_empty_option, config_option, settings_from
from claimhooks.cli.report import JsonReport, Result
from claimhooks.cli.text import TextReport
from claimhooks.errors import LoadError, Problem
from claimhooks.generation import hook_names
from claimhooks.runtime import Runtime
from claimhooks.samples import Sample, read
from claimhooks.settings import HookSettings, Settings
from claimhooks.snapshot import Snapshot
from claimhooks.token import SigningKey, payload
from claimhooks.validation import nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from claimhooks.token import Profile

EXAMPLE_ISSUER: Final = "https://issuer.example/"
IN_MEMORY_BYTES: Final = 4 * 1024 * 1024


@click.command(
    epilog="""\b
Examples:
  claimhooks run examples/exchanges
  claimhooks run sample.json --only 20-tier --sign
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
@click.option(
    "--format",
    "style",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="How results are printed.",
)
@click.option("--sign", is_flag=True, help="Sign with a throw-away key and print the JWT.")
@click.option(
    "--profile",
    type=click.Choice(["rfc9068", "auth0"]),
    default="rfc9068",
    show_default=True,
    help="Which claims the token has.",
)
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
    only: str | None,
    quiet: bool,
    allow_empty: bool,
) -> None:
    """Run the hooks over sample exchanges and show what they do.

    A SAMPLE is a .json file, a .jsonl file with one sample a line, a folder of them, or - for
    standard input. Nothing is printed until all samples have been read.
    """
    settings = settings_from(config, hooks_dir)
    if only is not None:
        settings = _only(only, hooks_dir, settings)
    key = SigningKey.generate("ES256")
    issuer = settings.issuer or EXAMPLE_ISSUER
    with (
        Runtime(hooks_dir, settings, allow_empty=allow_empty) as runtime,
        tempfile.SpooledTemporaryFile(IN_MEMORY_BYTES) as results,
    ):
        digest = runtime.generation.digest
        report = (
            JsonReport(results, digest, key if sign else None, quiet=quiet)
            if style == "json"
            else TextReport(results, digest, quiet=quiet)
        )
        for sample in _with_progress(read(samples), samples):
            report.add(_result(sample, runtime, issuer, key, profile, sign=sign))
        report.end()
        results.seek(0)
        shutil.copyfileobj(results, sys.stdout.buffer)
    sys.exit(0 if report.is_good else 1)


def _only(name: str, hooks_dir: Path, settings: Settings) -> Settings:
    names = hook_names(Snapshot.read(hooks_dir))
    if name not in names:
        reason = f"--only: there is no hook {name!r}{nearest(name, names)}"
        raise LoadError([Problem("hook_unknown", str(hooks_dir), reason)])
    off = {other: HookSettings(enabled=False) for other in names if other != name}
    return settings.model_copy(update={"hooks": settings.hooks | off})


def _result(
    sample: Sample,
    runtime: Runtime,
    issuer: str,
    key: SigningKey,
    profile: Profile,
    *,
    sign: bool,
) -> Result:
    outcome = runtime.run(sample)
    differences = sample.expect.differences(outcome) if sample.expect else []
    if outcome.status != "granted":
        return Result(sample, outcome, differences)
    claims = payload(sample, outcome, issuer=issuer, profile=profile)
    header = key.header(profile)
    if sign:
        return Result(sample, outcome, differences, header, claims, key.sign(claims, profile))
    del header["kid"]
    return Result(sample, outcome, differences, header, claims)


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
