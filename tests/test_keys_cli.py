"""``claimhooks keys``, as an operator meets it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from claimhooks.cli import main
from claimhooks.keyring import Keyring


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The default folder, with a key of ES256 and one of EdDSA."""
    monkeypatch.chdir(tmp_path)
    folder = Path("data/keys")
    Keyring.open(folder, ["ES256", "EdDSA"], create=True)
    return folder


def keys(*arguments: str | Path, status: int = 0) -> Result:
    done = CliRunner().invoke(main, ["keys", *map(str, arguments)])
    assert done.exit_code == status, done.output
    assert "PRIVATE KEY" not in done.output
    return done


def listed(alg: str = "ES256") -> list[dict[str, str | None]]:
    document = json.loads(keys("list", "--format", "json").stdout)
    return [key for key in document["keys"] if key["alg"] == alg]


def states(alg: str = "ES256") -> list[str | None]:
    return [key["state"] for key in listed(alg)]


@pytest.mark.parametrize("command", [[], ["list"], ["rotate"], ["retire"], ["import"]])
def test_every_help_has_an_example(command: list[str]) -> None:
    assert f"Examples:\n    claimhooks keys {command[0] if command else ''}" in (
        keys(*command, "--help").stdout
    )


@pytest.mark.usefixtures("folder")
def test_the_list_tells_kid_algorithm_state_and_times() -> None:
    keys("rotate", "--alg", "ES256")
    active, waiting = listed()
    assert active.keys() == {"kid", "alg", "state", "since", "until"}
    assert (active["state"], waiting["state"]) == ("active", "next")
    assert active["until"] == waiting["until"]
    lines = keys("list").stdout.splitlines()
    assert [line.split()[:3] for line in lines] == [
        [key["kid"], key["alg"], key["state"]] for key in (*listed(), *listed("EdDSA"))
    ]
    assert lines[0].endswith(f"since {active['since']}  until {active['until']}")
    assert lines[2].endswith(f"since {listed('EdDSA')[0]['since']}")


def test_rotating_reaches_an_issuer_that_runs(folder: Path) -> None:
    now = [0.0]
    running = Keyring.open(folder, ["ES256"], create=False, clock=lambda: now[0])
    former = running.signing_key("ES256").kid
    done = keys("rotate", "--now")
    assert f"Tokens of {former} still verify" in done.stderr
    now[0] = 1e10
    assert running.signing_key("ES256").kid != former
    assert states() == states("EdDSA") == ["retired", "active"]


@pytest.mark.usefixtures("folder")
def test_rotating_is_for_all_algorithms_or_for_one() -> None:
    assert len(keys("rotate").stdout.splitlines()) == 4
    assert len(keys("rotate", "--alg", "EdDSA").stdout.splitlines()) == 3
    assert states() == ["active", "next"]
    assert states("EdDSA") == ["active", "next", "next"]
    assert "active" in keys("rotate", "--alg", "RS256").stdout


def test_a_former_key_outlives_the_longest_token_that_an_api_may_have(folder: Path) -> None:
    keys("rotate", "--alg", "ES256", "--now")
    former = Keyring.open(folder, create=False).entries()[0]
    assert former.until == former.since + 2_592_000 + 600


@pytest.mark.usefixtures("folder")
def test_retiring_takes_a_key_out_but_not_the_one_that_signs() -> None:
    kid = str(listed()[0]["kid"])
    done = keys("retire", kid, status=2)
    assert f"data/keys: {kid} is the one that signs ES256 now [key_active]" in done.stderr
    assert "→ make another key sign first: claimhooks keys rotate --now" in done.stderr
    keys("rotate", "--now")
    assert kid not in keys("retire", kid).stdout
    assert states() == ["active"]
    assert "[key_unknown]" in keys("retire", kid, status=2).stderr


def test_importing_makes_the_folder(folder: Path) -> None:
    (file,) = folder.glob(f"{listed()[0]['kid']}.pem")
    done = keys("import", file, "--alg", "ES256", "--keys", "new/keys")
    assert done.stdout.split()[:3] == [file.stem, "ES256", "active"]
    assert keys("list", "--keys", "new/keys").stdout == done.stdout
    assert "[key_known]" in keys("import", file, "--alg", "ES256", status=2).stderr


def test_an_imported_key_may_be_named_like_an_option(folder: Path) -> None:
    kid = f"-h{'x' * 41}"
    assert f"there is no key '{kid}'" in keys("retire", "--", kid, status=2).stderr
    assert folder.is_dir()


def test_errors_name_file_reason_and_remedy(folder: Path) -> None:
    done = keys("list", "--keys", "elsewhere", status=2)
    assert done.stderr == (
        "elsewhere: there is no such folder [keys_missing]\n"
        "  → start the issuer once, which makes its keys, or name another folder\n"
    )
    assert "keys_missing" in keys("rotate", "--keys", "elsewhere", status=2).stderr
    Path("empty").mkdir(0o700)
    assert "--alg" in keys("rotate", "--keys", "empty", status=2).stderr
    folder.chmod(0o755)
    done = keys("list", status=2)
    assert "its mode is 0755" in done.stderr
    assert "chmod 700 data/keys" in done.stderr
