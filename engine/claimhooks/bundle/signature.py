"""The detached signature of a bundle: a JWS over its bytes as they are (RFC 7515, RFC 7797)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self, cast

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from jwt.algorithms import get_default_algorithms

from claimhooks import strictjson
from claimhooks.errors import LoadError, Problem, printable
from claimhooks.token import RSA_BITS, thumbprint

if TYPE_CHECKING:
    from pathlib import Path

    from pydantic import JsonValue

    from claimhooks.token import Algorithm, SigningKey

TYPE: Final = "claimhooks-bundle+jws"
"""The JOSE header `typ`: signatures for other purposes are none here (RFC 8725 §3.11)."""
MAX_BYTES: Final = 64 * 1024
"""Of a key."""

_JWS: Final = jwt.PyJWS()


def sign(content: bytes, key: SigningKey) -> bytes:
    """The content of ``FILE.sig``: a JWS without its payload (RFC 7515, appendix F), on a line."""
    # The payload is neither encoded nor in the JWS (RFC 7797 §4.2); `crit` is a must (§6).
    header = {"typ": TYPE, "kid": key.kid, "b64": False, "crit": ["b64"]}
    return _JWS.encode(content, key.private, key.algorithm, header).encode() + b"\n"


def unverified(signature: bytes) -> dict[str, str]:
    """The `alg` and `kid` that `signature` says to be made with; nothing, if it is no signature."""
    try:
        header = _JWS.get_unverified_header(signature.strip())
    except jwt.PyJWTError:
        return {}
    return {name: printable(str(header.get(name, "?")))[:64] for name in ("alg", "kid")}


@dataclass(frozen=True, slots=True)
class PublicKey:
    """What a deployment knows its bundles by."""

    public: rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey
    algorithms: tuple[Algorithm, ...]
    """Those that it verifies: the key's, whatever a signature says (RFC 8725 §3.1)."""
    kid: str
    """Its thumbprint (RFC 7638)."""

    @classmethod
    def load(cls, file: Path) -> Self:
        """The key in `file`, in PEM or as a JWK (RFC 7517 §4). Raises LoadError, `bundle_key`."""
        try:
            with file.open("rb") as opened:
                content = opened.read(MAX_BYTES + 1)
            if b"PRIVATE KEY-----" in content:
                raise _Unusable("a private key: whoever can read it can sign")
            if content.lstrip().startswith(b"-----BEGIN"):
                return cls._of(load_pem_public_key(content))
            return cls._of_jwk(content)
        except OSError as error:
            reason = f"cannot be read: {error.strerror}"
        except (ValueError, KeyError, UnsupportedAlgorithm, RecursionError, jwt.PyJWTError):
            reason = "holds no public key in PEM, and no JWK"
        except _Unusable as error:
            reason = str(error)
        raise LoadError([Problem("bundle_key", str(file), reason)])

    @classmethod
    def _of_jwk(cls, content: bytes) -> Self:
        document = cast("JsonValue", strictjson.decode(content.decode()))
        if not isinstance(document, dict):
            raise _Unusable("JSON, but no JWK")
        if "d" in document:
            raise _Unusable("a private key: whoever can read it can sign")
        members = {name: document.get(name) for name in ("kty", "crv", "x", "y", "n", "e")}
        texts = {name: value for name, value in members.items() if isinstance(value, str)}
        return cls._of(jwt.PyJWK.from_dict(texts).key, document.get("alg"))

    @classmethod
    def _of(cls, public: object, alg: object = None) -> Self:
        algorithms: tuple[Algorithm, ...]
        if isinstance(public, rsa.RSAPublicKey):
            if public.key_size < RSA_BITS:
                raise _Unusable(f"an RSA key of {public.key_size} bits: {RSA_BITS} are the least")
            algorithms = ("PS256", "RS256")
        elif isinstance(public, ec.EllipticCurvePublicKey) and public.curve.name == "secp256r1":
            algorithms = ("ES256",)
        elif isinstance(public, ed25519.Ed25519PublicKey):
            algorithms = ("EdDSA",)
        else:
            raise _Unusable("neither RSA, nor on the curve P-256, nor Ed25519")
        if alg is not None:
            algorithms = tuple(one for one in algorithms if one == alg)
            if not algorithms:
                raise _Unusable(f"a key for {alg!r}")
        jwk = get_default_algorithms()[algorithms[0]].to_jwk(public, as_dict=True)
        return cls(public, algorithms, thumbprint(jwk))

    def verify(self, content: bytes, signature: bytes, shown: str) -> None:
        """Raise :class:`LoadError` unless `signature` is that of `content` by this key.

        `shown` is where the signature is, for messages.
        """
        try:
            header = _JWS.decode_complete(
                signature.strip(), self.public, self.algorithms, detached_payload=content
            )["header"]
        except jwt.PyJWTError:
            reason = self._mismatch(unverified(signature).get("kid"))
        else:
            # With b64, what has been verified would be a payload in the signature itself.
            if header.get("typ") == TYPE and header.get("b64") is False:
                return
            reason = f"it is for something else: its typ is {str(header.get('typ'))[:64]!r}"
        raise LoadError([Problem("bundle_signature", shown, reason)])

    def _mismatch(self, kid: str | None) -> str:
        if kid is None:
            return "it is no signature"
        if kid != self.kid:
            return f"it says to be by {kid}, not by {self.kid}"
        return f"the bundle is not the one that {kid} has signed"


class _Unusable(Exception):
    """Why a key is not one to verify bundles with."""
