"""Files, here and elsewhere, of which nobody knows when they change."""

from __future__ import annotations

import os
import stat
import threading
from abc import ABC, abstractmethod
from concurrent.futures import Future
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from claimhooks.errors import LoadError, Problem, printable

PATIENCE: Final = 30.0
"""Seconds for which a file elsewhere is waited for."""
MAX_REASON: Final = 300


class Unreachable(Exception):
    """The file cannot be had; the text says why."""

    code = "bundle_unreachable"


class Missing(Unreachable):
    """There is no such file."""


class TooLarge(Unreachable):
    """It has more than `max_bytes`."""

    code = "bundle_too_large"

    def __init__(self, max_bytes: int) -> None:
        super().__init__(f"larger than {max_bytes:,} bytes")


class File(ABC):
    """One file at one place."""

    def __init__(self, shown: str, max_bytes: int) -> None:
        self.shown: Final = shown
        """Where it is, for messages: without what may be secret in an address."""
        self.max_bytes: Final = max_bytes

    @abstractmethod
    def read(self) -> bytes:
        """What it holds now. Raises :class:`Unreachable`."""


def file_at(place: str, max_bytes: int) -> File:
    """The file at a path or an address. Raises :class:`LoadError` for an address of no kind."""
    scheme, is_address, _ = place.partition("://")
    if not is_address:
        return LocalFile(Path(place), max_bytes)
    shown = without_secrets(place, place)
    try:
        if scheme.lower() in {"http", "https"}:
            # Not at the top: most bundles are files.
            from claimhooks.bundle.httpfile import HttpFile  # noqa: PLC0415

            return TimelyFile(HttpFile(place, shown, max_bytes))
        from claimhooks.bundle.storedfile import StoredFile  # noqa: PLC0415 - needs an extra

        return TimelyFile(StoredFile(place, shown, max_bytes))
    except ImportError as error:
        reason = str(error).splitlines()[0]
        raise LoadError([Problem("remote_missing", shown, reason)]) from None
    except ValueError as error:
        reason = without_secrets(str(error), place)
        raise LoadError([Problem("bundle_address", shown, reason)]) from None


class LocalFile(File):
    """A file of this file system."""

    def __init__(self, path: Path, max_bytes: int) -> None:
        super().__init__(str(path), max_bytes)
        self._path = path

    def read(self) -> bytes:
        """What it holds now. Raises :class:`Unreachable`."""
        try:
            # Not to wait for the writer of a named pipe.
            descriptor = os.open(self._path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            with os.fdopen(descriptor, "rb") as file:
                if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                    raise Unreachable("not a regular file")
                return within(file.read(self.max_bytes + 1), self.max_bytes)
        except FileNotFoundError:
            raise Missing("there is no such file") from None
        except OSError as error:
            raise Unreachable(f"cannot be read: {error.strerror}") from None


class TimelyFile(File):
    """Another file, waited for no longer than :data:`PATIENCE`.

    Whatever the library behind it has no deadline for (finding a host, a head that trickles in,
    its own retries), nobody waits for ever. A reading that still goes on is not begun again.
    """

    def __init__(self, file: File) -> None:
        super().__init__(file.shown, file.max_bytes)
        self._file = file
        self._reading: Future[bytes] | None = None

    def read(self) -> bytes:
        """What it holds now. Raises :class:`Unreachable`."""
        if (reading := self._reading) is None:
            reading = Future[bytes]()
            threading.Thread(
                target=_read, args=(self._file, reading), name="claimhooks-fetch", daemon=True
            ).start()
            self._reading = reading
        try:
            return reading.result(PATIENCE)
        except TimeoutError:
            raise Unreachable(f"it has not come within {PATIENCE:g} s") from None
        finally:
            if reading.done():
                self._reading = None


def _read(file: File, reading: Future[bytes]) -> None:
    try:
        reading.set_result(file.read())
    except BaseException as error:  # noqa: BLE001 - raised where it is waited for
        reading.set_exception(error)


def within(content: bytes, max_bytes: int) -> bytes:
    """`content`. Raises :class:`TooLarge` if it has more than `max_bytes`."""
    if len(content) > max_bytes:
        raise TooLarge(max_bytes)
    return content


def without_secrets(text: str, address: str) -> str:
    """A line of `text`, without the user, password and query that `address` may hold."""
    try:
        parts = urlsplit(address)
        # A password with one of /?# in it ends the host early: then what begins it is no port.
        _ = "@" in address and parts.port
    except ValueError:
        return "an address that cannot be understood"
    user = parts.netloc.rpartition("@")[0]
    for secret in (f"{user}@", f"?{parts.query}", user, parts.query, parts.password or ""):
        if len(secret) > 1:
            text = text.replace(secret, "")
    return printable(" ".join(text.split()))[:MAX_REASON]
