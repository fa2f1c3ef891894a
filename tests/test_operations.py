"""Running the issuer: starting and stopping, figures, limits, and parts that fail meanwhile."""

from __future__ import annotations

import json
import os
import re
import resource
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import IO, TYPE_CHECKING, Final

import httpx2
import jwt
import pytest
from starlette.testclient import TestClient

import serving as tls
from claimhooks import Settings
from claimhooks.issuer import Parts, application, operations
from claimhooks.registry import StoreUnavailable, lookups, open_sql, open_store
from claimhooks.registry.export import to_toml
from claimhooks.registry.sql import SqlStore
from claimhooks.serving.connection import PATIENCE
from claimhooks.serving.counts import MAX_KINDS, Counts
from given import API, eventually, processes_below
from issuing import (
    ISSUER,
    PER_HOUR,
    Answer,
    Prepared,
    form_request,
    head,
    in_process,
    prepare,
    send,
    verifier,
)
from postgres import running_server
from serving import free_port

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jwt.types import Options

    from claimhooks.token import Verifier
SLOW = """\
import asyncio

from claimhooks import hookimpl


@hookimpl
async def credentials_exchange(context):
    await asyncio.sleep(float(context.request.params.get("sleep", 0)))
"""
"""Waits as long as the parameter `sleep` says, and lets others be served meanwhile."""


@dataclass(frozen=True)
class Running:
    """A ``claimhooks serve``."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path

    def ask(self, form: Mapping[str, str], seconds: float = 10) -> Answer:
        """The answer to one token request."""
        (answer,) = send(self.port, form_request(form), seconds=seconds)
        return answer

    def events(self) -> list[dict[str, object]]:
        """What it has logged."""
        return [json.loads(line) for line in self.log.read_text().splitlines() if line[:1] == "{"]

    def stop(self) -> int:
        """Its exit status after SIGTERM."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(20)

    def is_ready(self) -> bool:
        with suppress(httpx2.TransportError):
            return httpx2.get(f"http://127.0.0.1:{self.port}/readyz", timeout=2).is_success
        return False

    def verifier(self) -> Verifier:
        """For the tokens of ORDERS."""
        with httpx2.Client(base_url=f"http://127.0.0.1:{self.port}") as client:
            return verifier(client)


@contextmanager
def serving(folder: Path, *options: str, name: str = "serve") -> Iterator[Running]:
    """``claimhooks serve`` in `folder`, ready."""
    port = free_port()
    log = folder / f"{name}.log"
    command = [sys.executable, "-m", "claimhooks", "serve", "--port", str(port), *options]
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=folder, stdout=output, stderr=subprocess.STDOUT)
    running = Running(process, port, log)
    try:
        assert eventually(lambda: running.is_ready() or process.poll() is not None, 30)
        assert process.poll() is None, log.read_text()
        yield running
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(10)
        process.kill()
        process.wait()


def configured(prepared: Prepared, server: str = "") -> tuple[str, ...]:
    """The options with which `prepared` is served; `server` are lines for the table [server]."""
    (prepared.hooks / "60-slow.py").write_text(SLOW)
    text = prepared.config.read_text().replace("[server]\n", f"[server]\n{server}\n")
    prepared.config.write_text(text)
    return ("--config", "claimhooks.toml", "--hooks", "hooks", "--data", "data", "--metrics-port=0")


@pytest.fixture
def prepared(tmp_path: Path) -> Prepared:
    return prepare(tmp_path / "issuer")


def statuses(answers: list[Answer]) -> Counter[int]:
    return Counter(answer.status for answer in answers)


UNVERIFIED: Final[Options] = {"verify_signature": False}

# Starting and stopping ---------------------------------------------------------------------------


@pytest.mark.slow
def test_a_stop_drops_no_request_that_is_under_way(prepared: Prepared) -> None:
    form = prepared.form(sleep="1")
    with (
        serving(prepared.folder, *configured(prepared)) as issuer,
        ThreadPoolExecutor(20) as pool,
    ):
        answers = [pool.submit(issuer.ask, form) for _ in range(20)]
        time.sleep(0.5)
        issuer.process.send_signal(signal.SIGTERM)
        assert statuses([answer.result() for answer in answers]) == {200: 20}
        assert issuer.process.wait(10) == 0


