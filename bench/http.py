"""What the token endpoint costs over HTTP, against a floor and its peers.

Servers are on one core, the load on the other. What is compared is measured in turn, so that both
have the same share of what else the machine does.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from functools import partial
from pathlib import Path
from statistics import mean

from bench import servers
from bench.load import Measured, NotInstalled, load
from bench.servers import SECRET, Server
from bench.table import Row, row
from claimhooks.registry import open_store

ROUNDS = 3
TOKENS = 500_000
PATIENCE = 180.0
"""Seconds for all of them."""
MANY = 100_000
"""Clients."""


class Contest:
    """Servers under the same load, and where one cannot be had, why."""

    def __init__(self, stack: ExitStack, parent: Path, names: tuple[str, ...]) -> None:
        known: dict[str, Callable[[], AbstractContextManager[Server]]] = {
            "floor": partial(servers.floor, parent),
            "inline": partial(servers.issuer, parent, "inline"),
            "worker": partial(servers.issuer, parent, "worker"),
            "node-oidc-provider": partial(servers.oidc_provider, parent),
            "Authlib + Flask": partial(servers.authlib_flask, parent),
            "Authlib with hooks": partial(servers.authlib_hooked, parent),
        }
        self.servers: dict[str, Server] = {}
        self.missing: list[Row] = []
        for name in names:
            try:
                self.servers[name] = stack.enter_context(known[name]())
            except NotInstalled as error:
                self.missing.append((name, "", "", f"skipped: {error}"))

    def run(self, alg: str, connections: int = 16) -> dict[str, Measured]:
        """The mean of some rounds, after one to get warm."""
        found: dict[str, list[Measured]] = {name: [] for name in self.servers}
        for seconds in (1, *[8 / ROUNDS] * ROUNDS):
            for name, server in self.servers.items():
                measured = load(
                    server.port, SECRET, alg=alg, connections=connections, seconds=seconds
                )
                found[name].append(measured)
        return {name: _mean(rounds[1:]) for name, rounds in found.items()}


def _mean(found: list[Measured]) -> Measured:
    return Measured(
        mean(one.rate for one in found),
        mean(one.p50 for one in found),
        mean(one.p99 for one in found),
        sum(one.count for one in found),
    )


def _of_all(found: dict[str, Measured], what: str) -> list[Row]:
    rows: list[Row] = []
    for name, one in found.items():
        rows += [
            row(f"{what}, {name}", one.rate, " req/s"),
            row("  p50", one.p50, " ms"),
            row("  p99", one.p99, " ms"),
        ]
    return rows


def es256(parent: Path) -> list[Row]:
    targets = {"floor": 0.80, "node-oidc-provider": 1.35, "Authlib + Flask": 2.0}
    with ExitStack() as stack:
        contest = Contest(stack, parent, ("inline", *targets))
        found = contest.run("es256")
    ours = found["inline"]
    return [
        *_of_all(found, "ES256, 16 connections"),
        *(
            row(f"  inline against {name}", ours.rate / found[name].rate, "", least, least=True)
            for name, least in targets.items()
            if name in found
        ),
        row("  inline, p99 against p50", ours.p99 / ours.p50, "", 3.0),
        *contest.missing,
    ]


def authlib(parent: Path) -> list[Row]:
    with ExitStack() as stack:
        contest = Contest(stack, parent, ("Authlib with hooks", "Authlib + Flask"))
        found = contest.run("es256")
    if contest.missing:
        return contest.missing
    ratio = found["Authlib with hooks"].rate / found["Authlib + Flask"].rate
    return [
        *_of_all(found, "ES256, 16 connections"),
        row("  with 3 hooks, against its get_extra_claims", ratio, "", 0.85, least=True),
    ]


def rs256(parent: Path) -> list[Row]:
    with ExitStack() as stack:
        contest = Contest(stack, parent, ("inline", "floor", "node-oidc-provider"))
        found = contest.run("rs256")
    ratio = found["inline"].rate / found["floor"].rate
    return [
        *_of_all(found, "RS256, 16 connections"),
        row("  inline against floor", ratio, "", 0.90, least=True),
        *contest.missing,
    ]


def worker(parent: Path) -> list[Row]:
    with ExitStack() as stack:
        found = Contest(stack, parent, ("worker", "floor")).run("es256")
    ratio = found["worker"].rate / found["floor"].rate
    return [
        *_of_all(found, "ES256, 16 connections"),
        row("  worker against floor", ratio, "", 0.60, least=True),
    ]


def one_connection(parent: Path) -> list[Row]:
    with ExitStack() as stack:
        contest = Contest(stack, parent, ("inline", "worker", "floor", "node-oidc-provider"))
        found = contest.run("es256", connections=1)
    ratio = found["inline"].p50 / found["floor"].p50
    return [
        *_of_all(found, "ES256, 1 connection"),
        row("  inline against floor, p50", ratio, "", 1.5),
        *contest.missing,
    ]


def memory(parent: Path) -> list[Row]:
    with servers.issuer(parent, "inline") as server:
        until = time.monotonic() + PATIENCE
        count, at_a_fifth = 0, 0.0
        while count < TOKENS and time.monotonic() < until:
            count += load(server.port, SECRET, seconds=5).count
            if not at_a_fifth and count >= TOKENS / 5:
                at_a_fifth = server.memory()
        resident = server.memory()
    return [
        row(f"memory of the process after {count:,} tokens", resident, " MB", 90),
        row("  over that after a fifth of them", resident - at_a_fifth, " MB", 2),
    ]


def registry(parent: Path) -> list[Row]:
    with (
        servers.issuer(parent, "inline", clients=10) as small,
        servers.issuer(parent, "inline", clients=MANY) as large,
    ):
        few: list[Measured] = []
        of_many: list[Measured] = []
        for seconds in (1, *[8 / ROUNDS] * ROUNDS):
            few.append(load(small.port, SECRET, clients=10, seconds=seconds))
            of_many.append(load(large.port, SECRET, clients=10, seconds=seconds))
        base, same = _mean(few[1:]), _mean(of_many[1:])
        all_of_them = load(large.port, SECRET, clients=MANY, seconds=8)
        starts = large.seconds_to_start - small.seconds_to_start
    began = time.perf_counter()
    store = open_store(parent / f"issuer-inline-{MANY}-1" / "data" / "registry.db")
    assert store.client(f"client-{MANY - 1}")
    opened = time.perf_counter() - began
    store.close()
    return [
        row("registry of 10 clients, asked by all", base.rate, " req/s"),
        row(f"registry of {MANY:,} clients, asked by 10", same.rate, " req/s"),
        row("  against that of 10", same.rate / base.rate, "", 0.90, least=True),
        row(f"registry of {MANY:,} clients, asked by all", all_of_them.rate, " req/s"),
        row("  against that of 10", all_of_them.rate / base.rate, ""),
        row("  opens in", opened, " s", 2),
        row("  starts later than that of 10 by", starts, " s", 2),
    ]


def two_workers(parent: Path) -> list[Row]:
    """Not pinned: two processes and the load share two cores."""
    rows: list[Row] = []
    for count in (1, 2):
        with servers.issuer(parent, "inline", workers=count, core=None) as server:
            load(server.port, SECRET, seconds=2, core=None)
            found = load(server.port, SECRET, seconds=8, core=None)
            rows += _of_all({"inline": found}, f"ES256, 2 cores, --workers {count}")
    return rows
