"""A new project: it works at once, explains all of the settings, and takes nothing's place."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel

from claimhooks import Settings
from claimhooks.tomlfile import line_of

FILES = [
    "claimhooks.toml",
    "hooks/20-tier.py",
    "samples/10-free.json",
    "samples/20-gold.json",
    "samples/30-suspended.json",
    "tests/test_hooks.py",
    "pytest.ini",
    ".github/workflows/hooks.yml",
    "data/.gitignore",
]


def claimhooks(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return _run(folder, "claimhooks", *arguments)


def with_pytest(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """What pytest says, with no plugin but ours."""
    options = ["-q", "-W", "error", "-p", "no:cacheprovider", "-p", "pytest_claimhooks"]
    return _run(folder, "pytest", *options, *arguments, PYTEST_DISABLE_PLUGIN_AUTOLOAD="1")


def _run(
    folder: Path, module: str, *arguments: str, **environment: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def project(tmp_path: Path) -> Path:
    done = claimhooks(tmp_path, "init", "project")
    assert done.returncode == 0, done.stderr
    return tmp_path / "project"


def _files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_a_project_has_all_that_it_takes(project: Path) -> None:
    assert _files(project) == set(FILES)


def test_what_was_made_and_what_comes_next_is_told(tmp_path: Path) -> None:
    done = claimhooks(tmp_path, "init", "my hooks")
    lines = done.stdout.splitlines()
    assert lines[0] == f"made, in {tmp_path / 'my hooks'}:"
    assert [line.split()[0] for line in lines[1:10]] == FILES
    assert lines[11:13] == ["next:", "  cd 'my hooks'"]
    assert max(map(len, lines[1:])) <= 80
    done = claimhooks(tmp_path, "init", "other", "--format", "json")
    assert json.loads(done.stdout) == {"created": [f"other/{path}" for path in FILES]}


def test_every_command_that_it_names_works_in_it(project: Path) -> None:
    done = claimhooks(project, "run", "samples")
    assert done.returncode == 0, done.stderr
    assert "3 samples: 2 granted, 1 denied, 0 fault; 0 refusals; 3 of 3" in done.stdout
    for arguments in (["check"], ["check", "--strict"], ["test"]):
        done = claimhooks(project, *arguments)
        assert done.returncode == 0, done.stdout + done.stderr
    done = with_pytest(project)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "7 passed" in done.stdout


def test_pytest_finds_the_hooks_from_wherever_it_is_started(project: Path) -> None:
    assert "4 passed" in with_pytest(project / "tests").stdout
    assert "7 passed" in with_pytest(project.parent, "project").stdout


def test_a_broken_hook_fails_its_tests(project: Path) -> None:
    hook = project / "hooks" / "20-tier.py"
    hook.write_text(hook.read_text().replace('"free"', '"basic"').replace("suspended", "ended"))
    assert claimhooks(project, "run", "samples").returncode == 1
    assert claimhooks(project, "test").returncode == 1
    assert "3 failed, 4 passed" in with_pytest(project).stdout


def test_the_hook_may_be_renamed_or_removed(project: Path) -> None:
    hook = project / "hooks" / "20-tier.py"
    hook.rename(project / "hooks" / "10-mine.py")
    assert claimhooks(project, "check", "--strict").returncode == 0


@pytest.mark.slow
def test_an_editor_knows_what_the_hook_gets(project: Path) -> None:
    (project / "pyrightconfig.json").write_text('{"typeCheckingMode": "strict"}')
    done = _run(project, "pyright", "--pythonpath", sys.executable, "hooks")
    assert done.returncode == 0, done.stdout


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_the_keys_of_an_issuer_are_kept_out_of_git(project: Path) -> None:
    (project / "data" / "keys").mkdir()
    (project / "data" / "keys" / "one.pem").write_text("")
    (project / "data" / "secret.key").write_text("")
    for command in (["init"], ["add", "."]):
        subprocess.run(["git", *command], cwd=project, check=True, capture_output=True)
    done = subprocess.run(
        ["git", "ls-files"], cwd=project, check=True, capture_output=True, text=True
    )
    assert set(done.stdout.split()) == set(FILES)


def test_the_workflow_runs_what_works_in_the_project(project: Path) -> None:
    workflow = (project / ".github" / "workflows" / "hooks.yml").read_text()
    assert re.findall(r"- run: (.+)", workflow) == [
        "pip install claimhooks pytest",
        "claimhooks check --strict",
        "claimhooks test",
        "pytest",
    ]


# The settings ------------------------------------------------------------------------------------


def _settings(
    table: BaseModel, above: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], bool, bool]]:
    """Of every setting where it is, whether it is set, and whether to its default."""
    for name, field in type(table).model_fields.items():
        value, place = getattr(table, name), (*above, name)
        # How a bridge knows its caller takes one line.
        if isinstance(value, BaseModel) and above[:1] != ("bridges",):
            yield from _settings(value, place)
        elif isinstance(value, dict):
            for key, below in value.items():
                yield from _settings(below, (*place, key))
        else:
            default = field.get_default(call_default_factory=True)
            yield place, name in table.model_fields_set, value == default


def test_every_setting_is_explained_with_its_default_or_an_example(project: Path) -> None:
    file = project / "claimhooks.toml"
    text = re.sub(r"^#(?=[a-z\[])", "", file.read_text(), flags=re.MULTILINE)
    file.write_text(text)
    settings = Settings.load(file)
    assert {"bridges", "record", "hooks"} <= settings.model_fields_set
    explained, known = set(), set()
    for place, is_set, is_default in _settings(settings):
        name = ("bridges", place[-1]) if place[0] == "bridges" else place
        known.add(name)
        if is_set:
            explained.add(name)
            comment = _comment(text, place)
            assert comment, place
            assert is_default != ("(An example.)" in comment), place
    assert explained == known


def _comment(text: str, place: tuple[str, ...]) -> str:
    """The comment above a setting, or above the group that it is in."""
    line = line_of(place, text)
    assert line is not None
    above = text.splitlines()[: line - 1]
    block = "\n".join(above).rpartition("\n\n")[2]
    return "\n".join(line for line in block.splitlines() if line.startswith("# "))


def test_no_default_is_changed(project: Path) -> None:
    settings = Settings.load(project / "claimhooks.toml")
    assert settings.model_dump() == Settings().model_dump()


# What is there already ---------------------------------------------------------------------------


@pytest.mark.parametrize("path", FILES)
def test_nothing_is_overwritten_and_nothing_is_written_beside_it(tmp_path: Path, path: str) -> None:
    (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / path).write_text("mine")
    done = claimhooks(tmp_path, "init")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("hooks: is" if path.startswith("hooks") else f"{path}: is")
    assert "[project_taken]\n  → name another folder" in done.stderr
    assert _files(tmp_path) == {path}
    assert (tmp_path / path).read_text() == "mine"


def test_a_dangling_link_is_there_too(tmp_path: Path) -> None:
    (tmp_path / "claimhooks.toml").symlink_to("elsewhere.toml")
    assert claimhooks(tmp_path, "init").returncode == 2
    assert not (tmp_path / "elsewhere.toml").exists()


def test_all_that_is_in_the_way_is_named(project: Path) -> None:
    done = claimhooks(project, "init")
    assert done.stderr.count("[project_taken]") == len(FILES)


def test_no_hook_is_put_beside_others(tmp_path: Path) -> None:
    (tmp_path / "hooks").mkdir()
    assert claimhooks(tmp_path, "init").returncode == 0
    shutil.rmtree(tmp_path / "hooks")
    (tmp_path / "hooks").mkdir()
    (tmp_path / "hooks" / "10-mine.py").write_text("")
    for file in _files(tmp_path) - {"hooks/10-mine.py"}:
        (tmp_path / file).unlink()
    done = claimhooks(tmp_path, "init")
    assert done.stderr.startswith("hooks: is there already")
    assert _files(tmp_path) == {"hooks/10-mine.py"}


@pytest.mark.parametrize("place", ["file", "file/below", "/dev/null"])
def test_a_place_that_is_no_folder_is_told_with_a_remedy(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("")
    done = claimhooks(tmp_path, "init", place)
    assert (done.returncode, done.stdout) == (2, "")
    assert "[project_unwritable]\n  → name a folder" in done.stderr


def test_what_cannot_be_finished_leaves_nothing(tmp_path: Path) -> None:
    # Blocks of 512 or 1,024 bytes: the settings are longer.
    command = f"ulimit -f 1; {sys.executable} -m claimhooks init project/below"
    done = subprocess.run(
        ["sh", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "cannot be written: File too large" in done.stderr
    assert [*tmp_path.iterdir()] == []