@pytest.mark.slow
def test_a_request_that_a_stop_has_cut_is_logged_so(prepared: Prepared) -> None:
    with serving(prepared.folder, *configured(prepared)) as issuer, ThreadPoolExecutor(1) as pool:
        answers = pool.submit(send, issuer.port, form_request(prepared.form(sleep="8")))
        time.sleep(0.5)
        for _ in range(2):
            issuer.process.send_signal(signal.SIGINT)
            time.sleep(0.5)
        issuer.process.wait(20)
        assert answers.result() == []
        (event,) = [event for event in issuer.events() if event["event"] == "exchange"]
        assert event["reason"] == "the issuer has been stopped meanwhile"


@pytest.mark.slow
def test_two_workers_serve_and_stop_together(prepared: Prepared) -> None:
    form = prepared.form()
    with serving(prepared.folder, *configured(prepared), "--workers", "2") as issuer:
        check = issuer.verifier()
        for _ in range(50):
            answer = issuer.ask(form)
            assert answer.status == 200
            assert check.verify(json.loads(answer.body)["access_token"])["sub"] == "worker"
        below = processes_below(issuer.process.pid)
        assert issuer.stop() == 0
        assert eventually(lambda: not any(Path(f"/proc/{pid}").exists() for pid in below))


@pytest.mark.slow
def test_two_issuers_that_start_at_once_make_one_registry(tmp_path: Path) -> None:
    with (
        ThreadPoolExecutor(2) as pool,
        ExitStack() as stack,
    ):
        options = ("--metrics-port=0",)
        begun = [serving(tmp_path, *options, name=name) for name in ("first", "second")]
        issuers = list(pool.map(stack.enter_context, begun))
        told = [text for one in issuers if "curl " in (text := one.log.read_text())]
        (form,) = (
            json.loads(found[1]) for text in told for found in re.finditer(r"-d '(.*)'", text)
        )
        assert statuses([issuer.ask(form) for issuer in issuers]) == {200: 2}
        addresses = [f"http://127.0.0.1:{one.port}/.well-known/jwks.json" for one in issuers]
        first, second = (httpx2.get(address).json() for address in addresses)
        assert first == second


@pytest.mark.slow
def test_an_issuer_that_is_killed_has_logged_every_token_that_it_has_given(
    prepared: Prepared,
) -> None:
    def tokens_until_it_is_killed() -> Iterator[str]:
        with suppress(httpx2.TransportError), httpx2.Client(base_url=address) as client:
            while True:
                yield client.post("/oauth/token", data=form).json()["access_token"]

    form = prepared.form()
    with serving(prepared.folder, *configured(prepared)) as issuer, ThreadPoolExecutor(8) as pool:
        address = f"http://127.0.0.1:{issuer.port}"
        given = [pool.submit(lambda: [*tokens_until_it_is_killed()]) for _ in range(8)]
        time.sleep(1)
        issuer.process.kill()
        tokens = [token for found in given for token in found.result()]
        logged = {event.get("jti") for event in issuer.events()}
    assert len(tokens) > 100
    assert {jwt.decode(token, options=UNVERIFIED)["jti"] for token in tokens} <= logged


# What operators see ------------------------------------------------------------------------------


@pytest.mark.slow
def test_hooks_see_where_a_request_came_from_also_behind_a_proxy(prepared: Prepared) -> None:
    form = prepared.form(hook="ip")
    seen: list[object] = []
    with serving(prepared.folder, *configured(prepared)) as issuer:
        for headers in ((), ("X-Forwarded-For: 203.0.113.7",)):
            (answer,) = send(issuer.port, form_request(form, *headers))
            claims = issuer.verifier().verify(json.loads(answer.body)["access_token"])
            seen.append(claims["https://acme.example/ip"])
    assert seen == ["127.0.0.1", "203.0.113.7"]


@pytest.mark.slow
def test_nobody_but_a_proxy_is_believed_where_a_request_came_from(
    prepared: Prepared, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "192.0.2.1")
    form = prepared.form(hook="ip")
    with serving(prepared.folder, *configured(prepared)) as issuer:
        (answer,) = send(issuer.port, form_request(form, "X-Forwarded-For: 203.0.113.7"))
        claims = issuer.verifier().verify(json.loads(answer.body)["access_token"])
    assert claims["https://acme.example/ip"] == "127.0.0.1"


