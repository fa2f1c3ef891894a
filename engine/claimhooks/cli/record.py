"""``claimhooks record``: what a recording keeps, of samples."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from claimhooks.cli.options import (
    all_settings_from,
    allow_empty_option,
    config_option,
    hooks_option,
)
from claimhooks.cli.output import replacing
from claimhooks.errors import Problem, SampleError
from claimhooks.recording.hiding import Hiding
from claimhooks.recording.line import dated, hidden, line_of
from claimhooks.recording.rules import Rules, unmatched
from claimhooks.runtime import Runtime
from claimhooks.samples import read

if TYPE_CHECKING:
    from collections.abc import Iterable

    from claimhooks.settings import Settings

IN_MEMORY_BYTES: Final = 4 * 1024 * 1024


@click.command(
    epilog="""\b
Examples:
  claimhooks record sample.json
  claimhooks record examples/exchanges --output recording.jsonl
  cat sample.json | claimhooks record - --config deploy/claimhooks.toml --hooks deploy/hooks

Exit status: 0, also if a hook denies or fails: that is recorded; 2 if hooks, settings or samples
cannot be used."""
)
@click.argument("samples", nargs=-1, required=True, metavar="SAMPLE...", type=click.Path())
@hooks_option
@config_option
@click.option(
    "--output",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Where the recording is written.  [default: standard output]",
)
@allow_empty_option
def record(
    samples: tuple[str, ...],
    hooks_dir: Path,
    config: Path | None,
    output: Path | None,
    allow_empty: bool,
) -> None:
    """Write down what an issuer would record of samples.

    With [record] in the settings an issuer, or any program that embeds claimhooks, writes such a
    line for the exchanges that it has. This command writes the same line for samples, with all
    that the settings hide hidden, and leaves the folder of recordings alone: to see what would be
    kept, and to make recordings for `claimhooks replay`.
    """
    settings = all_settings_from(config, hooks_dir)
    rules = Rules.of(settings)
    hiding = Hiding() if rules is None else rules.hiding
    count = 0
    with tempfile.SpooledTemporaryFile(IN_MEMORY_BYTES) as lines:
        tried = settings.model_copy(update={"record": None})
        # Standard output is for the recording: what hooks print must not come between its lines.
        with (
            redirect_stdout(sys.stderr),
            Runtime(hooks_dir, tried, allow_empty=allow_empty) as runtime,
        ):
            redactor = runtime.generation.redactor
            for sample in read(samples):
                exchange = dated(sample)
                outcome = runtime.run(exchange)
                try:
                    lines.write(hidden(line_of(exchange, outcome), hiding, redactor))
                except ValueError as error:
                    # An issuer counts it as lost.
                    problem = Problem("sample_invalid", sample.name, f"cannot be recorded: {error}")
                    raise SampleError([problem]) from None
                count += 1
        lines.seek(0)
        if output is None:
            shutil.copyfileobj(lines, sys.stdout.buffer)
        else:
            with replacing(output) as file:
                os.fchmod(file.fileno(), 0o600)
                shutil.copyfileobj(lines, file)
    click.echo(f"{count:,} exchanges; {_hidden(settings)}", err=True)
    if warning := unmatched(settings):
        click.echo(f"{warning}: a replay cannot run them", err=True)


def _hidden(settings: Settings) -> str:
    record = settings.record
    if record is None:
        return f"nothing is hidden, as there is no [record] in {settings.file}"
    return f"redacted: {_listed(record.redact)}; pseudonyms: {_listed(record.pseudonymise)}"


def _listed(paths: Iterable[str]) -> str:
    return ", ".join(paths) or "nothing"
