"""``POST /oauth/token``: the client credentials grant (RFC 6749 §4.4)."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Final, cast

from pydantic import JsonValue, ValidationError
from starlette.requests import ClientDisconnect

from claimhooks.errors import OAuthError, ServerError, utf8_text
from claimhooks.exchange import Exchange, RequestContext, without_credentials
from claimhooks.issuer import answers, body
from claimhooks.issuer.authentication import credentials
from claimhooks.issuer.event import Event
from claimhooks.issuer.grant import (
    check_grant_type,
    entitlement,
    granted_scopes,
    requested_scopes,
)
from claimhooks.issuer.parameters import parameters
from claimhooks.issuer.refusals import Malformed, NotAuthenticated, Unavailable
from claimhooks.issuer.tracing import is_traced, span
from claimhooks.token import payload

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from claimhooks.exchange import Denial, Outcome
    from claimhooks.issuer.answers import Answer
    from claimhooks.issuer.authentication import Credentials
    from claimhooks.issuer.directory import Entitlement
    from claimhooks.issuer.parts import Parts

_log: Final = logging.getLogger(__name__)
_CREDENTIAL_NAMES: Final = re.compile(rb"(?:^|&)client_(?:secret|assertion)=")


class TokenEndpoint:
    """An ASGI application for one path. Each request is one exchange and one event."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._under_way = 0
        self._is_traced = is_traced()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        event = Event()
        try:
            if self._is_traced:
                with span(event):
                    response = await self._response(scope, receive, event)
            else:
                response = await self._response(scope, receive, event)
        except ClientDisconnect:
            event.reason = "the client has gone away"
            return
        finally:
            self._parts.metrics.count(event)
            self._parts.events(event.line())
        if (name := self._parts.server.trace_header) is not None:
            response.headers[name] = event.trace
        await response.send(send)

    async def _response(self, scope: Scope, receive: Receive, event: Event) -> Answer:
        try:
            return await self._answer(scope, receive, event)
        except OAuthError as error:
            event.error = error.error
            event.reason = event.reason or _reason(error)
            return answers.refused(error, self._parts.server.error_style)
        except ClientDisconnect:
            raise
        except Exception:  # noqa: BLE001 - the client must not see it
            _log.exception("exchange %s", event.trace)
            event.outcome, event.error = "fault", ServerError.error
            event.reason = "a mistake of claimhooks: see the traceback in the log"
            return answers.refused(ServerError(), "rfc6749")

    async def _answer(self, scope: Scope, receive: Receive, event: Event) -> Answer:
        parts = self._parts
        if scope["method"] != "POST":
            return _method_not_allowed()
        headers = _Headers(scope)
        if _CREDENTIAL_NAMES.search(scope["query_string"]):
            # RFC 6749 §2.3.1: credentials must not be in the URI.
            raise Malformed("credentials must not be in the URI")
        found = parameters(await body.read(receive), headers.one("content-type"))
        check_grant_type(found)
        given = credentials(found, headers.all("authorization"))
        event.client, event.auth_method = utf8_text(given.client_id[:256]), given.method
        event.ended("parse")
        # Only now: who has not sent a whole request takes no place from those who have.
        if self._under_way >= parts.server.concurrency:
            raise Unavailable("all places are taken")
        self._under_way += 1
        try:
            return await self._issued(scope, headers, found, given, event)
        finally:
            self._under_way -= 1

    async def _issued(
        self,
        scope: Scope,
        headers: _Headers,
        found: dict[str, JsonValue],
        given: Credentials,
        event: Event,
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
        exchange = self._exchange(scope, headers, found, given.method, requested, granted, entitled)
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
        scope: Scope,
        headers: _Headers,
        found: dict[str, JsonValue],
        auth_method: str,
        requested: tuple[str, ...] | None,
        granted: tuple[str, ...],
        entitled: Entitlement,
    ) -> Exchange:
        peer = scope.get("client")
        try:
            return Exchange(
                client=entitled.client,
                audience=entitled.api.identifier,
                scope=granted,
                grant=entitled.scopes,
                api=entitled.api,
                request=RequestContext(
                    params=without_credentials(found),
                    headers=headers.named(self._parts.server.headers),
                    ip=peer[0] if peer else None,
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


class _Headers:
    """The headers of a request, by their names in lower case."""

    def __init__(self, scope: Scope) -> None:
        self._raw: list[tuple[bytes, bytes]] = [*scope["headers"]]

    def all(self, name: str) -> list[str]:
        wanted = name.encode()
        return [value.decode("latin-1") for key, value in self._raw if key.lower() == wanted]

    def one(self, name: str) -> str:
        return next(iter(self.all(name)), "")

    def named(self, names: tuple[str, ...]) -> dict[str, str]:
        return {name: ", ".join(values) for name in names if (values := self.all(name))}


def _reason(error: OAuthError) -> str:
    return error.reason if isinstance(error, NotAuthenticated | Unavailable) else error.description


def _method_not_allowed() -> Answer:
    response = answers.refused(Malformed("a token request is a POST"), "rfc6749")
    response.status = 405
    response.headers["allow"] = "POST"
    return response
