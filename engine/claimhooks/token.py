"""Outcome → claims → signed JWT; and how an API verifies one.

Two profiles: ``rfc9068`` (RFC 9068 §2) and ``auth0`` (the access tokens of the documented system).
"""

from __future__ import annotations

import hashlib
import json
import secrets
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Final, Literal, Self, cast

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import get_default_algorithms
from pydantic_core import to_json

from claimhooks.errors import OAuthError, TokenRejected

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pydantic import JsonValue

    from claimhooks.exchange import Exchange, Outcome

Profile = Literal["rfc9068", "auth0"]
Algorithm = Literal["RS256", "PS256", "ES256", "EdDSA"]
PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey
Jwk = dict[str, str]

ALGORITHMS: Final[tuple[Algorithm, ...]] = ("RS256", "PS256", "ES256", "EdDSA")
TYPES: Final[dict[Profile, str]] = {"rfc9068": "at+jwt", "auth0": "JWT"}
"""The JOSE header ``typ`` of each profile (RFC 9068 §2.1)."""

RSA_BITS: Final = 2048

_SIGNERS: Final = get_default_algorithms()


class NoToken(OAuthError):
    """The outcome is not granted, so there is nothing to sign."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.error.error_description if outcome.error else "")
        self.outcome = outcome


def payload(
    exchange: Exchange,
    outcome: Outcome,
    *,
    issuer: str,
    profile: Profile = "rfc9068",
    issued_at: int | None = None,
) -> dict[str, JsonValue]:
    """The claims of the access token that a granted `outcome` becomes.

    `issued_at` is in seconds since the epoch; by default the time of the exchange, or now.
    Raises :class:`NoToken` for an outcome that is not granted.
    """
    if outcome.status != "granted" or outcome.expires_in is None:
        raise NoToken(outcome)
    if issued_at is None:
        issued_at = int((exchange.now or datetime.now(UTC)).timestamp())
    client = exchange.client.id
    claims: dict[str, JsonValue] = {
        "iss": issuer,
        "sub": client if profile == "rfc9068" else f"{client}@clients",
        "aud": exchange.audience,
        "iat": issued_at,
        "exp": issued_at + outcome.expires_in,
    }
    if profile == "rfc9068":
        claims |= {"client_id": client, "jti": secrets.token_urlsafe(16)}
    else:
        claims |= {"azp": client, "gty": "client-credentials"}
    if outcome.scope:
        claims["scope"] = " ".join(outcome.scope)
    # The policy refuses reserved names; the issuer's claims win all the same.
    return outcome.claims | claims


@dataclass(frozen=True, slots=True, repr=False)
class SigningKey:
    """A private key, the one algorithm it is for (RFC 8725 §3.1) and its `kid`."""

    private: PrivateKey
    algorithm: Algorithm
    kid: str
    """The thumbprint of the public key (RFC 7638)."""

    def __repr__(self) -> str:
        return f"<SigningKey {self.algorithm} {self.kid}>"

    @classmethod
    def of(cls, private: PrivateKey, algorithm: Algorithm) -> Self:
        """A key that already exists. Raises TypeError or ValueError if the two do not fit."""
        fitting: dict[Algorithm, type[PrivateKey]] = {
            "RS256": rsa.RSAPrivateKey,
            "PS256": rsa.RSAPrivateKey,
            "ES256": ec.EllipticCurvePrivateKey,
            "EdDSA": ed25519.Ed25519PrivateKey,
        }
        if not isinstance(private, fitting[algorithm]):
            raise TypeError(f"{algorithm} does not sign with a {type(private).__name__}")
        if isinstance(private, ec.EllipticCurvePrivateKey) and private.curve.name != "secp256r1":
            raise ValueError(f"ES256 signs on the curve P-256, not on {private.curve.name}")
        return cls(private, algorithm, thumbprint(_public_jwk(private, algorithm)))

    @classmethod
    def generate(cls, algorithm: Algorithm) -> Self:
        """A new key: RSA of 2,048 bits, P-256 or Ed25519."""
        if algorithm == "ES256":
            return cls.of(ec.generate_private_key(ec.SECP256R1()), algorithm)
        if algorithm == "EdDSA":
            return cls.of(ed25519.Ed25519PrivateKey.generate(), algorithm)
        return cls.of(rsa.generate_private_key(65537, RSA_BITS), algorithm)

    def public_jwk(self) -> Jwk:
        """The public half, as it stands in a JWK set (RFC 7517 §4)."""
        public = _public_jwk(self.private, self.algorithm)
        return {**public, "kid": self.kid, "use": "sig", "alg": self.algorithm}

    def header(self, profile: Profile = "rfc9068") -> dict[str, str]:
        """The JOSE header of tokens signed with this key."""
        return _header(self.algorithm, profile, self.kid)

    def sign(self, claims: Mapping[str, JsonValue], profile: Profile = "rfc9068") -> str:
        """The compact JWT (RFC 7519 §3, RFC 7515 §7.1)."""
        # Not `jwt.encode`: what it finds out anew for each token costs a third of an ES256 one.
        header = _encoded_header(self.algorithm, profile, self.kid)
        signing_input = header + b"." + _base64url(to_json(claims))
        signature = _SIGNERS[self.algorithm].sign(signing_input, self.private)
        return (signing_input + b"." + _base64url(signature)).decode()


def _header(algorithm: Algorithm, profile: Profile, kid: str) -> dict[str, str]:
    return {"alg": algorithm, "typ": TYPES[profile], "kid": kid}


@lru_cache(maxsize=64)
def _encoded_header(algorithm: Algorithm, profile: Profile, kid: str) -> bytes:
    return _base64url(to_json(_header(algorithm, profile, kid)))


def _base64url(data: bytes) -> bytes:
    return urlsafe_b64encode(data).rstrip(b"=")


def _public_jwk(private: PrivateKey, algorithm: Algorithm) -> Jwk:
    encoded = _SIGNERS[algorithm].to_jwk(private.public_key(), as_dict=True)
    members = ("kty", "crv", "x", "y", "n", "e")
    return {name: cast("str", encoded[name]) for name in members if name in encoded}


def thumbprint(jwk: Jwk) -> str:
    """The SHA-256 thumbprint of a public key (RFC 7638 §3, RFC 8037 §2)."""
    required = {
        "RSA": ("e", "kty", "n"),
        "EC": ("crv", "kty", "x", "y"),
        "OKP": ("crv", "kty", "x"),
    }
    members = {name: jwk[name] for name in required[jwk["kty"]]}
    digest = hashlib.sha256(json.dumps(members, sort_keys=True, separators=(",", ":")).encode())
    return _base64url(digest.digest()).decode()


# Verification ------------------------------------------------------------------------------------

STEPS: Final = ("well-formed", "signature", "issuer and time", "audience", "scope")
"""What an API checks, in this order (RFC 9068 §4, RFC 8725)."""

_STEP_OF: Final[tuple[tuple[type[Exception], str], ...]] = (
    (jwt.InvalidAudienceError, "audience"),
    (jwt.InvalidIssuerError, "issuer and time"),
    (jwt.ExpiredSignatureError, "issuer and time"),
    (jwt.ImmatureSignatureError, "issuer and time"),
    (jwt.InvalidIssuedAtError, "issuer and time"),
)


class Verifier:
    """Verifies access tokens for one API: ``claims = verifier.verify(token, scope="a b")``.

    `jwks` is a JWK set as a dict, or the URL of one, which is fetched when first needed and kept
    for five minutes. `leeway` is how far clocks may differ, in seconds.
    """

    def __init__(
        self,
        jwks: Mapping[str, object] | str,
        *,
        issuer: str,
        audience: str,
        algorithms: Iterable[Algorithm] = ALGORITHMS,
        profile: Profile = "rfc9068",
        leeway: int = 5,
    ) -> None:
        self._client = jwt.PyJWKClient(jwks) if isinstance(jwks, str) else None
        self._keys = [] if isinstance(jwks, str) else jwt.PyJWKSet.from_dict(dict(jwks)).keys
        self._issuer = issuer
        self._audience = audience
        self._algorithms = tuple(algorithms)
        self._type = TYPES[profile]
        self._leeway = leeway

    def verify(self, token: str, *, scope: str | Iterable[str] = ()) -> dict[str, JsonValue]:
        """The claims of `token`, if it is valid and has every scope of `scope`.

        Raises :class:`~claimhooks.errors.TokenRejected`, which tells the step that failed.
        """
        key = self._key_for(self._header(token))
        try:
            claims = cast(
                "dict[str, JsonValue]",
                jwt.decode(
                    token,
                    key.key,
                    algorithms=[key.algorithm_name],
                    issuer=self._issuer,
                    audience=self._audience,
                    leeway=self._leeway,
                    options={"require": ["exp", "iat", "iss", "sub"]},
                ),
            )
        except jwt.InvalidSignatureError:
            raise TokenRejected("signature", "the key with its kid did not make it") from None
        except jwt.MissingRequiredClaimError as error:
            step = "audience" if error.claim == "aud" else "issuer and time"
            raise TokenRejected(step, f"the claim {error.claim} is missing") from None
        except jwt.InvalidTokenError as error:
            step = next((name for kind, name in _STEP_OF if isinstance(error, kind)), STEPS[0])
            raise TokenRejected(step, str(error)) from None
        _require_scope(claims, scope.split() if isinstance(scope, str) else list(scope))
        return claims

    def _header(self, token: str) -> dict[str, object]:
        try:
            header = jwt.get_unverified_header(token)
        except jwt.InvalidTokenError as error:
            raise TokenRejected("well-formed", str(error)) from None
        found = str(header.get("typ", "")).lower().removeprefix("application/")
        if found != self._type.lower():
            reason = f"its typ is {header.get('typ')!r}, not {self._type!r}"
            raise TokenRejected("well-formed", reason)
        return header

    def _key_for(self, header: dict[str, object]) -> jwt.PyJWK:
        """The key to verify with: found by `kid`, and used as the key set says, not the token."""
        algorithm, kid = header.get("alg"), header.get("kid")
        if algorithm not in self._algorithms:
            allowed = ", ".join(self._algorithms)
            reason = f"its algorithm is {algorithm!r}; allowed are {allowed}"
            raise TokenRejected("signature", reason)
        candidates = self._candidates(kid)
        if len(candidates) > 1:
            candidates = [key for key in candidates if key.algorithm_name == algorithm]
        if len(candidates) != 1:
            raise TokenRejected("signature", f"no one key with the kid {kid!r} in the key set")
        if candidates[0].algorithm_name != algorithm:
            meant = candidates[0].algorithm_name
            raise TokenRejected("signature", f"its key is for {meant}, not for {algorithm}")
        return candidates[0]

    def _candidates(self, kid: object) -> list[jwt.PyJWK]:
        for refresh in (False, True):
            try:
                keys = (
                    self._keys
                    if self._client is None
                    else self._client.get_signing_keys(refresh=refresh)
                )
            except jwt.PyJWTError as error:
                raise TokenRejected("signature", f"the key set cannot be had: {error}") from None
            found = [key for key in keys if kid is None or key.key_id == kid]
            if found or self._client is None:
                return found
        return []


def _require_scope(claims: Mapping[str, JsonValue], required: list[str]) -> None:
    granted = claims.get("scope", "")
    held = granted.split(" ") if isinstance(granted, str) else []
    if missing := [token for token in required if token not in held]:
        raise TokenRejected("scope", f"it lacks {', '.join(missing)}")
