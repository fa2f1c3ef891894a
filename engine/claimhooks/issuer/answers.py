"""Answers of the token endpoint: RFC 6749 §5.1 and §5.2, or the documented system's dialect."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from pydantic_core import to_json
from starlette.responses import Response

from claimhooks.errors import OAuthError, rfc_text
from claimhooks.issuer.refusals import CHALLENGE, NotAuthenticated, Refusal

if TYPE_CHECKING:
    from claimhooks.exchange import Denial, Outcome

ErrorStyle = Literal["rfc6749", "auth0"]

NOT_STORED: Final = {"cache-control": "no-store", "pragma": "no-cache"}
"""RFC 6749 §5.1."""


def token(access_token: str, outcome: Outcome) -> Response:
    """The access token (RFC 6749 §5.1)."""
    body: dict[str, object] = {
        "access_token": access_token,
        "token_type": "Bearer",
        "expires_in": outcome.expires_in,
    }
    if outcome.scope:
        body["scope"] = " ".join(outcome.scope)
    return _json(200, body)


def denied(denial: Denial) -> Response:
    """What a hook's denial, or a fault, is answered with."""
    body = {"error": denial.error, "error_description": denial.error_description}
    return _json(denial.status, body)


def refused(error: OAuthError, style: ErrorStyle) -> Response:
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
    return _json(status, body, headers)


def _json(status: int, body: object, headers: dict[str, str] | None = None) -> Response:
    return Response(
        to_json(body), status, {**NOT_STORED, **(headers or {})}, media_type="application/json"
    )