def test_the_metrics_tell_what_became_of_requests(prepared: Prepared) -> None:
    settings = Settings.load(prepared.config)
    parts = Parts.open(ISSUER, settings, prepared.config, str(prepared.hooks), prepared.data)
    with TestClient(application(parts), ISSUER) as client:
        forms = [
            prepared.form(),
            prepared.form(),
            prepared.form(hook="AccessDenied"),
            prepared.form(hook="fault"),
            prepared.form(client_secret="wrong"),
        ]
        for form in forms:
            client.post("/oauth/token", data=form)
        text = TestClient(operations(parts)).get("/metrics").text
    counted = dict(re.findall(r"^(claimhooks_exchanges_total\{.*\}) (.*)$", text, re.MULTILINE))
    assert counted == {
        'claimhooks_exchanges_total{error="",outcome="granted"}': "2.0",
        'claimhooks_exchanges_total{error="access_denied",outcome="denied"}': "1.0",
        'claimhooks_exchanges_total{error="server_error",outcome="fault"}': "1.0",
        'claimhooks_exchanges_total{error="invalid_client",outcome="refused"}': "1.0",
    }
    assert "claimhooks_exchange_seconds_count 5.0" in text
    assert "claimhooks_hooks_seconds_count 4.0" in text
    assert "claimhooks_last_reload_successful 1.0" in text
    digest = parts.runtime.generation.digest
    named = f'claimhooks_active_generation_info{{digest="{digest}",lane="inline"}} 1.0'
    assert named in text
    names = set(re.findall(r"^# TYPE (\S+)", text, re.MULTILINE))
    assert names >= {
        "claimhooks_reloads_total",
        "claimhooks_last_reload_seconds",
        "claimhooks_last_reload_success_timestamp_seconds",
        "claimhooks_generations_draining",
        "claimhooks_workers",
        "claimhooks_worker_kills_total",
        "claimhooks_suspended_hooks",
    }


def test_a_hook_with_an_error_for_each_client_does_not_fill_the_metrics() -> None:
    counts = Counts()
    for number in range(MAX_KINDS + 500):
        event = SimpleNamespace(outcome="denied", error=f"denied_{number}", micros={"total": 100})
        counts.add(event)
    assert len(counts.by_outcome) == MAX_KINDS + 1
    assert counts.by_outcome["denied", "other"] == 500
    assert sum(counts.by_outcome.values()) == sum(counts.total.counts) == MAX_KINDS + 500


@pytest.mark.slow
def test_the_metrics_of_each_worker_are_at_a_port_of_its_own(prepared: Prepared) -> None:
    first = free_port(2)
    options = configured(prepared)[:-1]
    ports = ("--workers", "2", f"--metrics-port={first}")
    with serving(prepared.folder, *options, *ports) as issuer:
        assert issuer.ask(prepared.form()).status == 200

        def are_told(port: int) -> bool:
            try:
                return "claimhooks_workers" in httpx2.get(f"http://127.0.0.1:{port}/metrics").text
            except httpx2.ConnectError:
                return False  # the one process may be up before the other

        for port in (first, first + 1):
            assert eventually(lambda port=port: are_told(port))  # type: ignore[misc]


@pytest.mark.slow
def test_who_does_not_take_the_figures_does_not_keep_the_issuer_from_ending(
    prepared: Prepared,
) -> None:
    port = free_port()
    options = configured(prepared)[:-1]
    with (
        serving(prepared.folder, *options, f"--metrics-port={port}") as issuer,
        socket.create_connection(("127.0.0.1", port)) as connection,
    ):
        connection.settimeout(0.5)
        with suppress(TimeoutError):
            while True:
                connection.sendall(b"GET /metrics HTTP/1.1\r\nhost: issuer\r\n\r\n")
        assert issuer.stop() == 0


def test_the_issuer_is_not_ready_while_the_registry_is_gone_for_too_long(
    prepared: Prepared, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lookups, "FOLLOW", 0.02)
    monkeypatch.setattr(lookups, "STALE", 1.0)

    def gone(_store: SqlStore) -> str:
        raise StoreUnavailable("the database is gone")

    with in_process(prepared) as client:
        assert client.get("/readyz").status_code == 200
        assert client.post("/oauth/token", data=prepared.form()).status_code == 200
        with monkeypatch.context() as patch:
            patch.setattr(SqlStore, "revision", gone)
            assert eventually(lambda: client.get("/readyz").json()["registry"] == "unreachable")
            assert client.post("/oauth/token", data=prepared.form()).status_code == 200
            assert eventually(lambda: client.get("/readyz").status_code == 503)
        assert eventually(lambda: client.get("/readyz").status_code == 200)
        assert client.post("/oauth/token", data=prepared.form()).status_code == 200


