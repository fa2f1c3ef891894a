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
        # Only whether there is one: some of them look for their store when they are made.
        fsspec.get_filesystem_class(address.partition("://")[0].partition("::")[0])
        self._found: tuple[Store, str] | None = None
        self._known = ""
        self._content = b""

    def read(self) -> bytes:
        """What it holds now. Raises :class:`Unreachable`."""
        try:
            if self._found is None:
                self._found = cast("tuple[Store, str]", fsspec.url_to_fs(self._address))
            store, path = self._found
            store.invalidate_cache()
            found = store.ukey(path)
            if found != self._known:
                with store.open(path, "rb") as file:
                    content = within(file.read(self.max_bytes + 1), self.max_bytes)
                    size: int | None = getattr(file, "size", None)
                if size is not None and len(content) < size:
                    raise Unreachable(f"part of it: {size - len(content):,} bytes are missing")
                self._content, self._known = content, found
        except Unreachable:
            raise
        except FileNotFoundError:
            raise Missing("there is no such file") from None
        except Exception as error:  # noqa: BLE001 - each store has exceptions of its own
            reason = without_secrets(str(error), self._address)
            raise Unreachable(f"{type(error).__name__}: {reason}") from None
        return self._content
