"""Recordings for tests, and commands over them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from claimhooks import Client, Exchange, Runtime
from claimhooks.recording.line import line_of
from given import exchange, hook

BEGIN = datetime(2026, 11, 18, 9, tzinfo=UTC)
TIER = "https://acme.example/tier"

OLD = hook(f'return {{"{TIER}": client.metadata["tier"]}}')
NEW = hook(
    f"""
    tier = client.metadata["tier"]
    if client.id == "suspended":
        raise AccessDenied("this client is suspended")
    if client.id == "odd":
        raise KeyError("the reason")
    if tier == "gold":
        tier = "platinum"
    if client.id == "reporter":
        return {{"scope": [*scope, "admin"], "expires_in": 60, "{TIER}": tier}}
    return {{"{TIER}": tier}}
    """
)


def exchanges(*clients: str, tier: str = "free", **metadata: Any) -> list[Exchange]:
    """An exchange of each of these clients, a second apart."""
    return [
        exchange(
            client=Client(id=client, metadata={"tier": tier, **metadata}),
            now=BEGIN + timedelta(seconds=number),
        )
        for number, client in enumerate(clients)
    ]


def lines(hooks: Path, asked: Iterable[Exchange]) -> list[str]:
    """What a recording of these exchanges holds, the hooks being those."""
    with Runtime(hooks) as runtime:
        return [line_of(one, runtime.run(one)).decode() for one in asked]


def folder(parent: Path, name: str, **sources: str) -> Path:
    """A folder of hooks."""
    made = parent / name
    made.mkdir(parents=True)
    for hook_name, source in sources.items():
        (made / f"{hook_name}.py").write_text(source)
    return made


def write_parquet(path: Path, entries: Iterable[str], **options: Any) -> None:
    """A recording as it is documented."""
    decoded = [json.loads(line) for line in entries]
    columns = {
        "claimhooks": [entry["claimhooks"] for entry in decoded],
        "at": [datetime.fromisoformat(entry["at"]) for entry in decoded],
        "exchange": [json.dumps(entry["exchange"], indent=1) for entry in decoded],
        "outcome": [json.dumps(entry["outcome"]) for entry in decoded],
    }
    kinds = (pa.int64(), pa.timestamp("us", "UTC"), pa.string(), pa.string())
    schema = pa.schema(list(zip(columns, kinds, strict=True)))
    pq.write_table(pa.table(columns, schema), path, **options)


def claimhooks(
    place: Path, *arguments: str | Path, stdin: str = "", **environment: str
) -> subprocess.CompletedProcess[str]:
    """What a command does in the folder `place`."""
    return subprocess.run(
        [sys.executable, "-m", "claimhooks", *map(str, arguments)],
        cwd=place, input=stdin, capture_output=True, text=True, check=False,
        env={**os.environ, **environment}, timeout=120,
    )  # fmt: skip


def counted(place: Path, *arguments: str | Path, **options: Any) -> dict[str, Any]:
    """The document of a replay, without what differs from run to run."""
    done = claimhooks(place, "replay", *arguments, "--format", "json", **options)
    assert done.returncode in {0, 1}, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    for times in document["hooks"]:
        for name in ("p50", "p99", "longest"):
            assert times.pop(name) >= 0
    return document
