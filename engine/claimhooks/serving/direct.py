"""Requests that are answered past ASGI, whose way takes as long as ten hooks."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

from claimhooks.serving.call import Call
from claimhooks.serving.connection import Connection

if TYPE_CHECKING:
    from asyncio import Task, TimerHandle, Transport
    from collections.abc import Callable, Coroutine

    from claimhooks.serving.call import Answer

_STATUS_LINES: Final = {
    status.value: b"HTTP/1.1 %d %s\r\n" % (status, status.phrase.encode()) for status in HTTPStatus
}
_log: Final = logging.getLogger(__name__)


STATE: Final = "claimhooks.direct"
"""The name of a :class:`Direct` in the state that the lifespan of an application yields."""


class Direct(NamedTuple):
    """What is answered past ASGI: a POST for `path`, if it comes in one piece."""

    path: bytes
    answer: Callable[[Call], Coroutine[Any, Any, Answer]]
    """Raises nothing."""


class DirectConnection(Connection):
    """Answers what the application wants it to. All else goes the usual way."""

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        """Begin to wait for a request."""
        self._direct: Direct = self.app_state[STATE]
        self._body: bytes | None = None
        self._rest_timer: TimerHandle | None = None
        self._rests_since = 0.0
        super().connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        if self._rest_timer is not None:
            self._rest_timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what has come; if the rest of a request is still to come, it goes the usual way."""
        super().data_received(data)
        if (body := self._body) is not None:
            self._body = None
            if not self.transport.is_closing():
                self.headers = self._headers
                self._begin_usually()
                super().on_body(body)

    def on_message_begin(self) -> None:
        """Make no ASGI scope before it is needed: it takes as long as the parsing."""
        self.url, self.headers, self.expect_100_continue = b"", [], False

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
            and (self._exchange is None or self._exchange.response_complete)
        ):
            self._body, self._headers = b"", self.headers
        else:
            self._begin_usually()

    def _begin_usually(self) -> None:
        url, headers, expects = self.url, self.headers, self.expect_100_continue
        super().on_message_begin()
        self.url, self.expect_100_continue = url, expects
        self.scope["headers"] = headers
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
        self.expect_head()
        call = Call(self._headers, body, self.client[0] if self.client else None)
        exchange.task = self.loop.create_task(self._respond(exchange, call))
        self.tasks.add(exchange.task)

    @property
    def _exchange(self) -> _Exchange | None:
        return cast("_Exchange | None", self.cycle)

    async def _respond(self, exchange: _Exchange, call: Call) -> None:
        try:
            answer = await self._direct.answer(call)
            # A turn later: what has been logged of it is written first.
            self.loop.call_soon(self._send, exchange, answer)
        except Exception:  # noqa: BLE001 - it is logged, and nobody waits for this task
            _log.exception("a request cannot be answered")
            self.transport.close()
        finally:
            self.tasks.discard(exchange.task)

    def _send(self, exchange: _Exchange, answer: Answer) -> None:
        if exchange.disconnected:
            return
        is_kept = exchange.keep_alive and (b"connection", b"close") not in answer.headers
        lines = [_STATUS_LINES[answer.status]]
        for name, value in (*self.server_state.default_headers, *answer.headers):
            lines += (name, b": ", value, b"\r\n")
        lines += (b"\r\n" if is_kept else b"connection: close\r\n\r\n", answer.body)
        self.transport.write(b"".join(lines))
        exchange.response_complete = True
        if not is_kept:
            self.transport.close()
        if self.pipeline:
            self.on_response_complete()
        else:
            self.server_state.total_requests += 1
            self._rest()

    def _rest(self) -> None:
        """Wait for another request, with one timer for many: each takes as long as a hook."""
        self._rests_since = self.loop.time()
        if self._rest_timer is None:
            self._rest_timer = self.loop.call_later(self.timeout_keep_alive, self._end_rest)

    def _end_rest(self) -> None:
        self._rest_timer = None
        if self._head or not self._awaits_head or not self.cycle.response_complete:
            return
        left = self._rests_since + self.timeout_keep_alive - self.loop.time()
        if left > 0:
            self._rest_timer = self.loop.call_later(left, self._end_rest)
        else:
            self.transport.close()


class _Exchange:
    """What uvicorn wants to know of a request that is being answered, and tells about it."""

    __slots__ = (
        "disconnected",
        "keep_alive",
        "message_event",
        "more_body",
        "response_complete",
        "task",
    )

    task: Task[None]
    """What answers it."""

    def __init__(self, *, is_kept: bool) -> None:
        self.keep_alive = is_kept
        self.more_body = False
        self.disconnected = False
        self.response_complete = False
        self.message_event = _NOBODY_WAITS


class _Nobody:
    """Stands for an event that nobody waits for."""

    def set(self) -> None:
        """Nothing to wake."""


_NOBODY_WAITS: Final = _Nobody()
