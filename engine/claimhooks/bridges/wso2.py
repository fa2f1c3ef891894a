"""WSO2 Identity Server's and Asgardeo's action "pre-issue access token".

The answer is a list of operations on the token. WSO2 skips one that is not allowed or not valid and
does the others, so each is looked at here before: with which path it would be asked, whether the
call allows that, and whether WSO2 can follow it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Final, NamedTuple, cast

from pydantic import BeforeValidator, Field, JsonValue

from claimhooks.bridges.capabilities import Capabilities, Effect, Unsupported
from claimhooks.bridges.peer import (
    CLIENT_CREDENTIALS,
    Asked,
    Lenient,
    Passed,
    Peer,
    parameters,
    parsed,
    texts,
)
from claimhooks.bridges.refusals import Malformed
from claimhooks.errors import ServerError
from claimhooks.exchange import CREDENTIAL_HEADERS, Client
from claimhooks.serving.call import Answer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from claimhooks.bridges.effects import Effects
    from claimhooks.bridges.refusals import Refusal
    from claimhooks.exchange import Denial
    from claimhooks.serving.call import Call

ACTION: Final = "PRE_ISSUE_ACCESS_TOKEN"
CLAIMS: Final = "/accessToken/claims/"
SCOPES: Final = "/accessToken/scopes/"
LIFETIME: Final = f"{CLAIMS}expires_in"

SERVER_ERRORS: Final = frozenset({"server_error", "internal_server_error", "500"})
"""Codes that WSO2 does not take for a denial."""
STATUSES: Final = frozenset({401, 503})
"""Of refusals, besides 400: WSO2 asks again after 503."""

_is_version: Final = re.compile(r"v?1(\.\d+)?").fullmatch


def _pairs(value: object) -> object:
    """Names and values, whether they come as a list of pairs or as an object."""
    if not isinstance(value, dict):
        return value
    pairs = cast("dict[str, object]", value)
    return [{"name": name, "value": values} for name, values in pairs.items()]


class _Pair(Lenient):
    name: str
    value: list[str]


Pairs = Annotated[list[_Pair], BeforeValidator(_pairs)]


class _Request(Lenient):
    client_id: str = Field(alias="clientId")
    grant_type: str = Field(alias="grantType", min_length=1)
    scopes: list[str] | None = None
    headers: Pairs | None = Field(default=None, alias="additionalHeaders")
    params: Pairs | None = Field(default=None, alias="additionalParams")


class _Claim(Lenient):
    name: str
    value: JsonValue = None


class _Token(Lenient):
    scopes: list[str] | None = None
    claims: list[_Claim] | None = None


class _Tenant(Lenient):
    name: str | None = None


class _Event(Lenient):
    request: _Request
    tenant: _Tenant = _Tenant()
    token: _Token = Field(alias="accessToken")


class _Allowed(Lenient):
    op: str
    paths: list[str] | None = None


class Message(Lenient):
    """What WSO2 sends."""

    request_id: str | None = Field(default=None, alias="requestId")
    action: str = Field(alias="actionType")
    event: _Event
    allowed: list[_Allowed] | None = Field(default=None, alias="allowedOperations")

    def allows(self, op: str, path: str) -> bool:
        """Whether WSO2 would do the operation: a path itself is named, or all that is below one."""
        around = path[: path.rfind("/") + 1]
        return any(
            allowed.op == op and (path in allowed.paths or around in allowed.paths)
            for allowed in self.allowed or ()
            if allowed.paths is not None
        )


class Wso2(Peer[Message]):
    """WSO2 Identity Server 7, Asgardeo."""

    name = "wso2"
    title = "WSO2 / Asgardeo"
    capabilities = Capabilities(
        add_claims=True,
        replace_claims=True,
        remove_claims=True,
        values="flat",
        add_scopes=True,
        remove_scopes=True,
        audience=True,
        lifetime=True,
        denial_code=True,
        denial_text=True,
        notes=(
            "All of it as far as the `allowedOperations` of the call say so.",
            "A claim that the token has already can be replaced only if its name has no `/`.",
            "A denial with `server_error` is told as WSO2's own error, without the text.",
        ),
    )
    # It waits for 5 s.
    deadline = 4.0
    callers = ("api_key", "basic", "bearer", "jwt")

    def read(self, call: Call) -> Asked[Message] | Passed:
        """What WSO2 asks. Raises Malformed."""
        for version in call.all(b"x-wso2-api-version"):
            if not _is_version(shown := version.decode("latin-1")[:20]):
                raise Malformed(f"version {shown!r} of the API is not known")
        message = parsed(Message, call.body)
        if message.action != ACTION:
            raise Malformed(f"the action {message.action[:100]!r} is not {ACTION}")
        request, token = message.event.request, message.event.token
        if request.grant_type != CLIENT_CREDENTIALS:
            return Passed(f"the grant is {request.grant_type[:100]}")
        claims = {claim.name: claim.value for claim in token.claims or ()}
        return Asked(
            message=message,
            client_id=request.client_id,
            call_id=message.request_id,
            audiences=texts(claims.get("aud")),
            issuer=str(claims.get("iss") or ""),
            scope=token.scopes or (),
            requested_scope=request.scopes,
            params=parameters({one.name: one.value for one in request.params or ()}),
            headers=_headers(request.headers or ()),
            client=Client(id=request.client_id, tenant=message.event.tenant.name),
            claims=claims,
            lifetime=_lifetime(claims.get("expires_in")),
        )

    def refusal_of_claim(self, name: str) -> str | None:
        """WSO2 has its own place for scopes."""
        return "WSO2 takes no claim of this name" if name.lower() == "scope" else None

    def unsupported(self, asked: Asked[Message], effects: Effects) -> Iterator[Unsupported]:
        """What WSO2 would skip."""
        yield from super().unsupported(asked, effects)
        for operation in _operations(asked, effects):
            if (reason := _why_not(operation, asked)) is not None:
                yield Unsupported(operation.effect, operation.name, reason)

    def granted(self, asked: Asked[Message], effects: Effects) -> Answer:
        """SUCCESS, with an operation for each effect."""
        operations = [operation.document() for operation in _operations(asked, effects)]
        return Answer.of_json(200, {"actionStatus": "SUCCESS", "operations": operations})

    def passed(self) -> Answer:
        """SUCCESS, without operations."""
        return Answer.of_json(200, {"actionStatus": "SUCCESS", "operations": []})

    def denied(self, denial: Denial) -> Answer:
        """FAILED, with the code and the text that the OAuth client is to get."""
        if denial.error in SERVER_ERRORS:
            return _error(500, denial.error, denial.error_description)
        return Answer.of_json(
            200,
            {
                "actionStatus": "FAILED",
                "failureReason": denial.error,
                "failureDescription": denial.error_description,
            },
        )

    def fault(self) -> Answer:
        """ERROR: of this form, WSO2 does not ask again."""
        return _error(500, ServerError.error, ServerError.default_description)

    def refused(self, refusal: Refusal) -> Answer:
        """ERROR, which the OAuth client gets as `server_error`."""
        status = refusal.status if refusal.status in STATUSES else 400
        return _error(status, "invalid_request", refusal.text)


def _error(status: int, message: str, description: str) -> Answer:
    document = {
        "actionStatus": "ERROR",
        "errorMessage": message,
        "errorDescription": description,
    }
    return Answer.of_json(status, document)


def _headers(pairs: Sequence[_Pair]) -> dict[str, str]:
    found = {one.name.lower(): ", ".join(one.value) for one in pairs}
    return {name: value for name, value in found.items() if name not in CREDENTIAL_HEADERS}


def _lifetime(expires_in: JsonValue) -> int | None:
    """Raises Malformed: with a lifetime that cannot be read, none can be shortened."""
    if expires_in is None:
        return None
    try:
        seconds = int(str(expires_in))
    except ValueError:
        seconds = 0
    if not 0 < seconds <= 2**31:
        raise Malformed("the claim expires_in is no number of seconds")
    return seconds


class _Operation(NamedTuple):
    """A change of the token, as WSO2 does it."""

    effect: Effect
    name: str
    op: str
    path: str
    value: JsonValue = None
    """None: there is none to be told."""

    def document(self) -> dict[str, JsonValue]:
        """As it is sent."""
        value = {} if self.value is None else {"value": self.value}
        return {"op": self.op, "path": self.path, **value}


def _operations(asked: Asked[Message], effects: Effects) -> Iterator[_Operation]:
    for name, value in effects.claims.items():
        if name in effects.replaced:
            yield _Operation("claim", name, "replace", f"{CLAIMS}{name}", value)
        else:
            yield _Operation("claim", name, "add", f"{CLAIMS}-", {"name": name, "value": value})
    for token in effects.scopes_added:
        yield _Operation("scope added", token, "add", f"{SCOPES}-", token)
    # Indexes are those of the call's own list, whatever has been removed meanwhile.
    for index, token in enumerate(asked.scope):
        if token in effects.scopes_removed:
            yield _Operation("scope removed", token, "remove", f"{SCOPES}{index}")
    if (seconds := effects.lifetime) is not None:
        yield _Operation("lifetime", f"{seconds} s", "replace", LIFETIME, seconds)


def _why_not(operation: _Operation, asked: Asked[Message]) -> str | None:
    """Why WSO2 would skip `operation`; None: it would not."""
    effect, name, op, path, _ = operation
    if effect == "claim" and op == "add" and not asked.claims:
        return "WSO2 adds no claim to a token that it has told no claims of"
    if effect == "claim" and op == "replace" and _is_misread(name):
        return "WSO2 cannot replace a claim of this name"
    if not asked.message.allows(op, path):
        return f"the call does not allow to {op} {path}"
    return None


def _is_misread(name: str) -> bool:
    # WSO2 takes what is behind the last / for the name, unless it is a number, which it takes for
    # an index; and whatever begins so for the audience.
    return "/" in name or name.isdecimal() or name.startswith("aud")


PEER: Final = Wso2()
