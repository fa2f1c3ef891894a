"""Microsoft Entra's custom claims provider (``tokenIssuanceStart``).

Entra calls it for tokens of people alone, never for client credentials. Hooks that are written for
clients run over such a token only if the settings say so in plain words; they see the application
that the person uses as the client, and Entra tells no scopes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pydantic import Field

from claimhooks.bridges.caller import BearerJwt, keys_of
from claimhooks.bridges.capabilities import Capabilities, Unsupported
from claimhooks.bridges.peer import Asked, Lenient, Peer, parsed
from claimhooks.bridges.refusals import Malformed
from claimhooks.errors import LoadError, Problem, ServerError
from claimhooks.exchange import Client
from claimhooks.serving.call import Answer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from claimhooks.bridges.caller import Caller
    from claimhooks.bridges.effects import Effects
    from claimhooks.bridges.refusals import Refusal
    from claimhooks.exchange import Denial
    from claimhooks.serving.call import Call
    from claimhooks.settings import Settings

EVENT_TYPE: Final = "microsoft.graph.authenticationEvent.tokenIssuanceStart"
ENTRA: Final = "99045fe1-7639-4a75-9d4a-577b6ca3810f"
"""The application that Entra calls as: ``azp`` or, in version 1, ``appid`` of its JWT."""
MAX_BYTES: Final = 3072
"""What names and values of all claims may take."""
RESPONSE: Final = "microsoft.graph.onTokenIssuanceStartResponseData"
PROVIDE: Final = "microsoft.graph.tokenIssuanceStart.provideClaimsForToken"


class _Principal(Lenient):
    app_id: str = Field(alias="appId")
    name: str | None = Field(default=None, alias="displayName")


class _Caller(Lenient):
    ip: str | None = None


class _Context(Lenient):
    correlation_id: str | None = Field(default=None, alias="correlationId")
    client: _Caller = _Caller()
    application: _Principal = Field(alias="clientServicePrincipal")
    resource: _Principal | None = Field(default=None, alias="resourceServicePrincipal")


class _Data(Lenient):
    tenant: str | None = Field(default=None, alias="tenantId")
    context: _Context = Field(alias="authenticationContext")


class Message(Lenient):
    """What Entra sends."""

    type: str
    data: _Data


class Entra(Peer[Message]):
    """Microsoft Entra ID, External ID."""

    name = "entra"
    title = "Microsoft Entra"
    capabilities = Capabilities(
        add_claims=True,
        replace_claims=False,
        remove_claims=False,
        values="text",
        add_scopes=False,
        remove_scopes=False,
        audience=False,
        lifetime=False,
        denial_code=False,
        denial_text=False,
        notes=(
            "**Not called for client credentials**: only with `tokens_of_people = true`.",
            "A claim shows only if a claims mapping policy lists it.",
            "All claims take 3 KB at most.",
        ),
    )
    # Entra waits for between 0.2 and 2 s, by default 1.
    deadline = 0.8
    callers = ("jwt",)

    def caller(self, settings: Settings) -> Caller:
        """A JWT of Entra's own application. Raises :class:`~claimhooks.errors.LoadError`."""
        table = settings.of_bridge(self.name)
        if not table.tokens_of_people:
            reason = "[bridges.entra]: Entra calls no hook for client credentials"
            raise LoadError([Problem("bridge_of_people", settings.file, reason)])
        if table.jwt is None:
            return super().caller(settings)
        return BearerJwt(keys_of(table.jwt, settings), table.jwt, _refusal_of)

    def read(self, call: Call) -> Asked[Message]:
        """What Entra asks. Raises Malformed."""
        message = parsed(Message, call.body)
        if message.type != EVENT_TYPE:
            raise Malformed(f"the event {message.type[:100]!r} is not {EVENT_TYPE}")
        context = message.data.context
        application, resource = context.application, context.resource
        return Asked(
            message=message,
            client_id=application.app_id,
            call_id=context.correlation_id,
            audiences=() if resource is None else (resource.app_id,),
            ip=context.client.ip,
            client=Client(id=application.app_id, name=application.name, tenant=message.data.tenant),
        )

    def unsupported(self, asked: Asked[Message], effects: Effects) -> Iterator[Unsupported]:
        """Besides most of it, what is too much or empty."""
        yield from super().unsupported(asked, effects)
        size = 0
        for name, value in effects.claims.items():
            texts = value if isinstance(value, list) else [value]
            size += len(name.encode()) + sum(len(str(text).encode()) for text in texts)
            if not name:
                yield Unsupported("claim", name, "Entra takes no claim without a name")
            elif size > MAX_BYTES:
                yield Unsupported("claim", name, f"Entra takes {MAX_BYTES:,} bytes of claims")

    def granted(self, asked: Asked[Message], effects: Effects) -> Answer:
        """200 with the one action that there is."""
        del asked
        action = {"@odata.type": PROVIDE, "claims": effects.claims}
        return Answer.of_json(200, {"data": {"@odata.type": RESPONSE, "actions": [action]}})

    def passed(self) -> Answer:
        """200 without an action: never sent, as Entra does not tell the grant."""
        return Answer.of_json(200, {"data": {"@odata.type": RESPONSE, "actions": []}})

    def denied(self, denial: Denial) -> Answer:
        """500: the sign-in fails with a code of Entra's own."""
        return _error(500, denial.error, denial.error_description)

    def fault(self) -> Answer:
        """500, without internals."""
        return _error(500, ServerError.error, ServerError.default_description)

    def refused(self, refusal: Refusal) -> Answer:
        """The status of the refusal: Entra stops at any."""
        return _error(refusal.status, "invalid_request", refusal.text)


def _refusal_of(claims: Mapping[str, object]) -> str | None:
    if claims.get("azp", claims.get("appid")) != ENTRA:
        return "is not of Entra's own application"
    return None


def _error(status: int, code: str, text: str) -> Answer:
    return Answer.of_json(status, {"error": code, "error_description": text})


PEER: Final = Entra()
