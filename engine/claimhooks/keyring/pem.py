"""Reading a private key from a PEM file that no stranger could have read."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from claimhooks.errors import LoadError, Problem
from claimhooks.token import RSA_BITS, PrivateKey, SigningKey

if TYPE_CHECKING:
    from pathlib import Path

    from claimhooks.token import Algorithm

MAX_BYTES: Final = 1024 * 1024


def read_pem(file: Path, alg: Algorithm | None = None) -> SigningKey:
    """The key in `file`: RSA of at least 2,048 bits, P-256 or Ed25519, as `alg` signs with.

    Without `alg` it signs as such keys do: RSA with PS256. Raises
    :class:`~claimhooks.errors.LoadError`, also if others may read the file.
    """
    content = read_file(file)
    try:
        private = load_pem_private_key(content, password=None)
    except TypeError:
        raise LoadError(
            [Problem("pem_encrypted", str(file), "is encrypted with a password")]
        ) from None
    except (ValueError, UnsupportedAlgorithm):
        raise _unusable(file, "holds no private key in PEM that can be read") from None
    if isinstance(private, rsa.RSAPrivateKey) and private.key_size < RSA_BITS:
        raise _unusable(file, f"an RSA key of {private.key_size} bits: {RSA_BITS} are the least")
    if not isinstance(private, PrivateKey):
        kind = type(private).__name__
        raise _unusable(file, f"{alg or 'no algorithm here'} does not sign with a {kind}")
    try:
        return SigningKey.of(private, alg or _usual(private))
    except (TypeError, ValueError) as error:
        raise _unusable(file, str(error)) from None


def _usual(private: PrivateKey) -> Algorithm:
    if isinstance(private, rsa.RSAPrivateKey):
        return "PS256"
    return "ES256" if isinstance(private, ec.EllipticCurvePrivateKey) else "EdDSA"


def read_file(file: Path) -> bytes:
    """What `file` contains. Raises :class:`~claimhooks.errors.LoadError`."""
    try:
        # Not to wait for the writer of a named pipe.
        descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as opened:
            mode = os.fstat(descriptor).st_mode
            if not stat.S_ISREG(mode):
                raise LoadError([Problem("keys_unreadable", str(file), "not a regular file")])
            check_mode(file, mode)
            content = opened.read(MAX_BYTES + 1)
    except OSError as error:
        reason = f"cannot be read: {error.strerror}"
        raise LoadError([Problem("keys_unreadable", str(file), reason)]) from None
    if len(content) > MAX_BYTES:
        raise LoadError([Problem("keys_unreadable", str(file), "larger than 1 MiB")])
    return content


def check_mode(path: Path, mode: int) -> None:
    """Raise :class:`~claimhooks.errors.LoadError` if users outside the file's group have rights.

    The group may: Kubernetes gives it the files of a volume.
    """
    if mode & stat.S_IRWXO:
        own = "700" if stat.S_ISDIR(mode) else "600"
        problem = Problem(
            "keys_exposed",
            str(path),
            f"its mode is {stat.S_IMODE(mode):04o}: any user of this machine may get at the keys",
            remedy=f"chmod {own} {path}; if one may have read a key, use a new one",
        )
        raise LoadError([problem])


def _unusable(file: Path, reason: str) -> LoadError:
    return LoadError([Problem("pem_unusable", str(file), reason)])
