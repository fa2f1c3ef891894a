"""ZITADEL's Actions v2, function ``preaccesstoken``, for a target of the type ``restCall``.

ZITADEL stops only at a 4xx status that is forwarded in the body of a 200, and only if the target
has ``interruptOnError``. It appends claims and can do nothing else: what it has already it keeps.
"""

from __future__ import annotations

import binascii
from base64 import b64decode
from typing import TYPE_CHECKING, Final

from pydantic import Field, JsonValue

from claimhooks.bridges.caller import Hmac, secrets
from claimhooks.bridges.capabilities import Capabilities
from claimhooks.bridges.peer import Asked, Lenient, Passed, Peer, parsed
from claimhooks.bridges.refusals import Malformed
from claimhooks.bridges.signedbody import SignedBody
from claimhooks.claims import is_reserved
from claimhooks.errors import ServerError
from claimhooks.exchange import Client
from claimhooks.serving.call import Answer

if TYPE_CHECKING:
    from claimhooks.bridges.caller import Caller
    from claimhooks.bridges.effects import Effects
    from claimhooks.bridges.refusals import Refusal
    from claimhooks.exchange import Denial
    from claimhooks.serving.call import Call
    from claimhooks.settings import Settings

FUNCTION: Final = "function/preaccesstoken"
SIGNATURES: Final = ("zitadel-signature", "x-zitadel-signature")
ROLES: Final = "urn:zitadel:roles"
"""Where hooks find the roles of the service user, in the client's metadata: by project."""


class _Machine(Lenient):
    # Not `encoded_hash`: the secret is nobody's business.
    name: str | None = None


class _User(Lenient):
    id: str
    username: str | None = None
    machine: _Machine | None = None
    human: dict[str, JsonValue] | None = None


class _Metadata(Lenient):
    key: str
    value: str = ""


class _Organization(Lenient):
    id: str | None = None
    domain: str | None = Field(default=None, alias="primary_domain")


class _Grant(Lenient):
    roles: list[str] | None = None
    project: str = Field(default="", alias="projectId")


class _Application(Lenient):
    client_id: str | None = None


class _Claim(Lenient):
    key: str
    value: JsonValue = None


class _Response(Lenient):
    append_claims: list[_Claim] | None = None


class Message(Lenient):
    """What ZITADEL sends."""

    function: str
    userinfo: dict[str, JsonValue] | None = None
    user: _User
    user_metadata: list[_Metadata] | None = None
    org: _Organization | None = None
    user_grants: list[_Grant] | None = None
    application: _Application | None = None
    response: _Response | None = None
    """Of the targets before this one."""

    @property
    def appended(self) -> dict[str, JsonValue]:
        """The claims that targets before this one have appended."""
        found = self.response.append_claims if self.response else None
        return {claim.key: claim.value for claim in found or ()}


class Zitadel(Peer[Message]):
    """ZITADEL 3 and 4."""

    name = "zitadel"
    title = "ZITADEL"
    capabilities = Capabilities(
        add_claims=True,
        replace_claims=False,
        remove_claims=False,
        values="json",
        add_scopes=False,
        remove_scopes=False,
        audience=False,
        lifetime=False,
        denial_code=False,
        denial_text=True,
        notes=(
            "**The target must have `interruptOnError`**: without it ZITADEL issues the token "
            "whatever a hook says.",
            "Only for service users whose access tokens are JWTs.",
            "Give the target a timeout of more than 2 s.",
            "Neither scopes nor audience are sent: set `audience`.",
        ),
    )
    # Its operator sets how long a target may take.
    deadline = 2.0
    callers = ("hmac", "jwt")

    def caller(self, settings: Settings) -> Caller:
        """A signature, beside the body or around it. Raises :class:`LoadError`."""
        table = settings.of_bridge(self.name)
        if (signed := table.hmac) is not None:
            return Hmac(secrets(signed.secrets, settings), SIGNATURES, signed.tolerance)
        if table.jwt is not None:
            return SignedBody.of(table.jwt, settings)
        return super().caller(settings)

    def read(self, call: Call) -> Asked[Message] | Passed:
        """What ZITADEL asks. Raises Malformed."""
        message = parsed(Message, call.body)
        if message.function != FUNCTION:
            raise Malformed(f"the function {message.function[:100]!r} is not {FUNCTION}")
        user, application = message.user, message.application
        if user.machine is None:
            if user.human is None:
                raise Malformed("the user is neither a person nor a machine")
            return Passed("the user is a person")
        client_id = (application and application.client_id) or user.username or user.id
        organization = message.org or _Organization()
        metadata: dict[str, JsonValue] = {
            one.key: _decoded(one.value) for one in message.user_metadata or ()
        }
        roles: dict[str, JsonValue] = {
            grant.project: [*grant.roles] for grant in message.user_grants or () if grant.roles
        }
        # Whoever may write metadata gives no roles by that.
        metadata.pop(ROLES, None)
        if roles:
            metadata[ROLES] = roles
        there = {
            name: value for name, value in (message.userinfo or {}).items() if not is_reserved(name)
        }
        return Asked(
            message=message,
            client_id=client_id,
            client=Client(
                id=client_id,
                name=user.machine.name,
                tenant=organization.domain or organization.id,
                metadata=metadata,
            ),
            claims=there | message.appended,
        )

    def granted(self, asked: Asked[Message], effects: Effects) -> Answer:
        """200 with all appended claims: the list takes the place of that of earlier targets."""
        if not effects:
            return self.passed()
        claims = asked.message.appended | effects.claims
        appended = [{"key": name, "value": value} for name, value in claims.items()]
        return Answer.of_json(200, {"append_claims": appended})

    def passed(self) -> Answer:
        """200 with nothing to append."""
        return Answer.of_json(200, {})

    def denied(self, denial: Denial) -> Answer:
        """200 with the status and the text for the client."""
        return _forwarded(denial.status, denial.error_description)

    def fault(self) -> Answer:
        """The same, without internals."""
        return _forwarded(ServerError.status, ServerError.default_description)

    def refused(self, refusal: Refusal) -> Answer:
        """The same: at another status of ours ZITADEL might go on."""
        return _forwarded(refusal.status, refusal.text)


def _forwarded(status: int, text: str) -> Answer:
    # ZITADEL forwards no other status.
    forwarded = status if 400 <= status <= 499 else 400
    return Answer.of_json(200, {"forwardedStatusCode": forwarded, "forwardedErrorMessage": text})


def _decoded(value: str) -> str:
    """Metadata as they were written: they come in base64. What is no text stays so."""
    try:
        return b64decode(value, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return value


PEER: Final = Zitadel()
