"""``claimhooks serve-bridge``: however a call comes over the wire, it is answered the same."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
from click.testing import CliRunner, Result

from bridging import FOLDER, Golden, prepare
from claimhooks.cli import main
from given import eventually, hook
from issuing import Answer
from serving import free_port

CALL = Golden(FOLDER / "hydra" / "unchanged.json")
TIER = "https://claims.example.com/tier"
BODY = f'return {{"{TIER}": "gold"}}'


@dataclass(frozen=True)
class Served:
    """A bridge of Hydra that runs."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def log(self) -> list[dict[str, Any]]:
        """What it has logged."""
        return [json.loads(line) for line in (self.folder / "log").read_text().splitlines()]

    def events(self) -> list[dict[str, Any]]:
        """Of the calls."""
        return [line for line in self.log() if line["event"] == "bridge"]


@contextmanager
def served(folder: Path, lane: str = "inline") -> Iterator[Served]:
    """Runs ``claimhooks serve-bridge hydra``; ends it, which must go well."""
    config = prepare(folder, "hydra", BODY, lane=lane)
    port = free_port(2)
    command = [sys.executable, "-m", "claimhooks", "serve-bridge", "hydra", "--port", str(port)]
    command += ["--config", str(config), "--hooks", str(folder / "hooks")]
    command += ["--metrics-port", str(port + 1)]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
        try:
            bridge = Served(folder, port, process)
            assert eventually(lambda: _answers(bridge) or process.poll() is not None, 30)
            assert process.poll() is None, (folder / "log").read_text()
            yield bridge
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0, (folder / "log").read_text()
        finally:
            process.kill()
            process.wait()


def _answers(bridge: Served) -> bool:
    try:
        return httpx2.get(f"{bridge.url}/readyz", timeout=2).status_code == 200
    except httpx2.TransportError:
        return False


@pytest.fixture(scope="module")
def bridge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("bridge")) as bridge:
        yield bridge


def head(length: int | None, method: str = "POST", path: str = "/hydra", **more: str) -> bytes:
    """The head of a call."""
    headers = {"host": "bridge", **CALL.headers(), **more}
    if length is not None:
        headers["content-length"] = str(length)
    lines = [f"{method} {path} HTTP/1.1", *(f"{k}: {v}" for k, v in headers.items()), "", ""]
    return "\r\n".join(lines).encode()


def exchanged(bridge: Served, *parts: bytes, answers: int = 1) -> list[Answer]:
    """Send `parts`, one after the other, over one connection; the answers that come back."""
    with socket.create_connection(("127.0.0.1", bridge.port), 10) as connection:
        for number, part in enumerate(parts):
            if number:
                time.sleep(0.02)
            connection.sendall(part)
        stream = connection.makefile("rb")
        return [_answer(stream) for _ in range(answers)]


def _answer(stream: Any) -> Answer:
    status = int(stream.readline().split()[1])
    headers: dict[str, str] = {}
    while line := stream.readline().decode().strip():
        name, _, value = line.partition(": ")
        headers[name] = value
    if status == 100:
        return _answer(stream)
    return Answer(status, headers, stream.read(int(headers.get("content-length", "0"))))


