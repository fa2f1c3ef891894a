"""The files of recordings: a process writes one of them at a time, until it is complete.

Whoever writes a file has it locked (flock). That is all that processes which record into one
folder have to know of each other; a file whose process was killed is free for the next.
"""

from __future__ import annotations

import fcntl
import gzip
import logging
import os
import re
import secrets
import shutil
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path
    from typing import BinaryIO

COMPRESSED: Final = ".gz"
HALF: Final = ".part"
"""Of a file that is being made."""
CHUNK: Final = 1 << 20
"""Bytes that are compressed at a time."""

_STAMP: Final = "%Y%m%dT%H%M%SZ"
_NAME: Final = re.compile(r"(\d{8}T\d{6}Z)-[0-9a-f]{8}\.jsonl(?:\.gz)?")

_log: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Limits:
    """Where files are, and how long."""

    folder: Path
    max_bytes: int
    """A file with as many, or more, is complete."""
    max_seconds: float
    """A file begun as long ago is complete."""
    keep: int
    """How many files stay, beside those that are being written."""
    compress: bool


class Folder:
    """Writes lines to a file of its own. For one thread."""

    def __init__(self, limits: Limits) -> None:
        self.limits: Final = limits
        self._file: int | None = None
        self._size = 0
        self._ends = 0.0
        self._is_untidy = False
        self._tidying: threading.Thread | None = None

    @property
    def due(self) -> float | None:
        """In how many seconds the file is complete at the latest; None: there is none."""
        return None if self._file is None else max(0.0, self._ends - time.time())

    def write(self, lines: bytes) -> None:
        """Append whole lines: all of them, or none. Raises OSError."""
        if self._file is not None and os.fstat(self._file).st_nlink == 0:
            # Somebody has removed it.
            self.close()
        file = self._begun() if self._file is None else self._file
        rest = memoryview(lines)
        try:
            while rest:
                rest = rest[os.write(file, rest) :]
        except OSError:
            # If the rest of a line stays all the same, whoever goes on ends it.
            with suppress(OSError):
                os.ftruncate(file, self._size)
            self.close()
            raise
        self._size += len(lines)
        self.turn()

    def turn(self) -> None:
        """End the file, if it is complete."""
        if self._size >= self.limits.max_bytes or self.due == 0:
            self.close()
            self._tidy()

    def close(self) -> None:
        """End the file. If it is not complete, whoever comes next goes on with it."""
        file, self._file, self._size = self._file, None, 0
        if file is not None:
            os.close(file)

    def _begun(self) -> int:
        """The file to write from now on: one that was left, or a new one."""
        limits = self.limits
        limits.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for path in reversed(_files(limits.folder)):
            if path.suffix != COMPRESSED and (file := _locked(path)) is not None:
                if not _is_complete(path, file, limits):
                    break
                os.close(file)
        else:
            path, file = _created(limits.folder)
        # A clock may have been wrong when the file was begun.
        self._file, self._ends = file, min(_time_of(path), time.time()) + limits.max_seconds
        try:
            self._size = _without_cut_line(file)
        except OSError:
            self.close()
            raise
        self._tidy()
        return file

    def _tidy(self) -> None:
        # Beside the writing: it takes a while to compress a file.
        self._is_untidy = True
        if self._tidying is None or not self._tidying.is_alive():
            tidying = threading.Thread(target=self._tidy_up, name="claimhooks-tidy", daemon=True)
            try:
                tidying.start()
            except RuntimeError:
                # No thread to be had: it is tidied when the next file is begun.
                return
            self._tidying = tidying

    def _tidy_up(self) -> None:
        while self._is_untidy:
            self._is_untidy = False
            tidy(self.limits)


def tidy(limits: Limits) -> None:
    """Remove the oldest of the files that are too many, and compress those that are complete.

    Files that somebody writes are left alone.
    """
    try:
        found = 0
        for path in reversed(_files(limits.folder)):
            if (file := _locked(path)) is not None:
                found += 1
                if found > limits.keep:
                    path.unlink(missing_ok=True)
                os.close(file)
        for path in _files(limits.folder) if limits.compress else ():
            if path.suffix != COMPRESSED and (file := _locked(path)) is not None:
                with open(file, "rb") as lines:  # noqa: PTH123 - a descriptor
                    if _is_complete(path, file, limits):
                        _compress(path, lines)
    except OSError as error:
        _log.warning("recordings: %s: %s", error.filename or limits.folder, error.strerror)


def _files(folder: Path) -> list[Path]:
    """All files of recordings, the oldest first."""
    return sorted(path for path in folder.iterdir() if _NAME.fullmatch(path.name))


def _created(folder: Path) -> tuple[Path, int]:
    """A new file, locked before anybody else can find it."""
    path = folder / f"{datetime.now(UTC):{_STAMP}}-{secrets.token_hex(4)}.jsonl"
    half = path.with_name(path.name + HALF)
    file = os.open(half, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_EXCL, 0o600)
    fcntl.flock(file, fcntl.LOCK_EX)
    half.rename(path)
    return path, file


def _without_cut_line(file: int) -> int:
    """End a line in the middle of which its writer was killed; returns the size of the file."""
    size = os.fstat(file).st_size
    if size and os.pread(file, 1, size - 1) != b"\n":
        size += os.write(file, b"\n")
    return size


def _locked(path: Path) -> int | None:
    """A descriptor of the file at `path`, locked; None if it is not free, or none of ours."""
    try:
        file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(file).st_nlink:
            return file
    except BlockingIOError:
        pass
    except OSError:
        os.close(file)
        raise
    os.close(file)
    return None


def _is_complete(path: Path, file: int, limits: Limits) -> bool:
    status = os.fstat(file)
    # Nothing is added to what others may read.
    is_open = status.st_uid != os.geteuid() or status.st_mode & 0o077 != 0
    is_old = time.time() >= _time_of(path) + limits.max_seconds
    return is_open or is_old or status.st_size >= limits.max_bytes


def _time_of(path: Path) -> float:
    """When the file was begun, by its name."""
    stamp = path.name.partition("-")[0]
    try:
        return datetime.strptime(stamp, _STAMP).replace(tzinfo=UTC).timestamp()
    except ValueError:
        return 0.0


def _compress(path: Path, lines: BinaryIO) -> None:
    """Put a compressed file in place of the one at `path`."""
    half = path.with_name(path.name + HALF)
    half.unlink(missing_ok=True)
    try:
        with os.fdopen(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as raw:
            with gzip.GzipFile(path.name, "wb", fileobj=raw) as packed:
                shutil.copyfileobj(lines, packed, CHUNK)
            raw.flush()
            os.fsync(raw.fileno())
        half.rename(path.with_name(path.name + COMPRESSED))
    except OSError:
        half.unlink(missing_ok=True)
        raise
    path.unlink()
