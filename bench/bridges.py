"""What a call of a bridge costs over HTTP, against a floor.

Servers are on one core, the load on the other, measured in turn.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import mean

from bench.given import folder_of
from bench.load import Measured, requests
from bench.servers import PEERS, Server, free_port, started
from bench.table import Row, row

ROUNDS = 4
SCRIPT = Path(__file__).with_name("call.lua")
KEY = "Bearer bench-bench-bench-bench"
CALL = {
    "session": {
        "id_token": {
            "id_token_claims": {
                "iss": "https://auth.example.com/",
                "aud": [],
                "exp": "0001-01-01T00:00:00Z",
                "iat": "2026-11-23T15:00:00Z",
                "amr": None,
                "ext": {},
            },
            "headers": {"extra": {}},
            "expires_at": {},
            "subject": "orders-worker",
        },
        "extra": {},
        "client_id": "orders-worker",
        "consent_challenge": "",
        "exclude_not_before_claim": False,
        "allowed_top_level_claims": [],
        "mirror_top_level_claims": True,
    },
    "request": {
        "client_id": "orders-worker",
        "requested_scopes": ["orders:read", "orders:write"],
        "granted_scopes": ["orders:read", "orders:write"],
        "granted_audience": ["https://api.acme.example/"],
        "grant_types": ["client_credentials"],
        "payload": {
            "grant_type": ["client_credentials"],
            "scope": ["orders:read orders:write"],
        },
    },
}


def hydra(parent: Path) -> list[Row]:
    with _bridge(parent) as bridge, _floor(parent) as floor:
        found: dict[str, list[Measured]] = {"bridge": [], "floor": []}
        for seconds in (1, *[2] * ROUNDS):
            for name, server in (("bridge", bridge), ("floor", floor)):
                found[name].append(_load(server.port, seconds))
    rates = {name: mean(one.rate for one in rounds[1:]) for name, rounds in found.items()}
    p50, p99 = (
        mean(getattr(one, quantile) for one in found["bridge"][1:]) for quantile in ("p50", "p99")
    )
    return [
        row("bridge of Hydra, 3 hooks inline, 16 connections", rates["bridge"], " req/s"),
        row("  a bare application that parses the same", rates["floor"], " req/s"),
        row("  bridge against it", rates["bridge"] / rates["floor"], "", 0.75, least=True),
        row("  p50", p50, " ms"),
        row("  p99", p99, " ms", 25),
    ]


def _load(port: int, seconds: float) -> Measured:
    environment = {"BENCH_BODY": json.dumps(CALL), "BENCH_AUTHORIZATION": KEY}
    url = f"http://127.0.0.1:{port}/hydra"
    return requests(url, SCRIPT, environment, connections=16, seconds=seconds)


@contextmanager
def _bridge(parent: Path) -> Iterator[Server]:
    """``claimhooks serve-bridge hydra``."""
    folder = parent / "bridge"
    folder.mkdir()
    hooks = folder_of(3, folder)
    (folder / "claimhooks.toml").write_text(
        'lane = "inline"\n[bridges.hydra]\n'
        'api_key = { header = "authorization", secrets = ["BENCH_KEY"] }\n'
    )
    port = free_port()
    command = [sys.executable, "-m", "claimhooks", "serve-bridge", "hydra", f"--port={port}"]
    options = ["--config=claimhooks.toml", f"--hooks={hooks}"]
    with started([*command, *options], port, folder, environment={"BENCH_KEY": KEY}) as server:
        yield server


@contextmanager
def _floor(parent: Path) -> Iterator[Server]:
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "bench.peers.bridge_floor:app", f"--port={port}"]
    options = ["--no-access-log", "--log-level=warning", "--loop=uvloop", "--http=httptools"]
    where = {"PYTHONPATH": str(PEERS.parent.parent)}
    with started([*command, *options], port, parent, environment=where) as server:
        yield server
