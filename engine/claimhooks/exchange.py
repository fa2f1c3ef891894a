"""The data of the chain: the exchange that goes in, the outcome and its trace that come out.

What comes from outside is validated by strict, frozen pydantic models. What the chain itself
makes is a plain dataclass, cheap to build, that pydantic writes to and reads from JSON.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Final, Literal

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    StringConstraints,
    TypeAdapter,
    field_validator,
    model_validator,
)
from pydantic_core import to_json

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_TOKEN_LIFETIME: Final = 86_400
"""Seconds."""

CREDENTIALS: Final = frozenset(
    {
        *("client_secret", "client_assertion", "password", "refresh_token", "code"),
        *("assertion", "subject_token", "actor_token", "device_code", "code_verifier"),
    }
)
"""Request parameters that authenticate somebody: they never reach an exchange.

Also those of other grants (RFC 7521, 8693, 8628, 7636), which a client may send by mistake.
"""

_NOT_FOR_HOOKS: Final = CREDENTIALS | {"client_assertion_type"}

CREDENTIAL_HEADERS: Final = frozenset({"authorization", "cookie", "proxy-authorization"})

NAME_CHARACTERS: Final = r"^[^\x00-\x1f\x7f]+$"

Name = Annotated[str, StringConstraints(pattern=NAME_CHARACTERS, max_length=2048)]
"""A name or URI: text on one line."""

Text = Annotated[str, StringConstraints(min_length=0)]
"""Text without lone surrogates: the constraint is what makes pydantic look for them."""

SCOPE_SYNTAX: Final = r"^[\x21\x23-\x5B\x5D-\x7E]+$"
ScopeToken = Annotated[str, StringConstraints(pattern=SCOPE_SYNTAX)]
"""One scope token (RFC 6749 §3.3)."""

Scopes = Annotated[tuple[ScopeToken, ...], Field(strict=False)]
"""Any sequence of scope tokens, kept as a tuple."""

Patch = dict[str, JsonValue]
"""What one hook answers: ``scope``, ``expires_in`` and custom claims."""


def _encodable(table: dict[str, JsonValue]) -> dict[str, JsonValue]:
    try:
        to_json(table)
    except ValueError:
        raise ValueError("text with a lone surrogate, which UTF-8 cannot write") from None
    return table


def without_credentials(params: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """`params` of a token request as hooks may see them."""
    return {name: value for name, value in params.items() if name not in _NOT_FOR_HOOKS}


def _parameters(params: dict[str, JsonValue]) -> dict[str, JsonValue]:
    if not CREDENTIALS.isdisjoint(params):
        found = CREDENTIALS & params.keys()
        raise ValueError(f"must not hold credentials: {', '.join(sorted(found))}")
    return _encodable(params)


Table = Annotated[dict[str, JsonValue], AfterValidator(_encodable)]
"""A JSON object that can be written as UTF-8 (RFC 7493 §2.1)."""


class _Input(BaseModel):
    model_config = ConfigDict(
        frozen=True, strict=True, extra="forbid", ser_json_inf_nan="constants"
    )


class Client(_Input):
    """The authenticated client (RFC 6749 §2)."""

    id: Name
    name: Text | None = None
    tenant: Text | None = None
    metadata: Table = Field(default_factory=dict[str, JsonValue])


class Api(_Input):
    """The resource server that the token is for. `token_lifetime` is in seconds."""

    identifier: Name
    name: Text | None = None
    scopes: Scopes = ()
    token_lifetime: int = Field(default=DEFAULT_TOKEN_LIFETIME, gt=0, le=2**31)


class RequestContext(_Input):
    """What the token request said, without its credentials."""

    params: Annotated[dict[str, JsonValue], AfterValidator(_parameters)] = Field(
        default_factory=dict[str, JsonValue]
    )
    headers: dict[Text, Text] = Field(default_factory=dict[Text, Text])
    """Only those that the issuer allows; names in lower case."""
    ip: Text | None = None
    method: Text = "POST"
    requested_scope: Scopes | None = None
    auth_method: Text | None = None
    """How the client authenticated, as RFC 7591 §2 names it: ``client_secret_basic``, …"""

    @field_validator("headers")
    @classmethod
    def _without_credential_headers(cls, headers: dict[str, str]) -> dict[str, str]:
        if not headers:
            return headers
        names = {name.lower(): value for name, value in headers.items()}
        if found := CREDENTIAL_HEADERS & names.keys():
            raise ValueError(f"must not hold credentials: {', '.join(sorted(found))}")
        return names


class Exchange(_Input):
    """One client-credentials request (RFC 6749 §4.4), authenticated and granted."""

    client: Client
    audience: Name
    scope: Scopes
    """The scopes granted to this request."""
    grant: Scopes | None = None
    """All scopes of the client's grant at this API; None: just `scope`."""
    api: Api | None = None
    """None: an API that defines no scopes, with the default lifetime."""
    request: RequestContext = Field(default_factory=RequestContext)
    now: AwareDatetime | None = Field(default=None, strict=False)
    """What hooks see as `context.now`; None: the time at which the chain starts."""

    @model_validator(mode="after")
    def _api_is_the_audience(self) -> Exchange:
        if self.api is not None and self.api.identifier != self.audience:
            raise ValueError(
                f"api.identifier {self.api.identifier!r} is not the audience {self.audience!r}"
            )
        return self


@dataclass(slots=True)
class Refused:
    """A part of a patch that the policy did not allow. `code` is one of `errors.REFUSALS`."""

    name: str
    code: str
    reason: str


@dataclass(slots=True)
class HookError:
    """How a hook ended the chain, or would have: a fault or a denial, and where it was raised."""

    code: str
    """One of `errors.FAULTS`, or for a denial its OAuth error code."""
    reason: str
    file: str
    line: int | None = None
    traceback: str | None = None


@dataclass(slots=True)
class TraceEntry:
    """What one hook did, in `micros` microseconds. Secrets are redacted."""

    hook: str
    file: str
    micros: float
    patch: Patch | None
    """What it asked for; a value that is not JSON is described in angle brackets."""
    applied: Patch
    """The part of the patch that took effect."""
    refused: list[Refused]
    error: HookError | None = None
    skipped: str | None = None
    """Why its effects were left out: its `match`, or a fault under ``on_error = "skip"``."""


@dataclass(slots=True)
class Denial:
    """The OAuth error response (RFC 6749 §5.2) and its HTTP status."""

    error: str
    error_description: str
    status: int


@dataclass(slots=True)
class Outcome:
    """The end of the chain.

    ``granted`` has `scope`, custom `claims` and `expires_in` (seconds); ``denied`` (a hook said
    no) and ``fault`` (a hook failed, or the policy refused) have `error` and nothing to sign.
    """

    status: Literal["granted", "denied", "fault"]
    generation: str
    """The digest of the hooks that ran."""
    scope: list[str]
    claims: dict[str, JsonValue]
    expires_in: int | None
    error: Denial | None
    trace: list[TraceEntry]
    warnings: list[str]
    revision: int | None = None
    """Of the bundle that the hooks came in, if they did."""

    def to_json(self) -> bytes:
        """This outcome as a JSON object."""
        return _OUTCOME.dump_json(self)

    @classmethod
    def from_json(cls, data: str | bytes) -> Outcome:
        """The outcome that :meth:`to_json` wrote. Raises pydantic's ValidationError."""
        return _OUTCOME.validate_json(data)


_OUTCOME: Final = TypeAdapter(Outcome)
