"""What the engine costs against its parts and its peers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import jwt
import pluggy
from authlib.oauth2.rfc9068 import JWTBearerTokenGenerator
from cryptography.hazmat.primitives.asymmetric import ec
from joserfc.jwk import KeySet

from bench.given import API, EXCHANGE, SAMPLE, folder_of
from bench.table import Row, row
from claimhooks import Runtime, hookimpl, hookspec
from claimhooks.generation import Plan
from claimhooks.loading import LoadedGeneration
from claimhooks.snapshot import Snapshot
from claimhooks.token import SigningKey, payload


def micros(*functions: Callable[[], object], rounds: int = 15, calls: int = 1000) -> list[float]:
    """The median time of one call of each, taken in turn."""
    times: list[list[float]] = [[] for _ in functions]
    for _ in range(rounds):
        for function, taken in zip(functions, times, strict=True):
            started = time.perf_counter_ns()
            for _ in range(calls):
                function()
            taken.append((time.perf_counter_ns() - started) / calls / 1000)
    return [median(taken) for taken in times]


def exchanges(parent: Path) -> list[Row]:
    three, ten = Runtime(folder_of(3, parent)), Runtime(folder_of(10, parent))
    key = SigningKey.generate("ES256")
    claims = payload(EXCHANGE, three.run(EXCHANGE), issuer="https://issuer.example/")

    def sign() -> object:
        return jwt.encode(claims, key.private, algorithm="ES256", headers=key.header())

    def whole() -> object:
        found = payload(EXCHANGE, three.run(EXCHANGE), issuer="https://issuer.example/")
        return key.sign(found)

    generator = _authlib(key)

    def authlib() -> object:
        return generator.generate("client_credentials", _AuthlibClient(), scope="orders:read")

    manager = {n: _pluggy(n) for n in (3, 10)}
    arguments = {"client": 1, "scope": 2, "audience": 3, "context": 4}
    signing, with_3, with_10, all_of_it, theirs, pluggy_3, pluggy_10 = micros(
        sign,
        lambda: three.run(EXCHANGE),
        lambda: ten.run(EXCHANGE),
        whole,
        authlib,
        lambda: manager[3].hook.credentials_exchange(**arguments),
        lambda: manager[10].hook.credentials_exchange(**arguments),
    )
    return [
        row("jwt.encode ES256 of the same payload", signing, " µs"),
        row("exchange with 3 hooks, inline", with_3, " µs"),
        row("  against jwt.encode", with_3 / signing, "", 0.40),
        row("exchange with 10 hooks, inline", with_10, " µs"),
        row("  against jwt.encode", with_10 / signing, "", 0.80),
        row("exchange with 3 hooks, and the signed token", all_of_it, " µs"),
        row("Authlib, get_extra_claims and the signed token", theirs, " µs"),
        row("pluggy alone, 3 empty implementations", pluggy_3, " µs"),
        row("pluggy alone, 10 empty implementations", pluggy_10, " µs"),
    ]


class _AuthlibClient:
    def get_client_id(self) -> str:
        return "orders-worker"

    def get_allowed_scope(self, scope: str) -> str:
        return scope


def _authlib(key: SigningKey) -> Any:
    class Generator(JWTBearerTokenGenerator):  # type: ignore[misc]
        def get_jwks(self) -> object:
            return jwks

        def get_audiences(self, *_: object) -> str:
            return API

        def get_extra_claims(self, *_: object) -> dict[str, str]:
            return {"https://acme.example/tier": "gold", "https://acme.example/tenant": "north"}

    assert isinstance(key.private, ec.EllipticCurvePrivateKey)
    private = jwt.algorithms.ECAlgorithm.to_jwk(key.private, as_dict=True)
    members = {**private, "kid": key.kid, "alg": "ES256", "use": "sig"}
    jwks = KeySet.import_key_set({"keys": [members]})
    return Generator(issuer="https://issuer.example/", alg="ES256")


def _pluggy(count: int) -> pluggy.PluginManager:
    manager = pluggy.PluginManager("claimhooks")
    manager.add_hookspecs(hookspec)
    for _ in range(count):

        class Plugin:
            @hookimpl
            def credentials_exchange(self, client: object, scope: object) -> None:
                pass

        manager.register(Plugin())
    return manager


def loading(parent: Path) -> list[Row]:
    snapshot = Snapshot.read(folder_of(20, parent))
    (taken,) = micros(lambda: LoadedGeneration.load(Plan.of(snapshot)), rounds=15, calls=1)
    return [row("loading 20 hooks", taken / 1000, " ms", 25)]


def child(arguments: list[str], cwd: Path, *, one_core: bool = False) -> float:
    """Seconds that a whole process takes."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}

    def pin() -> None:
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})

    started = time.perf_counter()
    subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd, env=environment, stdout=subprocess.DEVNULL, check=True,
        preexec_fn=pin if one_core and hasattr(os, "sched_setaffinity") else None,
    )  # fmt: skip
    return time.perf_counter() - started


# What wait4() tells of a child includes the memory of the parent that it was forked from.
PEAK = """
import sys
from claimhooks.cli import main
try:
    main(sys.argv[1:])
finally:
    with open("/proc/self/status") as status:
        print(next(line for line in status if line.startswith("VmHWM")).split()[1], file=sys.stderr)
"""


def peak(arguments: list[str], cwd: Path) -> float:
    """The most memory that a command ever had, in MB (Linux)."""
    command = [sys.executable, "-c", PEAK, *arguments]
    done = subprocess.run(
        command, cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=True
    )
    return int(done.stderr) / 1024


def stream(parent: Path) -> list[Row]:
    folder_of(3, parent)
    line = json.dumps(SAMPLE) + "\n"
    for count in (1_000, 100_000):
        (parent / f"{count}.jsonl").write_text(line * count)
    arguments = ["run", "--hooks", "hooks-3", "--format", "json", "100000.jsonl"]
    command = ["-m", "claimhooks", *arguments]
    quiet = [child([*command, "--quiet"], parent, one_core=True) for _ in range(3)]
    full = [child(command, parent, one_core=True) for _ in range(3)]
    rows = [
        row("dry run, --quiet", 100_000 / median(quiet), " a second", 25_000, least=True),
        row("dry run, everything printed", 100_000 / median(full), " a second"),
    ]
    if sys.platform == "linux":
        growth = peak(arguments, parent) - peak([*arguments[:-1], "1000.jsonl"], parent)
        rows.append(row("peak memory, 100,000 samples over 1,000", growth, " MB", 30))
    return rows


def cold(parent: Path) -> list[Row]:
    folder_of(3, parent)
    (parent / "sample.json").write_text(json.dumps(SAMPLE))
    ours = ["-m", "claimhooks", "run", "--hooks", "hooks-3", "sample.json"]
    theirs = ["-c", "import pydantic, pluggy, jwt"]
    pairs = [(child(ours, parent), child(theirs, parent)) for _ in range(21)][1:]
    ratio = median(one / other for one, other in pairs)
    return [row("one sample, cold, against importing pydantic, pluggy, jwt", ratio, "", 2.2)]
