"""Connections: what is refused before there is a request to answer."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from claimhooks.errors import InvalidRequest, rfc_text
from claimhooks.serving.call import Answer

if TYPE_CHECKING:
    import asyncio

    from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

MAX_HEAD: Final = 32 * 1024
"""Bytes of a request before its body. Other servers take 8 to 64 KiB."""
MAX_HEADERS: Final = 100
PATIENCE: Final = 5.0
"""Seconds for the head of a request to come."""
TOO_LARGE: Final = "the headers of the request are too large"
NO_HOST: Final = "the request has no valid Host header, or more than one"
_HEADERS: Final = ((b"pragma", b"no-cache"), (b"connection", b"close"))
_HOST: Final = re.compile(rb"(?:\[[0-9A-Za-z:.]+\]|[0-9A-Za-z._~!$&'()*+,;=%-]*)(?::[0-9]*)?")
"""The value of a Host header (RFC 9110 §7.2, RFC 3986 §3.2.2)."""
_UPGRADE: Final = re.compile(rb"\r\nupgrade:", re.IGNORECASE)


class Connection(HttpToolsProtocol):
    """HTTP/1.1, with limits on the head of a request: its size, its headers and its time."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a request."""
        super().connection_made(transport)
        self._head = self._came = 0
        """Bytes: of the head that is not whole, and with what comes now."""
        self._host: list[bytes] = []
        """The latest that was valid."""
        self._awaits_head = True
        self._got_head = False
        self._reason: tuple[HTTPStatus, str] | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._begin_wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._end_wait()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what has come; a head that is whole at once, as usual, costs nothing more."""
        if self._awaits_head and _UPGRADE.search(data):
            # RFC 9110 §7.8: to be ignored. The parser would leave out the body instead.
            top, end, rest = data.partition(b"\r\n\r\n")
            data = _UPGRADE.sub(b"\r\nIgnored:", top) + end + rest
        self._got_head = False
        self._came = self._head + len(data)
        super().data_received(data)
        if self._got_head or not self._awaits_head or self.transport.is_closing():
            return
        self._head += len(data)
        if self._head > MAX_HEAD:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, TOO_LARGE)
        else:
            self._begin_wait()

    def on_headers_complete(self) -> None:
        """Start the request, unless its head is too large (RFC 6585 §5) or for no host."""
        self._end_wait()
        self._head, self._awaits_head, self._got_head = 0, False, True
        if self._is_too_large():
            self._reason = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, TOO_LARGE
        elif not self._has_host():
            self._reason = HTTPStatus.BAD_REQUEST, NO_HOST
        if self._reason is not None:
            raise ValueError("the parser hands this on as an error of its own")
        self.begin()
        # A trailer behind the body is no header (RFC 9110 §6.5.1).
        self.headers = []

    def begin(self) -> None:
        """Hand the request on, whose head is all right."""
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The next head may come."""
        self.expect_head()
        super().on_message_complete()

    def expect_head(self) -> None:
        """Take what comes next for the head of a request."""
        self._end_wait()
        self._awaits_head = True

    def on_response_complete(self) -> None:
        """Wait no longer than usual for the rest of what has been answered already."""
        super().on_response_complete()
        if self.cycle.more_body:
            self._begin_wait()

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

    def _expire(self) -> None:
        self._deadline = None
        before = cast("RequestResponseCycle | None", self.cycle)
        if before is not None and not before.response_complete:
            return
        if self._head:
            self._refuse(HTTPStatus.REQUEST_TIMEOUT, "the request did not arrive in time")
        else:
            self.transport.close()

    def _begin_wait(self) -> None:
        if self._deadline is None and not self.transport.is_closing():
            self._deadline = self.loop.call_later(PATIENCE, self._expire)

    def _end_wait(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _refuse(self, status: HTTPStatus, text: str) -> None:
        # In the form of all other refusals (RFC 6749 §5.2).
        document = {"error": InvalidRequest.error, "error_description": rfc_text(text)}
        answer = Answer.of_json(status, document, *_HEADERS)
        head = [b"HTTP/1.1 %d %s" % (status, status.phrase.encode())]
        head += [b"%s: %s" % header for header in answer.headers]
        self.transport.write(b"\r\n".join([*head, b"", answer.body]))
        self.transport.close()