# Limits ------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_quotas_and_assertions_hold_for_two_processes_together(prepared: Prepared) -> None:
    options = configured(prepared)
    if time.time() % 3600 > 3590:
        time.sleep(10)  # so that all requests are of one hour
    with (
        serving(prepared.folder, *options, name="first") as first,
        serving(prepared.folder, *options, name="second") as second,
    ):
        form = prepared.form("limited")
        answers = [issuer.ask(form) for _ in range(2) for issuer in (first, second)]
        assert [answer.status for answer in answers] == [200] * PER_HOUR + [429] * 2
        assert 0 < int(answers[-1].headers["retry-after"]) <= 3600

        form = prepared.asserting(prepared.assertion())
        assert [one.ask(form).status for one in (first, second, first)] == [200, 401, 401]


@pytest.mark.slow
def test_more_requests_than_places_are_refused_at_once(prepared: Prepared) -> None:
    options = configured(prepared, "concurrency = 5")
    form = prepared.form(sleep="1")
    with serving(prepared.folder, *options) as issuer, ThreadPoolExecutor(40) as pool:
        began = time.monotonic()
        answers = list(pool.map(issuer.ask, [form] * 40))
        assert time.monotonic() - began < 5
        assert statuses(answers) == {200: 5, 503: 35}
        assert all(one.headers["retry-after"] == "1" for one in answers if one.status == 503)
        assert issuer.ask(prepared.form()).status == 200


@pytest.mark.slow
def test_connections_that_send_nothing_keep_nobody_from_being_served(prepared: Prepared) -> None:
    count = 2000
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limits[1] < count + 500:
        pytest.skip(f"no more than {limits[1]} files can be open")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(limits[0], count + 500), limits[1]))
    form = prepared.form()
    try:
        with serving(prepared.folder, *configured(prepared)) as issuer, ExitStack() as stack:
            for _ in range(count):
                stack.enter_context(socket.create_connection(("127.0.0.1", issuer.port)))
            for _ in range(20):
                assert issuer.ask(form, seconds=2).status == 200
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


# Connections -------------------------------------------------------------------------------------


def kept(sent: bytes) -> bytes:
    """The same request, after which the connection goes on."""
    return sent.replace(b"Connection: close\r\n", b"")


def spoken(port: int, *parts: bytes | float) -> tuple[list[int], float]:
    """The statuses that come back for `parts`, which may be pauses; seconds till all is over."""
    began, received = time.monotonic(), b""
    with socket.create_connection(("127.0.0.1", port), 20) as connection:
        for part in parts:
            if isinstance(part, bytes):
                connection.sendall(part)
            else:
                time.sleep(part)
        while more := connection.recv(65536):
            received += more
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d+)", received)], (
        time.monotonic() - began
    )


@pytest.mark.slow
def test_a_connection_rests_for_its_time_and_is_not_ended_within_a_request(
    prepared: Prepared,
) -> None:
    token = kept(form_request(prepared.form()))
    long = kept(form_request(prepared.form(sleep="6")))
    get = kept(head(line="GET /healthz HTTP/1.1"))
    unread = get.replace(b"\r\n\r\n", b"\r\nContent-Length: 5\r\n\r\n")
    (top, end, body) = token.partition(b"\r\n\r\n")
    ways: dict[str, tuple[tuple[bytes | float, ...], list[int], float]] = {
        "at rest": ((token,), [200], 5),
        "at rest after its body came later": ((top + end, 0.5, body), [200], 5.5),
        "at rest after an empty line": ((token, 1.0, b"\r\n"), [200], 5),
        "both ways in turn": ((token, 4.0, get, 4.0, token), [200, 200, 200], 13),
        "a body after its answer": ((unread, 1.0, b"abcde"), [200], 5),
        "half a head behind a request": ((token + token[:40],), [200, 408], 5),
        "half a head while a request is answered": ((long, 0.5, token[:40]), [200, 408], 11),
        "a head and its rest": ((token + token[:40], 4.0, token[40:]), [200, 200], 9),
    }
    with serving(prepared.folder, *configured(prepared)) as issuer, ThreadPoolExecutor(20) as pool:
        spoke = {name: pool.submit(spoken, issuer.port, *way[0]) for name, way in ways.items()}
        for name, (_, statuses_, seconds) in ways.items():
            answered, took = spoke[name].result()
            assert (name, answered) == (name, statuses_)
            assert seconds - 0.1 < took < seconds + 2, name


