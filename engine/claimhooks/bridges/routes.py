"""The bridge as an ASGI application, to mount or to serve."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from claimhooks.bridges.refusals import TooLarge, WrongMethod
from claimhooks.serving.asgi import reply, whole_body
from claimhooks.serving.call import Call, CallerGone

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from claimhooks.bridges.bridge import Bridge
    from claimhooks.serving.asgi import Receive, Scope, Send

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
        await reply(answer, send)

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
    return Call(scope["headers"], await whole_body(receive, MAX_BODY, TooLarge))
