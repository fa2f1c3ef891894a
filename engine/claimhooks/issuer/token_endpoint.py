"""``POST /oauth/token``: the client credentials grant (RFC 6749 §4.4)."""

from __future__ import annotations

import asyncio
import logging
import re
from typing import TYPE_CHECKING, Any, Final, cast

from pydantic import JsonValue, ValidationError

from claimhooks.errors import OAuthError, ServerError, utf8_text
from claimhooks.exchange import Exchange, RequestContext, without_credentials
from claimhooks.issuer import answers
from claimhooks.issuer.authentication import credentials
from claimhooks.issuer.event import Event
from claimhooks.issuer.grant import (
    check_grant_type,
    entitlement,
    granted_scopes,
    requested_scopes,
)
from claimhooks.issuer.parameters import parameters
from claimhooks.issuer.refusals import (
    Malformed,
    NotAuthenticated,
    TooLarge,
    TooSlow,
    Unavailable,
    WrongMethod,
)
from claimhooks.issuer.tracing import is_traced, span
from claimhooks.serving.asgi import reply, whole_body
from claimhooks.serving.call import Call, CallerGone
from claimhooks.serving.patience import within
from claimhooks.token import payload

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from claimhooks.exchange import Denial, Outcome
    from claimhooks.issuer.authentication import Credentials
    from claimhooks.issuer.directory import Entitlement
    from claimhooks.issuer.parts import Parts
    from claimhooks.serving.asgi import Receive, Scope, Send
    from claimhooks.serving.call import Answer
    from claimhooks.serving.events import Events

MAX_BODY: Final = 64 * 1024
"""Bytes. Client assertions are the largest things in a token request."""
PATIENCE: Final = 5.0
"""Seconds for a body to come."""

_log: Final = logging.getLogger(__name__)
_CREDENTIAL_NAMES: Final = re.compile(rb"(?:^|&)client_(?:secret|assertion)=")


class TokenEndpoint:
    """An ASGI application for one path. Each request is one exchange and one event."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._under_way = 0
        self._is_traced = is_traced()

    @property
    def events(self) -> Events:
        """Where each request is told."""
        return self._parts.events

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        try:
            answer = await self.answer(_coming(scope, receive))
        except CallerGone:
            return
        await reply(answer, send)

    async def answer(self, call: Call | Coroutine[Any, Any, Call]) -> Answer:
        """The answer to a request, which may be just coming. Raises CallerGone."""
        event = Event()
        try:
            if self._is_traced:
                with span(event):
                    answer = await self._answer(call, event)
            else:
                answer = await self._answer(call, event)
        except CallerGone:
            event.reason = "the client has gone away"
            raise
        except asyncio.CancelledError:
            event.reason = "the issuer has been stopped meanwhile"
            raise
        finally:
            event.finish()
            self.events.add(event)
        if (name := self._parts.server.trace_header) is not None:
            return answer.with_headers((name.encode(), event.trace.encode()))
        return answer

    async def _answer(self, call: Call | Coroutine[Any, Any, Call], event: Event) -> Answer:
        try:
            return await self._judged(call if isinstance(call, Call) else await call, event)
        except OAuthError as error:
            event.error = error.error
            event.reason = event.reason or _reason(error)
            return answers.refused(error, self._parts.server.error_style)
        except CallerGone:
            raise
        except Exception:  # noqa: BLE001 - the client must not see it
            _log.exception("exchange %s", event.trace)
            event.outcome, event.error = "fault", ServerError.error
            event.reason = "a mistake of claimhooks: see the traceback in the log"
            return answers.refused(ServerError(), "rfc6749")

    async def _judged(self, call: Call, event: Event) -> Answer:
        parts = self._parts
        if len(call.body) > MAX_BODY:
            raise TooLarge
        found = parameters(call.body, _text(call, b"content-type"))
        check_grant_type(found)
        given = credentials(
            found, [value.decode("latin-1") for value in call.all(b"authorization")]
        )
        event.client, event.auth_method = utf8_text(given.client_id[:256]), given.method
        event.ended("parse")
        # Only now: who has not sent a whole request takes no place from those who have.
        if self._under_way >= parts.server.concurrency:
            raise Unavailable("all places are taken")
        self._under_way += 1
        try:
            return await self._issued(call, found, given, event)
        finally:
            self._under_way -= 1

    async def _issued(
        self, call: Call, found: dict[str, JsonValue], given: Credentials, event: Event
    ) -> Answer:
        parts = self._parts
        client = await parts.authentication.client(given)
        event.ended("authenticate")
        requested = requested_scopes(found)
        event.requested_scope = requested
        named = str(found.get("audience") or found.get("resource") or "")
        event.audience = utf8_text(named[:256]) or None
        entitled = await entitlement(found, client, parts.directory)
        granted = granted_scopes(requested, entitled)
        await parts.quotas.take(entitled.record)
        exchange = self._exchange(call, found, given.method, requested, granted, entitled)
        event.ended("grant")
        event.lane = parts.lane
        outcome = await parts.runtime.arun(exchange)
        event.judged(outcome)
        event.ended("hooks")
        if outcome.status != "granted":
            return answers.denied(cast("Denial", outcome.error))
        return self._signed(exchange, outcome, entitled, event)

    def _exchange(
        self,
        call: Call,
        found: dict[str, JsonValue],
        auth_method: str,
        requested: tuple[str, ...] | None,
        granted: tuple[str, ...],
        entitled: Entitlement,
    ) -> Exchange:
        names = self._parts.server.headers
        try:
            return Exchange(
                client=entitled.client,
                audience=entitled.api.identifier,
                scope=granted,
                grant=entitled.scopes,
                api=entitled.api,
                request=RequestContext(
                    params=without_credentials(found),
                    headers={
                        name: _text(call, encoded)
                        for name in names
                        if call.all(encoded := name.encode())
                    },
                    ip=call.ip,
                    requested_scope=requested,
                    auth_method=auth_method,
                ),
            )
        except ValidationError:
            raise Malformed("a parameter is nested too deeply, or is no UTF-8 text") from None

    def _signed(
        self, exchange: Exchange, outcome: Outcome, entitled: Entitlement, event: Event
    ) -> Answer:
        parts, record = self._parts, entitled.api_record
        key = parts.keyring.signing_key(record.signing_alg)
        claims = payload(exchange, outcome, issuer=parts.issuer, profile=record.token_profile)
        signed = key.sign(claims, record.token_profile)
        event.kid, event.jti = key.kid, cast("str | None", claims.get("jti"))
        event.ended("sign")
        return answers.token(signed, outcome)


async def _coming(scope: Scope, receive: Receive) -> Call:
    """The request, once it is here as a whole. Raises refusals and CallerGone."""
    if scope["method"] != "POST":
        raise WrongMethod
    if _CREDENTIAL_NAMES.search(scope["query_string"]):
        # RFC 6749 §2.3.1: credentials must not be in the URI.
        raise Malformed("credentials must not be in the URI")
    try:
        body = await within(PATIENCE, whole_body(receive, MAX_BODY, TooLarge))
    except TimeoutError:
        raise TooSlow from None
    peer = scope.get("client")
    return Call(scope["headers"], body, peer[0] if peer else None)


def _text(call: Call, name: bytes) -> str:
    """The values of a header as one (RFC 9110 §5.3); empty without any."""
    return b", ".join(call.all(name)).decode("latin-1")


def _reason(error: OAuthError) -> str:
    return error.reason if isinstance(error, NotAuthenticated | Unavailable) else error.description