@pytest.mark.slow
def test_whoever_does_not_take_answers_is_let_go(prepared: Prepared) -> None:
    def flood(pieces: bytes, pause: float) -> float:
        """Seconds for which one can send and read nothing."""
        began = time.monotonic()
        with socket.socket() as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.settimeout(0.5)
            connection.connect(("127.0.0.1", issuer.port))
            while time.monotonic() < began + 30:
                try:
                    connection.sendall(pieces)
                    time.sleep(pause)
                except TimeoutError:
                    continue
                except OSError:
                    break
        return time.monotonic() - began

    request = kept(form_request(prepared.form(grant_type="password")))
    with serving(prepared.folder, *configured(prepared)) as issuer, ThreadPoolExecutor(2) as pool:
        assert issuer.ask(prepared.form()).status == 200
        before = memory(issuer.process.pid)
        floods = [pool.submit(flood, *way) for way in ((request, 0.001), (request * 50, 0.0))]
        assert max(one.result() for one in floods) < 25
        assert memory(issuer.process.pid) < before + 20
        assert issuer.ask(prepared.form()).status == 200


def memory(pid: int) -> float:
    """MB that a process has in memory."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.findall(r"VmRSS:\s+(\d+) kB", status)[0]) / 1024


@pytest.mark.slow
def test_whoever_hangs_up_while_requests_wait_leaves_no_trace(prepared: Prepared) -> None:
    one = kept(form_request(prepared.form(sleep="0.3")))
    now = b"\1\0\0\0\0\0\0\0"
    with serving(prepared.folder, *configured(prepared)) as issuer:
        files = open_files(issuer.process.pid)
        for count in (1, 2, 3):
            for is_reset in (False, True):
                with socket.create_connection(("127.0.0.1", issuer.port)) as connection:
                    connection.sendall(one * count)
                    time.sleep(0.1)
                    if is_reset:
                        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, now)
        assert eventually(lambda: open_files(issuer.process.pid) == files)
        time.sleep(1)
        assert issuer.stop() == 0
        assert not [event for event in issuer.events() if event.get("level") == "error"]


def open_files(pid: int) -> int:
    """How many a process has, with its connections."""
    return len([*Path(f"/proc/{pid}/fd").iterdir()])


@pytest.mark.slow
def test_whoever_does_not_say_goodbye_over_tls_is_let_go(tmp_path: Path) -> None:
    with tls.serving(tmp_path) as issuer:
        context, address = ssl.create_default_context(cafile=issuer.ca), issuer.host.split(":")
        account = {"client_id": issuer.worker.client_id, "client_secret": issuer.worker.secret}
        form = {"grant_type": "client_credentials", "audience": API, **account}
        with (
            socket.create_connection((address[0], int(address[1])), 20) as plain,
            context.wrap_socket(plain, server_hostname=address[0]) as connection,
        ):
            connection.sendall(kept(form_request(form)) * 3)
            received = b""
            while len(re.findall(rb"HTTP/1\.1 200 OK\r\n", received)) < 3:
                received += connection.recv(65536)
            began = time.monotonic()
            while socket.socket.recv(connection, 65536):
                """What is only said to be the end."""
            assert 2 * PATIENCE - 1 < time.monotonic() - began < 2 * PATIENCE + 3


@pytest.mark.slow
def test_a_hook_may_deny_with_a_status_that_has_no_name(prepared: Prepared) -> None:
    (prepared.hooks / "70-odd.py").write_text(ODD)
    with serving(prepared.folder, *configured(prepared)) as issuer:
        assert issuer.ask(prepared.form(status="499")).status == 499
        assert issuer.ask(prepared.form(status="99")).status == 500
        assert issuer.ask(prepared.form()).status == 200


ODD = """\
from claimhooks import AccessDenied, hookimpl


@hookimpl
def credentials_exchange(context):
    if "status" in context.request.params:
        class Odd(AccessDenied):
            status = int(context.request.params["status"])

        raise Odd
