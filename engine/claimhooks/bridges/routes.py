"""The bridge as an ASGI application, to mount or to serve."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

from claimhooks.bridges.call import Call, CallerGone
from claimhooks.bridges.refusals import TooLarge, WrongMethod

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, MutableMapping

    from claimhooks.bridges.bridge import Bridge

    Scope = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
    Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

MAX_BODY: Final = 1024 * 1024
"""Bytes."""


class BridgeApp:
    """Answers every POST that it gets, wherever it is mounted, as long as its lifespan lasts."""

    def __init__(self, bridge: Bridge) -> None:
        self.bridge: Final = bridge

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        try:
            answer = await self.bridge.answer(_coming(scope, receive))
        except CallerGone:
            return
        await send(
            {"type": "http.response.start", "status": answer.status, "headers": answer.headers}
        )
        await send({"type": "http.response.body", "body": answer.body})

    @asynccontextmanager
    async def lifespan(self, _app: object = None) -> AsyncGenerator[None]:
        """Follows the registry meanwhile. To be the lifespan of the application around it."""
        await self.bridge.clients.start()
        try:
            yield
        finally:
            await self.bridge.clients.stop()


async def _coming(scope: Scope, receive: Receive) -> Call:
    """The call, once it is here as a whole. Raises WrongMethod, TooLarge and CallerGone."""
    if scope["method"] != "POST":
        raise WrongMethod
    body = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise CallerGone
        body += message.get("body", b"")
        if len(body) > MAX_BODY:
            raise TooLarge
        if not message.get("more_body", False):
            return Call(scope["headers"], body)
