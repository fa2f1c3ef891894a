"""``private_key_jwt``: a client proves itself with a JWT of its own (RFC 7523 §3)."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from time import time
from typing import TYPE_CHECKING, Final, cast

import jwt

from claimhooks.issuer.refusals import NotAuthenticated, Unavailable
from claimhooks.registry import StoreUnavailable
from claimhooks.registry.lookups import NO_ANSWER
from claimhooks.serving.jwts import MAX_BYTES, SKEW, KnownKeys, NotProven, proven
from claimhooks.serving.remotekeys import KeysUnavailable, RemoteKeys

if TYPE_CHECKING:
    from collections.abc import Sequence

    from claimhooks.registry import ClientRecord, SharedState
    from claimhooks.serving.jwts import Keys

ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
MAX_LIFETIME: Final = 3600
"""Seconds."""
PATIENCE: Final = 3.0
"""Seconds for the registry to tell whether an assertion has been used."""


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
        claims = await self._proven(assertion, client)
        await self._use_up(claims, client)

    def close(self) -> None:
        """Let go of the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _proven(self, assertion: str, client: ClientRecord) -> dict[str, object]:
        try:
            claims = await proven(
                assertion,
                self._keys_of(client),
                audience=self._audiences,
                issuer=client.id,
                subject=client.id,
                required=("exp", "aud", "iss", "sub", "jti"),
            )
        except NotProven as error:
            raise NotAuthenticated(f"a client assertion {error}") from None
        except KeysUnavailable as error:
            raise Unavailable(str(error)) from None
        expires = claims["exp"]
        if type(expires) not in (int, float):
            raise NotAuthenticated("a client assertion whose exp is no number")
        if cast("float", expires) > time() + MAX_LIFETIME + SKEW:
            raise NotAuthenticated("a client assertion that lives for more than an hour")
        return claims

    def _keys_of(self, client: ClientRecord) -> Keys:
        if client.jwks is not None:
            return KnownKeys(client.jwks["keys"])
        if client.jwks_uri is None:
            raise NotAuthenticated("a client assertion of a client without keys")
        return self._remote.setdefault(client.jwks_uri, RemoteKeys(client.jwks_uri))

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
