"""What a replay of much traffic takes, and the comparison of two versions of the hooks."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

from bench.given import EXCHANGE, folder_of
from bench.table import Row, row
from claimhooks import Client, Runtime
from claimhooks.recording.line import dated, line_of

CORES = 2
DISTINCT = 1000
"""Different lines; a longer recording repeats them."""


def replay(parent: Path) -> list[Row]:
    lines = _lines(parent)
    _recording(parent / "1000000.jsonl", lines, 1_000_000)
    _recording(parent / "10000.jsonl", lines, 10_000)
    _, few = _command(["replay", "10000.jsonl"], parent)
    found = [_command(["replay", "1000000.jsonl"], parent) for _ in range(3)]
    seconds, many = min(found)
    subprocess.run(["gzip", "-1", "1000000.jsonl"], cwd=parent, check=True)
    packed, _ = min(_command(["replay", "1000000.jsonl.gz"], parent) for _ in range(2))
    return [
        row("replay of 1,000,000 through 3 hooks, 2 cores", 1e6 / seconds, " a second", 40_000,
            least=True),
        row("  packed with gzip", 1e6 / packed, " a second"),
        row("  peak memory of all processes", many, " MB"),
        row("  over that of 10,000", many - few, " MB", 40),
    ]  # fmt: skip


def diff(parent: Path) -> list[Row]:
    _recording(parent / "100000.jsonl", _lines(parent), 100_000)
    folder_of(3, parent, "other")
    both = ["diff", "other-3", "hooks-3", "100000.jsonl"]
    pairs = [
        (_command(both, parent)[0], _command(["replay", "100000.jsonl"], parent)[0])
        for _ in range(7)
    ]
    return [
        row("diff of 100,000 samples", median(one for one, _ in pairs), " s"),
        row("  against one replay of them", median(a / b for a, b in pairs), "", 2.2),
    ]


def _lines(parent: Path) -> list[bytes]:
    runtime = Runtime(folder_of(3, parent))
    asked = [
        dated(EXCHANGE.model_copy(update={"client": _client(number)})) for number in range(DISTINCT)
    ]
    return [line_of(one, runtime.run(one)) for one in asked]


def _client(number: int) -> Client:
    return Client(id=f"worker-{number}", name="Orders", metadata={"tier": f"tier-{number % 5}"})


def _recording(path: Path, lines: list[bytes], count: int) -> None:
    with path.open("wb") as file:
        for _ in range(count // len(lines)):
            file.writelines(lines)


def _command(arguments: list[str], cwd: Path) -> tuple[float, float]:
    """Seconds that a command takes on two cores, and the most memory its processes had, in MB."""

    def pin() -> None:
        if sys.platform == "linux":
            os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])

    command = [sys.executable, "-m", "claimhooks", *arguments]
    command += ["--hooks", "hooks-3"] if arguments[0] == "replay" else []
    peaks: dict[int, int] = {}
    began = time.perf_counter()
    with subprocess.Popen(
        command, cwd=cwd, stdout=subprocess.DEVNULL,
        preexec_fn=pin,  # noqa: PLW1509 - there are no threads
    ) as process:  # fmt: skip
        while process.poll() is None:
            peaks |= _peaks(process.pid)
            time.sleep(0.05)
        seconds = time.perf_counter() - began
        if process.returncode != 0:
            raise subprocess.CalledProcessError(process.returncode, command)
    return seconds, sum(peaks.values()) / 1024


def _peaks(pid: int) -> dict[int, int]:
    """The most memory that a process and those it has started ever had, in KiB (Linux)."""
    found: dict[int, int] = {}
    try:
        status = Path(f"/proc/{pid}/status").read_text()
        below = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return found  # it has ended meanwhile
    for line in status.splitlines():
        if line.startswith("VmHWM:"):
            found[pid] = int(line.split()[1])
    for child in below:
        found |= _peaks(int(child))
    return found
