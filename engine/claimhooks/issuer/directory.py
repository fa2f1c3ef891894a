"""The registry as the token endpoint sees it: remembered, and followed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from claimhooks.exchange import Api, Client
from claimhooks.issuer.refusals import NotAuthenticated, Unavailable
from claimhooks.registry import StoreUnavailable, scopes_of
from claimhooks.registry.lookups import Lookups

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    from claimhooks.registry import ApiRecord, ClientRecord, Store

    Found = TypeVar("Found")

REMEMBERED: Final = 20_000
"""Lookups. When there are more, all are forgotten."""


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
        self._lookups = Lookups(store, self._forget)

    @property
    def is_reachable(self) -> bool:
        """Whether the last look at the registry has succeeded."""
        return self._lookups.is_reachable

    @property
    def is_ready(self) -> bool:
        """Whether answers can be given that are not too old."""
        return self._lookups.is_ready

    def remembered_client(self, client_id: str) -> ClientRecord | None:
        """The client, if it is in memory."""
        return self._clients.get(client_id) if self.is_ready else None

    async def client(self, client_id: str) -> ClientRecord | None:
        """The client as the registry has it now, None if there is none. Raises Unavailable."""
        revision = self._lookups.revision
        found = await self._look_up(lambda: self._store.client(client_id))
        # Unless it may be what was there before a change.
        if found is not None and revision == self._lookups.revision:
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
        revision = self._lookups.revision
        found = await self._look_up(lambda: self._entitlement(client, audience))
        if isinstance(found, Entitlement) and revision == self._lookups.revision:
            if len(self._entitlements) >= REMEMBERED:
                self._entitlements.clear()
            self._entitlements[key] = found
        return found

    async def look(self) -> None:
        """Forget what has changed in the registry."""
        await self._lookups.look()

    async def start(self) -> None:
        """Look, and look again and again until :meth:`stop`."""
        await self._lookups.start()

    async def stop(self) -> None:
        """End looking."""
        await self._lookups.stop()

    def close(self) -> None:
        """Let go of the threads, without waiting for a database that does not answer."""
        self._lookups.close()

    def _forget(self) -> None:
        self._clients.clear()
        self._entitlements.clear()

    async def _look_up(self, look_up: Callable[[], Found]) -> Found:
        try:
            return await self._lookups.ask(look_up)
        except StoreUnavailable as error:
            raise Unavailable(str(error)) from None

    def _entitlement(self, client: ClientRecord, audience: str) -> Entitlement | str:
        api = self._store.api(audience)
        if api is None:
            return "api"
        grant = self._store.grant(client.id, audience)
        if grant is None:
            return "grant"
        scopes = scopes_of(grant, api)
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
