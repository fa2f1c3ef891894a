"""``private_key_jwt``: a client proves itself with a JWT of its own (RFC 7523 §3)."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from time import time
from typing import TYPE_CHECKING, Final, cast

import jwt

from claimhooks.issuer.refusals import NO_ANSWER, NotAuthenticated, Unavailable
from claimhooks.issuer.remotekeys import RemoteKeys
from claimhooks.registry import StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from claimhooks.registry import ClientRecord, SharedState

ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "ES256", "ES384", "EdDSA")
"""Asymmetric ones only, and never ``none`` (RFC 8725 §3.1)."""
MAX_LIFETIME: Final = 3600
"""Seconds."""
SKEW: Final = 10
"""Seconds by which clocks may differ."""
MAX_BYTES: Final = 16 * 1024
PATIENCE: Final = 3.0
"""Seconds for the registry to tell whether an assertion has been used."""

_ELSEWHERE: Final = frozenset({"jku", "x5u", "jwk", "x5c"})
"""Header members that say where a key is: none is taken from an assertion (RFC 8725 §3.10)."""


def unverified_subject(assertion: str) -> str:
    """Who `assertion` claims to be about. Raises :class:`NotAuthenticated`."""
    if len(assertion) > MAX_BYTES:
        raise NotAuthenticated("a client assertion that is too long")
    try:
        claims = jwt.decode(assertion, options={"verify_signature": False})
    except (jwt.InvalidTokenError, ValueError, RecursionError):
        raise NotAuthenticated("a client assertion that is no JWT") from None
    subject = claims.get("sub")
    if not isinstance(subject, str) or not subject:
        raise NotAuthenticated("a client assertion without a subject")
    return subject


class Assertions:
    """Verifies client assertions, each for one use (RFC 7523 §3, item 7). For one event loop."""

    def __init__(self, audiences: Sequence[str], state: SharedState) -> None:
        """`audiences` are the names of this issuer that an assertion may be for."""
        self._audiences = list(audiences)
        self._state = state
        self._remote: dict[str, RemoteKeys] = {}
        self._threads = ThreadPoolExecutor(2, "claimhooks-assertions")

    async def verify(self, assertion: str, client: ClientRecord) -> None:
        """Raise a refusal unless `client` has made `assertion` for this issuer and this once."""
        try:
            header = jwt.get_unverified_header(assertion)
        except (jwt.InvalidTokenError, ValueError, RecursionError):
            raise NotAuthenticated("a client assertion that is no JWT") from None
        algorithm, kid = header.get("alg"), header.get("kid")
        if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
            raise NotAuthenticated("a client assertion with an algorithm that is not allowed")
        if _ELSEWHERE & header.keys():
            raise NotAuthenticated("a client assertion that brings its key along")
        claims = await self._proven(assertion, algorithm, kid, client)
        await self._use_up(claims, client)

    def close(self) -> None:
        """Let go of the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _proven(
        self, assertion: str, algorithm: str, kid: object, client: ClientRecord
    ) -> dict[str, object]:
        if client.jwks is not None:
            keys: Sequence[jwt.PyJWK] = jwt.PyJWKSet([*client.jwks["keys"]]).keys
            return self._verified(assertion, algorithm, _fitting(keys, kid), client)
        if client.jwks_uri is None:
            raise NotAuthenticated("a client assertion of a client without keys")
        remote = self._remote.setdefault(client.jwks_uri, RemoteKeys(client.jwks_uri))
        keys = await remote.keys()
        try:
            return self._verified(assertion, algorithm, _fitting(keys, kid), client)
        except NotAuthenticated:
            newer = await remote.keys(is_unknown=True)
            if newer is keys:
                raise
        return self._verified(assertion, algorithm, _fitting(newer, kid), client)

    def _verified(
        self, assertion: str, algorithm: str, keys: Sequence[jwt.PyJWK], client: ClientRecord
    ) -> dict[str, object]:
        problem = "a client assertion of an unknown key"
        for key in keys:
            if key.algorithm_name != algorithm:
                continue
            try:
                claims: dict[str, object] = jwt.decode(
                    assertion,
                    key.key,
                    algorithms=[algorithm],
                    audience=self._audiences,
                    issuer=client.id,
                    subject=client.id,
                    leeway=SKEW,
                    options={"require": ["exp", "aud", "iss", "sub", "jti"]},
                )
            except (jwt.InvalidTokenError, ValueError, OverflowError) as error:
                problem = f"a client assertion that is not valid: {error}"
                continue
            expires = claims["exp"]
            if type(expires) not in (int, float):
                problem = "a client assertion whose exp is no number"
            elif cast("float", expires) > time() + MAX_LIFETIME + SKEW:
                problem = "a client assertion that lives for more than an hour"
            else:
                return claims
        raise NotAuthenticated(problem)

    async def _use_up(self, claims: dict[str, object], client: ClientRecord) -> None:
        expires, jti = cast("float", claims["exp"]), cast("str", claims["jti"])
        use = asyncio.get_running_loop().run_in_executor(
            self._threads, self._state.use_jti, client.id, jti, int(expires) + SKEW
        )
        try:
            async with asyncio.timeout(PATIENCE):
                is_new = await use
        except (StoreUnavailable, TimeoutError) as error:
            raise Unavailable(str(error) or NO_ANSWER) from None
        if not is_new:
            raise NotAuthenticated("a client assertion that has been used before")


def _fitting(keys: Sequence[jwt.PyJWK], kid: object) -> Sequence[jwt.PyJWK]:
    """Those of this `kid`, if it has one that is known; else those that have none."""
    named = [key for key in keys if key.key_id == kid]
    return named or [key for key in keys if key.key_id is None or kid is None]
