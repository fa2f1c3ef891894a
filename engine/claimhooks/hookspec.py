"""The extensibility point: the marker that makes a function a hook, and its specification.

The classes here say what a hook sees. They are protocols, for documentation and for editors: a
hook may annotate its arguments with them, or not::

    from claimhooks import Client, Context, Patch, hookimpl

    @hookimpl
    def credentials_exchange(client: Client, context: Context) -> Patch | None: ...
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final, Protocol, Union

import pluggy

if TYPE_CHECKING:
    from datetime import datetime

    from pydantic import JsonValue

PROJECT: Final = "claimhooks"
PACKAGE: Final = f"_{PROJECT}_"
"""What the packages begin with that hooks are imported into."""

hookimpl: Final = pluggy.HookimplMarker(PROJECT)
"""Marks a function in a hook file as a hook. Takes pluggy's `tryfirst` and `trylast`."""

Json = Union[str, int, float, bool, None, Sequence["Json"], Mapping[str, "Json"]]  # noqa: UP007 - of a name that is yet to be
"""A value that can be signed as JSON."""

Patch = dict[str, Json]
"""What a hook may answer: ``scope``, ``expires_in`` and custom claims."""

_hookspec: Final = pluggy.HookspecMarker(PROJECT)


class Client(Protocol):
    """The client that asks for a token."""

    @property
    def id(self) -> str: ...
    @property
    def name(self) -> str | None: ...
    @property
    def tenant(self) -> str | None: ...
    @property
    def metadata(self) -> dict[str, JsonValue]:
        """What the registry keeps about the client: any JSON, nested or not."""
        ...


class Api(Protocol):
    """The API that the token is for."""

    @property
    def identifier(self) -> str: ...
    @property
    def name(self) -> str | None: ...
    @property
    def scopes(self) -> list[str]:
        """All scopes that the API defines."""
        ...

    @property
    def token_lifetime(self) -> int:
        """Seconds."""
        ...


class Request(Protocol):
    """The token request, without its credentials."""

    @property
    def params(self) -> dict[str, JsonValue]: ...
    @property
    def headers(self) -> dict[str, str]:
        """Those that the issuer allows; names in lower case."""
        ...

    @property
    def ip(self) -> str | None: ...
    @property
    def method(self) -> str: ...
    @property
    def requested_scope(self) -> list[str] | None: ...
    @property
    def auth_method(self) -> str | None: ...


class Context(Protocol):
    """Everything else about the exchange."""

    @property
    def request(self) -> Request: ...
    @property
    def api(self) -> Api: ...
    @property
    def claims(self) -> dict[str, JsonValue]:
        """The custom claims that earlier hooks have set."""
        ...

    @property
    def secrets(self) -> dict[str, str]:
        """The secrets that the configuration gives to this hook."""
        ...

    @property
    def now(self) -> datetime:
        """The time of the exchange, with its time zone. Use it instead of the clock."""
        ...

    @property
    def generation(self) -> str:
        """The digest of the hooks folder that this hook belongs to."""
        ...


@_hookspec
def credentials_exchange(
    client: Client, scope: list[str], audience: str, context: Context
) -> Patch | None:
    """Customise one client-credentials exchange, just before its token is signed.

    Take any subset of the arguments, by name; each is this hook's own copy. Return None to
    change nothing, or a dict: ``scope`` replaces the scopes, ``expires_in`` (seconds) may shorten
    the lifetime, every other key is a custom claim. Raise :class:`claimhooks.AccessDenied` or a
    sibling to deny. ``async def`` works the same::

        from claimhooks import AccessDenied, hookimpl

        @hookimpl
        def credentials_exchange(client, scope):
            if client.metadata.get("suspended"):
                raise AccessDenied("this client is suspended")
            return {"https://acme.example/tier": client.metadata.get("tier", "free")}
    """
