"""The registry as the token endpoint sees it: remembered, and followed.

A lookup in a database takes longer than all the rest of an exchange, so what has been looked up is
remembered until the registry's revision changes. While the registry cannot be reached, what is
remembered is used for a while longer.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Final, cast

from claimhooks.exchange import Api, Client
from claimhooks.issuer.refusals import Unavailable
from claimhooks.registry import StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    from claimhooks.registry import ApiRecord, ClientRecord, GrantRecord, Store

    Found = TypeVar("Found")

FOLLOW: Final = 1.0
"""Seconds between looks at the revision."""
STALE: Final = 60.0
"""Seconds that answers are given from memory while the registry cannot be reached."""
REMEMBERED: Final = 20_000
"""Lookups. When there are more, all are forgotten."""

_log: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Entitlement:
    """What one client may have at one API."""

    client: Client
    """As hooks see it."""
    api: Api
    """As hooks see it, with the lifetime that tokens of this client have."""
    record: ApiRecord
    scopes: tuple[str, ...]
    """All scopes of the grant."""
    names: frozenset[str]
    """The same, to look one up."""


class Directory:
    """Answers from memory, or asks `store` in a thread."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[tuple[str, ...], object] = {}
        self._revision: str | None = None
        self._confirmed = monotonic()
        self._is_reachable = True

    @property
    def is_reachable(self) -> bool:
        """Whether the last look at the registry has succeeded."""
        return self._is_reachable

    @property
    def is_ready(self) -> bool:
        """Whether answers can be given that are not too old."""
        return self._is_reachable or monotonic() < self._confirmed + STALE

    def remembered_client(self, client_id: str) -> ClientRecord | None:
        """The client, if it is in memory."""
        found = self._known.get(("client", client_id)) if self.is_ready else None
        return cast("ClientRecord | None", found)

    async def client(self, client_id: str) -> ClientRecord | None:
        """The client as the registry has it now, None if there is none.

        While the registry cannot be reached, as remembered. Raises :class:`Unavailable`.
        """
        try:
            found = await self._look_up(lambda: self._store.client(client_id))
        except Unavailable:
            if (remembered := self.remembered_client(client_id)) is not None:
                return remembered
            raise
        if found is not None:
            self._remember(("client", client_id), found)
        return found

    async def entitlement(self, client: ClientRecord, audience: str) -> Entitlement | str:
        """What `client` may have at the API `audience`; else what there is none of.

        That is ``api`` or ``grant``. Raises :class:`Unavailable`.
        """
        key = ("entitlement", client.id, audience)
        if not self.is_ready:
            raise Unavailable
        if (remembered := self._known.get(key)) is not None:
            return cast("Entitlement", remembered)
        revision = self._revision
        found = await self._look_up(lambda: self._entitlement(client, audience))
        if revision == self._revision and isinstance(found, Entitlement):
            # Else it may be what was there before a change.
            self._remember(key, found)
        return found

    async def follow(self) -> None:
        """Forget what has changed in the registry; until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                revision = await loop.run_in_executor(None, self._store.revision)
            except StoreUnavailable as error:
                if self._is_reachable:
                    _log.warning("the registry cannot be reached: %s", error)
                self._is_reachable = False
            else:
                if not self._is_reachable:
                    _log.warning("the registry can be reached again")
                self._is_reachable, self._confirmed = True, monotonic()
                if revision != self._revision:
                    self._known.clear()
                    self._revision = revision
            await asyncio.sleep(FOLLOW)

    async def _look_up(self, look_up: Callable[[], Found]) -> Found:
        try:
            return await asyncio.get_running_loop().run_in_executor(None, look_up)
        except StoreUnavailable:
            raise Unavailable from None

    def _remember(self, key: tuple[str, ...], found: object) -> None:
        if len(self._known) >= REMEMBERED:
            self._known.clear()
        self._known[key] = found

    def _entitlement(self, client: ClientRecord, audience: str) -> Entitlement | str:
        api = self._store.api(audience)
        if api is None:
            return "api"
        grant = self._store.grant(client.id, audience)
        if grant is None:
            return "grant"
        scopes = _scopes_of(grant, api)
        return Entitlement(
            Client(id=client.id, name=client.name, tenant=client.tenant, metadata=client.metadata),
            Api(
                identifier=api.identifier,
                name=api.name,
                scopes=tuple(api.scopes),
                token_lifetime=client.token_lifetime or api.token_lifetime,
            ),
            api,
            scopes,
            frozenset(scopes),
        )


def _scopes_of(grant: GrantRecord, api: ApiRecord) -> tuple[str, ...]:
    return tuple(api.scopes) if grant.scopes == "all" else grant.scopes
