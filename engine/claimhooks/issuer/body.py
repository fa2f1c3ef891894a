"""Reading a request body, no more and no longer than is good."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, cast

from starlette.requests import ClientDisconnect

from claimhooks.issuer.refusals import TooLarge, TooSlow

if TYPE_CHECKING:
    from starlette.types import Receive

MAX_BODY: Final = 64 * 1024
"""Bytes. Client assertions are the largest things in a token request."""
PATIENCE: Final = 5.0
"""Seconds for a body to come."""


async def read(receive: Receive) -> bytes:
    """The whole body. Raises refusals, and ClientDisconnect if there is nobody any more."""
    # What `asyncio.timeout` does, which takes as long as three hooks.
    task = cast("asyncio.Task[bytes]", asyncio.current_task())
    timer = task.get_loop().call_later(PATIENCE, task.cancel, TooSlow)
    try:
        return await _whole(receive)
    except asyncio.CancelledError as error:
        if error.args != (TooSlow,):
            raise
        task.uncancel()
        raise TooSlow from None
    finally:
        timer.cancel()


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
