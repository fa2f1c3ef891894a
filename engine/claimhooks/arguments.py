"""What hooks are called with: copies of their own, as `hookspec` describes them.

Handing out the models themselves would not do, since the dicts inside a frozen model are not
frozen; and copying all of an exchange for each hook would cost more than most hooks do. So each
mutable part is copied when a hook first reads it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from claimhooks.exchange import Api, Client, Exchange, RequestContext

if TYPE_CHECKING:
    from pydantic import JsonValue

    from claimhooks.generation import Hook
    from claimhooks.policy import Standing


class OwnClient:
    """Satisfies :class:`claimhooks.hookspec.Client`."""

    __slots__ = ("_client", "_metadata")

    def __init__(self, client: Client) -> None:
        self._client = client
        self._metadata: dict[str, JsonValue] | None = None

    @property
    def id(self) -> str:
        return self._client.id

    @property
    def name(self) -> str | None:
        return self._client.name

    @property
    def tenant(self) -> str | None:
        return self._client.tenant

    @property
    def metadata(self) -> dict[str, JsonValue]:
        if self._metadata is None:
            self._metadata = _copy(self._client.metadata)
        return self._metadata


class OwnApi:
    """Satisfies :class:`claimhooks.hookspec.Api`."""

    __slots__ = ("_api", "_scopes")

    def __init__(self, api: Api) -> None:
        self._api = api
        self._scopes: list[str] | None = None

    @property
    def identifier(self) -> str:
        return self._api.identifier

    @property
    def name(self) -> str | None:
        return self._api.name

    @property
    def scopes(self) -> list[str]:
        if self._scopes is None:
            self._scopes = list(self._api.scopes)
        return self._scopes

    @property
    def token_lifetime(self) -> int:
        return self._api.token_lifetime


class OwnRequest:
    """Satisfies :class:`claimhooks.hookspec.Request`."""

    __slots__ = ("_headers", "_params", "_request", "_requested_scope")

    def __init__(self, request: RequestContext) -> None:
        self._request = request
        self._params: dict[str, JsonValue] | None = None
        self._headers: dict[str, str] | None = None
        self._requested_scope: list[str] | None = None

    @property
    def params(self) -> dict[str, JsonValue]:
        if self._params is None:
            self._params = _copy(self._request.params)
        return self._params

    @property
    def headers(self) -> dict[str, str]:
        if self._headers is None:
            self._headers = self._request.headers.copy()
        return self._headers

    @property
    def ip(self) -> str | None:
        return self._request.ip

    @property
    def method(self) -> str:
        return self._request.method

    @property
    def requested_scope(self) -> list[str] | None:
        if self._requested_scope is None and self._request.requested_scope is not None:
            self._requested_scope = list(self._request.requested_scope)
        return self._requested_scope

    @property
    def auth_method(self) -> str | None:
        return self._request.auth_method


class OwnContext:
    """Satisfies :class:`claimhooks.hookspec.Context`."""

    __slots__ = ("_api", "_arguments", "_claims", "_hook", "_request", "_secrets", "_standing")

    def __init__(self, arguments: Arguments, hook: Hook, standing: Standing) -> None:
        self._arguments = arguments
        self._hook = hook
        self._standing = standing
        self._api: OwnApi | None = None
        self._request: OwnRequest | None = None
        self._claims: dict[str, JsonValue] | None = None
        self._secrets: dict[str, str] | None = None

    @property
    def request(self) -> OwnRequest:
        if self._request is None:
            self._request = OwnRequest(self._arguments.exchange.request)
        return self._request

    @property
    def api(self) -> OwnApi:
        if self._api is None:
            exchange = self._arguments.exchange
            self._api = OwnApi(exchange.api or Api(identifier=exchange.audience))
        return self._api

    @property
    def claims(self) -> dict[str, JsonValue]:
        if self._claims is None:
            self._claims = _copy(self._standing.claims)
        return self._claims

    @property
    def secrets(self) -> dict[str, str]:
        if self._secrets is None:
            self._secrets = _Secrets(self._hook.secrets)
        return self._secrets

    @property
    def now(self) -> datetime:
        return self._arguments.now

    @property
    def generation(self) -> str:
        return self._arguments.generation


class _Secrets(dict[str, str]):
    def __missing__(self, name: str) -> str:
        raise KeyError(f"{name} is not among the secrets that this hook is configured to see")


class Arguments:
    """The arguments of all hooks for one exchange."""

    __slots__ = ("exchange", "generation", "now")

    def __init__(self, exchange: Exchange, generation: str, now: datetime | None = None) -> None:
        self.exchange = exchange
        self.generation = generation
        self.now = now or exchange.now or datetime.now(UTC)

    def of(self, hook: Hook, standing: Standing) -> list[object]:
        """What `hook` takes, in its order."""
        arguments: list[object] = []
        for name in hook.arguments:
            if name == "client":
                arguments.append(OwnClient(self.exchange.client))
            elif name == "scope":
                arguments.append(standing.scope.copy())
            elif name == "audience":
                arguments.append(self.exchange.audience)
            else:
                arguments.append(OwnContext(self, hook, standing))
        return arguments


def _copy(table: dict[str, JsonValue]) -> dict[str, JsonValue]:
    copy = table.copy()
    for key, value in table.items():
        if type(value) is dict or type(value) is list:
            copy[key] = _copy_value(value)
    return copy


def _copy_value(value: JsonValue) -> JsonValue:
    if isinstance(value, dict):
        return _copy(value)
    return [_copy_value(item) for item in value] if isinstance(value, list) else value
