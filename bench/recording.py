"""What it costs an exchange to be recorded."""

from __future__ import annotations

import os
import time
from contextlib import ExitStack
from pathlib import Path
from statistics import median, quantiles

from bench import servers
from bench.engine import micros
from bench.given import EXCHANGE, folder_of
from bench.load import load
from bench.table import Row, row
from claimhooks import Runtime, Settings
from claimhooks.settings import RecordSettings

PACE = 1000
"""Exchanges a second."""
FITTING = 5_000
"""Exchanges that may wait to be written."""
KEY = "CLAIMHOOKS_BENCH_KEY"
RECORD = f"""
[record]
folder = "recordings"
redact = ["request.ip", "client.metadata.*"]
pseudonymise = ["client.id", "client.name"]
pseudonym_key = "{KEY}"
"""


def record(parent: Path) -> list[Row]:
    os.environ[KEY] = "0123456789abcdef" * 2
    hooks = folder_of(3, parent)
    plain = RecordSettings(folder=parent / "plain")
    hiding = RecordSettings(
        folder=parent / "hiding",
        redact=("request.ip", "client.metadata.*"),
        pseudonymise=("client.id", "client.name"),
        pseudonym_key=KEY,
    )
    off, on, hidden = (Runtime(hooks, Settings(record=table)) for table in (None, plain, hiding))
    calls = [lambda runtime=runtime: runtime.run(EXCHANGE) for runtime in (off, on, hidden)]
    bare, recorded, with_hidden = micros(*calls, rounds=61, calls=100)
    before, after = _late(off), _late(hidden)
    rows = [
        row("exchange with 3 hooks, inline", bare, " µs"),
        row("  recorded", recorded, " µs"),
        row("  recorded, four fields hidden", with_hidden, " µs"),
        row("  more than not recorded", with_hidden - bare, " µs", 10),
        row(f"exchange, {PACE:,} a second, p99", before, " µs"),
        row("  recorded, four fields hidden", after, " µs"),
    ]
    for name, runtime in (("", on), (", four fields hidden", hidden)):
        rows.append(row(f"written{name}", _a_second(runtime), " a second"))
    lost = sum(each.recording.lost for each in (on, hidden) if each.recording is not None)
    return [*rows, row("lost to all of this", lost, "", 0)]


def http(parent: Path) -> list[Row]:
    """The same at the token endpoint, on one core with all else that is done for a request."""
    os.environ[KEY] = "0123456789abcdef" * 2
    kinds = {"not recorded": "", "recorded": RECORD, "one of ten recorded": f"{RECORD}rate = 0.1\n"}
    best: dict[str, float] = dict.fromkeys(kinds, 0.0)
    with ExitStack() as stack:
        issuers: dict[str, servers.Server] = {}
        for kind, settings in kinds.items():
            (parent / kind).mkdir()
            issuer = servers.issuer(parent / kind, "inline", settings=settings)
            issuers[kind] = stack.enter_context(issuer)
        asked = 0
        for seconds in (1, 2, 2, 2, 2):
            for kind, server in issuers.items():
                measured = load(server.port, servers.SECRET, seconds=seconds)
                best[kind] = max(best[kind], measured.rate)
                asked += measured.count if kind == "recorded" else 0
    (folder,) = (parent / "recorded").glob("*/recordings")
    lines = sum(path.read_bytes().count(b"\n") for path in folder.iterdir())
    bare, all_of_them, tenth = best.values()
    return [
        *(row(f"ES256, 16 connections, {kind}", rate, " req/s") for kind, rate in best.items()),
        row(
            "  recorded, four fields hidden, against not", all_of_them / bare, "", 0.75, least=True
        ),
        row("  one of ten recorded, against none", tenth / bare, "", 0.90, least=True),
        row("  lines, of the tokens issued", lines / asked, "", 0.999, least=True),
    ]


def _late(runtime: Runtime) -> float:
    """The 99th percentile of one exchange at a steady pace."""
    of_rounds: list[float] = []
    for _ in range(5):
        times: list[float] = []
        due = time.perf_counter()
        for _ in range(PACE):
            due += 1 / PACE
            time.sleep(max(0.0, due - time.perf_counter()))
            began = time.perf_counter_ns()
            runtime.run(EXCHANGE)
            times.append((time.perf_counter_ns() - began) / 1000)
        of_rounds.append(quantiles(times, n=100)[98])
    return median(of_rounds)


def _a_second(runtime: Runtime) -> float:
    """How many exchanges a second can be written, while nothing else runs."""
    assert runtime.recording is not None
    done = runtime.recording.written + FITTING
    for _ in range(FITTING):
        runtime.run(EXCHANGE)
    began, rest = time.perf_counter(), done - runtime.recording.written
    runtime.close()
    return rest / (time.perf_counter() - began)
