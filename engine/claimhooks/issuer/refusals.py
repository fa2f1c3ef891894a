"""Every way in which the issuer refuses a token request, in both dialects.

The classes carry the answer of RFC 6749 §5.2; `auth0` is what the documented system answered in
the same situation, for clients that were written for it (``error_style = "auth0"``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final, NamedTuple

from claimhooks.errors import (
    InvalidClient,
    InvalidRequest,
    InvalidScope,
    InvalidTarget,
    OAuthError,
    UnauthorizedClient,
    UnsupportedGrantType,
)
from claimhooks.serving.call import CLOSE

if TYPE_CHECKING:
    from claimhooks.serving.call import Headers

_CHALLENGE: Final = (b"www-authenticate", b'Basic realm="claimhooks", charset="UTF-8"')
"""RFC 7617 §2."""


class Auth0Answer(NamedTuple):
    """The other dialect. `description` may hold ``{}``, for what the refusal is about."""

    status: int
    error: str
    description: str
    error_uri: str | None = None


class Refusal(OAuthError):
    """A refusal of the issuer itself, before or after the hooks."""

    auth0: ClassVar[Auth0Answer | None] = None
    """None: the same answer in both dialects."""
    headers: Headers = ()
    """Of the answer, besides those that every answer has."""

    def __init__(self, description: str = "", about: str = "") -> None:
        """`about` is the audience or the scopes in question."""
        super().__init__(description)
        self.about = about


class NotAuthenticated(Refusal, InvalidClient):
    """Unknown client, wrong secret, bad assertion, disabled: all look the same from outside."""

    auth0 = Auth0Answer(401, "access_denied", "Unauthorized")

    def __init__(self, reason: str, *, by_basic: bool = False) -> None:
        """`reason` is for the log alone. `by_basic` asks for a challenge (RFC 6749 §5.2)."""
        super().__init__()
        self.reason = reason
        self.headers = (_CHALLENGE,) if by_basic else ()


class NoClient(Refusal, InvalidClient):
    """The request authenticates nobody."""

    default_description = "the request has no client authentication"
    auth0 = Auth0Answer(401, "invalid_client", "Missing client_id")


class Malformed(Refusal, InvalidRequest):
    """The request cannot be understood (RFC 6749 §5.2)."""


class WrongMethod(Malformed):
    """RFC 9110 §15.5.6."""

    status = 405
    default_description = "a token request is a POST"
    headers = ((b"allow", b"POST"),)


class TooLarge(Malformed):
    """RFC 9110 §15.5.14."""

    status = 413
    default_description = "the request body is too large"
    headers = (CLOSE,)


class TooSlow(Malformed):
    """RFC 9110 §15.5.9."""

    status = 408
    default_description = "the request body did not arrive in time"
    headers = (CLOSE,)


class NoGrantType(Malformed):
    """`grant_type` is missing."""

    default_description = "the parameter grant_type is missing"
    auth0 = Auth0Answer(400, "invalid_request", "Missing required parameter: grant_type")


class UnknownGrantType(Refusal, UnsupportedGrantType):
    """Only ``client_credentials`` is supported (RFC 6749 §4.4)."""

    default_description = "only the grant type client_credentials is supported"
    auth0 = Auth0Answer(400, "unsupported_grant_type", "Grant type not supported")


class GrantTypeNotAllowed(Refusal, UnauthorizedClient):
    """The registry does not allow this client this grant type."""

    default_description = "the client may not use the grant type client_credentials"
    auth0 = Auth0Answer(
        403,
        "unauthorized_client",
        "Grant type 'client_credentials' not allowed for the client.",
        "https://auth0.com/docs/clients/client-grant-types",
    )


class NoAudience(Malformed):
    """Neither `audience` nor `resource` (RFC 8707 §2) names an API."""

    default_description = "the parameter audience, or resource, is missing"
    auth0 = Auth0Answer(403, "access_denied", "Non-global clients are not allowed access to APIv1")


class SeveralTargets(Refusal, InvalidTarget):
    """More than one API is named, by `resource` or beside `audience` (RFC 8707 §2)."""

    default_description = "a token is for one API: name it once, as audience or resource"


class UnknownAudience(Refusal, InvalidTarget):
    """No API of the registry has this identifier (RFC 8707 §2)."""

    default_description = "there is no API with this audience"
    auth0 = Auth0Answer(403, "access_denied", "Service not found: {}")


class NoGrant(Refusal, UnauthorizedClient):
    """The client has no grant at this API."""

    default_description = "the client has no grant for this audience"
    auth0 = Auth0Answer(
        403,
        "access_denied",
        'Client is not authorized to access "{}". You need to create a "client-grant" associated '
        "to this API. See: https://auth0.com/docs/api/v2#!/Client_Grants/post_client_grants",
    )


class ScopeNotGranted(Refusal, InvalidScope):
    """The client asks for more than its grant has (RFC 6749 §3.3)."""

    default_description = "a requested scope has not been granted to the client"
    auth0 = Auth0Answer(403, "access_denied", "Client has not been granted scopes: {}")


class ScopeMalformed(Refusal, InvalidScope):
    """`scope` is not a list of scope tokens (RFC 6749 §3.3)."""

    default_description = "scope is not a list of scope tokens"


class QuotaExceeded(Refusal):
    """The client has had all the tokens of this hour or day (RFC 6585 §4)."""

    error = "too_many_requests"
    status = 429
    default_description = "the client has used up its quota of tokens"
    auth0 = Auth0Answer(429, "too_many_requests", "Client quota exceeded")

    def __init__(self, retry_after: int) -> None:
        """`retry_after` is in seconds."""
        super().__init__()
        self.headers = ((b"retry-after", b"%d" % retry_after),)


class Unavailable(Refusal):
    """The issuer is full, or its registry is gone for the moment (RFC 9110 §15.6.4)."""

    error = "temporarily_unavailable"
    status = 503
    default_description = "try again in a moment"
    headers = ((b"retry-after", b"1"),)

    def __init__(self, reason: str = "") -> None:
        """`reason` is for the log alone."""
        super().__init__()
        self.reason = reason or self.description


def catalogue(refusal: type[Refusal] = Refusal) -> list[type[Refusal]]:
    """All refusals, for documents that list them."""
    found = [refusal] if refusal is not Refusal else []
    for below in refusal.__subclasses__():
        found.extend(catalogue(below))
    return found
