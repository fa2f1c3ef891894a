"""The registry as the token endpoint sees it: never older than it may be, never held up."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import pytest

from claimhooks.issuer.directory import Directory, Entitlement
from claimhooks.issuer.refusals import NotAuthenticated, Unavailable
from claimhooks.registry import (
    ApiRecord,
    ClientRecord,
    Document,
    GrantRecord,
    Store,
    StoreUnavailable,
)
from claimhooks.registry import lookups as module

API = "https://api.acme.example/"
Result = TypeVar("Result")


class Registry(Store):
    """A registry in memory whose database can be slow, or gone."""

    def __init__(self) -> None:
        self.clients = {"c": ClientRecord(id="c", metadata={"tier": "gold"})}
        self.granted: tuple[str, ...] = ("read",)
        self.number = 1
        self.is_gone = False
        self.wait: Callable[[], object] = lambda: None
        self.lookups = 0

    def _answer(self) -> None:
        self.lookups += 1
        if self.is_gone:
            raise StoreUnavailable("by the test")
        self.wait()

    def client(self, client_id: str) -> ClientRecord | None:
        found = self.clients.get(client_id)
        self._answer()
        return found

    def api(self, identifier: str) -> ApiRecord | None:
        self._answer()
        return ApiRecord(identifier=API, scopes={"read": ""}) if identifier == API else None

    def grant(self, client_id: str, audience: str) -> GrantRecord | None:
        self._answer()
        return GrantRecord(client_id=client_id, audience=audience, scopes=self.granted)

    def revision(self) -> str:
        if self.is_gone:
            raise StoreUnavailable("by the test")
        return str(self.number)

    def document(self) -> Document:
        raise NotImplementedError

    def close(self) -> None:
        pass

    def change(self, client: ClientRecord | None = None) -> None:
        self.number += 1
        self.clients = {} if client is None else {client.id: client}


@pytest.fixture
def registry() -> Registry:
    return Registry()


def within(registry: Registry, work: Callable[[Directory], Coroutine[Any, Any, Result]]) -> Result:
    async def run() -> Result:
        directory = Directory(registry)
        try:
            await directory.look()
            return await work(directory)
        finally:
            directory.close()

    return asyncio.run(run())


def test_what_has_been_looked_up_is_remembered_until_the_registry_changes(
    registry: Registry,
) -> None:
    async def work(directory: Directory) -> None:
        client = await directory.client("c")
        assert client is not None
        assert directory.remembered_client("c") is client
        first = await directory.entitlement(client, API)
        before = registry.lookups
        assert await directory.entitlement(client, API) is first
        assert registry.lookups == before
        registry.granted = ()
        registry.change(registry.clients["c"])
        await directory.look()
        assert directory.remembered_client("c") is None
        again = await directory.entitlement(client, API)
        assert isinstance(again, Entitlement)
        assert again.scopes == ()

    within(registry, work)


def test_a_client_that_is_taken_out_while_it_authenticates_gets_nothing(
    registry: Registry,
) -> None:
    async def work(directory: Directory) -> None:
        client = await directory.client("c")
        assert client is not None
        registry.change(ClientRecord(id="c", enabled=False))
        await directory.look()
        with pytest.raises(NotAuthenticated):
            await directory.entitlement(client, API)

    within(registry, work)


def test_hooks_see_the_client_as_it_is_now(registry: Registry) -> None:
    async def work(directory: Directory) -> None:
        client = await directory.client("c")
        assert client is not None
        registry.change(ClientRecord(id="c", metadata={"suspended": True}, token_lifetime=60))
        await directory.look()
        entitled = await directory.entitlement(client, API)
        assert isinstance(entitled, Entitlement)
        assert entitled.client.metadata == {"suspended": True}
        assert entitled.api.token_lifetime == 60

    within(registry, work)


def test_what_was_read_before_a_change_is_not_remembered_after_it(registry: Registry) -> None:
    async def work(directory: Directory) -> None:
        reading, go_on = threading.Event(), threading.Event()

        def wait() -> None:
            reading.set()
            go_on.wait(5)

        registry.wait = wait
        late = asyncio.ensure_future(directory.client("c"))
        await asyncio.to_thread(reading.wait, 5)
        registry.wait = lambda: None
        registry.change(ClientRecord(id="c", enabled=False))
        await directory.look()
        go_on.set()
        assert await late is not None
        assert directory.remembered_client("c") is None

    within(registry, work)


def test_memory_serves_for_a_while_when_the_registry_is_gone_and_no_longer(
    registry: Registry, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "STALE", 0.4)

    async def work(directory: Directory) -> None:
        client = await directory.client("c")
        assert client is not None
        await directory.entitlement(client, API)
        registry.is_gone = True
        for _ in range(3):
            await directory.look()
        assert directory.is_ready
        assert directory.remembered_client("c") is client
        assert isinstance(await directory.entitlement(client, API), Entitlement)
        for unknown in ("c", "nobody"):
            # Whoever is not proven from memory: the answer does not tell who is known.
            with pytest.raises(Unavailable):
                await directory.client(unknown)
        await asyncio.sleep(0.5)
        assert not directory.is_ready
        assert directory.remembered_client("c") is None
        with pytest.raises(Unavailable):
            await directory.entitlement(client, API)
        registry.is_gone = False
        await directory.look()
        assert directory.is_ready
        assert await directory.client("c") is not None

    within(registry, work)
    assert caplog.text.count("cannot be reached") == 1
    assert caplog.text.count("can be reached again") == 1


def test_nothing_is_ready_before_the_registry_has_answered(registry: Registry) -> None:
    async def run() -> None:
        directory = Directory(registry)
        assert not directory.is_ready
        registry.is_gone = True
        await directory.look()
        assert not directory.is_ready
        with pytest.raises(Unavailable):
            await directory.client("c")
        directory.close()

    asyncio.run(run())


def test_a_registry_that_does_not_answer_holds_up_a_few_and_not_for_long(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0.3)

    async def work(directory: Directory) -> None:
        released = threading.Event()
        registry.wait = lambda: released.wait(5)
        started = time.monotonic()
        asked = [directory.client(f"c{number}") for number in range(200)]
        found = await asyncio.gather(*asked, return_exceptions=True)
        assert all(isinstance(one, Unavailable) for one in found)
        assert time.monotonic() - started < 2
        # Looks at the revision go on all the while.
        await directory.look()
        assert directory.is_reachable
        released.set()

    within(registry, work)
