"""Answers of the token endpoint: RFC 6749 §5.1 and §5.2, or the documented system's dialect."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from claimhooks.errors import OAuthError, rfc_text
from claimhooks.issuer.refusals import Refusal
from claimhooks.serving.call import NO_CACHE, Answer

if TYPE_CHECKING:
    from claimhooks.exchange import Denial, Outcome

ErrorStyle = Literal["rfc6749", "auth0"]


def token(access_token: str, outcome: Outcome) -> Answer:
    """The access token (RFC 6749 §5.1)."""
    body: dict[str, object] = {
        "access_token": access_token,
        "token_type": "Bearer",
        "expires_in": outcome.expires_in,
    }
    if outcome.scope:
        body["scope"] = " ".join(outcome.scope)
    return Answer.of_json(200, body, NO_CACHE)


def denied(denial: Denial) -> Answer:
    """What a hook's denial, or a fault, is answered with."""
    body = {"error": denial.error, "error_description": denial.error_description}
    return Answer.of_json(denial.status, body, NO_CACHE)


def refused(error: OAuthError, style: ErrorStyle) -> Answer:
    """What a refusal of the issuer is answered with."""
    status, body = error.status, {"error": error.error, "error_description": error.description}
    if style == "auth0" and isinstance(error, Refusal) and (other := error.auth0) is not None:
        status, body = other.status, {"error": other.error}
        body["error_description"] = other.description.format(error.about)
        if other.error_uri is not None:
            body["error_uri"] = other.error_uri
    body["error_description"] = rfc_text(body["error_description"])
    answer = Answer.of_json(status, body, NO_CACHE)
    return answer.with_headers(*error.headers) if isinstance(error, Refusal) else answer
