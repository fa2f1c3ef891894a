"""Programs for Node.js in tests: those of the folder ``node``, with the packages they import."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from serving import lacking, run

SOURCES = Path(__file__).parent / "node"


class Node:
    """Runs the programs in a folder where their packages are installed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @classmethod
    def ready(cls, folder: Path) -> Node:
        """With packages installed into `folder`, which keeps them for the next time.

        Skips the test where that cannot be had, but fails it under CI.
        """
        if shutil.which("node") is None or shutil.which("npm") is None:
            lacking("Node.js and npm are not installed")
        for source in SOURCES.iterdir():
            shutil.copy(source, folder)
        lock = (folder / "package-lock.json").read_text()
        installed = folder / "installed"
        if not installed.exists() or installed.read_text() != lock:
            command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
            done = subprocess.run(
                command, cwd=folder, capture_output=True, text=True, timeout=300, check=False
            )
            if done.returncode:
                lacking(f"npm cannot install the packages: {done.stderr}")
            installed.write_text(lock)
        return cls(folder)

    def run(self, program: str, given: str, environment: Mapping[str, str]) -> str:
        """What `program` prints. Raises RuntimeError with what it says if it fails."""
        return run(["node", self._folder / program], environment, given=given)
