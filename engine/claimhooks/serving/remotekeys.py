"""Public keys at URLs (``jwks_uri``, RFC 7591 §2): fetched and remembered."""

from __future__ import annotations

import asyncio
import logging
from time import monotonic
from typing import TYPE_CHECKING, Final

import httpx2
import jwt
from pydantic_core import from_json

from claimhooks.errors import ClaimhooksError

if TYPE_CHECKING:
    from collections.abc import Sequence

FRESH: Final = 300.0
"""Seconds for which keys are used without asking again."""
PAUSE: Final = 30.0
"""Seconds between fetches: for a key that is not known, or after a failed one."""
OLDEST: Final = 3600.0
"""Seconds for which keys are used while they cannot be fetched."""
PATIENCE: Final = 3.0
"""Seconds that a fetch may take altogether."""
MAX_BYTES: Final = 256 * 1024

_log: Final = logging.getLogger(__name__)


class KeysUnavailable(ClaimhooksError):
    """The keys at a URL cannot be had now; trying again may help."""


class RemoteKeys:
    """The JWK set at one URL. For one event loop."""

    def __init__(self, uri: str) -> None:
        self._uri = uri
        self._keys: list[jwt.PyJWK] = []
        self._fetched = -OLDEST
        self._tried = -PAUSE
        self._fetching: asyncio.Task[None] | None = None

    async def keys(self, *, is_unknown: bool = False) -> Sequence[jwt.PyJWK]:
        """The keys; with `is_unknown`, those that may have come since, if it is time to ask.

        Raises :class:`KeysUnavailable` if none can be had.
        """
        now = monotonic()
        if is_unknown or now > self._fetched + FRESH:
            if self._fetching is None and now > self._tried + PAUSE:
                self._tried = now
                self._fetching = asyncio.create_task(self._fetch())
            # Whoever needs them waits for one fetch, which goes on if one can wait no longer.
            if self._fetching is not None:
                await asyncio.shield(self._fetching)
        if monotonic() > self._fetched + OLDEST:
            raise KeysUnavailable(f"the keys at {self._uri} cannot be had")
        return self._keys

    async def _fetch(self) -> None:
        try:
            async with asyncio.timeout(PATIENCE):
                document = from_json(await self._body())
            keys = jwt.PyJWKSet.from_dict(document).keys
        except Exception as error:  # noqa: BLE001 - it is somebody else's server and document
            reason = str(error) or type(error).__name__
            _log.warning("the keys at %s cannot be fetched: %s", self._uri, reason)
        else:
            self._keys, self._fetched = keys, monotonic()
        finally:
            self._fetching = None

    async def _body(self) -> bytes:
        # Redirects are not followed: the registry says where the keys are.
        async with (
            httpx2.AsyncClient(timeout=PATIENCE) as client,
            client.stream("GET", self._uri) as response,
        ):
            response.raise_for_status()
            body = b""
            async for part in response.aiter_bytes():
                body += part
                if len(body) > MAX_BYTES:
                    raise ValueError(f"more than {MAX_BYTES:,} bytes")
            return body
