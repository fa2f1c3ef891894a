"""Connections: what is refused before there is a request to answer."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, Literal, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from claimhooks.errors import InvalidRequest, rfc_text
from claimhooks.serving.call import CLOSE, NO_CACHE, Answer

if TYPE_CHECKING:
    import asyncio

    from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

MAX_HEAD: Final = 32 * 1024
"""Bytes of a request before its body. Other servers take 8 to 64 KiB."""
MAX_HEADERS: Final = 100
MAX_MESSAGE: Final = 8 * 1024 * 1024
"""Bytes of a request with what nobody reads: trailers, and what is around the chunks of a body."""
MAX_WAITING: Final = 100
"""Requests of a connection that may wait for those before them to be answered."""
PATIENCE: Final = 5.0
"""Seconds that we wait for a request, for the rest of its head, or for an answer to be taken."""
TOO_LARGE: Final = "the headers of the request are too large"
NO_HOST: Final = "the request has no valid Host header, or more than one"
_HOST: Final = re.compile(rb"(?:\[[0-9A-Za-z:.]+\]|[0-9A-Za-z._~!$&'()*+,;=%-]*)(?::[0-9]*)?")
"""The value of a Host header (RFC 9110 §7.2, RFC 3986 §3.2.2)."""
_UPGRADE: Final = re.compile(rb"\r\nupgrade:", re.IGNORECASE)
_TAIL: Final = len("\r\nupgrade")


class Connection(HttpToolsProtocol):
    """HTTP/1.1, with limits on the head of a request: its size, its headers and its time.

    One timer serves all requests of a connection: to start and to end one takes as long as a hook.
    """

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a request."""
        super().connection_made(transport)
        self._part: Literal["none", "head", "body"] = "none"
        """Of a request: what is to come next."""
        self._came = self._latest = self._head = 0
        """Bytes: of the request, at most; the latest of them; of its head alone, at least."""
        self._got_head = False
        self._tail = b""
        """The end of a head that is not whole."""
        self._host: list[bytes] = []
        """The latest that was valid."""
        self._reason: tuple[HTTPStatus, str] | None = None
        self._first: RequestResponseCycle | None = None
        """What is being answered while more waits behind it."""
        self._since = self.loop.time()
        """When we began to wait for the client."""
        self._timer = self.loop.call_later(PATIENCE, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting, and do not answer what uvicorn does not think of."""
        self._timer.cancel()
        if self._first is not None:
            self._first.disconnected = True
        super().connection_lost(exc)

    def eof_received(self) -> bool:  # type: ignore[override]
        """Answer whoever has sent a whole request, and will send no more. TLS cannot be so."""
        cycle = self._under_way
        if cycle is None or (cycle.more_body and not self.pipeline) or self.scheme == "https":
            return False
        cycle.keep_alive = False
        return True

    def pause_writing(self) -> None:
        """Wait until what has been sent is taken."""
        self._since = self.loop.time()
        super().pause_writing()

    def data_received(self, data: bytes) -> None:
        """Take what has come; a head that is whole at once, as usual, costs nothing more."""
        whole, start = self._tail + data if self._tail else data, len(self._tail)
        for found in _UPGRADE.finditer(whole):
            # RFC 9110 §7.8: to be ignored. The parser would leave out the body instead.
            colon = found.end() - 1
            self._take(whole[start:colon])
            start = colon
            if self._part == "head":
                self._take(b"-Ignored")
        self._take(whole[start:])

    def _take(self, data: bytes) -> None:
        if self._part == "body":
            # Those of trailers, which are no headers (RFC 9110 §6.5.1).
            self.headers = []
        self._latest = len(data)
        self._came += self._latest
        self._got_head = False
        super().data_received(data)
        if self._part == "none" or self.transport.is_closing():
            return
        if self._part == "body":
            if self._came > MAX_MESSAGE:
                self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "the request is too large")
            return
        if not self._head:
            self._since = self.loop.time()
        self._tail = (self._tail + data)[-_TAIL:]
        if not self._got_head:
            self._head += self._latest
            if self._head > MAX_HEAD:
                self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, TOO_LARGE)

    def on_message_begin(self) -> None:
        """Begin a head. There is no ASGI scope before one is needed: that costs as much again."""
        self.url, self.headers, self.expect_100_continue = b"", [], False
        self._part, self._came = "head", self._latest

    def on_headers_complete(self) -> None:
        """Start the request, unless its head is too large (RFC 6585 §5) or for no host."""
        self._head, self._tail, self._got_head = 0, b"", True
        if self._is_too_large():
            self._reason = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, TOO_LARGE
        elif not self._has_host():
            self._reason = HTTPStatus.BAD_REQUEST, NO_HOST
        if self._reason is not None:
            raise ValueError("the parser hands this on as an error of its own")
        self.begin()
        self._part = "body"

    def begin(self) -> None:
        """Hand the request on, whose head is all right."""
        if len(self.pipeline) >= MAX_WAITING:
            raise ValueError("the parser hands this on as an error of its own")
        if not self.pipeline:
            self._first = self.cycle
        url, headers, expects = self.url, self.headers, self.expect_100_continue
        super().on_message_begin()
        self.url, self.expect_100_continue = url, expects
        self.scope["headers"] = headers
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The next head may come."""
        self._part = "none"
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Answer what waits, or wait for the next request."""
        if self.pipeline:
            self._first = self.pipeline[-1][0]
        super().on_response_complete()
        self._unset_keepalive_if_required()
        self._since = self.loop.time()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP, in the form of every other refusal."""
        self._refuse(*(self._reason or (HTTPStatus.BAD_REQUEST, msg)))

    def _is_too_large(self) -> bool:
        """Whether the head is, which it cannot be if all that has come is not."""
        if len(self.headers) > MAX_HEADERS:
            return True
        if self._came <= MAX_HEAD:
            return False
        return (
            len(self.url) + sum(len(name) + len(value) for name, value in self.headers) > MAX_HEAD
        )

    def _has_host(self) -> bool:
        """Whether there is one Host header and it is valid (RFC 9112 §3.2)."""
        found = [value for name, value in self.headers if name == b"host"]
        if not found:
            # There is a parser: it calls this.
            version = self.parser.get_http_version()  # pyright: ignore[reportOptionalMemberAccess]
            return version != "1.1"
        if found != self._host:
            if len(found) > 1 or _HOST.fullmatch(found[0].strip()) is None:
                return False
            self._host = found
        return True

    @property
    def _under_way(self) -> RequestResponseCycle | None:
        """The latest request, unless it has been answered."""
        cycle = cast("RequestResponseCycle | None", self.cycle)
        return None if cycle is None or cycle.response_complete else cycle

    def _look(self) -> None:
        """End a connection that has kept us waiting for too long; look again otherwise."""
        left = self._since + PATIENCE - self.loop.time()
        if left <= 0:
            left = PATIENCE
            if self.transport.is_closing() or self.flow.write_paused:
                self.transport.abort()
            elif self._under_way is None and self._part == "head":
                self._refuse(HTTPStatus.REQUEST_TIMEOUT, "the request did not arrive in time")
            elif self._under_way is None:
                self.transport.close()
        self._timer = self.loop.call_later(left, self._look)

    def _refuse(self, status: HTTPStatus, text: str) -> None:
        if self.transport.is_closing():
            return
        cycle = self._under_way
        if cycle is not None and (self._part != "body" or self.pipeline):
            # What came before is answered first, and is the last (RFC 9112 §9.6).
            cycle.keep_alive = False
            # For good: what `flow` does not know of, it does not resume.
            self.flow.read_paused = False
            self.transport.pause_reading()
            return
        # In the form of all other refusals (RFC 6749 §5.2).
        document = {"error": InvalidRequest.error, "error_description": rfc_text(text)}
        answer = Answer.of_json(status, document, NO_CACHE, CLOSE)
        head = [b"HTTP/1.1 %d %s" % (status, status.phrase.encode())]
        head += [b"%s: %s" % header for header in answer.headers]
        self._since = self.loop.time()
        self.transport.write(b"\r\n".join([*head, b"", answer.body]))
        self.transport.close()
