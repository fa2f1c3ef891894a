"""Client secrets: made with full entropy, kept as a keyed hash.

A fast hash is enough: there are 2²⁵⁶ secrets to try, so slowness would only cost the issuer. The
key, which is kept outside the registry, makes a copy of the registry alone worthless.
"""

from __future__ import annotations

import hmac
import os
import secrets
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from claimhooks.errors import LoadError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from claimhooks.registry.model import SecretRecord


KEY_BYTES: Final = 32
KEY_NAME: Final = "secret.key"


def generate() -> str:
    """A new client secret: 256 random bits as 43 characters of ``[A-Za-z0-9_-]``."""
    return secrets.token_urlsafe(32)


def new_key() -> bytes:
    """A new key for :func:`digest`, of 256 random bits."""
    return secrets.token_bytes(KEY_BYTES)


def digest(secret: str, key: bytes) -> str:
    """``hmac-sha256:`` and the HMAC of `secret` in hexadecimal (RFC 2104)."""
    # No text that a request can hold may fail to encode.
    return f"hmac-sha256:{hmac.digest(key, secret.encode(errors='surrogatepass'), 'sha256').hex()}"


def matches(secret: str, records: Iterable[SecretRecord], key: bytes) -> bool:
    """Whether `secret` is one of `records`, in a time that does not tell which or how nearly."""
    found = digest(secret, key)
    is_equal = False
    for record in records:
        is_equal |= hmac.compare_digest(found, record.hash)
    return is_equal


def read_key(path: Path, *, create: bool = False) -> bytes:
    """The key in the file at `path`, where it stands in hexadecimal.

    With `create` a new one is put there if there is no such file, for its owner only; any number
    of processes may do so at once. Raises :class:`~claimhooks.errors.LoadError`.
    """
    try:
        if create and not path.exists():
            _create(path)
        key = bytes.fromhex(path.read_text("ascii"))
    except FileNotFoundError:
        reason = "the key of the client secrets is not there"
        raise LoadError([Problem("secret_key_missing", str(path), reason)]) from None
    except OSError as error:
        reason = f"the key of the client secrets cannot be had: {error.strerror}"
        raise LoadError([Problem("secret_key_unusable", str(path), reason)]) from None
    except ValueError:
        key = b""
    if len(key) < KEY_BYTES:
        raise LoadError([Problem("secret_key_unusable", str(path), "is no key")])
    return key


def _create(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Complete under another name first: nobody may read half a key.
    new = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(new, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
            file.write(f"{new_key().hex()}\n")
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            path.hardlink_to(new)
    finally:
        new.unlink(missing_ok=True)