"""


# Parts that fail meanwhile -----------------------------------------------------------------------


def test_a_registry_file_that_is_broken_meanwhile_changes_nothing(
    prepared: Prepared, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(lookups, "FOLLOW", 0.02)
    registry = prepared.folder / "registry.toml"
    with closing(open_store(prepared.data / "registry.db")) as store:
        good = to_toml(store.document())
    registry.write_text(good)
    configured(prepared, f'registry = "{registry}"')

    def ask() -> int:
        return client.post("/oauth/token", data=prepared.form()).status_code

    with in_process(prepared) as client:
        assert ask() == 200
        registry.write_text(good.replace("[clients.worker]", "[clients.worker"))
        assert eventually(lambda: "the registry stays as it was" in caplog.text)
        assert ask() == 200
        registry.write_text(good.replace("[clients.worker]", "[clients.worker]\nenabled = false"))
        assert eventually(lambda: ask() == 401)
        registry.write_text(good)
        assert eventually(lambda: ask() == 200)


@dataclass(frozen=True)
class Database:
    """What the registry of an issuer is in."""

    server: str
    """Lines for the table [server]."""
    go: Callable[[], None]
    come_back: Callable[[], None]


@contextmanager
def sqlite(prepared: Prepared) -> Iterator[Database]:
    """A file, which goes by being moved away."""
    away = prepared.folder / "away"
    away.mkdir()

    def move(before: Path, after: Path) -> None:
        for path in before.glob("registry.db*"):
            path.replace(after / path.name)

    yield Database("", lambda: move(prepared.data, away), lambda: move(away, prepared.data))


@contextmanager
def postgresql(prepared: Prepared) -> Iterator[Database]:
    """A server, which goes by being stopped as if it had been killed."""
    with running_server() as server:
        address = server.new_database()
        with (
            closing(open_sql(prepared.data / "registry.db")) as before,
            closing(open_sql(address, create=True)) as after,
        ):
            after.replace(before.document())
        yield Database(f'registry = "{address}"', server.stop, server.start)


@pytest.mark.slow
@pytest.mark.parametrize("kind", [sqlite, pytest.param(postgresql, marks=pytest.mark.postgres)])
def test_a_database_that_is_gone_for_a_while_costs_no_token_its_truth(
    prepared: Prepared, kind: Callable[[Prepared], AbstractContextManager[Database]]
) -> None:
    with (
        kind(prepared) as database,
        serving(prepared.folder, *configured(prepared, database.server)) as issuer,
        ThreadPoolExecutor(3) as pool,
    ):
        assert issuer.ask(prepared.form()).status == 200
        until = time.monotonic() + 6

        def load(client: str) -> list[Answer]:
            found: list[Answer] = []
            while time.monotonic() < until:
                found.append(issuer.ask(prepared.form(client), seconds=20))
            return found

        names = ("worker", "hasty", "limited")
        known, unknown, limited = (pool.submit(load, name) for name in names)
        database.go()
        time.sleep(3)
        assert issuer.is_ready()
        database.come_back()
        assert statuses(known.result()).keys() == {200}
        assert statuses(unknown.result()).keys() <= {200, 503}
        assert statuses(limited.result()).keys() <= {200, 429, 503}
        assert eventually(lambda: issuer.ask(prepared.form("rotating")).status == 200)
        check = issuer.verifier()
        for name, answers in zip(names, (known, unknown, limited), strict=True):
            for answer in answers.result():
                if answer.status == 200:
                    assert check.verify(json.loads(answer.body)["access_token"])["sub"] == name
        if kind is postgresql:
            messages = [str(event.get("message")) for event in issuer.events()]
            assert any("the registry cannot be reached" in message for message in messages)
            assert "the registry can be reached again" in messages


@pytest.mark.slow
def test_a_full_disk_is_told_and_costs_no_wrong_token(prepared: Prepared) -> None:
    disk = prepared.folder / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m,mode=0700", "tmpfs", str(disk)]
    if subprocess.run(mount, check=False, capture_output=True).returncode != 0:
        assert os.environ.get("CI") != "true", "CI must be able to mount a small disk"
        pytest.skip("mounting a small disk needs more privileges")
    try:
        for path in prepared.data.iterdir():
            (disk / path.name).write_bytes(path.read_bytes())
        options = [*configured(prepared)]
        options[options.index("data")] = "disk"
        with serving(prepared.folder, *options) as issuer:
            assert issuer.ask(prepared.form()).status == 200
            _fill(disk / "filler")
            assert issuer.ask(prepared.form()).status == 200
            refused = issuer.ask(prepared.form("limited"))
            assert (refused.status, refused.headers["retry-after"]) == (503, "1")
            assert issuer.ask(prepared.asserting(prepared.assertion())).status == 503
            assert "disk is full" in issuer.log.read_text()
            (disk / "filler").unlink()
            assert eventually(lambda: issuer.ask(prepared.form("limited")).status == 200)
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def _fill(path: Path) -> None:
    with path.open("wb") as file, suppress(OSError):
        while True:
            os.write(file.fileno(), bytes(4096))


LINES = """\
import asyncio, os, resource, sys
from types import SimpleNamespace
from claimhooks.serving.process import EventLines


