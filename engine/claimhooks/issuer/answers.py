"""Answers of the token endpoint: RFC 6749 §5.1 and §5.2, or the documented system's dialect."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

from pydantic_core import to_json

from claimhooks.errors import OAuthError, rfc_text
from claimhooks.issuer.refusals import CHALLENGE, NotAuthenticated, Refusal

if TYPE_CHECKING:
    from starlette.types import Send

    from claimhooks.exchange import Denial, Outcome

ErrorStyle = Literal["rfc6749", "auth0"]

_HEADERS: Final = (
    (b"content-type", b"application/json"),
    # RFC 6749 §5.1.
    (b"cache-control", b"no-store"),
    (b"pragma", b"no-cache"),
)


@dataclass(slots=True)
class Answer:
    """A response, kept simpler than Starlette's: the token endpoint needs no more."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict[str, str])
    """Besides those that every answer has."""

    @property
    def raw_headers(self) -> list[tuple[bytes, bytes]]:
        """All headers, as ASGI has them."""
        own = [(name.encode(), value.encode("latin-1")) for name, value in self.headers.items()]
        return [*_HEADERS, (b"content-length", b"%d" % len(self.body)), *own]

    async def send(self, send: Send) -> None:
        """Send it as the answer of an ASGI application."""
        await send(
            {"type": "http.response.start", "status": self.status, "headers": self.raw_headers}
        )
        await send({"type": "http.response.body", "body": self.body})


def token(access_token: str, outcome: Outcome) -> Answer:
    """The access token (RFC 6749 §5.1)."""
    body: dict[str, object] = {
        "access_token": access_token,
        "token_type": "Bearer",
        "expires_in": outcome.expires_in,
    }
    if outcome.scope:
        body["scope"] = " ".join(outcome.scope)
    return Answer(200, to_json(body))


def denied(denial: Denial) -> Answer:
    """What a hook's denial, or a fault, is answered with."""
    body = {"error": denial.error, "error_description": denial.error_description}
    return Answer(denial.status, to_json(body))


def refused(error: OAuthError, style: ErrorStyle) -> Answer:
    """What a refusal of the issuer is answered with."""
    status, body = error.status, {"error": error.error, "error_description": error.description}
    if style == "auth0" and isinstance(error, Refusal) and (other := error.auth0) is not None:
        status, body = other.status, {"error": other.error}
        body["error_description"] = other.description.format(error.about)
        if other.error_uri is not None:
            body["error_uri"] = other.error_uri
    body["error_description"] = rfc_text(body["error_description"])
    headers: dict[str, str] = {}
    if isinstance(error, NotAuthenticated) and error.by_basic:
        headers["www-authenticate"] = CHALLENGE
    if isinstance(error, Refusal) and error.retry_after is not None:
        headers["retry-after"] = str(error.retry_after)
    if isinstance(error, Refusal) and error.ends_connection:
        headers["connection"] = "close"
    return Answer(status, to_json(body), headers)
