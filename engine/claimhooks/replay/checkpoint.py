"""How far a replay has come, in a file: enough to go on from there."""

from __future__ import annotations

import os
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from pydantic import TypeAdapter, ValidationError

from claimhooks.errors import ClaimhooksError, LoadError, Problem
from claimhooks.replay.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Mapping

    from claimhooks.source import Contents

EVERY: Final = 2.0
"""Seconds between two writings."""


@dataclass(slots=True)
class _State:
    version: Literal[1]
    of: dict[str, str]
    now: datetime
    pieces: int
    tally: Tally


class Checkpoint:
    """The file at `path`, if there is one, of a replay `of` the same: name → fingerprint.

    Raises :class:`LoadError` if it is of something else, or cannot be read or written.
    """

    def __init__(self, path: Path, of: Mapping[str, str]) -> None:
        self._path = path
        state = _read(path)
        if state is None:
            state = _State(1, dict(of), datetime.now(UTC), 0, Tally())
        for name, fingerprint in of.items():
            if state.of.get(name) != fingerprint:
                raise _problem("checkpoint_other", path, f"it was begun with other {name}")
        self.now: Final = state.now
        """When the replay was begun."""
        self.pieces: Final = state.pieces
        """Of the recording, that need not be replayed."""
        self.tally: Final = state.tally
        self._state = state
        self._is_whole = True
        self._written = 0.0
        self.save()

    def add(self, found: Tally, *, begins_file: bool) -> None:
        """Count one more piece. Writes the file now and then. Raises LoadError."""
        self._is_whole = False  # somebody may press ^C in the middle
        self.tally.follow(found, begins_file=begins_file)
        self._state.pieces += 1
        self._is_whole = True
        if time.monotonic() - self._written >= EVERY:
            self.save()

    def save(self) -> None:
        """Write the file, or leave it as it is. Raises LoadError."""
        if not self._is_whole:
            return  # a piece is half counted: what was written before is right
        content = _STATE.dump_json(self._state)
        try:
            descriptor, name = tempfile.mkstemp(
                prefix=f".{self._path.name}.", dir=self._path.parent
            )
            try:
                with os.fdopen(descriptor, "wb") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(descriptor)
                Path(name).replace(self._path)
            finally:
                Path(name).unlink(missing_ok=True)
        except OSError as error:
            reason = f"cannot be written: {error.strerror}"
            raise _problem("checkpoint_unwritable", self._path, reason) from None
        self._written = time.monotonic()

    def remove(self) -> None:
        """The replay has come to its end: there is nothing to go on with."""
        with suppress(OSError):
            self._path.unlink()


def fingerprint_of(contents: Contents) -> str:
    """By which hooks and their settings are known again."""
    settings = contents.settings.model_dump_json().encode()
    return f"{contents.snapshot.digest}-{sha256(settings).hexdigest()}"


def _read(path: Path) -> _State | None:
    try:
        return _STATE.validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except OSError as error:
        reason = f"cannot be read: {error.strerror}"
        raise _problem("checkpoint_unreadable", path, reason) from None
    except ValidationError:
        reason = "not what a replay of this version writes"
        raise _problem("checkpoint_unreadable", path, reason) from None


def _problem(code: str, path: Path, reason: str) -> ClaimhooksError:
    return LoadError([Problem(code, str(path), reason)])


_STATE: Final = TypeAdapter(_State)
