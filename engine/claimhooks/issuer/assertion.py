"""``private_key_jwt``: a client proves itself with a JWT of its own (RFC 7523 §3)."""

from __future__ import annotations

import asyncio
import json
import logging
from time import monotonic, time
from typing import TYPE_CHECKING, Final, cast

import jwt

from claimhooks.issuer.refusals import NotAuthenticated, Unavailable
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

KEYS_FRESH: Final = 300.0
"""Seconds for which keys that were fetched are used without asking again."""
KEYS_PAUSE: Final = 30.0
"""Seconds between fetches for an unknown kid, or after a failed one."""
KEYS_TIMEOUT: Final = 3.0

_log: Final = logging.getLogger(__name__)


def unverified_subject(assertion: str) -> str:
    """Who `assertion` claims to be about. Raises :class:`NotAuthenticated`."""
    if len(assertion) > MAX_BYTES:
        raise NotAuthenticated("a client assertion that is too long")
    if not assertion.isascii():
        raise NotAuthenticated("a client assertion that is no JWT")
    try:
        claims = jwt.decode(assertion, options={"verify_signature": False})
    except (jwt.InvalidTokenError, RecursionError):
        raise NotAuthenticated("a client assertion that is no JWT") from None
    subject = claims.get("sub")
    if not isinstance(subject, str) or not subject:
        raise NotAuthenticated("a client assertion without a subject")
    return subject


class Assertions:
    """Verifies client assertions, each for one use (RFC 7523 §3, item 7)."""

    def __init__(self, audiences: Sequence[str], state: SharedState) -> None:
        """`audiences` are the names of this issuer that an assertion may be for."""
        self._audiences = list(audiences)
        self._state = state
        self._remote: dict[str, _RemoteKeys] = {}

    async def verify(self, assertion: str, client: ClientRecord) -> None:
        """Raise :class:`NotAuthenticated` unless `client` has made `assertion` for this."""
        loop = asyncio.get_running_loop()
        try:
            header = jwt.get_unverified_header(assertion)
        except jwt.InvalidTokenError:
            raise NotAuthenticated("a client assertion that is no JWT") from None
        algorithm, kid = header.get("alg"), header.get("kid")
        if algorithm not in ALGORITHMS:
            raise NotAuthenticated("a client assertion with an algorithm that is not allowed")
        keys = await loop.run_in_executor(None, self._keys, client, kid)
        claims = self._claims(assertion, algorithm, keys, client)
        expires, jti = cast("int", claims["exp"]), cast("str", claims["jti"])
        try:
            is_new = await loop.run_in_executor(
                None, self._state.use_jti, client.id, jti, int(expires) + SKEW
            )
        except StoreUnavailable:
            raise Unavailable from None
        if not is_new:
            raise NotAuthenticated("a client assertion that has been used before")

    def _claims(
        self, assertion: str, algorithm: str, keys: list[jwt.PyJWK], client: ClientRecord
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
            except jwt.InvalidTokenError as error:
                problem = f"a client assertion that is not valid: {error}"
                continue
            expires = claims["exp"]
            if not isinstance(expires, int | float) or expires > time() + MAX_LIFETIME + SKEW:
                problem = "a client assertion that lives for more than an hour"
                continue
            return claims
        raise NotAuthenticated(problem)

    def _keys(self, client: ClientRecord, kid: object) -> list[jwt.PyJWK]:
        """The keys of `client` that may have signed, those with this `kid` if it has any."""
        documents: list[object] = [client.jwks] if client.jwks else []
        if client.jwks_uri:
            remote = self._remote.setdefault(client.jwks_uri, _RemoteKeys(client.jwks_uri))
            documents.append(remote.document(kid))
        keys = [key for document in documents for key in _usable(document)]
        named = [key for key in keys if key.key_id == kid]
        return named or [key for key in keys if key.key_id is None or kid is None]


def _usable(document: object) -> list[jwt.PyJWK]:
    try:
        found = jwt.PyJWKSet.from_dict(cast("dict[str, object]", document))
    except (jwt.PyJWTError, AttributeError, TypeError):
        return []
    return list(found.keys)


class _RemoteKeys:
    """A JWK set at a URL of the client."""

    def __init__(self, uri: str) -> None:
        self._client = jwt.PyJWKClient(uri, cache_jwk_set=False, timeout=KEYS_TIMEOUT)
        self._uri = uri
        self._document: dict[str, object] = {"keys": []}
        self._next = 0.0
        self._stale = 0.0

    def document(self, kid: object) -> dict[str, object]:
        """The set, fetched again if it is old or does not have `kid`."""
        now = monotonic()
        keys = cast("list[dict[str, object]]", self._document["keys"])
        is_known = any(kid is None or key.get("kid") == kid for key in keys)
        if now >= self._next and (now >= self._stale or not is_known):
            self._next, self._stale = now + KEYS_PAUSE, now + KEYS_FRESH
            try:
                self._document = cast("dict[str, object]", self._client.fetch_data())
            except (jwt.PyJWTError, json.JSONDecodeError) as error:
                _log.warning("the keys at %s cannot be fetched: %s", self._uri, error)
        return self._document
