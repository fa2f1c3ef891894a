"""What hooks are called with: copies of their own, made of what they read and no more."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pydantic import BaseModel

from claimhooks.exchange import Api, Exchange

if TYPE_CHECKING:
    from collections.abc import Mapping

    from claimhooks.generation import Hook
    from claimhooks.policy import Standing


class Copy:
    """One hook's own copy of some data; each attribute is copied when it is first read.

    Handing out the frozen models would not do, as the dicts inside them are not frozen; and
    copying all of a model for each hook would cost more than most hooks do.
    """

    def __init__(self, source: Mapping[str, object], noun: str) -> None:
        self.__dict__["_source"] = source
        self.__dict__["_noun"] = noun

    def __getattr__(self, name: str) -> object:
        source: Mapping[str, object] = self.__dict__["_source"]
        if name not in source:
            known = ", ".join(source)
            raise AttributeError(f"{self.__dict__['_noun']} has no {name!r}; it has: {known}")
        value = self.__dict__[name] = _copied(source[name], name)
        return value

    def __repr__(self) -> str:
        return f"<{self.__dict__['_noun']} with {', '.join(self.__dict__['_source'])}>"


def _copied(value: object, noun: str) -> object:
    if isinstance(value, dict):
        return _Secrets(value) if type(value) is _Secrets else _copied_json(value)
    if isinstance(value, tuple):
        return list(value)
    if isinstance(value, BaseModel):
        return Copy(value.__dict__, noun)
    return value


def _copied_json(value: object) -> object:
    if isinstance(value, dict):
        return {key: _copied_json(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_copied_json(item) for item in value]
    return value


class _Secrets(dict[str, str]):
    def __missing__(self, name: str) -> str:
        raise KeyError(f"{name} is not among the secrets that this hook is configured to see")


class Arguments:
    """The arguments of every hook for one exchange."""

    def __init__(self, exchange: Exchange, generation: str) -> None:
        self._exchange = exchange
        self._context: dict[str, object] = {
            "request": exchange.request,
            "api": exchange.api or Api(identifier=exchange.audience),
            "claims": {},
            "secrets": {},
            "now": exchange.now or datetime.now(UTC),
            "generation": generation,
        }

    def of(self, hook: Hook, standing: Standing) -> list[object]:
        """What `hook` takes, in its order."""
        arguments: list[object] = []
        for name in hook.arguments:
            if name == "client":
                arguments.append(Copy(self._exchange.client.__dict__, "client"))
            elif name == "scope":
                arguments.append(standing.scope.copy())
            elif name == "audience":
                arguments.append(self._exchange.audience)
            else:
                secrets = _Secrets(hook.secrets)
                parts = self._context | {"claims": standing.claims, "secrets": secrets}
                arguments.append(Copy(parts, "context"))
        return arguments
