"""Ory Hydra's token hook (``oauth2.token_hook``).

One URL for all grants and clients. Hydra has granted scopes and audience already, and takes nothing
but custom claims. It stops at any status but 200 and 204, and asks again after 429 and 5xx.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Required

from pydantic import Field, JsonValue
from typing_extensions import TypedDict

from claimhooks.bridges.capabilities import Capabilities
from claimhooks.bridges.peer import (
    CLIENT_CREDENTIALS,
    Asked,
    Lenient,
    Passed,
    Peer,
    parameters,
    parsed,
)
from claimhooks.bridges.refusals import Malformed
from claimhooks.errors import ServerError
from claimhooks.serving.call import Answer

if TYPE_CHECKING:
    from claimhooks.bridges.effects import Effects
    from claimhooks.bridges.refusals import Refusal
    from claimhooks.exchange import Denial
    from claimhooks.serving.call import Call

# Lists that are empty in Go are null in JSON.
Strings = list[str] | None


class _IdTokenClaims(TypedDict, total=False):
    iss: str


class _IdToken(TypedDict, total=False):
    id_token_claims: _IdTokenClaims


class _Session(TypedDict, total=False):
    id_token: _IdToken
    extra: dict[str, JsonValue] | None
    """The custom claims that the token has so far."""


class _Request(TypedDict, total=False):
    client_id: Required[str]
    requested_scopes: Strings
    granted_scopes: Required[Strings]
    granted_audience: Strings
    grant_types: Strings
    payload: dict[str, list[str]] | None


class Message(Lenient):
    """What Hydra sends. Its parts are dicts, which are faster to make than models."""

    session: _Session = Field(default_factory=_Session)
    request: _Request | None = None
    requester: dict[str, JsonValue] | None = None
    """Of the older hook, for refresh tokens alone, in the place of `request`."""


class Hydra(Peer[Message]):
    """Ory Hydra 2."""

    name = "hydra"
    title = "Ory Hydra"
    capabilities = Capabilities(
        add_claims=True,
        replace_claims=True,
        remove_claims=True,
        values="json",
        add_scopes=False,
        remove_scopes=False,
        audience=False,
        lifetime=False,
        denial_code=False,
        denial_text=False,
        notes=(
            "Claims are found under `ext`, unless `oauth2.allowed_top_level_claims` names them.",
            "Every denial is `access_denied` with a fixed text.",
        ),
    )
    # It waits for 30 s, but so does the client.
    deadline = 2.0
    callers = ("api_key",)

    def read(self, call: Call) -> Asked[Message] | Passed:
        """What Hydra asks. Raises Malformed."""
        message = parsed(Message, call.body)
        request, session = message.request, message.session
        if request is None and message.requester is not None:
            return Passed("the hook for refresh tokens")
        grants = request.get("grant_types") if request is not None else None
        if request is None or not grants or not all(grants):
            raise Malformed("the body says nothing of a grant type")
        if CLIENT_CREDENTIALS not in grants:
            return Passed(f"the grant is {', '.join(grants)[:100]}")
        return Asked(
            message=message,
            client_id=request["client_id"],
            audiences=request.get("granted_audience") or (),
            issuer=session.get("id_token", {}).get("id_token_claims", {}).get("iss", ""),
            scope=request.get("granted_scopes") or (),
            requested_scope=request.get("requested_scopes"),
            params=parameters(request.get("payload") or {}),
            claims=session.get("extra") or {},
        )

    def granted(self, asked: Asked[Message], effects: Effects) -> Answer:
        """200 with all custom claims, since they take the place of those that are there."""
        if not effects:
            return self.passed()
        session = {"access_token": {**asked.claims, **effects.claims}, "id_token": {}}
        return Answer.of_json(200, {"session": session})

    def passed(self) -> Answer:
        """204."""
        return Answer(204)

    def denied(self, denial: Denial) -> Answer:
        """403: the one status that ends in a denial. The body is for people who look."""
        return _error(403, denial.error, denial.error_description)

    def fault(self) -> Answer:
        """500, after which Hydra tries twice more."""
        return _error(500, ServerError.error, ServerError.default_description)

    def refused(self, refusal: Refusal) -> Answer:
        """The status of the refusal: Hydra stops at any, and tries again where that may help."""
        return _error(refusal.status, "invalid_request", refusal.text)


def _error(status: int, code: str, text: str) -> Answer:
    return Answer.of_json(status, {"error": code, "error_description": text})


PEER: Final = Hydra()
