"""What reloading and the worker lane cost, and whether they keep their promises."""

from __future__ import annotations

import asyncio
import gc
import multiprocessing
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median, quantiles

from bench.given import EXCHANGE, folder_of
from bench.table import Row, row
from claimhooks import Exchange, Outcome, Runtime, Settings
from claimhooks.generation import Plan
from claimhooks.lanes.worker import WorkerLane
from claimhooks.snapshot import Snapshot

LANES = ("inline", "worker")
VERSION = "https://acme.example/version"


def settings(lane: str) -> Settings:
    return Settings.model_validate({"lane": lane})


def percentile(times: list[float], part: int) -> float:
    return quantiles(times, n=100)[part - 1]


def versioned(number: int | str) -> str:
    return (
        "from claimhooks import hookimpl\nfrom . import _version\n\n\n@hookimpl\n"
        "def credentials_exchange(context):\n"
        f'    return {{"{VERSION}/{{}}".format(context.generation[:1]): [{number}, _version.N]}}\n'
    )


def save(folder: Path, number: int) -> None:
    """Two files that belong together, as an editor or a deployment writes them."""
    for name, text in (("_version.py", f"N = {number}\n"), ("a.py", versioned(number))):
        (folder / f".{name}").write_text(text)
        (folder / f".{name}").replace(folder / name)


def is_whole(outcome: Outcome) -> bool:
    """Whether hook, helper and digest are of one generation."""
    ((name, value),) = outcome.claims.items()
    return (
        isinstance(value, list)
        and value[0] == value[1]
        and name.endswith(f"/{outcome.generation[0]}")
    )


def after_a_save(parent: Path, lane: str) -> list[Row]:
    folder = parent / f"saves-{lane}"
    folder.mkdir()
    save(folder, 0)
    times: list[float] = []
    with Runtime(folder, settings(lane), watch=True) as runtime:
        for number in range(1, 101):
            started = time.perf_counter()
            save(folder, number)
            while runtime.run(EXCHANGE).claims != _claims(runtime, number):
                time.sleep(0.001)
            times.append(time.perf_counter() - started)
        quiet = runtime.generation.settings.quiet
    beyond = (percentile(times, 95) - quiet) * 1000
    return [row(f"save to first token, beyond the quiet period, p95, {lane}", beyond, " ms", 150)]


def _claims(runtime: Runtime, number: int) -> dict[str, object]:
    return {f"{VERSION}/{runtime.generation.digest[:1]}": [number, number]}


def under_load(parent: Path, lane: str, seconds: float = 60) -> list[Row]:
    """Eight clients of one event loop, each in a loop.

    Not threads: eight that never wait starve each other for half a second even without any reload,
    by the way in which Python hands its lock around.
    """
    folder = parent / f"load-{lane}"
    folder.mkdir()
    save(folder, 0)
    count = wrong = mixed = 0
    longest = 0.0

    async def client(runtime: Runtime) -> None:
        nonlocal count, wrong, mixed, longest
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            started = time.perf_counter()
            outcome = await runtime.arun(EXCHANGE)
            # Inline nothing waits, so let the others have their turn.
            await asyncio.sleep(0)
            longest = max(longest, time.perf_counter() - started)
            count += 1
            wrong += outcome.status != "granted"
            mixed += outcome.status == "granted" and not is_whole(outcome)

    async def clients(runtime: Runtime) -> None:
        await asyncio.gather(*(client(runtime) for _ in range(8)))

    def save_all() -> None:
        for number in range(1, 201):
            if number % 5 == 0:
                (folder / "a.py").write_text("def broken(:\n")
            else:
                save(folder, number)
            time.sleep(seconds / 200)

    with Runtime(folder, settings(lane), watch=True) as runtime:
        saving = multiprocessing.get_context("fork").Process(target=save_all)
        saving.start()
        asyncio.run(clients(runtime))
        saving.join()
        past = len(runtime.generations.past)
    assert past == 10, "the saves have not been followed"
    limit = 50 if lane == "inline" else 100
    return [
        row(f"8 clients, 200 saves in {seconds:.0f} s, {lane}: exchanges", count, ""),
        row("  failed", wrong, "", 0),
        row("  of two generations", mixed, "", 0),
        row("  longest pause of a client", longest * 1000, " ms", limit),
    ]


