"""A hooks folder, and the settings beside it, as they are in a git revision."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from claimhooks.errors import LoadError, Problem, utf8_text
from claimhooks.settings import FILE_NAME, Settings
from claimhooks.snapshot import Snapshot, is_passed_over, problem_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_NAME: Final = re.compile(r"(?P<revision>(?:[^:{]|\{[^}]*\})+):(?P<path>.*)", re.DOTALL)
"""As gitrevisions(7) has it: a colon within braces does not end the revision."""


@dataclass(frozen=True, slots=True)
class _File:
    path: str
    """Below the folder."""
    kind: str
    """``blob``, ``commit`` (a submodule) or ``link``."""
    object: str


class Revision:
    """A folder in a revision, by the name that git gives it: ``HEAD~1:hooks``."""

    def __init__(self, name: str) -> None:
        """Raises :class:`LoadError` if there is no such revision or folder, or no git."""
        found = _NAME.fullmatch(name)
        if found is None:
            raise _problem(name, "neither a folder nor a bundle, nor REVISION:FOLDER")
        self.name: Final = name
        self._revision, path = found.groups()
        self._path = path.rstrip("/")
        # From here on it makes no difference if a branch moves.
        self._root = self._object(f"{self._revision}^{{tree}}")
        self._folder = self._object(f"{self._root}:{self._path}")
        if self._git("cat-file", "-t", self._folder) != b"tree\n":
            raise _problem(name, "not a folder")

    def snapshot(self) -> Snapshot:
        """The Python files in the folder. Raises LoadError with all that cannot be used."""
        problems: list[Problem] = []
        files = dict(self._files(problems))
        if problems:
            raise LoadError(problems)
        return Snapshot.of(Path(self.name), files)

    def settings(self) -> Settings:
        """The settings beside the folder, or the defaults. Raises LoadError."""
        folder, _, last = self._path.rpartition("/")
        if last in {"", ".", ".."}:
            return Settings()  # the root of the repository has nothing beside it
        folder = f"{folder}/" if folder else ""
        path = f"{folder}{FILE_NAME}"
        listed = self._git("ls-tree", "-z", "--full-tree", f"{self._root}:{folder}", FILE_NAME)
        if not listed:
            return Settings()
        shown = f"{self._revision}:{path}"
        content = self._git("cat-file", "blob", f"{self._root}:{path}")
        if (problem := problem_of(content, shown)) is not None:
            raise LoadError([problem])
        return Settings.parse(content.decode(), shown)

    def _files(self, problems: list[Problem]) -> Iterator[tuple[str, bytes]]:
        listed = [*self._listed(problems)]
        for file, (kind, content) in zip(listed, self._contents(listed), strict=True):
            shown = f"{self.name}/{file.path}"
            if kind == "tree" or file.kind == "commit":
                what = "a submodule" if file.kind == "commit" else "a link to a folder"
                problems.append(_not_there(shown, what))
            elif not file.path.endswith(".py"):
                continue
            elif kind != "blob":
                problems.append(_not_there(shown, "a link that leads out of the folder"))
            elif (problem := problem_of(content, shown)) is not None:
                problems.append(problem)
            else:
                yield file.path, content

    def _listed(self, problems: list[Problem]) -> Iterator[_File]:
        """What may belong to the snapshot."""
        listed = self._git("ls-tree", "-r", "-z", "--full-tree", self._folder)
        for line in listed.split(b"\0")[:-1]:
            about, _, name = line.partition(b"\t")
            mode, kind, oid = about.decode().split(" ")
            path = utf8_text(os.fsdecode(name))
            if any(map(is_passed_over, path.split("/"))):
                continue
            is_link = mode == "120000"
            if not (is_link or kind == "commit" or path.endswith(".py")):
                continue
            if path.encode() != name or "\n" in path:
                reason = "its name is not UTF-8, or has a line end"
                problems.append(Problem("file_unreadable", f"{self.name}/{path}", reason))
                continue
            yield _File(path, "link" if is_link else kind, oid)

    def _contents(self, files: Sequence[_File]) -> Iterator[tuple[str, bytes]]:
        """The kind and the content of the object of each, links being followed."""
        names = [
            f"{self._folder}:{file.path}" if file.kind == "link" else file.object for file in files
        ]
        arguments = ("cat-file", "--batch", "--follow-symlinks")
        output = self._git(*arguments, stdin="".join(f"{name}\n" for name in names).encode())
        at = 0
        for _ in names:
            end = output.index(b"\n", at)
            *_, kind, last = output[at:end].decode().split(" ")
            at = end + 1
            if not last.isdigit():
                yield "missing", b""
                continue
            size = int(last)
            yield kind, output[at : at + size]
            at += size + 1

    def _object(self, name: str) -> str:
        found = self._git("rev-parse", "--verify", "--quiet", "--end-of-options", name)
        return found.decode().strip()

    def _git(self, *arguments: str, stdin: bytes = b"") -> bytes:
        try:
            done = subprocess.run(  # noqa: S603 - no shell, and no option comes from outside
                ["git", *arguments],  # noqa: S607 - whichever is the user's
                input=stdin, capture_output=True, check=False, env={**os.environ, "LC_ALL": "C"},
            )  # fmt: skip
        except FileNotFoundError:
            raise _problem(self.name, "read by git, which is not installed") from None
        if done.returncode != 0:
            said = utf8_text(os.fsdecode(done.stderr)).strip().removeprefix("fatal: ")
            raise _problem(self.name, said or "there is no such revision, or no such folder in it")
        return done.stdout


def _not_there(shown: str, what: str) -> Problem:
    reason = f"{what}, of which the revision does not tell the contents"
    return Problem(
        "file_unreadable", shown, reason, remedy="name a folder that git has checked out"
    )


def _problem(name: str, reason: str) -> LoadError:
    return LoadError([Problem("revision_unreadable", utf8_text(name), reason)])
