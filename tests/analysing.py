"""Static analysis of files that a test writes."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from textwrap import dedent
from typing import Any

from click.testing import CliRunner

from claimhooks.cli import main
from given import hook

Finding = dict[str, Any]
Check = Callable[..., list[Finding]]

HEADER_LINES = 4
"""The lines of :func:`given.hook` before its body."""


def strict(files: Mapping[str, str] | str, settings: str = "") -> list[Finding]:
    """What `claimhooks check --strict` finds in these files, or in a hook with this body.

    In the working directory. Files without a folder are hooks, but for TOML.
    """
    if isinstance(files, str):
        files = {"10-a.py": hook(files)}
    for name, text in {"claimhooks.toml": settings, **files}.items():
        path = Path(name if name.endswith(".toml") or "/" in name else f"hooks/{name}")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text))
    registry = ["--registry", "registry.toml"] if Path("registry.toml").exists() else []
    done = CliRunner().invoke(main, ["check", "--strict", "--format", "json", *registry])
    document = json.loads(done.stdout)
    assert document["problems"] == []
    found: list[Finding] = document["findings"]
    assert done.exit_code == int(bool(found))
    has_errors = any(finding["severity"] == "error" for finding in found)
    assert document["loaded"] is not has_errors
    return found


def codes(findings: list[Finding]) -> list[tuple[str, int]]:
    """The code of each, and its line in the body of a hook, from 1."""
    return [(finding["code"], finding["line"] - HEADER_LINES) for finding in findings]
