"""Ory Hydra for tests: the one that is installed, or one built from its Go module, once."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from programs import lacking

if TYPE_CHECKING:
    import pytest

MODULE = "github.com/ory/hydra/v2"
VERSION = "v2.3.0"
REPLACED = "replace github.com/ory/hydra-client-go/v2 => ./internal/httpclient\n"
"""A part that the module does not have: it is published as a module of its own."""
PATIENCE = 1500.0
"""Seconds that building may take, with all that it needs to be fetched before."""


def program(cache: pytest.Cache) -> Path:
    """The program. Skips the test where it cannot be had, but fails it under CI."""
    if found := shutil.which("hydra"):
        return Path(found)
    folder = Path(cache.mkdir(f"hydra-{VERSION}"))
    if not (folder / "hydra").exists():
        if shutil.which("go") is None:
            lacking("neither hydra nor go is installed")
        _build(folder)
    return folder / "hydra"


def _build(folder: Path) -> None:
    try:
        told = _go(folder, "mod", "download", "-json", f"{MODULE}@{VERSION}")
        source = folder / "source"
        shutil.rmtree(source, ignore_errors=True)
        shutil.copytree(json.loads(told)["Dir"], source)
        for path in (source, *source.rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o644)
        module = source / "go.mod"
        module.write_text(module.read_text().replace(REPLACED, ""))
        _go(source, "build", "-mod=mod", "-tags", "sqlite", "-o", str(folder / "new"), ".")
        shutil.rmtree(source)
        (folder / "new").rename(folder / "hydra")
    except subprocess.CalledProcessError as error:
        lacking(f"hydra cannot be built: {error.stderr[-500:]}")


def _go(folder: Path, *arguments: str) -> str:
    return subprocess.run(
        ["go", *arguments], cwd=folder, check=True, capture_output=True, text=True, timeout=PATIENCE
    ).stdout