async def main():
    asyncio.get_running_loop().set_exception_handler(lambda *_: os._exit(1))
    events = EventLines()
    line = b'{"padding":"%s"}' % (b"x" * 400)
    event = SimpleNamespace(outcome="granted", error=None, micros={"total": 1}, line=lambda: line)

    async def turns(count):
        for _ in range(count):
            for _ in range(100):
                events.add(event)
            await asyncio.sleep(0)

    CODE
    os._exit(7)


asyncio.run(main())
"""
"""A program that logs many exchanges, with the rest of it at ``CODE``."""


def logged(code: str, stdout: IO[bytes] | int, stderr: IO[bytes] | int) -> str:
    """What a program tells on standard error that logs as `code` says."""
    command = [sys.executable, "-c", LINES.replace("CODE", code)]
    done = subprocess.run(command, stdout=stdout, stderr=stderr, check=False)
    assert done.returncode == 7
    return (done.stderr or b"").decode()


def test_a_log_that_cannot_be_written_is_told_once_and_raises_nothing() -> None:
    with Path("/dev/full").open("wb") as full:
        told = logged("await turns(3)", full, subprocess.PIPE)
        assert told == (
            "the log of exchanges cannot be written: [Errno 28] No space left on device\n"
        )
        logged("await turns(3)", full, full)


def test_no_line_of_the_log_is_half_after_the_disk_was_full(tmp_path: Path) -> None:
    limited = "resource.setrlimit(resource.RLIMIT_FSIZE, ({}, resource.RLIM_INFINITY))"
    code = [limited.format(100_000), "await turns(5)", limited.format(10**9), "await turns(1)"]
    with (tmp_path / "log").open("wb") as log:
        assert "File too large" in logged("; ".join(code), log, subprocess.PIPE)
    lines = (tmp_path / "log").read_text().splitlines()
    assert {len(json.loads(line)["padding"]) for line in lines} == {400}
    # What was there, the line that was half, and what came later.
    assert len(lines) == 100_000 // len(lines[0] + "\n") + 1 + 100


def test_an_event_that_cannot_be_told_takes_no_other_along(tmp_path: Path) -> None:
    code = [
        'bad = SimpleNamespace(**vars(event), trace="feed"); bad.line = lambda: 1 / 0',
        "events.add(event); events.add(bad); await turns(1)",
    ]
    with (tmp_path / "log").open("wb") as log:
        told = logged("; ".join(code), log, subprocess.PIPE)
    assert not told
    lines = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    reason = "it cannot be told: ZeroDivisionError('division by zero')"
    assert lines[1] == {"event": "untold", "trace": "feed", "reason": reason}
    assert len(lines) == 102


def test_a_log_whose_stream_somebody_has_closed_costs_no_answer() -> None:
    with Path("/dev/full").open("wb") as full:
        told = logged("sys.stdout.close(); await turns(3)", full, subprocess.PIPE)
    assert told.count("cannot be written") == 1


def test_what_the_log_cannot_tell_is_told_in_a_line_elsewhere() -> None:
    program = (
        "import logging; from claimhooks.serving.process import log_to_stdout\n"
        "log_to_stdout(); logging.warning('a'); logging.warning('b'); import os; os._exit(7)"
    )
    command = [sys.executable, "-c", program]
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    message = "a line of the log cannot be written: [Errno 28] No space left on device\n"
    assert (done.returncode, done.stderr) == (7, message * 2)
