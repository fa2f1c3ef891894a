"""``claimhooks bench``: what hooks cost."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from given import API, Hooks, eventually, hook

SAMPLE: dict[str, Any] = {"client": {"id": "orders"}, "audience": API, "scope": ["orders:read"]}


def bench(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "claimhooks", "bench", "--seconds", "0.3", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def figures(folder: Path, *arguments: str) -> dict[str, Any]:
    done = bench(folder, "--format", "json", *arguments)
    assert done.returncode == 0, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return document


@pytest.fixture
def project(hooks: Hooks) -> Path:
    """A quick hook, a slow one, and one that is for other clients."""
    files = {
        "10-quick.py": hook("return {'https://acme.example/tier': 'gold'}"),
        "20-slow.py": hook("import time; time.sleep(0.005)"),
        "30-others.py": hook("pass"),
    }
    folder = hooks(files).parent
    (folder / "claimhooks.toml").write_text('[hooks.30-others]\nmatch.clients = ["other"]\n')
    (folder / "sample.json").write_text(json.dumps(SAMPLE))
    return folder


def test_each_hook_and_the_chain_are_measured_against_signing(project: Path) -> None:
    found = figures(project, "sample.json")
    assert found.keys() == {"generation", "exchanges", "lanes", "missing", "signing"}
    assert found["exchanges"] == 1
    inline = found["lanes"]["inline"]
    quick, slow, others = (inline["hooks"][name] for name in ("10-quick", "20-slow", "30-others"))
    assert 0 < quick["p50"] < 1000
    assert 5000 <= slow["p50"] <= slow["p99"]
    assert others == {"count": 0, "p50": None, "p99": None}
    chain = inline["chain"]
    assert slow["p50"] < chain["p50"] <= chain["p99"]
    assert inline["statuses"] == {"granted": chain["count"]}
    assert list(found["signing"]) == ["RS256", "PS256", "ES256", "EdDSA"]
    assert all(0 < one["p50"] <= one["p99"] for one in found["signing"].values())
    assert found["signing"]["ES256"]["p50"] < found["signing"]["RS256"]["p50"]


@pytest.mark.worker
def test_both_lanes_are_measured(project: Path) -> None:
    found = figures(project, "sample.json")
    assert found["missing"] == {}
    worker = found["lanes"]["worker"]
    assert worker["hooks"]["20-slow"]["p50"] >= 5000
    assert worker["chain"]["p50"] > worker["hooks"]["20-slow"]["p50"]


def test_the_table_fits_80_columns(project: Path) -> None:
    done = bench(project, "sample.json")
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert re.match(r"generation [0-9a-f]{12}, exchanges: 1$", lines[0])
    rows: Mapping[str, list[str]] = {line[:24].strip(): line[24:].split() for line in lines[4:]}
    assert rows["10-quick"][1] == "µs"
    assert rows["30-others"][:2] == ["—", "—"]
    assert rows["ES256"][-1].endswith("%")
    assert int(rows["ES256"][-1].removesuffix("%")) > 100


def test_samples_beside_the_hooks_are_taken_or_else_an_exchange_of_its_own(project: Path) -> None:
    assert figures(project)["exchanges"] == 1
    (project / "samples").mkdir()
    for name in "abc":
        (project / "samples" / f"{name}.json").write_text(json.dumps(SAMPLE))
    assert figures(project)["exchanges"] == 3


def test_a_lane_that_is_not_to_be_had_says_why(project: Path) -> None:
    code = "import sys, claimhooks.cli.bench as b; sys.platform = 'mars'; b.bench()"
    done = subprocess.run(
        [sys.executable, "-c", code, "sample.json", "--seconds", "0.3"],
        cwd=project, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "worker is not measured: " in done.stdout
    assert "the worker lane needs Linux, this is mars [lane_unavailable]" in done.stdout
    assert "chain worker" not in done.stdout


def test_faults_and_denials_are_told(project: Path) -> None:
    (project / "hooks" / "40-broken.py").write_text(hook("raise KeyError"))
    done = bench(project, "sample.json")
    assert done.returncode == 0
    assert "no exchange is granted, so there is no token to sign" in done.stdout
    assert "inline: 100% of the exchanges end in a fault: see 'claimhooks run'" in done.stdout


def test_what_hooks_print_is_not_among_the_results(project: Path) -> None:
    (project / "hooks" / "40-loud.py").write_text("print('loading')\n" + hook("print('here')"))
    done = bench(project, "sample.json", "--format", "json")
    assert json.loads(done.stdout)["lanes"]["inline"]["hooks"]["40-loud"]["count"] > 0


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["absent.json"], "absent.json: cannot be read"),
        (["--hooks", "absent"], "absent"),
        (["--seconds", "0"], "0.1<=x<=60"),
        (["--config", "absent.toml"], "absent.toml"),
    ],
)
def test_what_cannot_be_used_exits_2(project: Path, arguments: list[str], reason: str) -> None:
    done = bench(project, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert reason in done.stderr
    assert "Traceback" not in done.stderr


def test_ctrl_c_is_no_answer(hooks: Hooks) -> None:
    body = "from pathlib import Path; Path('started').touch()"
    folder = hooks({"10-start.py": hook(body)}).parent
    with subprocess.Popen(
        [sys.executable, "-m", "claimhooks", "bench", "--seconds", "60"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # A shell that runs the tests in the background lets them ignore ^C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509
    ) as running:
        assert eventually((folder / "started").exists)
        running.send_signal(signal.SIGINT)
        assert running.communicate(timeout=10) == (b"", b"")
        assert running.returncode == 130
