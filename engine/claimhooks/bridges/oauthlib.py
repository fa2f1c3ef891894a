"""oauthlib, and so django-oauth-toolkit: its client-credentials grant, with hooks and JWTs.

oauthlib makes opaque tokens. Here those of the client-credentials grant are signed JWTs of what
the hooks have left; all others stay as they are.
"""

# oauthlib has no types.
# pyright: basic

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final, cast

from oauthlib.oauth2 import Server
from oauthlib.oauth2.rfc6749.errors import CustomOAuth2Error
from oauthlib.oauth2.rfc6749.tokens import random_token_generator

from claimhooks.bridges.embedding import exchange_of, outcome_of
from claimhooks.errors import OAuthError
from claimhooks.exchange import Client, Denial
from claimhooks.token import payload

if TYPE_CHECKING:
    from collections.abc import Sequence

    from claimhooks.exchange import Api, Exchange, Outcome
    from claimhooks.runtime import Runtime
    from claimhooks.token import SigningKey

LIFETIME: Final = 3600
"""Seconds, for other grants: oauthlib's own default."""


@dataclass(slots=True)
class _Judged:
    exchange: Exchange
    outcome: Outcome


class HookedServer(Server):  # type: ignore[misc]
    """oauthlib's server, with the hooks of `runtime` in its client-credentials grant.

    To be subclassed with all four of `runtime`, `key`, `issuer` and `apis`. With
    django-oauth-toolkit, name the subclass in ``OAUTH2_PROVIDER["OAUTH2_SERVER_CLASS"]``.
    """

    runtime: ClassVar[Runtime]
    key: ClassVar[SigningKey]
    issuer: ClassVar[str]
    apis: ClassVar[Sequence[Api]]
    """Those that tokens are issued for; a request that names none is for the first."""

    def __init__(
        self,
        request_validator: Any,
        token_expires_in: Any = None,
        token_generator: Any = None,
        *args: Any,
        **kwargs: Any,
    ) -> None:
        """The arguments are oauthlib's.

        Lifetime and generator are for the other grants: here the API has the `token_lifetime`.
        """
        self._others_expire = token_expires_in or LIFETIME
        self._others_token = token_generator or random_token_generator
        super().__init__(request_validator, self._expires_in, self._token, *args, **kwargs)
        grant: Any = self.credentials_grant
        grant.custom_validators.post_token.append(self._judge)

    def hook_client(self, request: Any) -> Client:
        """The client of `request` as hooks see it: to be overridden to give it metadata."""
        return Client(id=request.client.client_id, name=getattr(request.client, "name", None))

    def _judge(self, request: Any) -> None:
        """Run the hooks. oauthlib calls it once all else has been found right."""
        try:
            exchange = exchange_of(
                self.hook_client(request), self.apis, request.decoded_body or (), request.scopes
            )
        except OAuthError as error:
            raise _refused(Denial(error.error, error.description, error.status)) from None
        outcome = outcome_of(self.runtime, exchange)
        if outcome.error is not None:
            raise _refused(outcome.error)
        request.scopes = outcome.scope
        request.judged = _Judged(exchange, outcome)

    def _expires_in(self, request: Any) -> Any:
        if (judged := _judged_of(request)) is not None:
            return judged.outcome.expires_in
        others = self._others_expire
        return others(request) if callable(others) else others

    def _token(self, request: Any, refresh_token: bool = False) -> Any:
        judged = None if refresh_token else _judged_of(request)
        if judged is None:
            return self._others_token(request)
        return self.key.sign(payload(judged.exchange, judged.outcome, issuer=self.issuer))


def _judged_of(request: Any) -> _Judged | None:
    # Not getattr: a request answers that with a parameter of the name, which anybody may send.
    return cast("_Judged | None", vars(request).get("judged"))


def _refused(denial: Denial) -> CustomOAuth2Error:
    return CustomOAuth2Error(
        denial.error, description=denial.error_description, status_code=denial.status
    )
