"""AWS Cognito's pre token generation trigger, version 3: a Lambda function, not a web service.

    from claimhooks import Runtime
    from claimhooks.bridges.cognito import LambdaHandler

    handler = LambdaHandler(Runtime("hooks", "claimhooks.toml"))

Who may call the function is a matter of its resource policy. Cognito asks up to three times, and
issues no token if the function raises.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

from pydantic import Field, JsonValue, ValidationError
from pydantic_core import from_json, to_json

from claimhooks.bridges.capabilities import Capabilities
from claimhooks.bridges.peer import Asked, Lenient, Passed, Peer, mistake, parameters
from claimhooks.bridges.refusals import Malformed
from claimhooks.errors import ClaimhooksError, ServerError
from claimhooks.lanes.loop import LoopThread
from claimhooks.serving.call import Answer, Call

if TYPE_CHECKING:
    from claimhooks.bridges.caller import Caller
    from claimhooks.bridges.effects import Effects
    from claimhooks.bridges.refusals import Refusal
    from claimhooks.exchange import Denial
    from claimhooks.runtime import Runtime
    from claimhooks.settings import Settings

TRIGGER: Final = "TokenGeneration_ClientCredentials"
VERSIONS: Final = ("3",)
RESERVED: Final = frozenset({"device_key", "event_id", "identities", "username", "version"})
"""Claim names that Cognito lets no trigger set, besides those that the policy refuses anyway."""
RESERVED_PREFIXES: Final = ("custom:", "dev:")
OWN: Final = "the name is Cognito's own"


class TokenRefused(ClaimhooksError):
    """Raised to Cognito, which then issues no token; the text may reach the client."""


class _CallerContext(Lenient):
    client_id: str = Field(alias="clientId")


class _Request(Lenient):
    scopes: list[str]
    metadata: dict[str, str] | None = Field(default=None, alias="clientMetadata")


class _Event(Lenient):
    version: str
    trigger: str = Field(alias="triggerSource")
    region: str = ""
    pool: str = Field(default="", alias="userPoolId")
    caller: _CallerContext = Field(alias="callerContext")
    request: _Request


Message = dict[str, JsonValue]
"""The event as it came: all of it goes back."""


class _Iam:
    """Whoever has called the function was allowed to."""

    async def prove(self, call: Call) -> Call:
        """The call as it is."""
        return call


class Cognito(Peer[Message]):
    """AWS Cognito, with the Essentials or Plus plan."""

    name = "cognito"
    title = "AWS Cognito"
    capabilities = Capabilities(
        add_claims=True,
        replace_claims=True,
        remove_claims=True,
        values="nonnull",
        add_scopes=True,
        remove_scopes=True,
        audience=False,
        lifetime=False,
        denial_code=False,
        denial_text=True,
        notes=(
            "A Lambda function: `claimhooks.bridges.cognito.LambdaHandler`.",
            "A denial fails the trigger, and its text reaches the client within Cognito's own.",
        ),
    )
    # Cognito gives up after 5 s.
    deadline = 4.0
    callers = ()

    def caller(self, settings: Settings) -> Caller:  # noqa: ARG002
        """Nothing to prove: AWS has done so."""
        return _Iam()

    def read(self, call: Call) -> Asked[Message] | Passed:
        """What Cognito asks. Raises Malformed."""
        try:
            message = cast("Message", from_json(call.body))
            event = _Event.model_validate(message)
        except ValidationError as error:
            raise Malformed(f"the event is not what this peer sends: {mistake(error)}") from None
        except ValueError:
            raise Malformed("the event is no JSON") from None
        if event.trigger != TRIGGER:
            return Passed(f"the trigger is {event.trigger[:100]}")
        if event.version not in VERSIONS:
            raise Malformed(f"version {event.version[:20]!r} of the event is not known")
        metadata = event.request.metadata or {}
        return Asked(
            message=message,
            client_id=event.caller.client_id,
            issuer=f"https://cognito-idp.{event.region}.amazonaws.com/{event.pool}",
            scope=event.request.scopes,
            params=parameters({name: [value] for name, value in metadata.items()}),
        )

    def refusal_of_claim(self, name: str) -> str | None:
        """Names that Cognito leaves out of what it is told."""
        return OWN if name in RESERVED or name.startswith(RESERVED_PREFIXES) else None

    def granted(self, asked: Asked[Message], effects: Effects) -> Answer:
        """The whole event, with what changes in its response."""
        if not effects:
            return self.passed()
        changes = {
            "claimsToAddOrOverride": effects.claims,
            "scopesToAdd": effects.scopes_added,
            "scopesToSuppress": effects.scopes_removed,
        }
        generation = {name: change for name, change in changes.items() if change}
        details = {"claimsAndScopeOverrideDetails": {"accessTokenGeneration": generation}}
        return Answer.of_json(200, {**asked.message, "response": details})

    def passed(self) -> Answer:
        """204: the handler returns the event as it is."""
        return Answer(204)

    def denied(self, denial: Denial) -> Answer:
        """What the handler raises."""
        return Answer(400, denial.error_description.encode())

    def fault(self) -> Answer:
        """What the handler raises, without internals."""
        return Answer(500, ServerError.default_description.encode())

    def refused(self, refusal: Refusal) -> Answer:
        """What the handler raises."""
        return Answer(refusal.status, refusal.text.encode())


class LambdaHandler:
    """Answers Cognito's events: make one for the life of the function, and name it as its handler.

    Raises :class:`~claimhooks.errors.LoadError`, and
    :class:`~claimhooks.registry.StoreUnavailable` if the registry cannot be had.
    """

    def __init__(self, runtime: Runtime) -> None:
        # Not at the top: it finds this module.
        from claimhooks.bridges.opening import open_bridge  # noqa: PLC0415

        self.bridge: Final = open_bridge("cognito", runtime)
        self._loop = LoopThread()
        self._loop.run(self.bridge.clients.start())

    def __call__(self, event: dict[str, Any], context: object = None) -> dict[str, Any]:  # noqa: ARG002
        """The event to go on with. Raises :class:`TokenRefused`, and Cognito issues no token."""
        answer = self._loop.run(self.bridge.answer(_coming(event)))
        if answer.status == 204:
            return event
        if answer.status != 200:
            raise TokenRefused(answer.body.decode())
        return cast("dict[str, Any]", from_json(answer.body))

    def close(self) -> None:
        """Let go of the registry and the event loop: for tests, as a function has no end."""
        self._loop.run(self.bridge.clients.stop())
        self._loop.close()


async def _coming(event: dict[str, Any]) -> Call:
    return Call.of({"content-type": "application/json"}, to_json(event))


PEER: Final = Cognito()
