"""What the registry knows of a client and an API that a peer names: remembered, and followed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from pydantic import ValidationError

from claimhooks.bridges.refusals import Malformed, Unavailable, UnknownClient
from claimhooks.exchange import Client
from claimhooks.registry import StoreUnavailable, scopes_of
from claimhooks.registry.file import FileStore
from claimhooks.registry.lookups import Lookups
from claimhooks.serving.following import follow

if TYPE_CHECKING:
    from claimhooks.errors import Problem
    from claimhooks.registry import ApiRecord, Store
    from claimhooks.watch import Watcher

REMEMBERED: Final = 20_000
"""Clients at an API. When there are more, all are forgotten."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of one client at one API."""

    client: Client
    api: ApiRecord | None = None
    grant: tuple[str, ...] | None = None
    """All scopes of the client's grant; None: the registry has none."""
    lifetime: int | None = None
    """Seconds that tokens have; None: nobody knows."""


class Clients(Protocol):
    """Where clients are known."""

    async def known(self, client_id: str, audience: str) -> Known:
        """What is known of them. Raises UnknownClient, Unavailable."""
        ...

    @property
    def is_ready(self) -> bool:
        """Whether :meth:`known` has something to go by."""
        ...

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Why what is known is not what there is now."""
        ...

    async def start(self) -> None:
        """Begin, in the event loop of the calls."""
        ...

    async def stop(self) -> None:
        """End."""
        ...


class Anybody:
    """Without a registry: the peer alone knows its clients."""

    is_ready = True
    problems: tuple[Problem, ...] = ()

    def __init__(self) -> None:
        self._known: dict[str, Known] = {}

    async def known(self, client_id: str, audience: str) -> Known:  # noqa: ARG002
        """The id, and no more."""
        found = self._known.get(client_id)
        if found is None:
            try:
                found = Known(Client(id=client_id))
            except ValidationError:
                raise Malformed("the id of the client is no text on one line") from None
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            self._known[client_id] = found
        return found

    async def start(self) -> None:
        """Nothing to begin."""

    async def stop(self) -> None:
        """Nothing to end."""


class Registered:
    """The clients of a registry. For one event loop."""

    def __init__(self, store: Store, quiet: float) -> None:
        """`quiet` are the seconds for which a registry file must have been left alone."""
        self._store = store
        self._quiet = quiet
        self._watcher: Watcher | None = None
        self._known: dict[tuple[str, str], Known] = {}
        self._lookups = Lookups(store, self._known.clear)

    @property
    def is_ready(self) -> bool:
        """Whether answers can be given that are not too old."""
        return self._lookups.is_ready

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Why the registry's file, as it is now, is not in use."""
        return self._store.problems

    async def known(self, client_id: str, audience: str) -> Known:
        """What the registry has. Raises UnknownClient, Unavailable."""
        if not self._lookups.is_ready:
            raise Unavailable("the registry has not been reached, or the bridge was not started")
        found = self._known.get((client_id, audience))
        if found is not None:
            return found
        revision = self._lookups.revision
        try:
            found = await self._lookups.ask(lambda: self._find(client_id, audience))
        except StoreUnavailable as error:
            raise Unavailable(str(error)) from None
        if revision == self._lookups.revision:
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            self._known[client_id, audience] = found
        return found

    async def start(self) -> None:
        """Look at the registry, and go on doing so."""
        if isinstance(self._store, FileStore):
            self._watcher = follow(self._store, self._quiet)
        await self._lookups.start()

    async def stop(self) -> None:
        """Let go of the registry."""
        await self._lookups.stop()
        if self._watcher is not None:
            self._watcher.close()
        self._store.close()

    def _find(self, client_id: str, audience: str) -> Known:
        # A database may not even be asked for what no record can be named.
        record = self._store.client(client_id) if client_id.isprintable() else None
        if record is None:
            raise UnknownClient(f"the registry has no client {client_id!r}")
        if not record.enabled:
            raise UnknownClient(f"the client {client_id!r} is disabled in the registry")
        client = Client(
            id=record.id, name=record.name, tenant=record.tenant, metadata=record.metadata
        )
        api = self._store.api(audience) if audience.isprintable() else None
        if api is None:
            return Known(client, lifetime=record.token_lifetime)
        grant = self._store.grant(client_id, audience)
        return Known(
            client,
            api,
            None if grant is None else scopes_of(grant, api),
            record.token_lifetime or api.token_lifetime,
        )
