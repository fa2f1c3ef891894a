"""Reading a request body, no more and no longer than is good."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from starlette.requests import ClientDisconnect

from claimhooks.issuer.refusals import TooLarge, TooSlow
from claimhooks.serving.patience import within

if TYPE_CHECKING:
    from starlette.types import Receive

MAX_BODY: Final = 64 * 1024
"""Bytes. Client assertions are the largest things in a token request."""
PATIENCE: Final = 5.0
"""Seconds for a body to come."""


async def read(receive: Receive) -> bytes:
    """The whole body. Raises refusals, and ClientDisconnect if there is nobody any more."""
    try:
        return await within(PATIENCE, _whole(receive))
    except TimeoutError:
        raise TooSlow from None


async def _whole(receive: Receive) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        body += message.get("body", b"")
        if len(body) > MAX_BODY:
            raise TooLarge
        if not message.get("more_body", False):
            return bytes(body)
