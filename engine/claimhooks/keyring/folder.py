"""The folder of the keys: ``KID.pem`` for each, ``state.json``, and ``.lock`` for who changes them.

Whatever ends a change half-way leaves the former state or the new one: a file is replaced whole,
and a key's file is there before the state tells of the key, and until it no longer does.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pydantic import ValidationError

from claimhooks.errors import LoadError, Problem
from claimhooks.keyring.pem import check_mode, read_file, read_pem
from claimhooks.keyring.state import State
from claimhooks.validation import explain

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable
    from pathlib import Path

    from claimhooks.token import Algorithm, SigningKey

STATE: Final = "state.json"
LOCK: Final = ".lock"
NEW: Final = ".new"

Stamp = tuple[int, ...]
"""Differs between two contents of the state file."""


class Folder:
    """One folder of keys. Every method raises LoadError for what an operator has to mend."""

    def __init__(self, path: Path) -> None:
        self.path: Final = path

    def make(self) -> None:
        """Make the folder if it is missing, and those above it, for this user alone (0700)."""
        try:
            missing = [path for path in (self.path, *self.path.parents) if not path.exists()]
            for folder in reversed(missing):
                folder.mkdir(0o700, exist_ok=True)
                _sync(folder.parent)
        except OSError as error:
            raise LoadError([_unwritable(self.path, error)]) from None

    def stamp(self) -> Stamp | None:
        """The stamp of the state file; None if there is none."""
        try:
            return _stamp((self.path / STATE).stat())
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            reason = f"cannot be read: {error.strerror}"
            raise LoadError([Problem("keys_unreadable", str(self.path), reason)]) from None

    def read_state(self) -> State:
        """The stored state; without a key in a folder that is empty."""
        file = self.path / STATE
        try:
            if not self.path.is_dir():
                raise LoadError([_missing(self.path)])
            check_mode(self.path, self.path.stat().st_mode)
            # In this order: a first key that is being added has a state before it has a file.
            has_keys = any(self.path.glob("*.pem"))
            has_state = file.exists()
        except OSError as error:
            reason = f"cannot be read: {error.strerror}"
            raise LoadError([Problem("keys_unreadable", str(self.path), reason)]) from None
        if not has_state:
            if has_keys:
                reason = f"there are keys, but no {STATE} that tells of them"
                raise LoadError([Problem("keys_state_broken", str(self.path), reason)])
            return State()
        try:
            return State.model_validate_json(read_file(file))
        except ValidationError as error:
            raise LoadError(
                [
                    Problem("keys_state_broken", str(file), reason)
                    for _, reason in explain(error, State)
                ]
            ) from None

    def read_key(self, kid: str, alg: Algorithm) -> SigningKey:
        """The key in the file named after it."""
        file = self._file_of(kid)
        key = read_pem(file, alg)
        if key.kid != kid:
            reason = f"holds another key, {key.kid}"
            raise LoadError([Problem("key_mismatched", str(file), reason)])
        return key

    @contextmanager
    def changing(self) -> Generator[State]:
        """The stored state, which no other process changes meanwhile: they wait."""
        try:
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
            lock = os.fdopen(os.open(self.path / LOCK, flags, 0o600), "r+b", buffering=0)
        except FileNotFoundError:
            raise LoadError([_missing(self.path)]) from None
        except OSError as error:
            raise LoadError([_unwritable(self.path / LOCK, error)]) from None
        with lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            try:
                state = self.read_state()
                self._delete(state.discarded)
                yield state
            finally:
                # Closing alone would not do if a fork has copied the descriptor.
                fcntl.flock(lock, fcntl.LOCK_UN)

    def store(self, state: State, key: SigningKey | None = None) -> None:
        """Replace the stored state by `state`, in which `key` is new. Within :meth:`changing`."""
        if key is not None:
            # Until the state tells of the key, its file is one to be deleted.
            self._write(STATE, _json(self.read_state().discarding(key.kid)))
            self._write(self._file_of(key.kid).name, _pem(key))
        self._write(STATE, _json(state))
        self._delete(state.discarded)

    def _file_of(self, kid: str) -> Path:
        return self.path / f"{kid}.pem"

    def _write(self, name: str, content: bytes) -> None:
        new = self.path / NEW
        try:
            try:
                flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
                with os.fdopen(os.open(new, flags, 0o600), "wb") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
                new.replace(self.path / name)
                _sync(self.path)
            finally:
                new.unlink(missing_ok=True)
        except OSError as error:
            raise LoadError([_unwritable(self.path / name, error)]) from None

    def _delete(self, kids: Iterable[str]) -> None:
        for kid in kids:
            file = self._file_of(kid)
            try:
                file.unlink(missing_ok=True)
            except OSError as error:
                raise LoadError([_unwritable(file, error)]) from None


def _json(state: State) -> bytes:
    return state.model_dump_json(indent=2, exclude_none=True).encode() + b"\n"


def _pem(key: SigningKey) -> bytes:
    return key.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _stamp(status: os.stat_result) -> Stamp:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _sync(folder: Path) -> None:
    """Make what was created in or renamed into `folder` outlast a loss of power."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _missing(folder: Path) -> Problem:
    return Problem("keys_missing", str(folder), "there is no such folder")


def _unwritable(file: Path, error: OSError) -> Problem:
    return Problem("keys_unwritable", str(file), f"cannot be written: {error.strerror}")
