"""From ASGI to a call, and from an answer back to ASGI."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from claimhooks.serving.call import CallerGone

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    from claimhooks.errors import ClaimhooksError
    from claimhooks.serving.call import Answer

    Scope = MutableMapping[str, Any]
    Message = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]


async def whole_body(receive: Receive, limit: int, too_large: type[ClaimhooksError]) -> bytes:
    """The body of a request. Raises CallerGone, and `too_large` if it exceeds `limit` bytes."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise CallerGone
        body += message.get("body", b"")
        if len(body) > limit:
            raise too_large
        if not message.get("more_body", False):
            return bytes(body)


async def reply(answer: Answer, send: Send) -> None:
    """Send `answer`, a turn later: what has been logged of it is written first."""
    await asyncio.sleep(0)
    await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
    await send({"type": "http.response.body", "body": answer.body})