def resident() -> float:
    """Megabytes of this process."""
    gc.collect()
    with Path("/proc/self/status").open() as status:
        line = next(line for line in status if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def memory(parent: Path, lane: str) -> list[Row]:
    folder = parent / f"memory-{lane}"
    folder.mkdir()
    after_50 = 0.0
    save(folder, 0)
    with Runtime(folder, settings(lane)) as runtime:
        for number in range(1, 2001):
            save(folder, number)
            runtime.reload()
            runtime.run(EXCHANGE)
            if number == 50:
                after_50 = resident()
        grown = resident() - after_50
    return [row(f"memory after 2,000 reloads over that after 50, {lane}", grown, " MB", 10)]


@contextmanager
def echo(request: int, reply: int) -> Iterator[Callable[[], bytes]]:
    """A bare process at the other end of a socket pair, and what asks it once."""
    ours, theirs = socket.socketpair()
    if (pid := os.fork()) == 0:
        ours.close()
        answer = bytes(reply)
        while theirs.recv(65536):
            theirs.sendall(answer)
        os._exit(0)
    theirs.close()
    question = bytes(request)

    def ask() -> bytes:
        ours.sendall(question)
        return ours.recv(65536)

    try:
        yield ask
    finally:
        ours.close()
        os.waitpid(pid, 0)


def latency(parent: Path) -> list[Row]:
    folder = folder_of(3, parent, "latency")
    with (
        Runtime(folder) as inline,
        Runtime(folder, settings("worker")) as worker,
        echo(600, 400) as ask,
    ):
        calls: list[Callable[[], object]] = [
            lambda: inline.run(EXCHANGE),
            lambda: worker.run(EXCHANGE),
            ask,
        ]
        times: list[list[float]] = [[], [], []]
        for _ in range(20):
            for call, taken in zip(calls, times, strict=True):
                for number in range(350):
                    started = time.perf_counter_ns()
                    call()
                    if number >= 50:
                        taken.append((time.perf_counter_ns() - started) / 1000)

        async def in_a_loop() -> list[float]:
            taken: list[float] = []
            for _ in range(3000):
                started = time.perf_counter_ns()
                await worker.arun(EXCHANGE)
                taken.append((time.perf_counter_ns() - started) / 1000)
            return taken

        looped = asyncio.run(in_a_loop())
    middle = [median(taken) for taken in times]
    beyond = middle[1] - middle[0]
    tail = percentile(times[1], 99) - percentile(times[0], 99)
    return [
        row("socket pair echo of the same size, p50", middle[2], " µs"),
        row("exchange with 3 hooks, inline, p50", middle[0], " µs"),
        row("exchange with 3 hooks, worker, p50", middle[1], " µs"),
        row("  in an event loop", median(looped), " µs"),
        row("  over inline, p50", beyond, " µs", 80),
        row("  over inline, p99", tail, " µs", 400),
        row("  over inline, against the echo", beyond / middle[2], "", 2.0),
    ]


def stuck(parent: Path) -> list[Row]:
    folder = parent / "stuck"
    folder.mkdir()
    (folder / "a.py").write_text(
        "from claimhooks import hookimpl\n\n\n@hookimpl\ndef credentials_exchange(client):\n"
        "    while client.metadata.get('stuck'):\n        pass\n"
    )
    hanging = Exchange.model_validate(
        EXCHANGE.model_dump() | {"client": {"id": "c", "metadata": {"stuck": True}}}
    )
    ends: list[float] = []
    with Runtime(folder, settings("worker")) as runtime:

        def others(enough: Callable[[], bool]) -> list[float]:
            taken: list[float] = []
            while not enough():
                started = time.perf_counter()
                outcome = runtime.run(EXCHANGE)
                assert outcome.status == "granted", outcome
                taken.append(time.perf_counter() - started)
                time.sleep(0.001)
            return taken

        until = time.monotonic() + 5
        normal = others(lambda: time.monotonic() > until)

        def hang() -> None:
            for _ in range(50):
                started = time.perf_counter()
                assert runtime.run(hanging).status == "fault"
                ends.append(time.perf_counter() - started)
                # Let the breaker see that the hook answers others, as it does all the time.
                runtime.run(EXCHANGE)

        thread = threading.Thread(target=hang)
        thread.start()
        meanwhile = others(lambda: not thread.is_alive())
    ratio = percentile(meanwhile, 99) / percentile(normal, 99)
    return [
        row("`while True` under 250 ms, exchange ends, p99 of 50", max(ends) * 1000, " ms", 275),
        row("  p99 of other clients meanwhile, against their normal", ratio, "", 3.0),
    ]


def starting(parent: Path) -> list[Row]:
    plan = Plan.of(Snapshot.read(folder_of(20, parent, "starting")), settings("worker"))
    lane = WorkerLane(plan.settings)
    times: list[float] = []
    try:
        for _ in range(15):
            started = time.perf_counter()
            generation = lane.load(plan)
            times.append((time.perf_counter() - started) / len(generation.crews[False].pids))
        for _ in range(200):
            lane.run(generation, EXCHANGE)
        private = [private_memory(pid) for pid in generation.crews[False].pids]
    finally:
        lane.close()
    return [
        row("worker ready, 20 hooks", median(times) * 1000, " ms", 30),
        row("private memory of a worker", max(private), " MB", 8),
    ]


def private_memory(pid: int) -> float:
    """Megabytes that the process `pid` shares with no other."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_")) / 1024
