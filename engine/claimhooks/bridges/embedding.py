"""The exchange that a token endpoint of a library makes of its request, and its outcome."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from pydantic import ValidationError

from claimhooks.errors import InvalidRequest, InvalidTarget, printable
from claimhooks.exchange import Exchange, RequestContext, without_credentials

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from claimhooks.exchange import Api, Client, Outcome
    from claimhooks.runtime import Runtime

_log: Final = logging.getLogger(__name__)


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


def outcome_of(runtime: Runtime, exchange: Exchange) -> Outcome:
    """What the hooks leave of `exchange`. What the client must not be told of them is logged."""
    outcome = runtime.run(exchange)
    found = [*_amiss(outcome)]
    if outcome.status == "fault" or (outcome.status == "granted" and found):
        _log.error("client %r: %s\n%s", exchange.client.id, outcome.status, "\n".join(found))
    return outcome


def _amiss(outcome: Outcome) -> Iterator[str]:
    for entry in outcome.trace:
        if (error := entry.error) is not None:
            place = error.file if error.line is None else f"{error.file}:{error.line}"
            yield printable(f"{place}: {error.reason} [{error.code}]")
            yield from map(printable, (error.traceback or "").splitlines())
        for one in entry.refused:
            yield printable(f"{entry.file}: {one.name}: {one.reason} [{one.code}]")


def _named(apis: Sequence[Api], names: set[str]) -> Api:
    if not names:
        return apis[0]
    for api in apis:
        if names == {api.identifier}:
            return api
    raise InvalidTarget
