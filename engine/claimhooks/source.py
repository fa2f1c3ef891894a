"""What a runtime follows: the hooks, the settings and the samples of the gate."""

from __future__ import annotations

import hashlib
import os
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from claimhooks.errors import LoadError
from claimhooks.settings import Settings
from claimhooks.snapshot import Snapshot

SAME_TWICE: Final = 0.01
"""Seconds between two readings that must agree."""
READINGS: Final = 200

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from claimhooks.settings import Lane


@dataclass(frozen=True, slots=True)
class Contents:
    """What a generation can be planned from."""

    snapshot: Snapshot
    settings: Settings


@dataclass(frozen=True, slots=True)
class Reading:
    """What was found at one instant."""

    fingerprint: str
    """Equal where it makes no difference which of two readings is loaded."""
    found: Contents | LoadError

    @property
    def contents(self) -> Contents:
        """What was found. Raises :class:`LoadError` if it is unusable."""
        if isinstance(self.found, LoadError):
            raise self.found
        return self.found


class Hooks(ABC):
    """Where hooks are."""

    is_remote = False
    """Whether they are at an address, of which nobody tells when they change."""

    def __init__(self, shown: str) -> None:
        self.shown: Final = shown
        """For messages."""

    @abstractmethod
    def read(self, settings: Settings, *, fetch: bool) -> Snapshot:
        """The hooks as they are now; at an address, as they were when it was last to `fetch`.

        Raises :class:`LoadError`.
        """

    def files(self) -> Iterable[Path]:
        """The files and folders that they are read from."""
        return ()


class _Fixed(Hooks):
    """A snapshot that stays."""

    def __init__(self, snapshot: Snapshot) -> None:
        super().__init__(str(snapshot.root))
        self._snapshot = snapshot

    def read(self, settings: Settings, *, fetch: bool) -> Snapshot:  # noqa: ARG002
        return self._snapshot


class _Folder(Hooks):
    """A folder, which may be missing until it has been there if it may be empty."""

    def __init__(self, path: Path, *, allow_empty: bool) -> None:
        super().__init__(str(path))
        self._path = path
        self._allow_missing = allow_empty

    def files(self) -> Iterable[Path]:
        return (self._path,)

    def read(self, settings: Settings, *, fetch: bool) -> Snapshot:  # noqa: ARG002
        snapshot = Snapshot.read(self._path, allow_missing=self._allow_missing)
        self._allow_missing = self._allow_missing and not self._path.exists()
        return snapshot


class _Bundle(Hooks):
    """A bundle, signed for the key in the settings if they name one."""

    def __init__(self, place: str | Path) -> None:
        # Not at the top: most hooks are in folders, and cryptography takes a while to load.
        from claimhooks.bundle import Feed  # noqa: PLC0415

        self._feed = Feed(place)
        super().__init__(self._feed.shown)
        self.is_remote = self._feed.is_remote
        self._key: Path | None = None

    def files(self) -> Iterable[Path]:
        return filter(None, (*self._feed.files, self._key))

    def read(self, settings: Settings, *, fetch: bool) -> Snapshot:
        from claimhooks.bundle.signature import PublicKey  # noqa: PLC0415

        self._key = settings.bundle_key
        key = None if self._key is None else PublicKey.load(self._key)
        return self._feed.read(key, fetch=fetch).snapshot


def _hooks_at(hooks: str | Path | Snapshot, *, allow_empty: bool) -> Hooks:
    if isinstance(hooks, Snapshot):
        return _Fixed(hooks)
    if "://" in str(hooks) or os.path.isfile(hooks):  # noqa: PTH113 - it raises nothing
        return _Bundle(hooks)
    return _Folder(Path(hooks), allow_empty=allow_empty)


class Source:
    """What one runtime is made from."""

    def __init__(
        self,
        hooks: str | Path | Snapshot,
        settings: Settings | str | Path | None,
        lane: Lane,
        *,
        allow_empty: bool,
    ) -> None:
        """`hooks` is a folder, a bundle (a file, or an address with ``://``) or a snapshot.

        What is a folder never becomes a bundle, nor the other way round. `settings` is a file to
        be read each time, or settings that stay; None: the defaults. `lane` is for settings that
        do not say which. Raises :class:`LoadError` for an address of no kind.
        """
        self._lane: Final = lane
        self.hooks: Final = _hooks_at(hooks, allow_empty=allow_empty)
        self.allow_empty: Final = allow_empty
        self._settings = Settings() if settings is None else settings
        self._gate: Path | None = None

    def read(self, *, fetch: bool = False) -> Reading:
        """Everything as it is now. Never raises for what is wrong with it.

        An address is asked only to `fetch`; else the hooks are those that came the last time.
        """
        try:
            settings = self._settings
            if not isinstance(settings, Settings):
                settings = Settings.load(settings)
            if settings.lane is None:
                settings = settings.model_copy(update={"lane": self._lane})
            snapshot = self.hooks.read(settings, fetch=fetch)
        except LoadError as error:
            return Reading(_hash("unusable", str(error)), error)
        self._gate = settings.gate_path
        gate = hash_of_files([self._gate] if self._gate else [])
        revision = str(snapshot.revision)
        fingerprint = _hash("usable", snapshot.digest, revision, settings.model_dump_json(), gate)
        return Reading(fingerprint, Contents(snapshot, settings))

    def read_twice(self) -> Reading:
        """Everything, once two readings agree: not in the middle of a save."""
        before = self.read()
        for _ in range(READINGS):
            time.sleep(SAME_TWICE)
            reading = self.read()
            if reading.fingerprint == before.fingerprint:
                break
            before = reading
        return before

    def places(self) -> Iterator[Path]:
        """The files and folders that :meth:`read` reads."""
        yield from self.hooks.files()
        if not isinstance(self._settings, Settings):
            yield Path(self._settings)
        if self._gate is not None:
            yield self._gate


def hash_of_files(places: Iterable[Path]) -> str:
    """A hash of the files at `places`, and of those in the folders among them. Never raises."""
    return _hash(*(part for place in places for part in _contents(place)))


def _contents(place: Path) -> Iterator[str]:
    try:
        files = sorted(place.rglob("*")) if place.is_dir() else [place]
        for file in files:
            if file.is_file() and "__pycache__" not in file.parts:
                yield f"{file} {hashlib.sha256(file.read_bytes()).hexdigest()}"
    except OSError as error:
        # Whoever is to use them tells why they cannot be read.
        yield f"unreadable: {error.strerror}"


def _hash(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode(errors="surrogatepass")).hexdigest()
