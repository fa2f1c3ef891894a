"""Programs in tests: commands, and clients and verifiers with packages of their own."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

import pytest

HERE = Path(__file__).parent
Command = list[str | Path]
NODE = "node"
"""What the programs for Node.js need: all packages of ``node/package-lock.json``."""
INSTALLED = "installed"
"""What a program for Python needs that does with the packages that tests have anyway."""


def lacking(what: str) -> NoReturn:
    """Skips the test because of what is not there, but fails it under CI."""
    if os.environ.get("CI") == "true":
        pytest.fail(what)
    pytest.skip(what)


def run(command: Command, environment: Mapping[str, str], *, given: str = "") -> str:
    """What `command` prints. Raises RuntimeError with what it says if it fails."""
    if shutil.which(command[0]) is None:
        lacking(f"{command[0]} is not installed")
    done = subprocess.run(
        command,
        env={**os.environ, **environment},
        input=given,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(done.stdout + done.stderr)
    return done.stdout


class Programs:
    """Runs the programs of the folders ``node`` and ``python``."""

    def __init__(self, command: Command, folder: Path, environment: Mapping[str, str]) -> None:
        self._command = command
        self._folder = folder
        self._environment = environment

    @classmethod
    def with_packages(cls, packages: str, cache: pytest.Cache) -> Programs:
        """With `packages`: NODE or another folder with a lock, INSTALLED, or a Python requirement.

        They are installed where they are not, and kept for the next time. Skips the test where
        they cannot be had, but fails it under CI.
        """
        if (HERE / packages / "package-lock.json").is_file():
            folder = cache.mkdir(packages.replace("/", "-"))
            for source in (HERE / packages).iterdir():
                shutil.copy(source, folder)
            install: Command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
            _install(install, folder, (folder / "package-lock.json").read_text())
            return cls(["node"], folder, {})
        if packages == INSTALLED:
            return cls([sys.executable], HERE / "python", {})
        name = re.sub(r"\W+", "-", f"{sys.implementation.cache_tag}-{packages}")
        folder = cache.mkdir(name)
        install = [sys.executable, "-m", "pip", "install", "--quiet", "--upgrade"]
        install += ["--disable-pip-version-check", "--target", folder, packages]
        _install(install, folder, packages)
        return cls([sys.executable], HERE / "python", {"PYTHONPATH": str(folder)})

    def run(self, program: str, given: str, environment: Mapping[str, str]) -> str:
        """What `program` prints. Raises RuntimeError with what it says if it fails."""
        command = [*self._command, self._folder / program]
        return run(command, {**environment, **self._environment}, given=given)


def _install(command: Command, folder: Path, wanted: str) -> None:
    """Run `command` in `folder`, unless it has done so for the same."""
    installed = folder / "installed"
    if installed.exists() and installed.read_text() == wanted:
        return
    if shutil.which(command[0]) is None:
        lacking(f"{command[0]} is not installed")
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=300, check=False
    )
    if done.returncode:
        lacking(f"cannot install {folder.name}: {done.stderr}")
    installed.write_text(wanted)
