"""What claimhooks costs: a table, and bench/results/latest.json. Ratios are within one run.

Without arguments all of it; with the names of parts, such as ``latency``, only those.
"""

from __future__ import annotations

import json
import platform
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from bench import (
    bridges,
    bundles,
    engine,
    http,
    live,
    page,
    recording,
    replay,
    strict,
    workbench_test,
)
from bench.load import NotInstalled

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.table import Row

PARTS: dict[str, Callable[[Path], list[Row]]] = {
    "exchanges": engine.exchanges,
    "loading": engine.loading,
    "stream": engine.stream,
    "cold": engine.cold,
    "page": page.page,
    "test-command": workbench_test.test_command,
    "bundle": bundles.bundle,
    "check-strict": strict.check_strict,
    "record": recording.record,
    "record-http": recording.http,
    "replay": replay.replay,
    "diff": replay.diff,
    "latency": live.latency,
    "starting": live.starting,
    "stuck": live.stuck,
    **{f"saves-{lane}": partial(live.after_a_save, lane=lane) for lane in live.LANES},
    **{f"load-{lane}": partial(live.under_load, lane=lane) for lane in live.LANES},
    **{f"memory-{lane}": partial(live.memory, lane=lane) for lane in live.LANES},
    "http-es256": http.es256,
    "http-authlib": http.authlib,
    "http-rs256": http.rs256,
    "http-worker": http.worker,
    "http-one": http.one_connection,
    "http-memory": http.memory,
    "http-registry": http.registry,
    "http-two-workers": http.two_workers,
    "bridge-hydra": bridges.hydra,
}


def main(names: list[str]) -> None:
    print(f"{'figure':<64} {'measured':>18} {'target':>18}")
    rows: list[Row] = []
    for name in names or PARTS:
        with tempfile.TemporaryDirectory() as folder:
            try:
                found = PARTS[name](Path(folder))
            except NotInstalled as error:
                found = [(name, "", "", f"skipped: {error}")]
            for cells in found:
                print(f"{cells[0]:<64} {cells[1]:>18} {cells[2]:>18}  {cells[3]}", flush=True)
                rows.append(cells)
    results = Path(__file__).parent / "results"
    results.mkdir(exist_ok=True)
    about = {"python": platform.python_version(), "machine": platform.machine()}
    keys = ("figure", "measured", "target", "verdict")
    named = [dict(zip(keys, cells, strict=True)) for cells in rows]
    (results / "latest.json").write_text(json.dumps({**about, "rows": named}, indent=2) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
