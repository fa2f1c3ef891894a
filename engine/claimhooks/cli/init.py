"""``claimhooks init``: a new project that works at once."""

from __future__ import annotations

import json
import os
import shlex
from contextlib import suppress
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from claimhooks.cli.options import format_option
from claimhooks.errors import LoadError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from importlib.resources.abc import Traversable

ABOUT: Final = {
    "claimhooks.toml": "every setting, explained",
    "hooks/20-tier.py": "a hook, commented",
    "samples/10-free.json": "exchanges to try hooks on",
    "samples/20-gold.json": "",
    "samples/30-suspended.json": "",
    "tests/test_hooks.py": "tests with pytest",
    "pytest.ini": "and its settings",
    ".github/workflows/hooks.yml": "all of it, for GitHub Actions",
    "data/.gitignore": "keeps the keys of an issuer out of git",
}
"""The files of a project, in the order in which they are read best."""

NEXT: Final = {
    "claimhooks run samples --watch": "try the hook, now and when you save it",
    "claimhooks test": "are the samples as they expect?",
    "claimhooks check --strict": "would an issuer take the hooks?",
    "claimhooks serve": "issue tokens",
}


@click.command(
    epilog="""\b
Examples:
  claimhooks init
  claimhooks init my-hooks && cd my-hooks && claimhooks run samples

Exit status: 0 if the project is there; 2 if it would take the place of other files, or cannot be
written. Then nothing is."""
)
@click.argument("folder", metavar="[DIR]", type=click.Path(path_type=Path), default=Path())
@format_option
def init(folder: Path, style: str) -> None:
    """Begin a project in DIR (default: this folder).

    It has a hook, its settings, samples, tests and a workflow for CI, and works as it is.
    """
    templates = dict(_templates(resources.files("claimhooks.cli") / "project"))
    create(folder, {path: templates[path] for path in ABOUT})
    if style == "json":
        paths = [str(folder / path) for path in ABOUT]
        click.echo(json.dumps({"created": paths}, indent=2, ensure_ascii=False))
        return
    click.echo(f"made, in {folder.absolute()}:")
    for path, about in ABOUT.items():
        click.echo(f"  {path:<34}{click.style(about, dim=True)}" if about else f"  {path}")
    click.echo("\nnext:")
    if folder != Path():
        click.echo(f"  cd {shlex.quote(str(folder))}")
    for command, about in NEXT.items():
        click.echo(f"  {command:<34}{click.style('# ' + about, dim=True)}")


def _templates(folder: Traversable, above: str = "") -> Iterator[tuple[str, bytes]]:
    """The files of a project: their paths and contents."""
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _templates(entry, f"{above}{entry.name}/")
        else:
            # With a name of their own, programs that are not ours are not taken for our modules.
            yield above + entry.name.removesuffix("-tpl"), entry.read_bytes()


def create(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write `files` into `folder`, which is made if it is missing: all of them, or none.

    Raises :class:`~claimhooks.errors.LoadError`, and takes the place of nothing that is there.
    """
    taken = [folder / path for path in files if os.path.lexists(folder / path)]
    # Beside other hooks, one more could change tokens at once.
    if (hooks := folder / "hooks").is_dir() and any(hooks.iterdir()):
        taken = [hooks, *(path for path in taken if path.parent != hooks)]
    if taken:
        raise LoadError([Problem("project_taken", str(path), "is there already") for path in taken])
    made: list[Path] = []
    try:
        for name, content in files.items():
            path = folder / name
            missing = [above for above in path.parents if not above.exists()]
            for above in reversed(missing):
                above.mkdir()
                made.append(above)
            with path.open("xb") as file:
                made.append(path)
                file.write(content)
    except BaseException as error:
        for path in reversed(made):
            # What others have put there meanwhile keeps its folder.
            with suppress(OSError):
                path.rmdir() if path.is_dir() else path.unlink()
        if not isinstance(error, OSError):
            raise
        reason = f"cannot be written: {error.strerror}"
        file_name = str(error.filename or folder)
        raise LoadError([Problem("project_unwritable", file_name, reason)]) from None