GOOD = CALL.body()
WAYS = {
    "in one piece": (head(len(GOOD)) + GOOD,),
    "the body later": (head(len(GOOD)), GOOD),
    "in many pieces": (head(len(GOOD))[:50], head(len(GOOD))[50:], GOOD[:99], GOOD[99:]),
    "chunked": (
        head(None, **{"transfer-encoding": "chunked"})
        + b"%x\r\n%s\r\n%x\r\n%s\r\n0\r\n\r\n" % (60, GOOD[:60], len(GOOD) - 60, GOOD[60:]),
    ),
    "chunked in pieces": (
        head(None, **{"transfer-encoding": "chunked"}) + b"%x\r\n%s\r\n" % (60, GOOD[:60]),
        b"%x\r\n%s\r\n0\r\n\r\n" % (len(GOOD) - 60, GOOD[60:]),
    ),
    "with a query": (head(len(GOOD), path="/hydra?a=b") + GOOD,),
    "asking to go on": (head(len(GOOD), expect="100-continue") + GOOD,),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_call_is_answered_the_same_however_it_comes(bridge: Served, way: str) -> None:
    count = len(bridge.events())
    (answer,) = exchanged(bridge, *WAYS[way])
    assert answer.status == 200
    assert json.loads(answer.body)["session"]["access_token"] == {TIER: "gold"}
    assert answer.headers["cache-control"] == "no-store"
    assert eventually(lambda: len(bridge.events()) == count + 1)
    assert bridge.events()[-1]["outcome"] == "granted"


def test_a_call_may_be_larger_than_a_head_also_if_it_comes_later(bridge: Served) -> None:
    large = GOOD + b" " * 50_000
    for parts in ((head(len(large)) + large,), (head(len(large)), large)):
        (answer,) = exchanged(bridge, *parts)
        assert answer.status == 200


def test_calls_that_come_at_once_are_answered_in_their_order(bridge: Served) -> None:
    bad = head(2) + b"{}"
    good = head(len(GOOD)) + GOOD
    health = head(None, "GET", "/healthz")
    answers = exchanged(bridge, good + bad + health + good + bad, answers=5)
    assert [answer.status for answer in answers] == [200, 400, 200, 200, 400]
    answers = exchanged(bridge, health + good + good[:30], good[30:] + bad, answers=4)
    assert [answer.status for answer in answers] == [200, 200, 200, 400]


def test_a_connection_is_kept_unless_the_caller_wants_none(bridge: Served) -> None:
    with socket.create_connection(("127.0.0.1", bridge.port), 10) as connection:
        stream = connection.makefile("rb")
        for _ in range(3):
            connection.sendall(head(len(GOOD)) + GOOD)
            assert _answer(stream).status == 200
        connection.sendall(head(len(GOOD), connection="close") + GOOD)
        assert _answer(stream).headers["connection"] == "close"
        assert stream.read() == b""


@pytest.mark.parametrize(
    ("parts", "status"),
    [
        ((head(5_000_000), b"x" * 1_100_000), 413),
        ((head(2, "GET") + b"{}",), 405),
        ((head(2, path="/") + b"{}",), 404),
        ((head(2, path="/wso2") + b"{}",), 404),
        ((head(len(GOOD), authorization="Bearer nobody") + GOOD,), 401),
        ((b"POST /hydra HTTP/1.1\r\nhost: a\r\nx: " + b"y" * 70_000 + b"\r\n\r\n",), 431),
        ((b"nonsense\r\n\r\n",), 400),
    ],
)
def test_what_is_no_call_is_refused(bridge: Served, parts: tuple[bytes, ...], status: int) -> None:
    (answer,) = exchanged(bridge, *parts)
    assert answer.status == status
    assert "error" in json.loads(answer.body)
    # And it goes on serving.
    (answer,) = exchanged(bridge, head(len(GOOD)) + GOOD)
    assert answer.status == 200


def test_who_hangs_up_in_the_middle_harms_nobody(bridge: Served) -> None:
    for parts in ((head(len(GOOD)) + GOOD[:50]), head(len(GOOD)) + GOOD):
        with socket.create_connection(("127.0.0.1", bridge.port), 10) as connection:
            connection.sendall(parts)
    (answer,) = exchanged(bridge, head(len(GOOD)) + GOOD)
    assert answer.status == 200
    assert not [line for line in bridge.log() if line.get("level") == "error"]


def test_its_health_tells_what_it_runs_on(bridge: Served) -> None:
    ready = httpx2.get(f"{bridge.url}/readyz").json()
    assert ready["status"] == "ready"
    assert ready["peer"] == "hydra"
    assert httpx2.get(f"{bridge.url}/healthz").json() == {"status": "alive"}
    good = bridge.folder / "hooks" / "10-hook.py"
    text = good.read_text()
    good.write_text("def")
    problems = eventually(lambda: httpx2.get(f"{bridge.url}/readyz").json()["problems"] != [])
    found = httpx2.get(f"{bridge.url}/readyz")
    good.write_text(text)
    assert problems
    assert (found.status_code, found.json()["status"]) == (200, "degraded")
    assert found.json()["problems"] == ["syntax_error"]
    assert eventually(lambda: httpx2.get(f"{bridge.url}/readyz").json()["problems"] == [])


def test_its_figures_are_at_a_port_of_their_own(bridge: Served) -> None:
    def counted(labels: str) -> float:
        text = httpx2.get(f"http://127.0.0.1:{bridge.port + 1}/metrics").text
        found = re.search(rf"^claimhooks_exchanges_total{{{labels}}} (.*)$", text, re.MULTILINE)
        return 0 if found is None else float(found[1])

    granted, refused = 'error="",outcome="granted"', 'error="",outcome="refused"'
    before = counted(granted), counted(refused)
    exchanged(bridge, head(len(GOOD)) + GOOD)
    exchanged(bridge, head(len(GOOD), authorization="Bearer wrong") + GOOD)
    assert (counted(granted), counted(refused)) == (before[0] + 1, before[1] + 1)
    assert httpx2.get(f"{bridge.url}/metrics").status_code == 404


@pytest.mark.worker
def test_hooks_run_in_workers_and_calls_under_way_are_answered_at_the_end(tmp_path: Path) -> None:
    with served(tmp_path, lane="worker") as bridge:
        (tmp_path / "hooks" / "10-hook.py").write_text(
            "import asyncio\nfrom claimhooks import hookimpl\n\n@hookimpl\n"
            "async def credentials_exchange():\n    await asyncio.sleep(0.2)\n"
        )
        generation = httpx2.get(f"{bridge.url}/readyz").json()["generation"]
        assert eventually(
            lambda: httpx2.get(f"{bridge.url}/readyz").json()["generation"] != generation
        )
        with socket.create_connection(("127.0.0.1", bridge.port), 10) as connection:
            connection.sendall(head(len(GOOD)) + GOOD)
            time.sleep(0.05)
            bridge.process.send_signal(signal.SIGTERM)
            assert _answer(connection.makefile("rb")).status == 204
        event = bridge.events()[-1]
        assert (event["lane"], event["outcome"]) == ("worker", "granted")


# What keeps it from starting ---------------------------------------------------------------------


def started(folder: Path, *arguments: str) -> Result:
    """What becomes of a bridge that cannot start."""
    os.chdir(folder)
    return CliRunner().invoke(main, ["serve-bridge", *arguments])


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "hooks").mkdir()
    (tmp_path / "hooks" / "10-hook.py").write_text(hook(""))
    return tmp_path


def test_nobody_is_answered_without_having_to_prove_himself(project: Path) -> None:
    done = started(project, "hydra")
    assert done.exit_code == 2
    assert "how hydra authenticates itself is missing" in done.stderr
    assert "[bridge_caller]" in done.stderr


def test_others_are_answered_over_tls_or_not_by_accident(project: Path) -> None:
    done = started(project, "hydra", "--host", "0.0.0.0")
    assert done.exit_code == 2
    assert "there is no TLS" in done.stderr


def test_a_peer_that_calls_no_url_is_not_served(project: Path) -> None:
    done = started(project, "cognito")
    assert done.exit_code == 2
    assert "cognito calls no URL" in done.stderr


def test_an_unknown_peer_is_none(project: Path) -> None:
    done = started(project, "keycloak")
    assert done.exit_code == 2
    assert "'keycloak' is not one of 'hydra'" in done.stderr
