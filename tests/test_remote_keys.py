"""Keys at URLs of clients: nobody else waits for them, and no mistake there stays."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import pytest

from claimhooks.serving import remotekeys as module
from claimhooks.serving.remotekeys import KeysUnavailable, RemoteKeys
from claimhooks.token import SigningKey

KEY = SigningKey.generate("ES256")
GOOD = json.dumps({"keys": [KEY.public_jwk()]}).encode()


class Handler(BaseHTTPRequestHandler):
    body: ClassVar[bytes] = GOOD
    status: ClassVar[int] = 200
    drip: ClassVar[float] = 0.0
    asked: ClassVar[int] = 0

    def do_GET(self) -> None:
        type(self).asked += 1
        self.send_response(self.status)
        self.send_header("Location", "/elsewhere")
        self.end_headers()
        for number in range(len(self.body)):
            if self.drip:
                time.sleep(self.drip)
                self.wfile.write(self.body[number : number + 1])
        if not self.drip:
            self.wfile.write(self.body)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serving(
    body: bytes = GOOD, *, status: int = 200, drip: float = 0.0
) -> Iterator[tuple[str, type[Handler]]]:
    handler = type("Here", (Handler,), {"body": body, "status": status, "drip": drip, "asked": 0})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/jwks.json", handler
        finally:
            server.shutdown()
            thread.join()


def test_all_who_come_at_once_wait_for_one_fetch() -> None:
    async def run(uri: str) -> list[list[str | None]]:
        keys = RemoteKeys(uri)
        found = await asyncio.gather(*(keys.keys() for _ in range(5)))
        return [[key.key_id for key in some] for some in found]

    with serving() as (uri, handler):
        assert asyncio.run(run(uri)) == [[KEY.kid]] * 5
        assert handler.asked == 1


def test_a_fetch_goes_on_when_who_began_it_can_wait_no_longer() -> None:
    async def run(uri: str) -> None:
        keys = RemoteKeys(uri)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await keys.keys()
        assert len(await keys.keys()) == 1

    with serving(drip=0.002) as (uri, handler):
        asyncio.run(run(uri))
        assert handler.asked == 1


def test_nobody_waits_for_a_key_that_somebody_else_does_not_know(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "PAUSE", 0.0)

    async def run(uri: str, handler: type[Handler]) -> None:
        keys = RemoteKeys(uri)
        await keys.keys()
        handler.drip = 0.01
        stranger = asyncio.create_task(keys.keys(is_unknown=True))
        await asyncio.sleep(0.05)
        async with asyncio.timeout(0.2):
            assert len(await keys.keys()) == 1
        assert not stranger.done()
        await stranger

    with serving() as (uri, handler):
        asyncio.run(run(uri, handler))


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b'{"keys": null}', b'{"message": "maintenance"}', b"\xff", b"[" * 5000],
)
def test_what_is_no_key_set_is_forgotten_once_it_is_one(
    body: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PAUSE", 0.0)

    async def run(uri: str, handler: type[Handler]) -> None:
        keys = RemoteKeys(uri)
        with pytest.raises(KeysUnavailable):
            await keys.keys()
        handler.body = GOOD
        assert len(await keys.keys()) == 1
        handler.body = body
        # What has been good is used on while the other side is out of order.
        assert len(await keys.keys(is_unknown=True)) == 1

    with serving(body) as (uri, handler):
        asyncio.run(run(uri, handler))


@pytest.mark.parametrize("status", [302, 404, 500])
def test_other_answers_are_none_and_no_redirect_is_followed(status: int) -> None:
    async def run(uri: str) -> None:
        with pytest.raises(KeysUnavailable):
            await RemoteKeys(uri).keys()

    with serving(status=status) as (uri, handler):
        asyncio.run(run(uri))
        assert handler.asked == 1


def test_a_server_that_drips_or_never_ends_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0.3)

    async def run(uri: str) -> float:
        started = time.monotonic()
        with pytest.raises(KeysUnavailable):
            await RemoteKeys(uri).keys()
        return time.monotonic() - started

    with serving(drip=0.05) as (uri, _):
        assert asyncio.run(run(uri)) < 2
    with serving(b" " * 400_000) as (uri, _):
        assert asyncio.run(run(uri)) < 2


def test_unknown_keys_are_asked_for_at_most_now_and_then() -> None:
    async def run(uri: str) -> None:
        keys = RemoteKeys(uri)
        await keys.keys()
        for _ in range(20):
            await keys.keys(is_unknown=True)

    with serving() as (uri, handler):
        asyncio.run(run(uri))
        assert handler.asked == 1


def test_keys_that_cannot_be_fetched_for_too_long_are_used_no_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "PAUSE", 0.0)
    monkeypatch.setattr(module, "FRESH", 0.0)
    monkeypatch.setattr(module, "OLDEST", 0.5)

    async def run(uri: str, handler: type[Handler]) -> None:
        keys = RemoteKeys(uri)
        assert len(await keys.keys()) == 1
        handler.status = 500
        assert len(await keys.keys()) == 1
        await asyncio.sleep(0.6)
        with pytest.raises(KeysUnavailable):
            await keys.keys()

    with serving() as (uri, handler):
        asyncio.run(run(uri, handler))
