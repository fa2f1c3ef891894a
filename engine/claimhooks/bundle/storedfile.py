"""A file at an address that fsspec knows, such as ``s3://``. Needs ``claimhooks[remote]``."""

from __future__ import annotations

from importlib import import_module
from typing import IO, Final, Protocol, cast

from claimhooks.bundle.fetching import File, Missing, Unreachable, within, without_secrets

# It has no types.
fsspec: Final = import_module("fsspec.core")


class Store(Protocol):
    """What is used of a file system of fsspec."""

    def invalidate_cache(self) -> None:
        """Forget what it has told before."""
        ...

    def ukey(self, path: str) -> str:
        """A text that differs between two contents of a file."""
        ...

    def open(self, path: str, mode: str) -> IO[bytes]:
        """A file for reading."""
        ...


class StoredFile(File):
    """Read only if what its store tells of it (ETag, time, size) is not what it was."""

    def __init__(self, address: str, shown: str, max_bytes: int) -> None:
        """Raises ImportError and ValueError if fsspec has no file system for the address."""
        super().__init__(shown, max_bytes)
        self._address = address
        self._known = ""
        self._content = b""
        found = cast("tuple[Store, str]", fsspec.url_to_fs(address))
        self._store, self._path = found

    def read(self) -> bytes:
        """What it holds now. Raises :class:`Unreachable`."""
        try:
            self._store.invalidate_cache()
            found = self._store.ukey(self._path)
            if found != self._known:
                with self._store.open(self._path, "rb") as file:
                    self._content = within(file.read(self.max_bytes + 1), self.max_bytes)
                self._known = found
        except Unreachable:
            raise
        except FileNotFoundError:
            raise Missing("there is no such file") from None
        except Exception as error:  # noqa: BLE001 - each store has exceptions of its own
            reason = without_secrets(str(error), self._address)
            raise Unreachable(f"{type(error).__name__}: {reason}") from None
        return self._content
