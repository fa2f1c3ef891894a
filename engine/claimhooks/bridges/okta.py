"""Okta's token inline hook, of custom authorization servers.

Okta issues the token as it is whenever the hook fails: after an error status, no answer within
three seconds, or one operation in the list that it cannot follow. So every no is a 200 with an
``error``, and whatever Okta might stumble over is not sent at all.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs, urlsplit

from pydantic import Field, JsonValue

from claimhooks.bridges.capabilities import Capabilities, Unsupported
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
from claimhooks.claims import is_reserved
from claimhooks.errors import ServerError
from claimhooks.exchange import Client
from claimhooks.serving.call import Answer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from claimhooks.bridges.effects import Effects
    from claimhooks.bridges.refusals import Refusal
    from claimhooks.exchange import Denial
    from claimhooks.serving.call import Call

EVENT_TYPE: Final = "com.okta.oauth2.tokens.transform"
VERSIONS: Final = ("1.0",)
ACCESS_PATCH: Final = "com.okta.access.patch"
RESERVED: Final = frozenset({"as_uri", "rpt", "rsi", "username"})
"""Claim names that Okta lets no hook set, besides those that the policy refuses anyway."""
SHORTEST: Final = 300
LONGEST: Final = 86_400
"""Seconds between which Okta lets a lifetime be: what is shorter it would make longer."""
GRANTED: Final = "GRANT"
MAX_CLAIMS: Final = 3000
"""Okta takes less than 256 KB: these, of which all take 100 kB at most, and their paths."""
MAX_TEXT: Final = 1000
"""Characters of a denial's text that are told."""

PATH: Final = "its name has a character of which Okta does not say how it is written in a path"
OWN: Final = "the name is Okta's own"
MANY: Final = f"Okta's answers have {MAX_CLAIMS:,} claims at most"
RANGE: Final = f"Okta's tokens live between {SHORTEST} and {LONGEST} s"


class _Url(Lenient):
    value: str = ""


class _Request(Lenient):
    method: str | None = None
    url: _Url = _Url()
    ip: str | None = Field(default=None, alias="ipAddress")


class _OAuthRequest(Lenient):
    grant_type: str = Field(min_length=1)
    scope: str | None = None
    client_id: str | None = None


class _Issuer(Lenient):
    uri: str = ""


class _Client(Lenient):
    id: str
    name: str | None = None


class _Protocol(Lenient):
    request: _OAuthRequest
    issuer: _Issuer = _Issuer()
    client: _Client


class _Context(Lenient):
    request: _Request = _Request()
    protocol: _Protocol


class _Lifetime(Lenient):
    expiration: int | None = None


class _Token(Lenient):
    lifetime: _Lifetime = _Lifetime()


class _Scope(Lenient):
    action: str = GRANTED


class _Access(Lenient):
    claims: dict[str, JsonValue] = Field(default_factory=dict[str, JsonValue])
    token: _Token = _Token()
    lifetime: _Lifetime = _Lifetime()
    """Where Okta's prose has it; in its samples it is in `token`."""
    scopes: dict[str, _Scope]


class _Data(Lenient):
    context: _Context
    access: _Access


class Message(Lenient):
    """What Okta sends."""

    event_id: str | None = Field(default=None, alias="eventId")
    event_type: str = Field(alias="eventType")
    version: str = Field(alias="eventTypeVersion")
    data: _Data


