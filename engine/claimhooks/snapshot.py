"""A hooks folder at one instant: the bytes of its Python files, and their digest."""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from claimhooks.errors import LoadError, Problem, utf8_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MAX_FILE_BYTES: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What one generation is made from."""

    root: Path
    """The folder as the operator named it."""
    files: Mapping[str, bytes]
    """Path below the root, with slashes → content; in the order of the paths."""
    digest: str
    """SHA-256 of all paths and contents, in hexadecimal: the name of the generation."""
    revision: int | None = None
    """Of the bundle that they come from."""

    @classmethod
    def of(cls, root: Path, files: Mapping[str, bytes], revision: int | None = None) -> Snapshot:
        """The snapshot of files that have already been read."""
        ordered = dict(sorted(files.items()))
        digest = hashlib.sha256()
        for path, content in ordered.items():
            for part in (path.encode(), content):
                digest.update(len(part).to_bytes(8, "big"))
                digest.update(part)
        return cls(root, ordered, digest.hexdigest(), revision)

    @classmethod
    def read(cls, root: str | Path, *, allow_missing: bool = False) -> Snapshot:
        """The Python files in the folder `root` and its subfolders, each read once.

        Names that start with a dot and ``__pycache__`` are passed over. With `allow_missing`, a
        folder that is not there is an empty one. Raises :class:`~claimhooks.errors.LoadError`
        with all files that cannot be used.
        """
        root = Path(root)
        if allow_missing and not os.path.lexists(root):
            return cls.of(root, {})
        files: dict[str, bytes] = {}
        problems: list[Problem] = []
        for path in _python_files(root, problems):
            try:
                files[path.relative_to(root).as_posix()] = _content(path)
            except _Unusable as error:
                problems.append(error.problem)
        if problems:
            raise LoadError(problems)
        return cls.of(root, files)

    def shown(self, path: str) -> str:
        """The file at `path` below the root, as the operator would name it."""
        return str(self.root / path)


def problem_of(content: bytes, shown: str) -> Problem | None:
    """Why the file that has this `content` cannot be used; None: it can."""
    if len(content) > MAX_FILE_BYTES:
        return Problem("file_too_large", shown, "larger than 1 MiB")
    try:
        content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        reason = f"byte 0x{content[error.start]:02x} is not UTF-8"
        return Problem("file_not_utf8", shown, reason, line)
    return None


def is_passed_over(name: str) -> bool:
    """Whether a file or folder of this name is none of a snapshot."""
    return name.startswith(".") or name == "__pycache__"


class _Unusable(Exception):
    def __init__(self, problem: Problem) -> None:
        self.problem = problem


def _python_files(
    folder: Path, problems: list[Problem], above: frozenset[tuple[int, int]] = frozenset()
) -> Iterator[Path]:
    # Links are followed, as Kubernetes mounts every file through one.
    try:
        status = folder.stat()
        names = sorted(os.listdir(folder))  # noqa: PTH208 - names, not paths
    except FileNotFoundError:
        problems.append(Problem("folder_missing", str(folder), "there is no such folder"))
        return
    except NotADirectoryError:
        problems.append(Problem("folder_missing", str(folder), "a file, not a folder"))
        return
    except OSError as error:
        reason = f"cannot be read: {error.strerror}"
        problems.append(Problem("folder_unreadable", str(folder), reason))
        return
    identity = (status.st_dev, status.st_ino)
    if identity in above:
        reason = "a link to a folder above itself"
        problems.append(Problem("folder_unreadable", str(folder), reason, remedy="remove it"))
        return
    for name in names:
        path = folder / name
        if is_passed_over(name):
            continue
        if path.is_dir():
            yield from _python_files(path, problems, above | {identity})
        elif path.suffix == ".py":
            yield path


def _content(path: Path) -> bytes:
    if utf8_text(str(path)) != str(path):
        shown = utf8_text(str(path))
        raise _Unusable(Problem("file_unreadable", shown, "its name is not UTF-8"))
    try:
        # Not to wait for the writer of a named pipe.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise _Unusable(Problem("file_unreadable", str(path), "not a regular file"))
            content = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        reason = f"cannot be read: {error.strerror}"
        raise _Unusable(Problem("file_unreadable", str(path), reason)) from None
    if (problem := problem_of(content, str(path))) is not None:
        raise _Unusable(problem)
    return content
