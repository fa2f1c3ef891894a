"""Authlib, in Flask or Django: its client-credentials grant and its RFC 9068 tokens, with hooks.

Authlib's own `get_extra_claims` can neither change scopes nor shorten the lifetime nor deny, and
what it returns may overwrite ``iss``, ``exp`` and ``sub``. Here the grant runs the hooks before a
token is made, and the generator makes exactly the token that they have left.
"""

# Authlib has no types.
# pyright: basic

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final, cast

from authlib.oauth2.rfc6749 import OAuth2Error
from authlib.oauth2.rfc6749.grants import ClientCredentialsGrant
from authlib.oauth2.rfc9068 import JWTBearerTokenGenerator
from joserfc import jwt
from joserfc.jwk import KeySet, import_key

from claimhooks.bridges.embedding import exchange_of, outcome_of
from claimhooks.errors import OAuthError
from claimhooks.exchange import Client, Denial
from claimhooks.token import payload

if TYPE_CHECKING:
    from collections.abc import Sequence

    from claimhooks.exchange import Api, Exchange, Outcome
    from claimhooks.runtime import Runtime


@dataclass(slots=True)
class _Judged:
    """An exchange under way: the grant has no other way to tell the generator about it."""

    exchange: Exchange
    outcome: Outcome
    is_signed: bool = False


_under_way: Final[ContextVar[_Judged | None]] = ContextVar("claimhooks_judged", default=None)


class HookedClientCredentialsGrant(ClientCredentialsGrant):  # type: ignore[misc]
    """Authlib's grant (RFC 6749 §4.4), with the hooks of `runtime` before the token is made.

    To be subclassed with `runtime` and `apis`, and registered beside a
    :class:`HookedJWTBearerTokenGenerator`.
    """

    runtime: ClassVar[Runtime]
    apis: ClassVar[Sequence[Api]]
    """Those that tokens are issued for; a request that names none is for the first."""

    def hook_client(self) -> Client:
        """The client as hooks see it; its metadata are the `client_metadata` of Authlib's mixin."""
        client: Any = self.request.client
        metadata = getattr(client, "client_metadata", None) or {}
        name = metadata.get("client_name")
        return Client(id=client.get_client_id(), name=name, metadata=metadata)

    def exchange(self) -> Exchange:
        """What the hooks run on. Raises :class:`~claimhooks.errors.OAuthError`."""
        request: Any = self.request
        scope = JWTBearerTokenGenerator.get_allowed_scope(request.client, request.payload.scope)
        # Flask and Django have the same method; RFC 6749 §3.2 knows no parameters in the URL.
        params = [(name, value) for name, values in request.form.lists() for value in values]
        return exchange_of(
            self.hook_client(), self.apis, params, (scope or "").split(), request.auth_method
        )

    def generate_token(
        self,
        user: Any = None,
        scope: str | None = None,  # noqa: ARG002 - the outcome has the scopes,
        grant_type: str | None = None,
        expires_in: int | None = None,  # noqa: ARG002 - and the lifetime
        include_refresh_token: bool = True,
    ) -> Any:
        """Authlib's token response, after the hooks. Raises its OAuth2Error where they deny."""
        try:
            exchange = self.exchange()
        except OAuthError as error:
            raise _refused(Denial(error.error, error.description, error.status)) from None
        outcome = outcome_of(self.runtime, exchange)
        if outcome.error is not None:
            raise _refused(outcome.error)
        judged = _Judged(exchange, outcome)
        before = _under_way.set(judged)
        try:
            token = super().generate_token(
                user,
                " ".join(outcome.scope),
                grant_type,
                outcome.expires_in,
                include_refresh_token,
            )
        finally:
            _under_way.reset(before)
        if not judged.is_signed:
            raise RuntimeError(
                "the hooks had no part in this token: register a HookedJWTBearerTokenGenerator"
            )
        return token


class HookedJWTBearerTokenGenerator(JWTBearerTokenGenerator):  # type: ignore[misc]
    """Authlib's generator (RFC 9068), for what the hooks have left; `get_jwks` stays yours.

    Their audience and lifetime (`token_lifetime`) are those of the API, and not what
    `get_audiences` and `expires_generator` say. Tokens of other grants are Authlib's own, as
    before.
    """

    @staticmethod
    def get_allowed_scope(client: Any, scope: Any) -> Any:
        """The scopes of the outcome: what hooks may add, the policy has judged."""
        if _under_way.get() is not None:
            return scope
        return JWTBearerTokenGenerator.get_allowed_scope(client, scope)

    def access_token_generator(self, client: Any, grant_type: Any, user: Any, scope: Any) -> Any:
        """The signed token. Neither hooks nor `get_extra_claims` can touch the issuer's claims."""
        judged = _under_way.get()
        if judged is None:
            return super().access_token_generator(client, grant_type, user, scope)
        extra = {**self.get_extra_claims(client, grant_type, user, scope)}
        # Where no scope is left, there is none in the payload to overwrite it.
        extra.pop("scope", None)
        claims = extra | payload(judged.exchange, judged.outcome, issuer=self.issuer)
        judged.is_signed = True
        return jwt.encode({"alg": self.alg, "typ": "at+jwt"}, claims, _key(self.get_jwks()))


def _key(found: Any) -> Any:
    if not isinstance(found, dict):
        return found
    members = cast("Any", found)
    return KeySet.import_key_set(members) if "keys" in found else import_key(members)


def _refused(denial: Denial) -> OAuth2Error:
    return OAuth2Error(denial.error_description, error=denial.error, status_code=denial.status)
