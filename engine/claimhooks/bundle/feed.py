"""The bundle at one place, as it changes, with the signature beside it."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from claimhooks.bundle.content import MAX_BYTES, Bundle, parse
from claimhooks.bundle.fetching import Missing, Unreachable, file_at
from claimhooks.bundle.signature import unverified
from claimhooks.errors import LoadError, Problem

if TYPE_CHECKING:
    from claimhooks.bundle.signature import PublicKey

MAX_SIGNATURE_BYTES: Final = 64 * 1024


def signature_place(place: str) -> str:
    """Where the signature of the bundle at `place` is: ``.sig`` at the end of its path."""
    if place.lower().startswith(("http://", "https://")):
        parts = urlsplit(place)
        return parts._replace(path=f"{parts.path}.sig").geturl()
    return f"{place}.sig"


@dataclass(frozen=True, slots=True)
class _Found:
    content: bytes
    signature: bytes | None
    """None: nobody has asked for it."""


@dataclass(frozen=True, slots=True)
class _Proved:
    content: bytes
    kid: str | None
    """The key that it is signed by, if one was wanted."""
    bundle: Bundle


class Feed:
    """Reads a bundle at a path, or at an address with ``://``. Safe to share between threads."""

    def __init__(self, place: str | Path) -> None:
        """Raises :class:`LoadError` for an address of no kind."""
        text = str(place)
        self.is_remote: Final = "://" in text
        self._bundle: Final = file_at(text, MAX_BYTES)
        self._signature: Final = file_at(signature_place(text), MAX_SIGNATURE_BYTES)
        self.shown: Final = self._bundle.shown
        self._root: Final = Path(self.shown.rpartition("/")[2] if self.is_remote else text)
        self._lock = threading.Lock()
        self._found: _Found | Problem | None = None
        self._proved: _Proved | None = None

    @property
    def files(self) -> tuple[Path, ...]:
        """The files to watch; none if it is elsewhere."""
        return () if self.is_remote else (Path(self._bundle.shown), Path(self._signature.shown))

    def read(self, key: PublicKey | None, *, fetch: bool) -> Bundle:
        """The bundle, signed by `key` if there is one. Raises :class:`LoadError`.

        An address is asked only with `fetch`, which waits for it; else the bundle is what came of
        asking it the last time.
        """
        found = self._found
        if fetch or not self.is_remote or found is None or self._lacks(found, key):
            found = self._fetch(key)
        if isinstance(found, Problem):
            raise LoadError([found])
        if (bundle := self._known(found.content, key)) is None:
            if key is not None:
                key.verify(found.content, found.signature or b"", self._signature.shown)
            bundle = parse(found.content, self.shown, self._root)
            self._proved = _Proved(found.content, key.kid if key else None, bundle)
        return bundle

    def signed(self) -> dict[str, str] | None:
        """What the signature says of itself, not verified; None: there is none.

        Raises :class:`LoadError` if that cannot be told.
        """
        try:
            return unverified(self._signature.read())
        except Missing:
            return None
        except Unreachable as error:
            raise LoadError([Problem(error.code, self._signature.shown, str(error))]) from None

    def _known(self, content: bytes, key: PublicKey | None) -> Bundle | None:
        """What `content` is known to hold, signed by `key` if there is one."""
        proved = self._proved
        if proved is None or (key is not None and proved.kid != key.kid):
            return None
        return proved.bundle if proved.content == content else None

    def _fetch(self, key: PublicKey | None) -> _Found | Problem:
        with self._lock:
            file = self._bundle
            try:
                content, signature = file.read(), None
                # Once proved, content stays so: the next signature may be published before it.
                if key is not None and self._known(content, key) is None:
                    file = self._signature
                    signature = file.read()
                self._found = _Found(content, signature)
            except Unreachable as error:
                is_unsigned = file is self._signature and isinstance(error, Missing)
                code = "bundle_unsigned" if is_unsigned else error.code
                self._found = Problem(code, file.shown, str(error))
            return self._found

    def _lacks(self, found: _Found | Problem, key: PublicKey | None) -> bool:
        """Whether there is a signature to be asked for: the settings have only now got a key."""
        return (
            key is not None
            and isinstance(found, _Found)
            and found.signature is None
            and self._known(found.content, key) is None
        )
