"""What is recorded and how: the table ``[record]``, with the key that it names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from claimhooks.errors import LoadError, Problem
from claimhooks.recording.folder import Limits
from claimhooks.recording.hiding import Hiding
from claimhooks.secret import SecretMissing, read_secret

if TYPE_CHECKING:
    from pathlib import Path

    from claimhooks.settings import RecordSettings, Settings

MIB: Final = 2**20
"""Bytes."""
HOUR: Final = 3600
"""Seconds."""
MIN_KEY: Final = 32
"""Characters of a key. With a shorter one, names could be guessed and their hashes compared."""


@dataclass(frozen=True, slots=True)
class Rules:
    """How the exchanges of one generation are recorded."""

    rate: float
    hiding: Hiding
    limits: Limits

    @classmethod
    def of(cls, settings: Settings) -> Rules | None:
        """The rules that `settings` have; None: nothing is recorded.

        Raises :class:`~claimhooks.errors.LoadError` if there is no usable key for pseudonyms.
        """
        record, folder = settings.record, settings.record_folder
        if record is None or folder is None:
            return None
        key = _key(record, settings) if record.pseudonymise else b""
        limits = _limits(record, folder)
        return cls(record.rate, Hiding(record.redact, record.pseudonymise, key), limits)


def unmatched(settings: Settings) -> str:
    """Which hooks no replay can run, as they are for clients that are hidden; "" if there is none.

    A text for people.
    """
    record = settings.record
    if record is None or "client.id" not in {*record.redact, *record.pseudonymise}:
        return ""
    names = [name for name, hook in settings.hooks.items() if hook.match.clients]
    return f"client.id is hidden, and {', '.join(names)} match it" if names else ""


def _limits(record: RecordSettings, folder: Path) -> Limits:
    max_bytes, max_seconds = record.max_size * MIB, record.max_age * HOUR
    return Limits(folder, max_bytes, max_seconds, record.keep, record.compress)


def _key(record: RecordSettings, settings: Settings) -> bytes:
    name = str(record.pseudonym_key)
    try:
        key = read_secret(name, settings.secrets_dir)
    except SecretMissing as error:
        raise LoadError([Problem("secret_missing", settings.file, str(error))]) from None
    if len(key) < MIN_KEY:
        reason = f"secret {name}: a key of fewer than {MIN_KEY} characters"
        raise LoadError([Problem("pseudonym_key_weak", settings.file, reason)])
    return key.encode()
