"""The exchange that a token endpoint of a library makes of its request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import ValidationError

from claimhooks.errors import InvalidRequest, InvalidTarget
from claimhooks.exchange import Exchange, RequestContext, without_credentials

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from claimhooks.exchange import Api, Client


def exchange_of(
    client: Client,
    apis: Sequence[Api],
    params: Iterable[tuple[str, str]],
    granted: Iterable[str],
    auth_method: str | None = None,
) -> Exchange:
    """What hooks run on, for a `client` that is authenticated and may have the scopes `granted`.

    The token is for the one of `apis` that ``audience`` or ``resource`` names (RFC 8707 §2), or
    else for the first: no client can have a token for whatever it likes. Raises
    :class:`InvalidTarget`, and :class:`InvalidRequest` for what no exchange can hold.
    """
    pairs = list(params)
    api = _named(apis, {value for name, value in pairs if name in {"audience", "resource"}})
    found = dict(pairs)
    try:
        return Exchange(
            client=client,
            audience=api.identifier,
            scope=tuple(granted),
            api=api,
            request=RequestContext(
                params=without_credentials(found),
                requested_scope=tuple(found.get("scope", "").split()) or None,
                auth_method=auth_method,
            ),
        )
    except ValidationError:
        raise InvalidRequest from None


def _named(apis: Sequence[Api], names: set[str]) -> Api:
    if not names:
        return apis[0]
    for api in apis:
        if names == {api.identifier}:
            return api
    raise InvalidTarget
