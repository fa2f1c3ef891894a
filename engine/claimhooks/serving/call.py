"""A request as a whole, and the answer to it: HTTP without a server."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from pydantic_core import to_json

from claimhooks.errors import ClaimhooksError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Headers = Sequence[tuple[bytes, bytes]]

CLOSE: Final = (b"connection", b"close")
"""The header that ends a connection with this answer (RFC 9112 §9.6)."""
NO_CACHE: Final = (b"pragma", b"no-cache")
"""RFC 6749 §5.1, beside ``Cache-Control: no-store``."""


@dataclass(slots=True)
class Call:
    """What came in."""

    headers: Headers
    """As ASGI has them: names in lower case."""
    body: bytes
    ip: str | None = None
    """Where it came from."""

    @classmethod
    def of(cls, headers: Mapping[str, str], body: bytes) -> Call:
        """A call with these headers."""
        raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        return cls(raw, body)

    def all(self, name: bytes) -> list[bytes]:
        """The values of the header `name`, in lower case."""
        return [value for key, value in self.headers if key == name]


@dataclass(slots=True)
class Answer:
    """What goes back."""

    status: int
    body: bytes = b""
    headers: Headers = field(default=())
    """All, with the length of the body, but for those that every answer of a server has."""

    def with_headers(self, *headers: tuple[bytes, bytes]) -> Answer:
        """The same, with more headers."""
        return Answer(self.status, self.body, (*self.headers, *headers))

    @classmethod
    def of_json(cls, status: int, document: object, *headers: tuple[bytes, bytes]) -> Answer:
        """A JSON document, with more headers, that nobody on its way may keep."""
        body = to_json(document)
        length = (b"content-length", b"%d" % len(body))
        return cls(status, body, (*_JSON_HEADERS, length, *headers))


_JSON_HEADERS: Final = ((b"content-type", b"application/json"), (b"cache-control", b"no-store"))


class CallerGone(ClaimhooksError):
    """Whoever called has hung up."""
