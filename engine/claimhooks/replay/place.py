"""Where a recording is: a file of this machine, what fsspec can open, or a pipe."""

from __future__ import annotations

import stat
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final, Literal, Protocol, cast

from claimhooks.errors import Problem, SampleError, utf8_text

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator
    from contextlib import AbstractContextManager

SUFFIXES: Final = (".json", ".jsonl", ".ndjson", ".gz", ".zst", ".parquet")
"""Which files of a folder are read."""
EDGE: Final = 64 * 1024
"""Bytes at both ends of a file by which it is known again."""


class Store(Protocol):
    """What is used of a file system of fsspec."""

    def info(self, path: str) -> dict[str, object]: ...
    def ls(self, path: str, *, detail: Literal[False]) -> list[str]: ...
    def glob(self, path: str) -> list[str]: ...
    def unstrip_protocol(self, path: str) -> str: ...
    def cat_file(self, path: str, start: int, end: int) -> bytes: ...
    def open(self, path: str, mode: str) -> AbstractContextManager[IO[bytes]]: ...


class Damaged(Exception):
    """What a file holds ends too early, or is broken from here on; the text says how."""


@dataclass(frozen=True, slots=True)
class Place:
    """One file, as long as it was when the replay began."""

    name: str
    """As the operator named it, without what may be a password or a signature."""
    address: str
    """The same from any folder."""
    size: int
    """Bytes."""
    changed: int = 0
    """When, in nanoseconds; 0: nobody knows."""

    @contextmanager
    def open(self) -> Generator[IO[bytes]]:
        """The file, for reading. Raises :class:`SampleError`."""
        with _told(self.address, self.name), _opened(self.address) as file:
            yield file

    def read(self, start: int, end: int) -> bytes:
        """The bytes from `start` to `end`, or to the end of the file. Raises SampleError."""
        length = max(min(end, self.size) - start, 0)
        with _told(self.address, self.name):
            if "://" in self.address:
                filesystem, path = _filesystem(self.address)
                data = filesystem.cat_file(path, start, start + length) if length else b""
            else:
                with Path(self.address).open("rb") as file:
                    file.seek(start)
                    data = file.read(length)
        if len(data) > length:
            raise _unreadable(self.name, "its server does not send parts of a file")
        if len(data) < length:
            raise _unreadable(self.name, "it has become shorter meanwhile")
        return data

    def fingerprint(self) -> str:
        """By which the file is known again. Raises SampleError."""
        ends = self.read(0, EDGE) + self.read(max(self.size - EDGE, 0), self.size)
        return f"{self.size}-{self.changed}-{sha256(ends).hexdigest()}"


@dataclass(frozen=True, slots=True)
class Pipe:
    """What can be read once, from its beginning to its end: standard input, or a named pipe."""

    name: str
    path: Path | None

    @contextmanager
    def open(self) -> Generator[IO[bytes]]:
        """The pipe, for reading. Raises :class:`SampleError`."""
        with _told(self.name, self.name):
            if self.path is not None:
                with self.path.open("rb") as file:
                    yield file
            elif sys.stdin is None:
                raise _unreadable(self.name, "it is closed")
            else:
                yield sys.stdin.buffer


def places(addresses: Iterable[str]) -> Iterator[Place | Pipe]:
    """The files at `addresses`; of folders, those with a known suffix. Raises SampleError."""
    for address in addresses:
        if address == "-":
            yield Pipe("<stdin>", None)
            continue
        name = shown(address)
        with _told(address, name):
            found = [*(_remote(address) if "://" in address else _local(Path(address)))]
        if not found:
            reason = f"there is no file in it whose name ends with {', '.join(SUFFIXES)}"
            raise SampleError([Problem("recording_missing", name, reason)])
        yield from found


def _local(path: Path) -> Iterator[Place | Pipe]:
    files = [path]
    if path.is_dir():
        files = sorted(f for f in path.iterdir() if _is_recording(f) and not f.is_dir())
    for file in files:
        address, name = str(file.absolute()), utf8_text(str(file))
        with _told(address, name):
            status = file.stat()
        if stat.S_ISREG(status.st_mode):
            yield Place(name, address, status.st_size, status.st_mtime_ns)
        else:
            yield Pipe(name, file)


def _remote(address: str) -> Iterator[Place]:
    filesystem, path = _filesystem(address)
    files: list[str]
    if "*" in path and not address.startswith("http"):
        files = sorted(filesystem.glob(path))
    elif filesystem.info(path)["type"] == "directory":
        files = sorted(filesystem.ls(path, detail=False))
        files = [file for file in files if _is_recording(Path(file))]
    else:
        files = [path]
    for file in files:
        size = cast("int | None", filesystem.info(file)["size"])
        if size is None:
            raise _unreadable(shown(address), "its server does not tell its length")
        whole = address if file == path else filesystem.unstrip_protocol(file)
        yield Place(shown(whole), whole, size)


def _is_recording(file: Path) -> bool:
    return file.suffix in SUFFIXES and not file.name.startswith(".")


@contextmanager
def _opened(address: str) -> Generator[IO[bytes]]:
    if "://" in address:
        filesystem, path = _filesystem(address)
        with filesystem.open(path, "rb") as file:
            yield file
    else:
        with Path(address).open("rb") as file:
            yield file


def _filesystem(address: str) -> tuple[Store, str]:
    try:
        fsspec = import_module("fsspec.core")  # optional, and slow to load
    except ImportError:
        reason = f"{address.partition('://')[0]}:// is opened by fsspec, which is not installed"
        raise SampleError([Problem("remote_missing", shown(address), reason)]) from None
    return cast("tuple[Store, str]", fsspec.url_to_fs(address))


@contextmanager
def _told(address: str, name: str) -> Generator[None]:
    """Tells of what goes wrong with a file. Each kind of address has errors of its own."""
    try:
        yield
    except (SampleError, Damaged):
        raise
    except OSError as error:
        reason = error.strerror or f"{type(error).__name__} {_without_secrets(str(error), address)}"
        raise _unreadable(name, f"cannot be read: {reason}") from None
    except Exception as error:
        if "://" not in address:
            raise
        reason = f"{type(error).__name__} {_without_secrets(str(error), address)}"
        raise _unreadable(name, f"cannot be read: {reason}") from None


def _unreadable(name: str, reason: str) -> SampleError:
    return SampleError([Problem("recording_unreadable", name, reason)])


def shown(address: str) -> str:
    """A path or an address, without what may be secret in it."""
    return utf8_text(_without_secrets(address, address))


def _without_secrets(text: str, address: str) -> str:
    if "://" not in address:
        return text
    # Not at the top: most recordings are files, and it takes a while to load.
    from claimhooks.bundle.fetching import without_secrets  # noqa: PLC0415

    return without_secrets(text, address)
