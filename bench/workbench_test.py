"""What ``claimhooks test`` takes: the whole command, from the start of its process."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from bench.engine import child
from bench.given import SAMPLE, folder_of
from bench.table import row

if TYPE_CHECKING:
    from pathlib import Path

    from bench.table import Row

COUNT = 1_000
SLOW = """
import time
from claimhooks import hookimpl

@hookimpl
def credentials_exchange():
    time.sleep(0.005)
"""


def test_command(parent: Path) -> list[Row]:
    """Samples in files of their own, each with an expectation that holds."""
    folder_of(3, parent)
    (parent / "samples").mkdir()
    claims = {"https://acme.example/tier0": "gold", "https://acme.example/tenant2": "north"}
    expect = {"status": "granted", "scope": SAMPLE["scope"], "claims": claims, "expires_in": 3600}
    for number in range(COUNT):
        sample = {"name": f"sample {number}", **SAMPLE, "expect": expect}
        (parent / "samples" / f"{number:04}.json").write_text(json.dumps(sample, indent=2))
    command = ["-m", "claimhooks", "test", "--hooks"]
    cold = min(child([*command, "hooks-3"], parent) for _ in range(5))
    rows = [row("test of 1,000 samples, cold", cold, " s", 1.5)]
    if (cores := len(os.sched_getaffinity(0))) > 1:
        slow = parent / "slow"
        slow.mkdir()
        (slow / "10-slow.py").write_text(SLOW)
        (parent / "slow.jsonl").write_text((json.dumps(SAMPLE) + "\n") * COUNT)
        arguments = [*command, "slow", "slow.jsonl"]
        pairs = [
            (child(arguments, parent, one_core=True), child(arguments, parent)) for _ in range(2)
        ]
        ratio = min(one for one, _ in pairs) / min(many for _, many in pairs)
        rows.append(
            row(f"test of 1,000 slow samples: {cores} cores, times as fast as one", ratio, "")
        )
    return rows
