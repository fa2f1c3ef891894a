"""``claimhooks migrate``: a JavaScript hook of the old system, in Python."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import click

from claimhooks import tomlfile
from claimhooks.cli.options import format_option
from claimhooks.cli.output import replacing
from claimhooks.errors import LoadError, Problem, printable
from claimhooks.migrate import translate

if TYPE_CHECKING:
    from claimhooks.migrate import Note, Translation

MAX_BYTES: Final = 1024 * 1024


@click.command(
    epilog="""\b
Examples:
  claimhooks migrate tier.js
  claimhooks migrate tier.js --output hooks/20-tier.py
  claimhooks migrate tier.js --format json

Exit status: 0 if the translation is complete; 1 if a person must decide something, which is
marked TODO(migrate) in it; 2 if the file is no hook."""
)
@click.argument("hook", metavar="HOOK.js", type=click.Path(path_type=Path))
@click.option(
    "--output",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Where to write the Python hook; nothing is overwritten.  [default: standard output]",
)
@format_option
def migrate(hook: Path, output: Path | None, style: Literal["text", "json"]) -> None:
    """Translate an Auth0 hook from JavaScript to Python.

    HOOK is one of the client-credentials exchange. What is to be known about it, and what the
    settings need, goes to standard error.
    """
    if output is not None and (output.exists() or output.is_symlink()):
        raise LoadError([Problem("output_exists", str(output), "is there already")])
    source = tomlfile.read(hook, "javascript", MAX_BYTES)
    found = translate(source, str(hook), (hook if output is None else output).stem)
    if output is not None:
        with replacing(output) as file:
            file.write(found.python.encode())
    if style == "json":
        click.echo(json.dumps(_document(found), indent=2, ensure_ascii=False))
    else:
        if output is None:
            click.echo(found.python, nl=False)
        _tell(hook, found)
    sys.exit(0 if found.is_complete else 1)


def _tell(hook: Path, found: Translation) -> None:
    for note in found.notes:
        word = click.style("decide", fg="red") if note.decide else "note"
        place = f"{printable(str(hook))}:{note.line}:{note.column}"
        click.echo(f"{place}: {word}: {printable(note.message)}", err=True)
    if found.settings:
        click.echo(f"claimhooks.toml needs:\n\n{found.settings}", err=True)
    open_points = sum(note.decide for note in found.notes)
    if open_points:
        click.echo(f"{open_points} to decide, marked TODO(migrate)", err=True)


def _document(found: Translation) -> dict[str, object]:
    return {
        "python": found.python,
        "notes": [_note(note) for note in found.notes],
        "settings": found.settings,
    }


def _note(note: Note) -> dict[str, object]:
    return {
        "line": note.line,
        "column": note.column,
        "message": note.message,
        "decide": note.decide,
    }
