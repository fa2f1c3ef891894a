"""What the repository ships does what it says: hooks, samples, examples, README."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from claimhooks import Runtime, Settings
from claimhooks.registry import ApiRecord, ClientRecord
from claimhooks.registry.file import read_document
from claimhooks.samples import Sample, read

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
SAMPLES = sorted((ROOT / "examples" / "exchanges").iterdir())


def block(language: str, start: str) -> str:
    """The one block of the README in this language that starts so."""
    (found,) = [
        text
        for text in re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)
        if text.startswith(start)
    ]
    return str(found)


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_a_shipped_sample_is_as_it_expects(path: Path) -> None:
    (sample,) = read([str(path)])
    outcome = Runtime(ROOT / "hooks", ROOT / "claimhooks.toml").run(sample)
    assert outcome.status in {"granted", "denied"}
    assert sample.expect is not None
    assert sample.expect.differences(outcome) == []


def test_the_embedding_program_runs_and_is_that_of_the_readme() -> None:
    program = ROOT / "examples" / "embedding" / "sync.py"
    assert block("python", '"""Embedding') == program.read_text()
    done = subprocess.run(
        [sys.executable, str(program)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.count(".") == 2


def test_the_first_hook_of_the_readme_prints_what_the_readme_shows(tmp_path: Path) -> None:
    (tmp_path / "hooks").mkdir()
    (tmp_path / "hooks" / "20-tier.py").write_text(block("python", "from claimhooks import Access"))
    (tmp_path / "sample.json").write_text(block("json", '{"client": {"id": "orders'))
    console = block("console", "$ claimhooks run sample.json")
    command, _, shown = console.partition("\n")
    done = subprocess.run(
        [sys.executable, "-m", *shlex.split(command.removeprefix("$ "))],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip

    def stable(text: str) -> str:
        text = re.sub(r"[ \d.]+ µs", " 1 µs", text)
        text = re.sub(r'"(iat|exp)": \d+', r'"\1": 1', text)
        return re.sub(r'"jti": "[^"]+"', '"jti": "x"', text)

    assert stable(done.stdout) == stable(shown)


def test_the_static_analysis_of_the_readme_prints_what_the_readme_shows(tmp_path: Path) -> None:
    (tmp_path / "hooks").mkdir()
    (tmp_path / "hooks" / "20-tier.py").write_text(block("python", "from datetime import"))
    command, _, shown = block("console", "$ claimhooks check --strict").partition("\n")
    done = subprocess.run(
        [sys.executable, "-m", *shlex.split(command.removeprefix("$ "))],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (1, shown)


def test_the_test_of_the_readme_prints_what_the_readme_shows(tmp_path: Path) -> None:
    (tmp_path / "hooks").mkdir()
    (tmp_path / "hooks" / "20-tier.py").write_text(block("python", "from claimhooks import Access"))
    (tmp_path / "samples").mkdir()
    (tmp_path / "samples" / "gold.json").write_text(block("json", '{"name": "gold"'))
    command, _, shown = block("console", "$ claimhooks test\n").partition("\n")
    done = subprocess.run(
        [sys.executable, "-m", *shlex.split(command.removeprefix("$ "))],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip

    def stable(text: str) -> str:
        return re.sub(r"[ \d.]+ µs", " 1 µs", re.sub(r"[\d.]+ s$", "1 s", text.strip()))

    assert (done.returncode, stable(done.stdout)) == (1, stable(shown))


def test_the_configuration_of_the_readme_is_valid_and_complete(tmp_path: Path) -> None:
    file = tmp_path / "claimhooks.toml"
    file.write_text(block("toml", "issuer"))
    settings = Settings.load(file)
    table = tomllib.loads(file.read_text())
    assert table.keys() == Settings.model_fields.keys()
    assert table["policy"].keys() == type(settings.policy).model_fields.keys()
    hook = settings.of_hook("20-tier")
    assert table["hooks"]["20-tier"].keys() == type(hook).model_fields.keys()
    assert table["hooks"]["20-tier"]["match"].keys() == type(hook.match).model_fields.keys()


def test_the_registry_of_the_readme_is_valid_and_complete(tmp_path: Path) -> None:
    file = tmp_path / "registry.toml"
    file.write_text(block("toml", "[clients.orders-worker]"))
    document = read_document(file)
    named = {name for client in document.clients.values() for name in client.model_fields_set}
    assert named == ClientRecord.model_fields.keys() - {"jwks"}
    (api,) = document.apis.values()
    assert api.model_fields_set == ApiRecord.model_fields.keys()


def test_the_sample_of_the_readme_has_every_field() -> None:
    text = block("json", '{"name": "…"').replace('"…"', '"x"')
    assert Sample.model_validate_json(text).model_fields_set == Sample.model_fields.keys()


def test_no_hook_of_ours_is_a_package() -> None:
    assert not (ROOT / "hooks" / "__init__.py").exists()
