"""The registry as the token endpoint sees it: remembered, and followed.

A lookup in a database takes longer than all the rest of an exchange, so what has been looked up is
remembered until the registry's revision changes. While the registry cannot be reached, what is
remembered is used for a while longer.
"""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Final

from claimhooks.exchange import Api, Client
from claimhooks.issuer.refusals import NO_ANSWER, NotAuthenticated, Unavailable
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
AT_A_TIME: Final = 4
WAITING: Final = 32
"""Lookups under way or waiting; more are refused at once."""
PATIENCE: Final = 3.0
"""Seconds that a lookup may take, and a look at the revision."""

_log: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Entitlement:
    """What one client may have at one API."""

    record: ClientRecord
    client: Client
    """The same, as hooks see it."""
    api_record: ApiRecord
    api: Api
    """The same, as hooks see it, with the lifetime that tokens of this client have."""
    scopes: tuple[str, ...]
    """All scopes of the grant."""
    names: frozenset[str]
    """The same, to look one up."""


class Directory:
    """Answers from memory, or asks `store` in a thread. For one event loop."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._clients: dict[str, ClientRecord] = {}
        self._entitlements: dict[tuple[str, str], Entitlement] = {}
        self._revision: str | None = None
        self._confirmed = -STALE
        self._is_reachable = False
        self._waiting = 0
        # Threads of their own: nothing else can take those away that lookups need.
        self._lookups = ThreadPoolExecutor(AT_A_TIME, "claimhooks-registry")
        self._looks = ThreadPoolExecutor(1, "claimhooks-revision")

    @property
    def is_reachable(self) -> bool:
        """Whether the last look at the registry has succeeded."""
        return self._is_reachable

    @property
    def is_ready(self) -> bool:
        """Whether answers can be given that are not too old."""
        return monotonic() < self._confirmed + STALE

    def remembered_client(self, client_id: str) -> ClientRecord | None:
        """The client, if it is in memory."""
        return self._clients.get(client_id) if self.is_ready else None

    async def client(self, client_id: str) -> ClientRecord | None:
        """The client as the registry has it now, None if there is none. Raises Unavailable."""
        revision = self._revision
        found = await self._look_up(lambda: self._store.client(client_id))
        # Unless it may be what was there before a change.
        if found is not None and revision == self._revision:
            if len(self._clients) >= REMEMBERED:
                self._clients.clear()
            self._clients[client_id] = found
        return found

    async def entitlement(self, client: ClientRecord, audience: str) -> Entitlement | str:
        """What `client`, which has just been authenticated, may have at the API `audience`.

        Else what there is none of: ``api`` or ``grant``. Raises Unavailable, and NotAuthenticated
        if the client has been taken out in the meantime.
        """
        if not self.is_ready:
            raise Unavailable
        key = (client.id, audience)
        remembered = self._entitlements.get(key)
        if remembered is not None and remembered.record is client:
            return remembered
        if self._clients.get(client.id) is not client:
            # The registry has changed since it was authenticated.
            now = await self.client(client.id)
            if now is None or not now.enabled:
                raise NotAuthenticated("the client has just been taken out")
            client = now
        revision = self._revision
        found = await self._look_up(lambda: self._entitlement(client, audience))
        if isinstance(found, Entitlement) and revision == self._revision:
            if len(self._entitlements) >= REMEMBERED:
                self._entitlements.clear()
            self._entitlements[key] = found
        return found

    async def look(self) -> None:
        """Forget what has changed in the registry."""
        try:
            async with asyncio.timeout(PATIENCE):
                revision = await asyncio.get_running_loop().run_in_executor(
                    self._looks, self._store.revision
                )
        except Exception as error:  # noqa: BLE001 - whatever it is, nothing is confirmed
            if self._is_reachable or self._revision is None:
                _log.warning("the registry cannot be reached: %s", str(error) or NO_ANSWER)
            self._is_reachable = False
            return
        if not self._is_reachable and self._revision is not None:
            _log.warning("the registry can be reached again")
        self._is_reachable, self._confirmed = True, monotonic()
        if revision != self._revision:
            self._clients.clear()
            self._entitlements.clear()
            self._revision = revision

    async def follow(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            await asyncio.sleep(FOLLOW)
            await self.look()

    def close(self) -> None:
        """Let go of the threads, without waiting for a database that does not answer."""
        self._lookups.shutdown(wait=False, cancel_futures=True)
        self._looks.shutdown(wait=False, cancel_futures=True)

    async def _look_up(self, look_up: Callable[[], Found]) -> Found:
        if not self._is_reachable or self._waiting >= WAITING:
            raise Unavailable
        self._waiting += 1
        try:
            async with asyncio.timeout(PATIENCE):
                return await asyncio.get_running_loop().run_in_executor(self._lookups, look_up)
        except (StoreUnavailable, TimeoutError) as error:
            raise Unavailable(str(error) or NO_ANSWER) from None
        finally:
            self._waiting -= 1

    def _entitlement(self, client: ClientRecord, audience: str) -> Entitlement | str:
        api = self._store.api(audience)
        if api is None:
            return "api"
        grant = self._store.grant(client.id, audience)
        if grant is None:
            return "grant"
        scopes = _scopes_of(grant, api)
        return Entitlement(
            client,
            Client(id=client.id, name=client.name, tenant=client.tenant, metadata=client.metadata),
            api,
            Api(
                identifier=api.identifier,
                name=api.name,
                scopes=tuple(api.scopes),
                token_lifetime=client.token_lifetime or api.token_lifetime,
            ),
            scopes,
            frozenset(scopes),
        )


def _scopes_of(grant: GrantRecord, api: ApiRecord) -> tuple[str, ...]:
    return tuple(api.scopes) if grant.scopes == "all" else grant.scopes
