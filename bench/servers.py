"""The issuer and its peers as processes, each with the same client, API and custom claims."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from bench.given import EXCHANGE, folder_of
from bench.load import NotInstalled, pin
from claimhooks import Runtime
from claimhooks.registry import (
    ApiRecord,
    ClientRecord,
    Document,
    GrantRecord,
    SecretRecord,
    open_sql,
)
from claimhooks.registry.secret_hash import KEY_NAME, digest, read_key
from claimhooks.token import Algorithm, payload

if TYPE_CHECKING:
    from pydantic import JsonValue

PEERS = Path(__file__).parent / "peers"
CACHE = Path(__file__).parent.parent / "build" / "bench"
"""Where peers are installed, once."""
SECRET = "bench-secret-bench-secret-bench-secret-0123"
ALGS: tuple[Algorithm, ...] = ("ES256", "RS256")
SCOPES = {"orders:read": "", "orders:write": ""}
STARTS = 30.0
"""Seconds that a server has to answer."""


class Server:
    """A process that listens at `port`."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, seconds: float) -> None:
        self.port = port
        self.pid = process.pid
        self.seconds_to_start = seconds

    def memory(self) -> float:
        """Megabytes that the process has in memory (Linux)."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


@contextmanager
def started(
    command: list[str],
    port: int,
    folder: Path,
    core: int | None = 0,
    environment: Mapping[str, str] | None = None,
) -> Iterator[Server]:
    """`command` as a process on one core, which writes its log into a file of `folder`."""
    began = time.perf_counter()
    # Not beside the settings: whoever follows those would be woken up by every line.
    log_file = folder / "logs" / f"{port}.log"
    log_file.parent.mkdir(exist_ok=True)
    with log_file.open("wb") as log:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, **(environment or {})},
            stdout=log,
            stderr=subprocess.STDOUT,
            preexec_fn=None if core is None else partial(pin, core),  # noqa: PLW1509 - it starts before any thread
        )
        try:
            while not _listens(port):
                if process.poll() is not None or time.perf_counter() > began + STARTS:
                    raise RuntimeError(log_file.read_text()[-2000:])
                time.sleep(0.01)
            yield Server(process, port, time.perf_counter() - began)
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextmanager
def issuer(
    parent: Path,
    lane: str,
    *,
    clients: int = 1,
    workers: int = 1,
    core: int | None = 0,
    settings: str = "",
) -> Iterator[Server]:
    """``claimhooks serve`` with three hooks and a registry in SQLite with so many clients."""
    folder = parent / f"issuer-{lane}-{clients}-{workers}{'-set' if settings else ''}"
    folder.mkdir()
    hooks, data = folder_of(3, folder), folder / "data"
    (folder / "claimhooks.toml").write_text(f'lane = "{lane}"\n{settings}')
    _fill(data, clients)
    port = free_port()
    command = [sys.executable, "-m", "claimhooks", "serve", "--config", "claimhooks.toml"]
    options = [f"--hooks={hooks}", f"--data={data}", f"--port={port}", f"--workers={workers}"]
    with started([*command, *options, "--metrics-port=0"], port, folder, core) as server:
        yield server


def _fill(data: Path, clients: int) -> None:
    data.mkdir(mode=0o700)
    key = read_key(data / KEY_NAME, create=True)
    hashed = SecretRecord(hash=digest(SECRET, key), created=datetime.now(UTC))
    tier: dict[str, JsonValue] = {"tier": "gold"}
    names = [f"client-{number}" for number in range(clients)]
    audiences = {f"https://{alg.lower()}.acme.example/": alg for alg in ALGS}
    document = Document.of(
        [ClientRecord(id=name, name="Orders", metadata=tier, secrets=(hashed,)) for name in names],
        [
            ApiRecord(
                identifier=identifier,
                scopes=SCOPES,
                token_lifetime=3600,
                signing_alg=alg,
            )
            for identifier, alg in audiences.items()
        ],
        [
            GrantRecord(client_id=name, audience=identifier, scopes="all")
            for name in names
            for identifier in audiences
        ],
    )
    store = open_sql(data / "registry.db", create=True)
    store.replace(document)
    store.close()


@contextmanager
def floor(parent: Path) -> Iterator[Server]:
    """A bare Starlette application that signs what the issuer signs."""
    with Runtime(folder_of(3, parent, "floor")) as runtime:
        claims = payload(EXCHANGE, runtime.run(EXCHANGE), issuer="https://issuer.example/")
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "bench.peers.floor:app", f"--port={port}"]
    options = ["--no-access-log", "--log-level=warning", "--loop=uvloop", "--http=httptools"]
    where = {"PYTHONPATH": str(PEERS.parent.parent), "BENCH_CLAIMS": json.dumps(claims)}
    with started([*command, *options], port, parent, environment=where) as server:
        yield server


@contextmanager
def oidc_provider(parent: Path) -> Iterator[Server]:
    """node-oidc-provider 9. Raises NotInstalled."""
    folder = CACHE / "node"
    if not (folder / "node_modules" / "oidc-provider").exists():
        npm = _program("npm")
        folder.mkdir(parents=True, exist_ok=True)
        options = ["--no-audit", "--no-fund", "--prefix", str(folder)]
        _install([npm, "install", *options, "oidc-provider@9"])
    port = free_port()
    # Its `require` starts where the process does.
    command = ["sh", "-c", f"cd {folder} && exec {_program('node')} {PEERS}/oidc_provider.mjs"]
    with started(command, port, parent, environment=_of_peers(port)) as server:
        yield server


@contextmanager
def authlib_flask(parent: Path, app: str = "authlib_peer") -> Iterator[Server]:
    """Authlib and Flask under gunicorn with threads. Raises NotInstalled."""
    folder = CACHE / "gunicorn"
    if not (folder / "gunicorn").exists():
        install = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(folder)]
        _install([*install, "gunicorn"])
    port = free_port()
    command = [sys.executable, "-m", "gunicorn", f"--bind=127.0.0.1:{port}", f"--chdir={PEERS}"]
    options = ["--worker-class=gthread", "--threads=8", "--keep-alive=75", f"{app}:app"]
    where = {**_of_peers(port), "PYTHONPATH": str(folder)}
    with started([*command, *options], port, parent, environment=where) as server:
        yield server


@contextmanager
def authlib_hooked(parent: Path) -> Iterator[Server]:
    """The same with three hooks. Raises NotInstalled."""
    hooks = folder_of(3, parent, "authlib")
    os.environ["BENCH_HOOKS"] = str(hooks)
    with authlib_flask(parent, "authlib_peer_hooked") as server:
        yield server


def _of_peers(port: int) -> dict[str, str]:
    extra = {"https://acme.example/tier": "gold", "https://acme.example/tenant": "north"}
    return {"BENCH_EXTRA": json.dumps(extra), "BENCH_SECRET": SECRET, "BENCH_PORT": str(port)}


def _program(name: str) -> str:
    if (found := shutil.which(name)) is None:
        raise NotInstalled(f"{name} is not installed")
    return found


def _install(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NotInstalled((done.stderr.strip().splitlines() or ["it failed"])[-1])


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _listens(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), 0.2):
            return True
    except OSError:
        return False
