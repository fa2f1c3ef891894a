"""``run --bridge`` and ``check --bridge``: what a bridge would do, before it is called."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner, Result

from bridging import FOLDER, Golden, goldens, prepare
from claimhooks.cli import main

if TYPE_CHECKING:
    from claimhooks.settings import PeerName

TIER = "https://claims.example.com/tier"
Command = Callable[..., Result]


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> Result:
        done = CliRunner().invoke(main, arguments)
        assert "Traceback" not in done.stderr
        return done

    return run


def project(golden: Golden) -> None:
    """Put what `golden` is about into the working directory."""
    document = golden.document
    prepare(
        Path(),
        golden.peer,
        document.get("hook", ""),
        document.get("bridge", ""),
        document.get("settings", ""),
        document.get("registry"),
    )
    Path("call.json").write_bytes(golden.body())


def of(peer: PeerName, case: str) -> Golden:
    return Golden(FOLDER / peer / f"{case}.json")


# The dry run -------------------------------------------------------------------------------------


def test_the_dry_run_shows_the_exchange_and_the_answer_as_it_is_sent(command: Command) -> None:
    project(of("hydra", "claims-of-the-registry"))
    done = command("run", "--bridge", "hydra", "call.json")
    assert done.exit_code == 0
    lines = done.stdout.splitlines()
    assert lines[0].endswith(", bridge hydra")
    assert "call  granted" in lines
    assert '          "tier": "gold"' in lines
    assert '      + claim https://claims.example.com/tier = "gold"' in lines
    assert "    HTTP 200" in lines
    answer = {TIER: "gold", "https://claims.example.com/name": "Orders worker"}
    shown = json.loads(lines[-1])["session"]["access_token"]
    assert shown.items() >= answer.items()


SENT = ("unchanged", "claims", "narrowing", "denial", "fault", "unsupported", "truncated")


@pytest.mark.parametrize(
    "golden",
    [golden for peer in ("hydra", "wso2") for golden in goldens(peer) if golden.case in SENT],
    ids=str,
)
def test_the_dry_run_sends_what_the_bridge_sends(golden: Golden, command: Command) -> None:
    project(golden)
    done = command("run", "--bridge", golden.peer, "--format", "json", "call.json")
    document = json.loads(done.stdout)
    assert document["bridge"] == golden.peer
    (result,) = document["results"]
    answer, expected = result["answer"], golden.answer
    assert answer["status"] == expected["status"]
    assert (json.loads(answer["body"]) if answer["body"] else None) == expected["body"]
    assert result["outcome"] == golden.event["outcome"]
    assert done.exit_code == (0 if result["outcome"] in {"granted", "denied"} else 1)


def test_the_exchange_of_a_call_is_a_sample(command: Command) -> None:
    project(of("wso2", "narrowing"))
    done = command("run", "--bridge", "wso2", "--format", "json", "call.json")
    (result,) = json.loads(done.stdout)["results"]
    Path("sample.json").write_text(json.dumps(result["exchange"]))
    again = json.loads(command("run", "--format", "json", "sample.json").stdout)["results"][0]
    assert again["scope"] == ["orders.export", "orders.read"]
    assert again["expires_in"] == 900


def test_several_calls_are_answered_one_after_the_other(command: Command) -> None:
    project(of("hydra", "unchanged"))
    good, bad = Path("call.json").read_text(), json.dumps({"request": None})
    Path("calls.jsonl").write_text(f"{json.dumps(json.loads(good))}\n{bad}\n")
    done = command("run", "--bridge", "hydra", "--quiet", "calls.jsonl")
    assert done.exit_code == 1
    assert "calls.jsonl:2  refused" in done.stdout
    assert "calls.jsonl:1" not in done.stdout


def test_a_call_is_dry_run_without_the_secrets_of_the_bridge(command: Command) -> None:
    project(of("hydra", "unchanged"))
    Path("claimhooks.toml").write_text("")
    assert command("run", "--bridge", "hydra", "call.json").exit_code == 0


def test_a_hostile_call_reaches_no_terminal(command: Command) -> None:
    project(of("hydra", "unchanged"))
    call = json.loads(Path("call.json").read_text())
    call["request"]["grant_types"] = ["\x1b[2J"]
    Path("call.json").write_text(json.dumps(call))
    done = command("run", "--bridge", "hydra", "call.json")
    assert "\x1b" not in done.stdout
    assert "the grant is \\u001b[2J" in done.stdout


@pytest.mark.parametrize("option", [["--watch"], ["--sign"], ["--html", "page.html"]])
def test_what_a_bridge_has_nothing_of_is_wrong_use(option: list[str], command: Command) -> None:
    project(of("hydra", "unchanged"))
    done = command("run", "--bridge", "hydra", "call.json", *option)
    assert done.exit_code == 2
    assert "with --bridge there is no" in done.stderr


def test_a_call_that_is_not_there_is_a_problem(command: Command) -> None:
    project(of("hydra", "unchanged"))
    done = command("run", "--bridge", "hydra", "nothing.json")
    assert done.exit_code == 2
    assert "[sample_unreadable]" in done.stderr


# The check ---------------------------------------------------------------------------------------


def checked(command: Command, peer: PeerName, body: str, settings: str = "") -> dict[str, Any]:
    """What the check finds in a hook with this body."""
    prepare(Path(), peer, body, settings=settings)
    done = command("check", "--bridge", peer, "--format", "json")
    document: dict[str, Any] = json.loads(done.stdout)
    assert document["problems"] == []
    assert done.exit_code == bool(document["findings"])
    return document


@pytest.mark.parametrize(
    ("peer", "body", "reasons"),
    [
        ("hydra", f'return {{"{TIER}": {{"a": [1]}}}}', []),
        ("hydra", 'return {"scope": scope[:1]}', ["it lets no hook change scopes"]),
        ("hydra", 'return {"expires_in": 9}', ["this issuer lets no hook change the lifetime"]),
        ("wso2", f'return {{"scope": [], "expires_in": 9, "{TIER}": ["a"]}}', []),
        ("wso2", f'return {{"{TIER}": {{}}}}', ["this issuer takes text, numbers, booleans and"]),
        ("wso2", f'return {{"{TIER}": None}}', ["this issuer takes text, numbers, booleans and"]),
        ("wso2", f'return {{"{TIER}": [1]}}', ["this issuer takes text, numbers, booleans and"]),
        ("wso2", f'return {{"{TIER}": [client.id]}}', []),
        ("wso2", f'return {{"{TIER}": client.metadata}}', []),
        ("okta", f'return {{"{TIER}": "gold"}}', ["its name has a character"]),
        ("okta", 'return {"urn:acme:tier": "gold"}', []),
        ("entra", 'return {"urn:acme:tier": 1}', ["this issuer takes text and lists of text"]),
    ],
)
def test_what_a_peer_cannot_do_is_found_before_anybody_calls(
    peer: PeerName, body: str, reasons: list[str], command: Command
) -> None:
    findings = checked(command, peer, body)["findings"]
    assert len(findings) == len(reasons)
    for finding, reason in zip(findings, reasons, strict=True):
        assert finding["code"] == "effect_unsupported"
        assert reason in finding["reason"]
        assert finding["line"] == 5


def test_the_check_of_a_bridge_finds_nothing_else(command: Command) -> None:
    assert (
        checked(command, "hydra", 'import time\ntime.time()\nreturn {"tier": 1}')["findings"] == []
    )


def test_a_finding_can_be_ignored_where_it_is_meant(command: Command) -> None:
    body = 'return {"expires_in": 9}  # claimhooks: ignore[effect_unsupported]'
    assert checked(command, "hydra", body)["findings"] == []
    # It is no mistake where nobody looks for it.
    Path("claimhooks.toml").write_text("")
    done = command("check", "--strict", "--format", "json")
    assert json.loads(done.stdout)["findings"] == []


def test_strict_looks_at_all_bridges_of_the_settings(command: Command) -> None:
    tables = "".join((FOLDER / peer / "peer.toml").read_text() for peer in ("hydra", "wso2"))
    prepare(Path(), "hydra", f'return {{"expires_in": 9, "{TIER}": {{}}}}', tables)
    done = command("check", "--strict", "--format", "json")
    reasons = [finding["reason"] for finding in json.loads(done.stdout)["findings"]]
    assert len(reasons) == 2
    assert "on Ory Hydra" in reasons[0]
    assert "on WSO2 / Asgardeo" in reasons[1]


def test_the_check_tells_how_the_bridge_would_start(command: Command) -> None:
    bridge = checked(command, "hydra", "")["bridge"]
    assert (bridge["peer"], bridge["caller"], bridge["deadline"]) == ("hydra", "api_key", 2.0)
    # `prepare` says inline.
    assert bridge["warnings"] == [
        "no hook can be ended inline: one that hangs keeps the bridge from answering in time"
    ]
    text = command("check", "--bridge", "hydra").stdout
    assert "bridge     Ory Hydra: answers within 2 s; proven by api_key" in text


@pytest.mark.worker
def test_hooks_that_may_take_longer_than_the_peer_waits_are_told(command: Command) -> None:
    prepare(Path(), "hydra", settings='[worker]\ndeadline = "3s"\n', lane="worker")
    warnings = json.loads(command("check", "--bridge", "hydra", "--format", "json").stdout)
    assert warnings["bridge"]["warnings"] == [
        "hooks may take 3 s, and the bridge has to answer within 2 s"
    ]


def test_a_bridge_without_proof_does_not_pass_the_check(command: Command) -> None:
    prepare(Path(), "hydra", bridge="\n")
    done = command("check", "--bridge", "hydra")
    assert done.exit_code == 2
    assert "[bridge_caller]" in done.stderr
