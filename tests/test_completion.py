"""Completion in real shells: bash, and zsh and fish where they are installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from claimhooks.cli import COMMANDS
from claimhooks.keyring import Keyring
from given import Hooks, hook

BASH = """
eval "$(claimhooks completion bash)"
compopt() { COMPREPLY+=("<files>"); }
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
_claimhooks_completion claimhooks
printf '%s\\n' "${COMPREPLY[@]}"
"""
ZSH = """
autoload -U compinit; compinit -D -u
eval "$(claimhooks completion zsh)"
_path_files() { echo "<files>" }
compadd() { print -l -- $completions }
_describe() { print -l -- ${completions_with_descriptions%%:*} }
words=("$@"); CURRENT=$#
_claimhooks_completion
"""
FISH = """
claimhooks completion fish | source
complete --do-complete "$argv" | string split --fields 1 \\t
"""

Completions = Callable[..., set[str]]


@pytest.fixture
def project(hooks: Hooks) -> Path:
    """Where the shells are asked: a folder with two hooks."""
    return hooks({"10-first.py": hook("pass"), "20-tier.py": hook("pass"), "_acme.py": ""}).parent


@pytest.fixture(params=["bash", "zsh", "fish"])
def completions(request: pytest.FixtureRequest, project: Path) -> Completions:
    """What a shell offers after these words."""
    shell = str(request.param)
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")

    def offered(*words: str) -> set[str]:
        line = ["claimhooks", *words]
        commands = {
            "bash": ["bash", "--norc", "-c", BASH, "bash", *line],
            "zsh": ["zsh", "-f", "-c", ZSH, "zsh", *line],
            "fish": ["fish", "--no-config", "-c", FISH, " ".join(line)],
        }
        done = subprocess.run(
            commands[shell],
            cwd=project,
            env={**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.stderr == ""
        return {line for line in done.stdout.splitlines() if line}

    return offered


def test_commands_and_options_are_offered(completions: Completions) -> None:
    assert completions("") == set(COMMANDS)
    assert completions("re") >= {"registry", "replay"}
    assert completions("keys", "r") == {"rotate", "retire"}
    assert {"--html", "--hooks"} <= completions("run", "--h")
    assert completions("run", "--profile", "") == {"rfc9068", "auth0"}
    assert completions("completion", "") == {"bash", "zsh", "fish"}


def test_the_hooks_of_the_folder_are_offered(completions: Completions, project: Path) -> None:
    assert completions("run", "--only", "") == {"10-first", "20-tier"}
    assert completions("run", "--only", "2") == {"20-tier"}
    (project / "hooks").rename(project / "others")
    assert completions("run", "--hooks", "others", "--only", "1") == {"10-first"}
    assert completions("run", "--only", "") == set()


def test_keys_and_codes_are_offered(completions: Completions, project: Path) -> None:
    assert completions("keys", "retire", "") == set()
    keyring = Keyring.open(project / "data" / "keys", create=True)
    keyring.rotate("ES256")
    assert completions("keys", "retire", "") == {entry.kid for entry in keyring.entries()}
    assert "claim_reserved" in completions("explain", "claim_res")


def test_files_are_left_to_the_shell(completions: Completions, project: Path) -> None:
    (project / "sample.json").touch()
    for words in (["run", "sam"], ["bench", "sam"], ["test", "sam"]):
        offered = completions(*words)
        assert offered & {"<files>", "sample.json"}, offered
