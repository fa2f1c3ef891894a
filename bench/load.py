"""Load on a server: `wrk`, on a core of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import urlencode

SCRIPT = Path(__file__).with_name("load.lua")


class NotInstalled(Exception):
    """What is measured against, or with, cannot be had."""


@dataclass(frozen=True)
class Measured:
    rate: float
    """Requests a second."""
    p50: float
    """Milliseconds."""
    p99: float
    count: int


def load(
    port: int,
    secret: str,
    *,
    alg: str = "es256",
    connections: int = 16,
    seconds: float = 4,
    clients: int = 1,
    core: int | None = 1,
) -> Measured:
    """Ask for tokens over so many kept connections, for clients drawn by chance.

    Every request must be answered 200.
    """
    audience = f"https://{alg}.acme.example/"
    fields = {
        "grant_type": "client_credentials",
        "client_id": "client-CLIENT",
        "client_secret": secret,
        # Each peer knows one of the two.
        "audience": audience,
        "resource": audience,
        "tenant": "north",
    }
    environment = {"BENCH_BODY": urlencode(fields), "BENCH_CLIENTS": str(clients)}
    url = f"http://127.0.0.1:{port}/oauth/token"
    return requests(url, SCRIPT, environment, connections=connections, seconds=seconds, core=core)


def requests(
    url: str,
    script: Path,
    environment: Mapping[str, str],
    *,
    connections: int,
    seconds: float,
    core: int | None = 1,
) -> Measured:
    """Send what `script` says, over so many kept connections. Raises NotInstalled."""
    if (wrk := shutil.which("wrk")) is None:
        raise NotInstalled("wrk is not installed: apt-get install wrk")
    command = [wrk, "-t1", f"-c{connections}", f"-d{seconds:.0f}s", "-s", str(script)]
    done = subprocess.run(
        [*command, url],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
        preexec_fn=None if core is None else partial(pin, core),
    )
    found = json.loads(done.stderr.strip().splitlines()[-1])
    assert found["failed"] == 0, f"{found} at {url}"
    return Measured(
        found["count"] / found["micros"] * 1e6,
        found["p50"] / 1000,
        found["p99"] / 1000,
        found["count"],
    )


def pin(core: int) -> None:
    if sys.platform == "linux":
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {cores[core % len(cores)]})
