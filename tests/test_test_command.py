"""``claimhooks test``, as an operator and a build server meet it."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner

from claimhooks.cli import main
from given import API, Hooks, eventually, processes_below

TIER = "https://acme.example/tier"
DROP_FROM_BOUNDING_SET, DAC_OVERRIDE = 24, 1

BODY = """
match client.metadata.get("do"):
    case "deny": raise AccessDenied("no \\x1b[31m")
    case "fail": raise KeyError("the reason")
    case "exit": import os; os._exit(3)
    case "wait": import time; time.sleep(client.metadata["seconds"])
    case "loop":
        while True: pass
    case "save":
        from pathlib import Path
        Path("samples/one.json").write_text("saved meanwhile")
    case "print": print("between the results")
    case "random": import random; return {"https://acme.example/x": random.random()}
    case "set": return {"scope": list({*scope, "b", "c", "d", "e"})}
    case "clock": import time; return {"https://acme.example/x": time.time_ns() % 2**40}
    case "now": return {"https://acme.example/x": context.now.isoformat()}
    case "count":
        global count
        count = globals().get("count", 0) + 1
        return {"https://acme.example/x": count}
return {"https://acme.example/tier": client.metadata.get("tier", "free")}
"""


@pytest.fixture
def project(hooks: Hooks, hook: Callable[..., str]) -> Path:
    """A folder with a hook that claims a tier, or does what the metadata says; and samples/."""
    folder = hooks({"20-tier.py": hook(BODY)}).parent
    (folder / "samples").mkdir()
    return folder


def sample(expect: dict[str, Any] | None = None, name: str = "", **metadata: Any) -> dict[str, Any]:
    scopes = ["a", "b", "c", "d", "e"]
    made: dict[str, Any] = {"name": name} if name else {}
    made |= {"client": {"id": "orders", "metadata": metadata}, "audience": API, "scope": ["a"]}
    made["api"] = {"identifier": API, "scopes": scopes}
    return made if expect is None else made | {"expect": expect}


def write(project: Path, **samples: dict[str, Any]) -> None:
    for name, one in samples.items():
        (project / "samples" / f"{name}.json").write_text(json.dumps(one, indent=2) + "\n")


def claimhooks(folder: Path, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """In this process."""
    with contextlib.chdir(folder):
        done = CliRunner().invoke(main, ["test", *arguments], input=stdin, catch_exceptions=False)
    return subprocess.CompletedProcess(arguments, done.exit_code, done.stdout, done.stderr)


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "claimhooks", "test", *arguments]


def apart(
    folder: Path, *arguments: str, before: Callable[[], object] | None = None
) -> subprocess.CompletedProcess[str]:
    """In a process of its own, where it may start others, trace lines, or come to harm."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONHASHSEED"}
    done = subprocess.run(
        command(*arguments),
        cwd=folder,
        capture_output=True,
        env=environment,
        preexec_fn=before,
        check=False,
        text=True,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done


def results(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """What ``--format json`` told."""
    document: dict[str, Any] = json.loads(done.stdout)
    return document


JSON = ("--format", "json")


# What is tried, and told --------------------------------------------------------------------------


def test_the_samples_beside_the_hooks_are_tried(project: Path) -> None:
    write(project, good=sample({"claims": {TIER: "free"}}), denied=sample(do="deny"))
    done = claimhooks(project)
    assert done.returncode == 0
    assert done.stdout.splitlines()[-1].startswith(
        "2 samples: 1 passed, 0 failed, 1 no expectation"
    )
    elsewhere = claimhooks(project.parent, "--hooks", str(project / "hooks"))
    assert "2 samples: 1 passed" in elsewhere.stdout


def test_without_that_folder_it_says_what_to_do(project: Path) -> None:
    (project / "samples").rmdir()
    done = claimhooks(project)
    assert (done.returncode, done.stdout) == (2, "")
    assert "samples: there is no such folder" in done.stderr
    assert "claimhooks test PATH" in done.stderr
    (project / "hooks").rename(project / "elsewhere")
    assert "hooks: there is no such folder" in claimhooks(project).stderr


def test_a_failure_shows_where_and_a_line_for_each_scope_and_claim(project: Path) -> None:
    expect = {"scope": {"contains": ["b"]}, "claims": {TIER: "gold"}}
    write(project, one=sample(expect, name="a gold\x1b[2J client"))
    done = claimhooks(project)
    assert done.returncode == 1
    assert "✗ a gold\\u001b[2J client  samples/one.json:21" in done.stdout
    for line in ("- scope b", f'- claim {TIER} = "gold"', f'+ claim {TIER} = "free"'):
        assert f"      {line}\n" in done.stdout
    assert "    20-tier" in done.stdout
    assert "\x1b" not in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_a_fault_fails_a_sample_without_an_expectation_and_shows_its_line(project: Path) -> None:
    write(project, one=sample(do="fail"))
    done = claimhooks(project)
    assert done.returncode == 1
    assert "- status granted or denied" in done.stdout
    assert "KeyError: 'the reason' [hook_raised] at hooks/20-tier.py:7" in done.stdout


def test_run_shows_the_same_lines(project: Path) -> None:
    write(project, one=sample({"claims": {TIER: "gold"}}))
    done = subprocess.run(
        [sys.executable, "-m", "claimhooks", "run", "samples"],
        cwd=project, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert f'  not as expected\n      - claim {TIER} = "gold"\n' in done.stdout


def test_k_tries_only_what_has_the_text_in_its_name_or_file(project: Path) -> None:
    write(
        project, one=sample(name="A Gold client"), golden=sample(name="x"), other=sample(name="y")
    )
    found = results(claimhooks(project, "-k", "gold", *JSON))["results"]
    assert [one["sample"] for one in found] == ["x", "A Gold client"]
    nothing = claimhooks(project, "-k", "silver")
    assert (nothing.returncode, nothing.stdout) == (2, "")
    assert "there is no such sample" in nothing.stderr


def test_a_sample_can_come_from_standard_input(project: Path) -> None:
    text = json.dumps(sample({"status": "denied"}))
    done = claimhooks(project, "-", stdin=f"{text}\n{text}\n")
    assert done.returncode == 1
    assert "<stdin>:2" in done.stdout


def test_what_hooks_print_is_not_among_the_results(project: Path) -> None:
    write(project, one=sample({}, do="print"))
    file = project / "hooks" / "20-tier.py"
    file.write_text(f"{file.read_text()}print('as it is loaded')\n")
    done = claimhooks(project, "--format", "json")
    assert json.loads(done.stdout)["totals"]["passed"] == 1
    assert "between the results" in done.stderr
    assert "as it is loaded" in done.stderr


def test_the_samples_of_a_gate_are_tried_like_any_others(project: Path) -> None:
    (project / "claimhooks.toml").write_text('gate = "samples"\n')
    write(project, one=sample({"status": "denied"}))
    done = claimhooks(project)
    assert done.returncode == 1
    assert "- status denied" in done.stdout


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b'{"client": ', "bad.json:1: not JSON"),
        (b"", "bad.json: the file is empty"),
        (b'{"client": {"id": "\xff"}}', "is not UTF-8"),
        (json.dumps(sample({"stauts": "granted"}), indent=1).encode(), "did you mean 'status'?"),
        (json.dumps(sample({"claims_like": {"x": {"type": "?"}}})).encode(), "bad.json:1: expect."),
    ],
)  # fmt: skip
def test_a_sample_that_cannot_be_used_exits_2_and_prints_nothing_but_why(
    project: Path, content: bytes, reason: str
) -> None:
    write(project, good=sample({}))
    (project / "samples" / "bad.json").write_bytes(content)
    done = claimhooks(project, "--junit", "out.xml", "--update")
    assert (done.returncode, done.stdout) == (2, "")
    assert reason in done.stderr
    assert not (project / "out.xml").exists()
    assert [*project.glob(".out*")] == []


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--fail-under", "90"], "--fail-under says how much --coverage must find"),
        (["--coverage", "--fail-under", "101"], "is not in the range"),
        (["--coverage", "--lane", "worker"], "they run inline"),
        (["--update", "-"], "--update writes into files"),
        (["--repeat", "0"], "is not in the range"),
        (["--junit", "nowhere/x.xml"], "nowhere/x.xml: cannot be written"),
        (["absent.json"], "absent.json: cannot be read"),
    ],
)
def test_wrong_use_exits_2_and_says_why(project: Path, arguments: list[str], reason: str) -> None:
    write(project, one=sample({}))
    done = claimhooks(project, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert reason in done.stderr


# For programs ------------------------------------------------------------------------------------


def test_the_json_document_has_the_documented_keys(project: Path) -> None:
    write(project, a=sample({"claims": {TIER: "gold"}}, do="deny"), b=sample({}), c=sample())
    document = results(claimhooks(project, *JSON))
    assert document.keys() == {"generation", "results", "totals", "seconds"}
    assert document["totals"] == {"passed": 1, "failed": 1, "updated": 0, "no expectation": 1}
    failed, passed, _ = document["results"]
    assert passed.pop("seconds") > 0
    assert passed == {
        "sample": "b", "file": "samples/b.json", "line": 20, "result": "passed",
        "differences": [], "unstable": [],
    }  # fmt: skip
    assert failed["differences"] == [{"name": "claims", "expected": {TIER: "gold"}, "got": {}}]
    assert failed["why"] == ["no \x1b[31m at hooks/20-tier.py:6"]


def test_tap_is_version_14_with_blocks_that_are_yaml(project: Path) -> None:
    yaml = pytest.importorskip("yaml")
    expect = {"scope": {"contains": ["a", "b"]}}
    write(project, a=sample(expect, name="odd # \\ \n name"), b=sample({}), c=sample())
    lines = claimhooks(project, "--format", "tap").stdout.splitlines()
    assert lines[0] == "TAP version 14"
    assert lines[1].startswith("# generation ")
    assert lines[2] == "not ok 1 - odd \\# \\\\ \\\\u000a name"
    assert lines[-3:] == ["ok 2 - b", "ok 3 - c # SKIP it has no expectation", "1..3"]
    block = lines[lines.index("  ---") + 1 : lines.index("  ...")]
    diagnostic = yaml.safe_load("\n".join(line[2:] for line in block))
    assert diagnostic["at"] == "samples/a.json:21"
    assert diagnostic["duration_ms"] > 0
    assert diagnostic["diagnostic"].splitlines() == ["  scope a", "- scope b"]


def test_junit_has_a_case_for_each_sample(project: Path) -> None:
    write(project, a=sample({"status": "denied"}, name="odd\x00 <name>"), b=sample({}), c=sample())
    done = claimhooks(project, "--junit", "out.xml")
    assert done.returncode == 1
    (suite,) = ElementTree.parse(project / "out.xml").getroot()
    counts = {name: suite.get(name) for name in ("tests", "failures", "errors", "skipped")}
    assert counts == {"tests": "3", "failures": "1", "errors": "0", "skipped": "1"}
    properties, failed, passed, skipped = suite
    assert properties.tag == "properties"
    assert (failed.get("classname"), failed.get("name")) == ("samples/a.json", "odd\\u0000 <name>")
    assert float(failed.get("time", "")) >= 0
    (failure,) = failed
    assert failure.get("message") == "samples/a.json:21"
    assert failure.text == "- status denied\n+ status granted"
    assert [*passed] == []
    assert skipped[0].tag == "skipped"


# Writing what was seen ----------------------------------------------------------------------------


def test_update_shows_and_writes_what_was_seen_and_touches_nothing_else(project: Path) -> None:
    text = (
        (
            '{\n\t"client": {"id": "c", "metadata": {"tier": "gold"}},\n\t"audience": "API",\n'
            '\t"scope": [ "a" ],\n\t"expect": {"status": "granted",\n\t\t"claims": {\n'
            '\t\t\t"TIER": "free"\n\t\t}, "scope": ["a"] },\n\t"name": "é"\n}'
        )
        .replace("API", API)
        .replace("TIER", TIER)
    )
    file = project / "samples" / "one.json"
    file.write_bytes(text.encode())
    file.chmod(0o640)
    done = claimhooks(project, "--update")
    assert done.returncode == 0
    assert f'      - claim {TIER} = "free"\n      + claim {TIER} = "gold"\n' in done.stdout
    assert "1 samples: 0 passed, 0 failed, 1 updated" in done.stdout
    assert "1 samples updated, in 1 files" in done.stderr
    assert file.read_bytes().decode() == text.replace('"free"', '"gold"')
    assert file.stat().st_mode & 0o777 == 0o640
    assert [path.name for path in (project / "samples").iterdir()] == ["one.json"]
    again = claimhooks(project, "--update")
    assert "1 samples: 1 passed, 0 failed;" in again.stdout


def test_update_writes_expectations_where_there_are_none(project: Path) -> None:
    lines = [sample(), sample({}, name="holds"), sample(do="deny"), sample(do="fail")]
    file = project / "samples" / "many.jsonl"
    file.write_text("\n\n".join(json.dumps(line) for line in lines) + "\n")
    before = file.read_text().splitlines()
    done = claimhooks(project, "--update")
    assert done.returncode == 1
    assert "1 samples not updated: nobody should expect a fault" in done.stderr
    after = file.read_text().splitlines()
    assert after[1:4] == before[1:4]
    assert after[6:] == before[6:]
    assert json.loads(after[0])["expect"] == {
        "status": "granted", "scope": ["a"], "claims": {TIER: "free"}, "expires_in": 86400,
    }  # fmt: skip
    assert json.loads(after[4])["expect"] == {
        "status": "denied", "error": {"error": "access_denied", "error_description": "no ?[31m"},
    }  # fmt: skip
    assert after[0].startswith(before[0][:-1])
    assert results(claimhooks(project, *JSON))["totals"] == {
        "passed": 3, "failed": 1, "updated": 0, "no expectation": 0,
    }  # fmt: skip


def test_update_keeps_what_holds_and_the_way_it_is_said(project: Path) -> None:
    absent = "https://acme.example/absent"
    expect = {
        "scope": {"contains": ["a"]},
        "claims_like": {TIER: {"pattern": "g.*"}, absent: {"type": "string"}},
        "expires_in": 1,
    }
    write(project, one=sample(expect), two=sample({"error": "invalid_scope"}, do="deny"),
          three=sample({"expires_in": 1}, do="deny"))  # fmt: skip
    assert claimhooks(project, "--update").returncode == 0

    def now(name: str) -> Any:
        return json.loads((project / "samples" / f"{name}.json").read_text())["expect"]

    assert now("one") == {
        "scope": {"contains": ["a"]},
        "claims_like": {TIER: {"pattern": "free"}, absent: {"absent": True}},
        "expires_in": 86400,
    }
    assert now("two") == {"error": "access_denied"}
    assert now("three")["status"] == "denied"
    assert claimhooks(project).returncode == 0


@pytest.mark.parametrize(
    ("expect", "metadata", "status"),
    [
        ({"claims": {TIER: "free"}}, {"do": "deny"}, "denied"),
        ({"scope": ["a"]}, {"do": "deny"}, "denied"),
        ({"claims_like": {TIER: {"type": "string"}}, "expires_in": 1}, {"do": "deny"}, "denied"),
        ({"error": "access_denied"}, {}, "granted"),
    ],
)
def test_update_does_not_take_a_denial_for_a_token_without_claims(
    project: Path, expect: dict[str, Any], metadata: dict[str, Any], status: str
) -> None:
    write(project, one=sample(expect, **metadata))
    assert claimhooks(project, "--update").returncode == 0
    written = json.loads((project / "samples" / "one.json").read_text())["expect"]
    assert written["status"] == status
    assert ("error" in written) == (status == "denied") == ("claims" not in written)


def read_only() -> None:
    # Root may write anywhere, until it can no longer override the permissions.
    ctypes.CDLL(None).prctl(DROP_FROM_BOUNDING_SET, DAC_OVERRIDE)


def full_disk() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


@pytest.mark.skipif(sys.platform != "linux", reason="takes a capability away")
@pytest.mark.parametrize("before", [read_only, full_disk])
def test_update_that_cannot_write_changes_no_file(
    project: Path, before: Callable[[], None]
) -> None:
    write(project, one=sample({"status": "denied"}))
    sealed = project / "sealed"
    sealed.mkdir()
    (sealed / "two.json").write_text(json.dumps(sample()))
    sealed.chmod(0o555)
    files = [project / "samples" / "one.json", sealed / "two.json"]
    contents = [file.read_bytes() for file in files]
    done = apart(project, "samples", "sealed", "--update", before=before)
    assert done.returncode == 2
    assert "cannot be written" in done.stderr
    assert "- status denied" in done.stdout
    assert [file.read_bytes() for file in files] == contents
    assert len([*(project / "samples").iterdir(), *sealed.iterdir()]) == 2


def test_update_never_writes_over_a_save_that_came_between(project: Path) -> None:
    write(project, one=sample({"status": "denied"}, do="save"))
    done = claimhooks(project, "--update")
    assert done.returncode == 2
    assert "samples/one.json: has changed since it was read" in done.stderr
    assert (project / "samples" / "one.json").read_text() == "saved meanwhile"


# Coverage ----------------------------------------------------------------------------------------


def test_coverage_tells_the_lines_that_no_sample_reached(project: Path) -> None:
    (project / "hooks" / "30-other.py").write_text(
        "import json\n\nfrom claimhooks import hookimpl\nfrom . import _lib\n\n\n"
        "@hookimpl\ndef credentials_exchange(client):\n"
        "    if client.id == 'nobody':\n        value = _lib.unused()\n        return value\n"
        "    return _lib.used()\n"
    )
    (project / "hooks" / "_lib.py").write_text(
        "def used():\n    return None\n\n\ndef unused():\n    return None\n"
    )
    (project / "hooks" / "40-off.py").write_text("x = (")
    (project / "claimhooks.toml").write_text(
        'lane = "worker"\n[hooks.20-tier]\nenabled = false\n[hooks.40-off]\nenabled = false\n'
    )
    write(project, one=sample({}))
    done = apart(project, "--coverage")
    assert done.returncode == 0
    assert "coverage: hooks run inline" in done.stderr
    assert "coverage 50 % of the lines" in done.stdout
    assert "  hooks/30-other.py  2 of 4  not reached: 10-11" in done.stdout
    assert "  hooks/_lib.py  1 of 2  not reached: 6" in done.stdout
    assert "20-tier" not in done.stdout
    document = results(apart(project, "--coverage", *JSON))["coverage"]
    assert document["percent"] == 50
    assert document["files"][0]["missing"] == [10, 11]
    assert "# hooks/_lib.py not reached: 6" in (
        apart(project, "--coverage", "--format", "tap").stdout
    )


def test_fail_under_fails_where_too_little_is_reached(project: Path) -> None:
    write(project, one=sample({}))
    assert apart(project, "--coverage", "--fail-under", "10").returncode == 0
    done = apart(project, "--coverage", "--fail-under", "90")
    assert done.returncode == 1
    assert "is less than 90 %" in done.stderr


def test_what_is_covered_is_rounded_down(project: Path, hook: Callable[..., str]) -> None:
    lines = ["if client.id: pass", "x = 1", "if x == 2:", "    return None"]
    (project / "hooks" / "20-tier.py").write_text(hook("\n".join(lines[:2] * 1000 + lines[2:])))
    write(project, one=sample({}))
    done = apart(project, "--coverage", "--fail-under", "99.96")
    assert done.returncode == 1
    assert "coverage 99.95 % of the lines" in done.stdout
    assert "99.95 % is less than 99.96 %" in done.stderr


def test_lines_of_a_bundle_cannot_be_covered(project: Path) -> None:
    (project / "hooks.bundle").write_bytes(b"")
    done = claimhooks(project, "--coverage", "--hooks", "hooks.bundle")
    assert done.returncode == 2
    assert "name the folder, not its bundle" in done.stderr


def test_without_coverage_py_it_says_what_to_install(project: Path) -> None:
    write(project, one=sample({}))
    (project / "coverage.py").write_text("raise ModuleNotFoundError('coverage')")
    done = apart(project, "--coverage")
    assert done.returncode == 2
    assert "install claimhooks[coverage]" in done.stderr


# Many times, many processes -----------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("what", ["random", "set", "clock", "count"])
def test_a_hook_that_does_not_give_the_same_every_time_is_named_with_its_claim(
    project: Path, what: str
) -> None:
    write(project, one=sample({}, do=what), two=sample({}), three=sample({}, do="now"))
    assert claimhooks(project).returncode == 0
    document = results(apart(project, "--repeat", "8", *JSON))
    (unstable,) = [one for one in document["results"] if one["unstable"]]
    assert (unstable["sample"], unstable["result"]) == ("one", "failed")
    (part,) = unstable["unstable"]
    name = "scope" if what == "set" else "https://acme.example/x"
    assert (part["hook"], part["name"]) == ("20-tier", name)
    assert len(part["values"]) > 1


@pytest.mark.slow
def test_text_tells_what_was_not_the_same_and_update_leaves_it(project: Path) -> None:
    write(project, one=sample(do="count"))
    before = (project / "samples" / "one.json").read_text()
    done = apart(project, "--repeat", "9", "--update")
    assert done.returncode == 1
    assert "! hook 20-tier gave https://acme.example/x as 1, then 2" in done.stdout
    assert (project / "samples" / "one.json").read_text() == before
    inline = apart(project, "--repeat", "3", "--coverage")
    assert "gave https://acme.example/x as 1, then 2, then 3" in inline.stdout


def many(project: Path, count: int, **metadata: Any) -> None:
    with (project / "samples" / "many.jsonl").open("w") as file:
        for number in range(count):
            tier = "other" if number % 50 == 7 else "free"
            one = sample({"claims": {TIER: tier}}, name=f"n{number}", **metadata)
            file.write(json.dumps(one) + "\n")


@pytest.mark.slow
def test_much_work_is_shared_and_the_results_are_in_order(project: Path) -> None:
    many(project, 300, do="wait", seconds=0.005)
    with subprocess.Popen(
        command("--format", "json"), cwd=project, stdout=subprocess.PIPE
    ) as running:
        assert running.stdout is not None
        is_shared = eventually(lambda: len(processes_below(running.pid)) >= 2)
        document = json.loads(running.stdout.read())
    assert is_shared or len(os.sched_getaffinity(0)) == 1
    found = document["results"]
    assert [one["sample"] for one in found] == [f"n{number}" for number in range(300)]
    failed = [one for one in found if one["result"] == "failed"]
    assert [one["line"] for one in failed] == [8, 58, 108, 158, 208, 258]
    assert running.returncode == 1


@pytest.mark.slow
def test_a_bad_line_late_in_much_work_is_told_and_nothing_else(project: Path) -> None:
    many(project, 200, do="wait", seconds=0.005)
    with (project / "samples" / "many.jsonl").open("a") as file:
        file.write('{"cut": ')
    done = claimhooks(project)
    assert (done.returncode, done.stdout) == (2, "")
    assert "many.jsonl:201: not JSON" in done.stderr


def start(project: Path, *arguments: str) -> subprocess.Popen[str]:
    """In a session of its own, as a shell does; so that a signal can be told to all of it."""
    return subprocess.Popen(
        command(*arguments),
        cwd=project,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # A shell that runs the tests in the background lets them ignore ^C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509
    )


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
class TestEnding:
    """Whatever ends it, nothing stays behind."""

    @pytest.fixture
    def running(self, project: Path) -> Iterator[subprocess.Popen[str]]:
        many(project, 200, do="wait", seconds=0.05)
        with start(project, "--junit", "out.xml") as process:
            yield process
            process.kill()

    def processes(self, running: subprocess.Popen[str]) -> dict[int, str]:
        eventually(lambda: len(processes_below(running.pid)) >= 2 or running.poll() is not None)
        return processes_below(running.pid)

    @pytest.mark.parametrize("delay", [0.0, 0.3])
    def test_ctrl_c_is_quiet(
        self, project: Path, running: subprocess.Popen[str], delay: float
    ) -> None:
        below = self.processes(running)
        time.sleep(delay)
        os.killpg(running.pid, signal.SIGINT)
        output, errors = running.communicate(timeout=10)
        assert (running.returncode, output, errors) == (130, "", "")
        assert eventually(lambda: not any(Path(f"/proc/{pid}").exists() for pid in below))
        assert [path.name for path in project.iterdir() if "out.xml" in path.name] == []

    def test_kill_takes_the_other_processes_along(self, running: subprocess.Popen[str]) -> None:
        below = self.processes(running)
        running.kill()
        running.wait(10)
        assert eventually(lambda: not any(Path(f"/proc/{pid}").exists() for pid in below))

    def test_ctrl_c_ends_a_hook_that_loops(self, project: Path) -> None:
        write(project, one=sample({}, do="loop"))
        with start(project) as looping:
            time.sleep(1)
            looping.send_signal(signal.SIGINT)
            assert looping.communicate(timeout=10) == ("", "")
            assert looping.returncode == 130


def test_a_hook_that_ends_a_process_of_the_crew_ends_the_test(project: Path) -> None:
    write(project, one=sample({}, do="exit"))
    done = apart(project, "--repeat", "2")
    assert (done.returncode, done.stdout) == (2, "")
    assert "ended with exit status 3" in done.stderr
    assert "--lane worker" in done.stderr


def test_all_processes_run_the_same_hooks_whatever_is_saved_meanwhile(project: Path) -> None:
    write(project, one=sample({"claims": {TIER: "free"}}))
    file = project / "hooks" / "20-tier.py"
    file.write_text(f"open({str(file)!r}, 'a').write('x = (')\n{file.read_text()}")
    assert results(apart(project, "--repeat", "4", *JSON))["totals"]["passed"] == 1
    assert claimhooks(project).returncode == 2


def test_coverage_is_not_told_of_other_lines_than_those_that_ran(project: Path) -> None:
    write(project, one=sample({}, do="save"))
    body = (project / "hooks" / "20-tier.py").read_text()
    saving = body.replace("samples/one.json", "hooks/_new.py").replace("saved meanwhile", "x = 1")
    (project / "hooks" / "20-tier.py").write_text(saving)
    done = apart(project, "--coverage")
    assert (done.returncode, done.stdout) == (2, "")
    assert "hooks: the hooks have changed while samples were run" in done.stderr


@pytest.mark.worker
class TestInWorkers:
    """The same in the worker lane."""

    def test_a_hook_that_ends_its_process_is_a_fault_of_its_sample(self, project: Path) -> None:
        write(project, one=sample({}, do="exit"), two=sample({"claims": {TIER: "free"}}))
        done = apart(project, "--lane", "worker")
        assert done.returncode == 1
        assert "2 samples: 1 passed, 1 failed" in done.stdout
        assert "[worker_died]" in done.stdout

    @pytest.mark.slow
    def test_much_work_is_shared(self, project: Path) -> None:
        many(project, 120, do="wait", seconds=0.01)
        document = results(apart(project, "--lane", "worker", *JSON))
        assert [one["sample"] for one in document["results"]] == [f"n{n}" for n in range(120)]
        assert document["totals"]["failed"] == 3
