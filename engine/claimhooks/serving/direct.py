"""Requests that are answered past ASGI, whose way takes as long as ten hooks."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol, cast

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from claimhooks.serving.call import CLOSE, Call
from claimhooks.serving.connection import Connection

if TYPE_CHECKING:
    from asyncio import Task, Transport
    from collections.abc import Coroutine

    from claimhooks.serving.call import Answer
    from claimhooks.serving.events import Events

_log: Final = logging.getLogger(__name__)


STATE: Final = "claimhooks.direct"
"""The name of a :class:`Direct` in the state that the lifespan of an application yields."""


class Answering(Protocol):
    """Answers calls."""

    @property
    def events(self) -> Events:
        """Where each call is told: what is told of it is written before its answer is sent."""
        ...

    def answer(self, call: Call) -> Coroutine[Any, Any, Answer]:
        """The answer. Raises nothing."""
        ...


class Direct(NamedTuple):
    """What is answered past ASGI: a POST for `path`, if it comes in one piece."""

    path: bytes
    by: Answering


class DirectConnection(Connection):
    """Answers what the application wants it to. All else goes the usual way."""

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        """Begin to wait for a request."""
        self._direct: Direct = self.app_state[STATE]
        self._body: bytes | None = None
        super().connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """Take what has come; if the rest of a request is still to come, it goes the usual way."""
        super().data_received(data)
        if (body := self._body) is not None:
            self._body = None
            if not self.transport.is_closing():
                self.headers = self._headers
                super().begin()
                super().on_body(body)

    def begin(self) -> None:
        """Wait whether the request is already here as a whole."""
        parser = cast("Any", self.parser)
        if (
            self.url == self._direct.path
            and parser.get_method() == b"POST"
            and parser.get_http_version() == "1.1"
            and not self.expect_100_continue
            # Whether to believe a proxy is for uvicorn to decide.
            and b"x-forwarded-for" not in [name for name, _ in self.headers]
            # What is pipelined waits for its turn, which is the usual way.
            and self._under_way is None
            # So does what comes from somebody who does not take the answers.
            and not self.flow.write_paused
        ):
            self._body, self._headers, self.headers = b"", self.headers, []
        else:
            super().begin()

    def on_body(self, body: bytes) -> None:
        """Take a part of the body."""
        if self._body is None:
            super().on_body(body)
        else:
            self._body += body

    def on_message_complete(self) -> None:
        """Answer the request, if it is one of those."""
        body, self._body = self._body, None
        if body is None:
            super().on_message_complete()
            return
        exchange = _Exchange(is_kept=cast("Any", self.parser).should_keep_alive())
        self.cycle = cast("Any", exchange)
        self._part = "none"
        call = Call(self._headers, body, self.client[0] if self.client else None)
        exchange.task = self.loop.create_task(self._respond(exchange, call))
        self.tasks.add(exchange.task)

    async def _respond(self, exchange: _Exchange, call: Call) -> None:
        try:
            by = self._direct.by
            answer = await by.answer(call)
            if len(self.tasks) == 1:
                by.events.flush()
                self._send(exchange, answer)
            else:
                # A turn later: together with what is told of the others.
                self.loop.call_soon(self._send, exchange, answer)
        except Exception:  # noqa: BLE001 - it is logged, and nobody waits for this task
            self._give_up()
        finally:
            self.tasks.discard(exchange.task)

    def _send(self, exchange: _Exchange, answer: Answer) -> None:
        if self.transport.is_closing():
            return
        try:
            self._write(exchange, answer)
        except Exception:  # noqa: BLE001 - it is logged, and nobody waits for it
            self._give_up()

    def _give_up(self) -> None:
        _log.exception("a request cannot be answered")
        self.transport.close()

    def _write(self, exchange: _Exchange, answer: Answer) -> None:
        headers = [*self.server_state.default_headers, *answer.headers]
        if CLOSE in headers:
            exchange.keep_alive = False
        elif not exchange.keep_alive:
            headers.append(CLOSE)
        lines = [STATUS_LINE[answer.status]]
        for name, value in headers:
            lines += (name, b": ", value, b"\r\n")
        lines += (b"\r\n", answer.body)
        self.transport.write(b"".join(lines))
        exchange.response_complete = True
        self._since = self.loop.time()
        if not exchange.keep_alive:
            self.transport.close()
        if self.pipeline:
            self.on_response_complete()
        else:
            self.server_state.total_requests += 1


class _Exchange:
    """What uvicorn wants to know of a request that is being answered, and tells about it."""

    __slots__ = ("disconnected", "keep_alive", "response_complete", "task")

    more_body: Final = False
    message_event: Final = asyncio.Event()
    """Nobody waits for it."""
    task: Task[None]
    """What answers it."""

    def __init__(self, *, is_kept: bool) -> None:
        self.keep_alive = is_kept
        self.disconnected = False
        self.response_complete = False
