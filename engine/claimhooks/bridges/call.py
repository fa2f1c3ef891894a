"""A call of a peer, and the answer to it: HTTP without a server."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from pydantic_core import to_json

from claimhooks.bridges.refusals import NotAuthenticated, WrongType
from claimhooks.errors import ClaimhooksError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

JSON: Final = "application/json"

_JSON_HEADERS: Final = ((b"content-type", b"application/json"), (b"cache-control", b"no-store"))


@dataclass(slots=True)
class Call:
    """What came in."""

    headers: Sequence[tuple[bytes, bytes]]
    """As ASGI has them: names in lower case."""
    body: bytes

    @classmethod
    def of(cls, headers: Mapping[str, str], body: bytes) -> Call:
        """A call with these headers."""
        raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        return cls(raw, body)

    def all(self, name: bytes) -> list[bytes]:
        """The values of the header `name`, in lower case."""
        return [value for key, value in self.headers if key == name]

    def one(self, name: bytes) -> bytes | None:
        """The value of a header that proves something. Raises NotAuthenticated for two of them."""
        values = self.all(name)
        if len(values) > 1:
            raise NotAuthenticated(f"the header {name.decode('latin-1')} is there more than once")
        return values[0] if values else None

    def require_json(self) -> None:
        """Raise WrongType unless the body is said to be JSON."""
        for value in self.all(b"content-type"):
            if value.partition(b";")[0].strip().lower() == JSON.encode():
                return
        raise WrongType


@dataclass(slots=True)
class Answer:
    """What goes back."""

    status: int
    body: bytes = b""
    headers: Sequence[tuple[bytes, bytes]] = field(default=())

    def with_headers(self, *headers: tuple[bytes, bytes]) -> Answer:
        """The same, with more headers."""
        return Answer(self.status, self.body, (*self.headers, *headers))

    @classmethod
    def of_json(cls, status: int, document: object) -> Answer:
        """A JSON document."""
        body = to_json(document)
        length = (b"content-length", b"%d" % len(body))
        return cls(status, body, (*_JSON_HEADERS, length))


class CallerGone(ClaimhooksError):
    """Whoever called has hung up."""