class Okta(Peer[Message]):
    """Okta."""

    name = "okta"
    title = "Okta"
    capabilities = Capabilities(
        add_claims=True,
        replace_claims=True,
        remove_claims=True,
        values="nonnull",
        add_scopes=False,
        remove_scopes=False,
        audience=True,
        lifetime=True,
        denial_code=False,
        denial_text=True,
        notes=(
            "Claim names with `/` or `~` are refused: Okta does not say how they are written in a "
            "path, and issues the token unchanged if it cannot follow one. Use URNs.",
            "A lifetime is between 300 and 86,400 s.",
            "Every denial is `server_error` with the hook's text.",
        ),
    )
    # It waits for 3 s, and then issues the token.
    deadline = 2.3
    # It sends a header of the operator's choice as it is, which may be one of the usual ones.
    callers = ("api_key", "basic", "bearer", "jwt")

    def read(self, call: Call) -> Asked[Message] | Passed:
        """What Okta asks. Raises Malformed."""
        message = parsed(Message, call.body)
        if message.event_type != EVENT_TYPE:
            raise Malformed(f"the event {message.event_type[:100]!r} is not {EVENT_TYPE}")
        if message.version not in VERSIONS:
            raise Malformed(f"version {message.version[:20]!r} of the event is not known")
        context, access = message.data.context, message.data.access
        protocol, request = context.protocol, context.request
        if protocol.request.grant_type != CLIENT_CREDENTIALS:
            return Passed(f"the grant is {protocol.request.grant_type[:100]}")
        asked = protocol.request.scope
        return Asked(
            message=message,
            client_id=protocol.client.id,
            call_id=message.event_id,
            audiences=texts(access.claims.get("aud")),
            issuer=protocol.issuer.uri,
            scope=[name for name, one in access.scopes.items() if one.action == GRANTED],
            requested_scope=None if asked is None else asked.split(),
            # The only way in which a client can hand something on to hooks.
            params=parameters(_query(request.url.value)),
            ip=request.ip,
            client=Client(id=protocol.client.id, name=protocol.client.name),
            claims={name: value for name, value in access.claims.items() if not is_reserved(name)},
            lifetime=access.token.lifetime.expiration or access.lifetime.expiration,
        )

    def refusal_of_claim(self, name: str) -> str | None:
        """Names that would have Okta leave out the whole list of commands."""
        if not name or "/" in name or "~" in name:
            return PATH
        return OWN if name in RESERVED else None

    def unsupported(self, asked: Asked[Message], effects: Effects) -> Iterator[Unsupported]:
        """Besides scopes and names, lifetimes and lengths that would have it do so too."""
        yield from super().unsupported(asked, effects)
        for name in islice(effects.claims, MAX_CLAIMS, None):
            yield Unsupported("claim", name, MANY)
        lifetime = effects.lifetime
        if lifetime is not None and not SHORTEST <= lifetime <= LONGEST:
            yield Unsupported("lifetime", f"{lifetime} s", RANGE)

    def granted(self, asked: Asked[Message], effects: Effects) -> Answer:
        """200 with a command for the access token."""
        del asked
        if not effects:
            return self.passed()
        operations: list[dict[str, JsonValue]] = [
            {
                "op": "replace" if name in effects.replaced else "add",
                "path": f"/claims/{name}",
                "value": value,
            }
            for name, value in effects.claims.items()
        ]
        if effects.lifetime is not None:
            path = "/token/lifetime/expiration"
            operations.append({"op": "replace", "path": path, "value": effects.lifetime})
        command = {"type": ACCESS_PATCH, "value": operations}
        return Answer.of_json(200, {"commands": [command]})

    def passed(self) -> Answer:
        """204."""
        return Answer(204)

    def denied(self, denial: Denial) -> Answer:
        """200 with the text, which the client gets with `server_error`."""
        return _error(denial.error_description)

    def fault(self) -> Answer:
        """200 with a text without internals: after a 500, Okta would issue the token."""
        return _error(ServerError.default_description)

    def refused(self, refusal: Refusal) -> Answer:
        """The same, whatever the status of the refusal would be elsewhere."""
        return _error(refusal.text)


def _error(text: str) -> Answer:
    # Of an answer that is too long, Okta makes a token.
    return Answer.of_json(200, {"error": {"errorSummary": text[:MAX_TEXT]}})


def _query(url: str) -> dict[str, list[str]]:
    try:
        return parse_qs(urlsplit(url).query, errors="strict", max_num_fields=100)
    except ValueError:
        raise Malformed("the URL of the token request has a query that cannot be read") from None


PEER: Final = Okta()
