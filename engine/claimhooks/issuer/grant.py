"""What a client asks for, against what it has been granted (RFC 6749 §3.3, RFC 8707 §2)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from claimhooks.exchange import SCOPE_SYNTAX
from claimhooks.issuer.refusals import (
    GrantTypeNotAllowed,
    NoAudience,
    NoGrant,
    NoGrantType,
    ScopeMalformed,
    ScopeNotGranted,
    SeveralTargets,
    UnknownAudience,
    UnknownGrantType,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import JsonValue

    from claimhooks.issuer.directory import Directory, Entitlement
    from claimhooks.registry import ClientRecord

CLIENT_CREDENTIALS: Final = "client_credentials"
_is_scope_token: Final = re.compile(SCOPE_SYNTAX).fullmatch


def check_grant_type(parameters: Mapping[str, JsonValue]) -> None:
    """Raise a refusal unless this is a client-credentials request (RFC 6749 §4.4.2)."""
    grant_type = parameters.get("grant_type")
    if grant_type is None:
        raise NoGrantType
    if grant_type != CLIENT_CREDENTIALS:
        raise UnknownGrantType


async def entitlement(
    parameters: Mapping[str, JsonValue], client: ClientRecord, directory: Directory
) -> Entitlement:
    """What `client` may have at the API that it names. Raises refusals."""
    if CLIENT_CREDENTIALS not in client.grant_types:
        raise GrantTypeNotAllowed
    audience, resource = parameters.get("audience"), parameters.get("resource")
    if audience and resource and audience != resource:
        raise SeveralTargets
    name = audience or resource
    if not isinstance(name, str):
        raise NoAudience
    found = await directory.entitlement(client, name)
    if found == "api":
        raise UnknownAudience(about=name)
    if isinstance(found, str):
        raise NoGrant(about=name)
    return found


def requested_scopes(parameters: Mapping[str, JsonValue]) -> tuple[str, ...] | None:
    """The scopes asked for, each once; None if none are named. Raises a refusal."""
    scope = parameters.get("scope")
    if not isinstance(scope, str):
        return None
    tokens = tuple(dict.fromkeys(scope.split(" ")))
    tokens = tuple(token for token in tokens if token)
    if not all(map(_is_scope_token, tokens)):
        raise ScopeMalformed
    return tokens or None


def granted_scopes(requested: tuple[str, ...] | None, entitled: Entitlement) -> tuple[str, ...]:
    """The scopes of this request: those asked for, or all of the grant. Raises a refusal."""
    if requested is None:
        return entitled.scopes
    if beyond := [token for token in requested if token not in entitled.names]:
        raise ScopeNotGranted(about=", ".join(beyond[:20]))
    return requested
