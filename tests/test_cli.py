"""The commands, as an operator meets them."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from claimhooks import __version__
from claimhooks.token import SigningKey, Verifier

if TYPE_CHECKING:
    from given import Hooks

API = "https://api.acme.example/"
SAMPLE: dict[str, Any] = {"client": {"id": "orders"}, "audience": API, "scope": ["orders:read"]}
Run = subprocess.CompletedProcess[str]


@pytest.fixture
def project(hooks: Hooks, hook: Callable[..., str]) -> Path:
    """A folder with hooks that claim a tier, and deny or fail if the metadata says so."""
    body = """
    if client.metadata.get("deny"): raise AccessDenied("denied \\x1b[31m")
    if client.metadata.get("fail"): raise KeyError("the reason")
    if client.metadata.get("exit"): import os; os._exit(3)
    return {"https://acme.example/tier": client.metadata.get("tier", "free")}
    """
    folder = hooks({"20-tier.py": hook(body)}).parent
    (folder / "sample.json").write_text(json.dumps(SAMPLE))
    return folder


def claimhooks(
    folder: Path, *arguments: str, stdin: str | bytes = b"", **environment: str
) -> subprocess.CompletedProcess[str]:
    data = stdin.encode() if isinstance(stdin, str) else stdin
    done = subprocess.run(
        [sys.executable, "-m", "claimhooks", *arguments],
        cwd=folder,
        input=data,
        capture_output=True,
        env={**os.environ, **environment},
        check=False,
    )
    return subprocess.CompletedProcess(
        done.args, done.returncode, done.stdout.decode(), done.stderr.decode()
    )


def sample(**changes: Any) -> str:
    return json.dumps(SAMPLE | changes)


def test_version_and_help(tmp_path: Path) -> None:
    assert claimhooks(tmp_path, "--version").stdout == f"claimhooks {__version__}\n"
    for command in ([], ["run"], ["check"], ["verify"]):
        assert "Examples:" in claimhooks(tmp_path, *command, "--help").stdout


def test_the_text_shows_what_hooks_did_within_80_columns_and_without_colour(project: Path) -> None:
    done = claimhooks(project, "run", "sample.json")
    assert done.returncode == 0
    assert '+ claim https://acme.example/tier = "free"' in done.stdout
    assert "20-tier" in done.stdout
    assert "\x1b" not in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_the_json_document_has_the_documented_keys(project: Path) -> None:
    done = claimhooks(project, "run", "sample.json", "--format", "json")
    document = json.loads(done.stdout)
    assert document.keys() == {"generation", "results"}
    (result,) = document["results"]
    token = result.pop("token")
    assert token["header"] == {"alg": "ES256", "typ": "at+jwt"}
    assert token["payload"]["sub"] == "orders"
    (entry,) = result.pop("trace")
    assert entry.pop("micros") > 0
    claim = {"https://acme.example/tier": "free"}
    assert entry == {
        "hook": "20-tier",
        "file": "hooks/20-tier.py",
        "patch": claim,
        "applied": claim,
        "refused": [],
    }
    assert result.pop("generation") == document["generation"]
    assert result == {
        "sample": "sample",
        "status": "granted",
        "scope": ["orders:read"],
        "claims": claim,
        "expires_in": 86400,
        "error": None,
        "warnings": [],
    }


def test_a_denial_is_no_failure_and_reaches_no_terminal_raw(project: Path) -> None:
    text = sample(name="odd\x1b[2J", client={"id": "x", "metadata": {"deny": True}})
    done = claimhooks(project, "run", "-", stdin=text)
    assert done.returncode == 0
    assert "HTTP 400 access_denied: denied ?[31m" in done.stdout
    assert "\x1b" not in done.stdout


def test_a_fault_exits_1_and_shows_file_line_and_traceback(project: Path) -> None:
    text = sample(client={"id": "x", "metadata": {"fail": True}})
    done = claimhooks(project, "run", "-", stdin=text)
    assert done.returncode == 1
    assert "KeyError: 'the reason' [hook_raised] at hooks/20-tier.py:6" in done.stdout
    assert "line 6, in credentials_exchange" in done.stdout
    document = claimhooks(project, "run", "-", "--format", "json", stdin=text).stdout
    assert json.loads(document)["results"][0]["trace"][0]["error"]["line"] == 6


@pytest.mark.parametrize(
    ("expect", "difference"),
    [
        ({"status": "granted", "scope": ["orders:read"], "expires_in": 86400}, None),
        ({"claims": {"https://acme.example/tier": "free"}}, None),
        ({"status": "denied"}, ("status", "denied", "granted")),
        ({"claims": {}}, ("claims", {}, {"https://acme.example/tier": "free"})),
        ({"scope": []}, ("scope", [], ["orders:read"])),
        ({"expires_in": 1}, ("expires_in", 1, 86400)),
        ({"error": "access_denied"}, ("error", "access_denied", None)),
    ],
)
def test_an_expectation_that_does_not_hold_exits_1(
    project: Path, expect: dict[str, Any], difference: tuple[str, Any, Any] | None
) -> None:
    done = claimhooks(project, "run", "-", "--format", "json", stdin=sample(expect=expect))
    (result,) = json.loads(done.stdout)["results"]
    assert result["expect"] == {
        "holds": difference is None,
        "differences": (
            [dict(zip(("name", "expected", "got"), difference, strict=True))] if difference else []
        ),
    }
    assert done.returncode == (1 if difference else 0)


def test_quiet_leaves_out_what_is_good(project: Path) -> None:
    lines = "\n".join([sample(), sample(name="bad", expect={"status": "fault"}), sample()])
    done = claimhooks(project, "run", "-", "--quiet", "--format", "json", stdin=lines)
    assert [result["sample"] for result in json.loads(done.stdout)["results"]] == ["bad"]
    done = claimhooks(project, "run", "-", "--quiet", stdin=lines)
    assert "3 samples: 3 granted, 0 denied, 0 fault; 0 refusals; 0 of 1" in done.stdout
    assert done.stdout.count("client ") == 1


def test_samples_come_from_folders_files_lines_and_standard_input(project: Path) -> None:
    (project / "many.jsonl").write_text(f"{sample()}\n\n{sample(name='named')}")
    pretty = json.dumps(SAMPLE, indent=2)
    done = claimhooks(project, "run", ".", "sample.json", "-", "--format", "json", stdin=pretty)
    names = [result["sample"] for result in json.loads(done.stdout)["results"]]
    assert names == ["many.jsonl:1", "named", "sample", "sample", "stdin"]


def test_only_one_hook_is_run_and_a_typing_error_is_understood(project: Path) -> None:
    (project / "hooks" / "30-broken.py").write_text("x = (")
    assert claimhooks(project, "run", "sample.json").returncode == 2
    assert claimhooks(project, "run", "sample.json", "--only", "20-tier").returncode == 0
    done = claimhooks(project, "run", "sample.json", "--only", "20-tire")
    assert done.returncode == 2
    assert "did you mean '20-tier'?" in done.stderr


@pytest.mark.parametrize("profile", ["rfc9068", "auth0"])
def test_a_signed_dry_run_verifies(project: Path, profile: str) -> None:
    arguments = ["run", "sample.json", "--sign", "--format", "json", "--profile", profile]
    document = json.loads(claimhooks(project, *arguments).stdout)
    token = document["results"][0]["token"]
    (project / "jwks.json").write_text(json.dumps(document["jwks"]))
    arguments = ["--jwks", "jwks.json", "--issuer", "https://issuer.example/", "--audience", API]
    arguments += ["--profile", profile]
    done = claimhooks(project, "verify", token["jwt"], *arguments, "--scope", "orders:read")
    assert done.returncode == 0
    assert done.stdout.count("✓") == 5
    assert json.loads(done.stdout[done.stdout.index("{") :]) == token["payload"]
    done = claimhooks(project, "verify", "-", *arguments, "--scope", "no", stdin=token["jwt"])
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1] == "✗ scope: it lacks no"
    assert done.stdout.count("✓") == 4


@pytest.mark.parametrize("content", [None, "x", "[]", '{"keys": []}', '{"keys": 1}'])
def test_a_key_set_that_is_none_exits_2(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "jwks.json").write_text(content)
    done = claimhooks(
        tmp_path, "verify", "a.b.c", "--jwks", "jwks.json", "--issuer", "x", "--audience", "y"
    )
    assert done.returncode == 2
    assert "jwks.json" in done.stderr
    assert "Traceback" not in done.stderr


def nested(depth: int) -> bytes:
    deep = "[" * depth + "]" * depth
    return sample(client={"id": "x", "metadata": {"a": "DEEP"}}).replace('"DEEP"', deep).encode()


BAD_SAMPLES = {
    "not JSON": (b'{"client": ', "not JSON"),
    "not UTF-8": (b'{"client": "\xff"}', "not UTF-8"),
    "empty": (b"", "empty"),
    "50 MB": (b'{"a": "' + b"x" * 50_000_000 + b'"}', "1 MiB"),
    "nested 10,000 deep": (nested(10_000), "nested too deeply"),
    "nested 400 deep": (nested(400), "nested too deeply"),
    "a number of 5,000 digits": (b'{"a": ' + b"1" * 5000 + b"}", "too many digits"),
    "a duplicate key": (b'{"audience": "a", "audience": "b"}', "'audience' is there twice"),
    "NaN": (b'{"scope": [NaN]}', "NaN is not JSON"),
    "an array": (b"[]", "JSON object"),
    "scope a string": (sample(scope="a").encode(), "scope: must be a list, not text"),
    "scope with a space": (sample(scope=["a b"]).encode(), "scope[0]: text should match"),
    "audience a list": (sample(audience=[API]).encode(), "audience: must be text, not a list"),
    "client null": (sample(client=None).encode(), "client: must be an object, not null"),
    "no client": (b'{"audience": "a", "scope": []}', "client: is missing"),
    "an unknown field": (sample(scopes=[]).encode(), "scopes: unknown key; did you mean 'scope'"),
    "an unknown field within": (
        sample(client={"id": "x", "tenat": "y"}).encode(),
        "client.tenat: unknown key; did you mean 'tenant'?",
    ),
    "another API": (sample(api={"identifier": "x"}).encode(), "is not the audience"),
    "credentials": (
        sample(request={"params": {"client_secret": "s3cr3t"}}).encode(),
        "must not hold credentials: client_secret",
    ),
}


@pytest.mark.parametrize("case", BAD_SAMPLES)
@pytest.mark.parametrize("style", ["text", "json"])
def test_a_sample_that_cannot_be_used_exits_2_and_prints_nothing_but_why(
    project: Path, case: str, style: str
) -> None:
    content, reason = BAD_SAMPLES[case]
    (project / "bad.json").write_bytes(content)
    done = claimhooks(project, "run", "sample.json", "bad.json", "--format", style)
    assert done.returncode == 2
    assert done.stdout == ""
    assert reason in done.stderr.replace("\n", " ")
    assert "bad.json" in done.stderr
    assert "Traceback" not in done.stderr
    assert "s3cr3t" not in done.stderr


def test_every_bad_line_of_a_long_file_is_named_up_to_twenty(project: Path) -> None:
    (project / "many.jsonl").write_text("\n".join([sample(), *["{"] * 30]))
    done = claimhooks(project, "run", "many.jsonl")
    assert done.returncode == 2
    assert "many.jsonl:2:" in done.stderr
    assert "and 10 more problems" in done.stderr


@pytest.mark.parametrize("arguments", [["absent.json"], ["empty"], [], ["sample.json", "--foo"]])
def test_wrong_use_exits_2(project: Path, arguments: list[str]) -> None:
    (project / "empty").mkdir()
    done = claimhooks(project, "run", *arguments)
    assert done.returncode == 2
    assert done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", [["run", "sample.json", "--hooks"], ["check"]])
def test_hooks_that_do_not_load_exit_2(project: Path, command: list[str]) -> None:
    (project / "hooks" / "_bad.py").write_bytes(b"\xff")
    (project / "hooks" / "loop.py").symlink_to(project / "hooks" / "loop.py")
    for folder, reason in {
        "hooks": "_bad.py:1",
        "absent": "no such",
        "sample.json": "file",
    }.items():
        done = claimhooks(project, *command, folder)
        assert (done.returncode, done.stdout) == (2, "")
        assert reason in done.stderr
        assert "Traceback" not in done.stderr
    assert "loop.py" in claimhooks(project, *command, "hooks").stderr


def test_an_empty_folder_can_be_allowed(project: Path) -> None:
    (project / "none").mkdir()
    arguments = ["run", "sample.json", "--hooks", "none"]
    assert claimhooks(project, *arguments).returncode == 2
    assert claimhooks(project, *arguments, "--allow-empty").returncode == 0


def test_settings_beside_the_hooks_are_used_and_checked(project: Path) -> None:
    (project / "claimhooks.toml").write_text('[hooks."20-tier"]\nenabled = false\n')
    assert "claim" not in claimhooks(project, "run", "sample.json").stdout
    assert "disabled" in claimhooks(project, "check").stdout
    (project / "other.toml").write_text("[polcy]\n")
    done = claimhooks(project, "run", "sample.json", "--config", "other.toml")
    assert done.returncode == 2
    assert "other.toml:1: polcy: unknown key; did you mean 'policy'?" in done.stderr


def test_check_lists_every_hook(project: Path) -> None:
    done = claimhooks(project, "check", "hooks")
    assert done.returncode == 0
    assert "1. 20-tier  hooks/20-tier.py:3" in done.stdout
    assert "takes client, scope, audience, context" in done.stdout


def test_a_hook_that_ends_the_process_ends_it_without_half_a_result(project: Path) -> None:
    text = "\n".join([sample(), sample(client={"id": "x", "metadata": {"exit": True}})])
    done = claimhooks(project, "run", "-", "--format", "json", stdin=text)
    assert (done.returncode, done.stdout) == (3, "")


def test_a_reader_that_leaves_early_is_no_crash(project: Path) -> None:
    (project / "many.jsonl").write_text("\n".join([sample()] * 2000))
    done = subprocess.run(
        f"{sys.executable} -m claimhooks run many.jsonl | head -1",
        shell=True, cwd=project, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "Traceback" not in done.stderr


def test_a_signed_token_is_what_the_library_makes(project: Path) -> None:
    key = SigningKey.generate("ES256")
    Verifier({"keys": [key.public_jwk()]}, issuer="x", audience="y")
    done = claimhooks(project, "run", "sample.json", "--sign", NO_COLOR="1")
    assert len(re.findall(r"\beyJ[\w-]+\.eyJ[\w-]+\.[\w-]{86}(?![\w-])", done.stdout)) == 1


class TestInWorkers:
    """The dry run and the check, with hooks in processes of their own."""

    pytestmark = pytest.mark.worker

    def test_a_hook_that_ends_its_process_is_a_fault_of_its_sample(self, project: Path) -> None:
        (project / "sample.json").write_text(sample(client={"id": "c", "metadata": {"exit": 1}}))
        done = claimhooks(project, "run", "sample.json", "--lane", "worker")
        assert done.returncode == 1
        assert "ended its process with exit status 3 [worker_died]" in done.stdout
        assert "hooks/20-tier.py:3" in done.stdout
        assert "Traceback" not in done.stderr

    def test_a_deadline_is_kept_in_workers_only(self, project: Path) -> None:
        (project / "hooks" / "10-slow.py").write_text(
            "from claimhooks import hookimpl\n"
            "@hookimpl\ndef credentials_exchange():\n    while True: pass\n"
        )
        done = claimhooks(
            project, "run", "sample.json", "--lane", "worker", "--deadline", "50ms"
        )  # fmt: skip
        assert done.returncode == 1
        assert "killed after 50 ms [deadline_exceeded] at hooks/10-slow.py:4" in done.stdout
        inline = claimhooks(project, "run", "sample.json", "--deadline", "50ms")
        assert inline.returncode == 2
        assert "use --lane worker" in inline.stderr
        wrong = claimhooks(project, "run", "sample.json", "--lane", "worker", "--deadline", "50")
        assert wrong.returncode == 2
        assert 'a duration is written as "250ms" or "2s"' in wrong.stderr

    def test_check_tells_lane_and_isolation(self, project: Path) -> None:
        assert "isolation  none: hooks run in the issuer's process" in (
            claimhooks(project, "check").stdout
        )
        (project / "claimhooks.toml").write_text(
            'lane = "worker"\n[worker]\nsandbox = "required"\n'
            '[hooks.20-tier]\ndeadline = "2s"\nnetwork = true\n'
        )
        done = claimhooks(project, "check")
        assert done.returncode == 0
        assert "lane       worker: 2 processes and one that stands by" in done.stdout
        assert "isolation  sandbox: processes of their own" in done.stdout
        assert "(landlock, seccomp)" in done.stdout
        assert "deadline 2,000 ms of its own" in done.stdout
        assert "workers that have the network" in done.stdout

    def test_check_passes_the_gate_or_tells_why_not(self, project: Path) -> None:
        (project / "claimhooks.toml").write_text('gate = "sample.json"\n')
        (project / "sample.json").write_text(sample(expect={"status": "granted"}))
        assert "gate       passed: sample.json" in claimhooks(project, "check").stdout
        (project / "sample.json").write_text(sample(expect={"status": "denied"}))
        done = claimhooks(project, "check")
        assert done.returncode == 2
        assert 'status: expected "denied", got "granted"' in done.stderr


class TestWatching:
    """``run --watch`` tells after each save what it changed."""

    @pytest.fixture
    def watching(self, project: Path) -> Iterator[tuple[Path, Callable[[str], str]]]:
        with subprocess.Popen(
            [sys.executable, "-u", "-m", "claimhooks", "run", "sample.json", "--watch"],
            cwd=project, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            # A shell that runs the tests in the background lets them ignore ^C.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509
        ) as process:  # fmt: skip
            assert process.stdout is not None
            output = process.stdout

            def until(end: str) -> str:
                seen = ""
                while end not in seen:
                    line = output.readline()
                    assert line, seen
                    seen += line
                return seen

            try:
                until("^C ends")
                yield project, until
                process.send_signal(signal.SIGINT)
                assert process.wait(10) == 0
            finally:
                process.kill()

    def test_a_changed_hook(self, watching: tuple[Path, Callable[[str], str]]) -> None:
        project, until = watching
        file = project / "hooks" / "20-tier.py"
        good = file.read_text()
        file.write_text(good.replace('"free"', '"basic"'))
        seen = until("^C ends")
        assert "1 of 1 samples changed" in seen
        assert '-      + claim https://acme.example/tier = "free"' in seen
        assert '+      + claim https://acme.example/tier = "basic"' in seen
        file.write_text("x = (")
        seen = until("^C ends")
        assert "nothing was run" in seen
        assert "hooks/20-tier.py:1" in seen
        file.write_text(good)
        assert "1 of 1 samples changed" in until("^C ends")

    def test_a_changed_sample_and_settings(
        self, watching: tuple[Path, Callable[[str], str]]
    ) -> None:
        project, until = watching
        (project / "sample.json").write_text(sample(client={"id": "c", "metadata": {"deny": True}}))
        assert "HTTP 400 access_denied" in until("^C ends")
        (project / "claimhooks.toml").write_text("[hooks.20-tier]\nenabled = false\n")
        assert "-  answer    HTTP 400 access_denied" in until("^C ends")

    def test_is_for_reading(self, project: Path) -> None:
        done = claimhooks(project, "run", "sample.json", "--watch", "--format", "json")
        assert done.returncode == 2
        assert "--watch prints text" in done.stderr
