"""``claimhooks replay --engine ray``: the same, on a real local Ray."""

from __future__ import annotations

import gzip
import json
from functools import partial
from http.server import ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from given import eventually, hook, processes_below
from replaying import NEW, OLD, claimhooks, counted, exchanges, folder, lines, write_parquet
from test_replay import Handler

pytestmark = pytest.mark.slow

ENVIRONMENT = {"RAY_AUTH_MODE": "disabled"}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Hooks, new ones, and recordings of every kind, good and bad."""
    old = folder(tmp_path, "hooks", **{"20-tier": OLD})
    folder(tmp_path, "new", **{"20-tier": NEW})
    week = tmp_path / "week"
    week.mkdir()
    clients = ["a", "b", "reporter", "suspended", "odd"] * 300
    entries = lines(old, exchanges(*clients, tier="gold", pad="x" * 8000))
    entries[7] = "corrupt\n"
    content = "".join(entries).encode()
    assert len(content) > 3 * 4 * 2**20, "some pieces"
    (week / "1.jsonl").write_bytes(content)
    (week / "2.jsonl.gz").write_bytes(gzip.compress(content, 1)[:-20])
    write_parquet(week / "3.parquet", entries[8:], row_group_size=500)
    return tmp_path


def test_the_result_is_the_same_to_the_last_count(project: Path) -> None:
    handler = type("OfProject", (Handler,), {"root": project / "week"})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as http:
        thread = Thread(target=http.serve_forever)
        thread.start()
        address = f"http://127.0.0.1:{http.server_port}/1.jsonl?signature=x"
        run = partial(counted, project, "week", address, "--hooks", "new")
        found = run("--engine", "ray", **ENVIRONMENT)
        assert found == run()
        http.shutdown()
        thread.join()
    assert found["exchanges"] == 1499 + 1498 + 1492 + 1499  # the cut one has lost its last line
    assert found["unread"]["count"] == 4
    assert found["changed"] > 1000


def test_a_hook_that_ends_its_process_is_told_by_its_line_and_leaves_nothing_behind(
    project: Path,
) -> None:
    body = 'import os\nif client.id == "odd": os._exit(7)'
    (project / "hooks" / "30-end.py").write_text(hook(body))
    before = processes_below(1)
    arguments = ("week/1.jsonl", "--engine", "ray", "--resume", "state")
    done = claimhooks(project, "replay", *arguments, **ENVIRONMENT)
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert "week/1.jsonl:5: a process ended with exit status 7" in done.stderr
    assert "Traceback" not in done.stderr
    assert json.loads((project / "state").read_text())["pieces"] == 0

    def is_over() -> bool:
        left = processes_below(1).items() - before.items()
        return not any("raylet" in name or "gcs_server" in name for _, name in left)

    assert eventually(is_over, 30)


def test_hooks_that_do_not_load_are_told_as_ever(project: Path) -> None:
    (project / "hooks" / "30-bad.py").write_text("x = (")
    done = claimhooks(project, "replay", "week/1.jsonl", "--engine", "ray", **ENVIRONMENT)
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert "hooks/30-bad.py:1: " in done.stderr
    assert "Traceback" not in done.stderr


def test_a_cluster_that_is_not_there_is_told(project: Path) -> None:
    address = {"RAY_ADDRESS": "127.0.0.1:1", **ENVIRONMENT}
    done = claimhooks(project, "replay", "week/1.jsonl", "--engine", "ray", **address)
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert "[ray_failed]" in done.stderr
    assert "Traceback" not in done.stderr
