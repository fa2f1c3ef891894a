"""JWTs with which others prove themselves: made by one of their keys, for us, and lately."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol, cast

import jwt

from claimhooks.errors import ClaimhooksError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "ES256", "ES384", "EdDSA")
"""Asymmetric ones only, and never ``none`` (RFC 8725 §3.1)."""
SKEW: Final = 10
"""Seconds by which clocks may differ."""
MAX_BYTES: Final = 16 * 1024

_ELSEWHERE: Final = frozenset({"jku", "x5u", "jwk", "x5c"})
"""Header members that say where a key is: none is taken from a JWT itself (RFC 8725 §3.10)."""


class NotProven(ClaimhooksError):
    """A JWT that proves nothing; the text says why, to go on after "a JWT"."""


class Keys(Protocol):
    """Public keys of somebody."""

    async def keys(self, *, is_unknown: bool = False) -> Sequence[jwt.PyJWK]:
        """The keys; with `is_unknown`, those that may have come since."""
        ...


class KnownKeys:
    """Keys that do not change."""

    def __init__(self, jwks: Iterable[Mapping[str, object]]) -> None:
        """Raises jwt.PyJWTError for what is no key."""
        self._keys = jwt.PyJWKSet([dict(jwk) for jwk in jwks]).keys

    async def keys(self, *, is_unknown: bool = False) -> Sequence[jwt.PyJWK]:  # noqa: ARG002
        """All of them."""
        return self._keys


async def proven(
    token: str,
    keys: Keys,
    *,
    audience: Sequence[str] | None,
    issuer: str | None,
    required: Sequence[str],
    subject: str | None = None,
    max_bytes: int = MAX_BYTES,
) -> dict[str, object]:
    """The claims of `token`, which one of `keys` has signed.

    Without `audience` or `issuer` it may have any: that is for the caller to look at.
    Raises :class:`NotProven`, and what `keys` raises if there are none for the moment.
    """
    if len(token) > max_bytes:
        raise NotProven("that is too long")
    algorithm, kid = _header(token)

    def verified(found: Sequence[jwt.PyJWK]) -> dict[str, object]:
        problem = "of an unknown key"
        for key in _fitting(found, kid):
            if key.algorithm_name != algorithm:
                continue
            try:
                return jwt.decode(
                    token,
                    key.key,
                    algorithms=[algorithm],
                    audience=audience,
                    issuer=issuer,
                    subject=subject,
                    leeway=SKEW,
                    options={"require": [*required], "verify_aud": audience is not None},
                )
            except (jwt.InvalidTokenError, ValueError, OverflowError) as error:
                problem = f"that is not valid: {error}"
        raise NotProven(problem)

    found = await keys.keys()
    try:
        return verified(found)
    except NotProven:
        newer = await keys.keys(is_unknown=True)
        if newer is found:
            raise
    return verified(newer)


def _header(token: str) -> tuple[str, object]:
    """The algorithm and the key id of `token`."""
    try:
        header = jwt.get_unverified_header(token)
    except (jwt.InvalidTokenError, ValueError, RecursionError):
        raise NotProven("that is none") from None
    algorithm = header.get("alg")
    if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
        raise NotProven("with an algorithm that is not allowed")
    if _ELSEWHERE & header.keys():
        raise NotProven("that brings its key along")
    return algorithm, cast("object", header.get("kid"))


def _fitting(keys: Sequence[jwt.PyJWK], kid: object) -> Sequence[jwt.PyJWK]:
    """Those of this `kid`, if it has one that is known; else those that have none."""
    named = [key for key in keys if key.key_id == kid]
    return named or [key for key in keys if key.key_id is None or kid is None]
