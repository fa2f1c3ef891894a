"""What a runtime follows: the hooks folder, the settings and the samples of the gate."""

from __future__ import annotations

import hashlib
import time
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


class Source:
    """The places of one runtime's files."""

    def __init__(
        self,
        hooks_dir: Path,
        settings: Settings | str | Path | None,
        lane: Lane,
        *,
        allow_empty: bool,
    ) -> None:
        """`settings` is a file to be read each time, or settings that stay; None: the defaults.

        `lane` is for settings that do not say which.
        """
        self._lane: Final = lane
        self.hooks_dir: Final = hooks_dir
        self.allow_empty: Final = allow_empty
        self._settings = Settings() if settings is None else settings
        self._gate: Path | None = None
        self._has_been = False

    def read(self) -> Reading:
        """All files as they are now. Never raises for what is wrong with them."""
        try:
            settings = self._settings
            if not isinstance(settings, Settings):
                settings = Settings.load(settings)
            if settings.lane is None:
                settings = settings.model_copy(update={"lane": self._lane})
            # A folder that has been there and is gone is no folder without hooks.
            is_new = self.allow_empty and not self._has_been
            snapshot = Snapshot.read(self.hooks_dir, allow_missing=is_new)
            self._has_been = self._has_been or self.hooks_dir.exists()
        except LoadError as error:
            return Reading(_hash("unusable", str(error)), error)
        self._gate = settings.gate_path
        gate = hash_of_files([self._gate] if self._gate else [])
        fingerprint = _hash("usable", snapshot.digest, settings.model_dump_json(), gate)
        return Reading(fingerprint, Contents(snapshot, settings))

    def read_twice(self) -> Reading:
        """All files, once two readings agree: not in the middle of a save."""
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
        yield self.hooks_dir
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
