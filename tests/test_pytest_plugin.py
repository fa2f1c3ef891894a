"""The plugin for pytest and the types of the contract, as the author of hooks meets them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from claimhooks import Runtime
from claimhooks.testing import denied, exchange, granted

if TYPE_CHECKING:
    from given import Hooks

TIER = "https://acme.example/tier"
BODY = """
if client.metadata.get("suspended"): raise AccessDenied("this client is suspended")
if client.metadata.get("fail"): raise KeyError("the reason")
tenant = context.request.params.get("tenant") or context.request.headers.get("x-tenant")
if tenant: return {"https://acme.example/tenant": tenant}
if client.metadata.get("tier") == "platinum": scope = [*scope, "reports:export"]
return {"scope": scope, "https://acme.example/tier": client.metadata.get("tier", "free")}
"""
SAMPLE = {
    "client": {"id": "c", "metadata": {"tier": "gold"}},
    "audience": "x",
    "scope": ["a"],
    "expect": {"claims": {TIER: "gold"}},
}


@pytest.fixture
def project(hooks: Hooks, hook: Callable[..., str]) -> Path:
    """A folder with a hook, an empty folder of samples, and settings of pytest."""
    folder = hooks({"20-tier.py": hook(BODY)}).parent
    (folder / "samples").mkdir()
    (folder / "pytest.ini").write_text(
        "[pytest]\nclaimhooks_samples = samples\nfilterwarnings = error\n"
    )
    return folder


def run_pytest(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    # The plugin alone, by its module, whether it is installed or not.
    environment = os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "COLUMNS": "100"}
    plugin = ["-p", "pytest_claimhooks", "-p", "no:cacheprovider"]
    return subprocess.run(
        [sys.executable, "-m", "pytest", *plugin, *arguments],
        cwd=folder, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip


def counts(done: subprocess.CompletedProcess[str]) -> dict[str, int]:
    last = done.stdout.strip().splitlines()[-1]
    return {what: int(count) for count, what in re.findall(r"(\d+) (\w+)", last.split(" in ")[0])}


# Fixtures and assertions --------------------------------------------------------------------------

TESTS = """
from claimhooks.testing import denied, granted

TIER = "https://acme.example/tier"

def test_tier(hooks, exchange):
    outcome = hooks.run(exchange(metadata={"tier": "gold"}))
    granted(outcome, claims={TIER: "gold"}, expires_in=86400)

def test_suspended(hooks, exchange):
    denied(hooks.run(exchange(metadata={"suspended": True})), error="access_denied")

def test_wrong(hooks, exchange):
    granted(hooks.run(exchange(metadata={"tier": "gold"})), claims={TIER: "free"})
"""


def test_a_test_has_the_hooks_of_the_project_and_exchanges(project: Path) -> None:
    (project / "tests").mkdir()
    (project / "tests" / "test_hooks.py").write_text(TESTS)
    done = run_pytest(project, "tests")
    assert counts(done) == {"failed": 1, "passed": 2}
    assert f'E         - claim {TIER} = "free"\nE         + claim {TIER} = "gold"\n' in done.stdout
    # The line of the test, and none of ours.
    assert "tests/test_hooks.py:14: AssertionError" in done.stdout
    assert "claimhooks/testing.py" not in done.stdout


def test_a_conftest_may_have_fixtures_of_these_names(project: Path) -> None:
    (project / "conftest.py").write_text(
        "import pytest\n@pytest.fixture\ndef hooks(): return 'mine'\n"
    )
    (project / "test_mine.py").write_text("def test_it(hooks): assert hooks == 'mine'\n")
    assert counts(run_pytest(project)) == {"passed": 1}


def test_hooks_elsewhere_are_named_in_the_settings(project: Path) -> None:
    (project / "deploy").mkdir()
    (project / "hooks").rename(project / "deploy" / "live")
    (project / "deploy" / "claimhooks.toml").write_text(
        'lane = "worker"\ngate = "no-such-folder"\n[hooks.20-tier]\nenabled = false\n'
    )
    (project / "pytest.ini").write_text("[pytest]\nclaimhooks_hooks = deploy/live\n")
    (project / "test_it.py").write_text(
        "def test_it(hooks, exchange):\n"
        "    assert hooks.run(exchange()).claims == {}\n"
        "    assert hooks.lane.lane == 'inline'\n"
    )
    assert counts(run_pytest(project)) == {"passed": 1}


def test_hooks_that_do_not_load_are_told_without_a_traceback_through_us(project: Path) -> None:
    (project / "hooks" / "30-bad.py").write_text("x = (")
    (project / "test_it.py").write_text("def test_it(hooks): pass\n")
    (project / "samples" / "one.json").write_text(json.dumps(SAMPLE))
    done = run_pytest(project)
    assert counts(done) == {"failed": 1, "error": 1}
    assert done.stdout.count("hooks/30-bad.py:1: '(' was never closed [syntax_error]") >= 2
    assert "Traceback" not in done.stdout
    assert "raise " not in done.stdout


def test_a_folder_of_hooks_that_is_elsewhere_is_asked_for_in_words_of_pytest(project: Path) -> None:
    (project / "hooks").rename(project / "live")
    (project / "test_it.py").write_text("def test_it(hooks): pass\n")
    done = run_pytest(project)
    assert counts(done) == {"error": 1}
    assert (
        f"  → name it in pytest's settings, from {project}: claimhooks_hooks = FOLDER"
        in done.stdout
    )


def lines_of(assertion: Callable[[], None]) -> list[str]:
    with pytest.raises(AssertionError) as caught:
        assertion()
    return str(caught.value).splitlines()


def test_an_assertion_about_an_outcome_shows_the_difference_and_why(project: Path) -> None:
    with Runtime(project / "hooks") as runtime:
        platinum = runtime.run(
            exchange(metadata={"tier": "platinum"}, api_scopes=["reports:export"])
        )
        suspended = runtime.run(exchange(metadata={"suspended": True}))
        fault = runtime.run(exchange(metadata={"fail": True}))
    file = project / "hooks" / "20-tier.py"
    granted(platinum)
    granted(platinum, scope=["orders:read", "reports:export"], claims={TIER: "platinum"})
    granted(platinum, scope={"contains": ["reports:export"], "absent": ["admin"]})
    granted(platinum, claims_like={TIER: {"pattern": "plat.*"}}, claims={}, expires_in=86400)
    denied(suspended)
    denied(suspended, error="access_denied", description="this client is suspended")
    denied(suspended, description="this client is suspended")
    first = "the outcome is not as expected"
    assert lines_of(lambda: granted(platinum, scope=["orders:read"])) == [
        first, "    scope orders:read", "  + scope reports:export",
    ]  # fmt: skip
    assert lines_of(lambda: granted(platinum, claims_like={TIER: {"absent": True}})) == [
        first, f'  + claim {TIER} = "platinum"',
    ]  # fmt: skip
    assert lines_of(lambda: granted(suspended)) == [
        first, "  - status granted", "  + status denied",
        f"  ! this client is suspended at {file}:5",
    ]  # fmt: skip
    assert lines_of(lambda: denied(fault))[-1] == f"  ! KeyError: 'the reason' at {file}:6"
    assert lines_of(lambda: denied(suspended, error="invalid_scope"))[1:3] == [
        "  - error invalid_scope", "  + error access_denied",
    ]  # fmt: skip
    assert lines_of(lambda: denied(suspended, description="no"))[1:3] == [
        '  - error_description "no"', '  + error_description "this client is suspended"',
    ]  # fmt: skip
    with pytest.raises(TypeError, match="scope: must be a list, not text"):
        granted(platinum, scope="orders:read")
    with pytest.raises(TypeError, match="is no regular expression"):
        granted(platinum, claims_like={TIER: {"pattern": "("}})


def test_an_exchange_has_good_defaults_and_what_is_said(project: Path) -> None:
    usual = exchange()
    assert usual.client.id
    assert usual.scope
    assert usual == exchange()
    now = datetime(2030, 1, 1, tzinfo=UTC)
    made = exchange(
        client_id="c", tenant="t", metadata={"a": {"b": [1]}}, scope=["x"], audience="urn:api",
        token_lifetime=60, params={"tenant": "north"}, headers={"X-Tenant": "south"}, now=now,
    )  # fmt: skip
    assert (made.client.id, made.client.tenant, made.client.metadata) == (
        "c",
        "t",
        {"a": {"b": [1]}},
    )
    assert made.api is not None
    assert (made.audience, made.api.identifier, made.api.scopes) == ("urn:api", "urn:api", ("x",))
    assert made.request.headers == {"x-tenant": "south"}
    with Runtime(project / "hooks") as runtime:
        granted(runtime.run(made), claims={"https://acme.example/tenant": "north"}, expires_in=60)


@pytest.mark.parametrize("name", ["scope", "api_scopes"])
def test_text_is_not_taken_for_a_scope_a_letter(name: str) -> None:
    scopes: Any = "orders:read"
    with pytest.raises(TypeError, match=f"^{name}: must be a list, not text"):
        exchange(**{name: scopes})


# Samples as tests ---------------------------------------------------------------------------------


def test_samples_are_tests_where_the_settings_say_so(project: Path) -> None:
    elsewhere = project / "elsewhere"
    elsewhere.mkdir()
    for folder in (project, elsewhere, project / "samples"):
        (folder / "one.json").write_text(json.dumps(SAMPLE))
    wrong = SAMPLE | {"name": "a wrong one", "expect": {"claims": {TIER: "free"}}}
    none = {name: SAMPLE[name] for name in ("client", "audience", "scope")} | {
        "name": "a wrong one"
    }
    lines = [json.dumps(sample) for sample in (SAMPLE, wrong, none)]
    (project / "samples" / "many.jsonl").write_text("\n".join(lines))
    done = run_pytest(project, "-v")
    assert counts(done) == {"failed": 1, "passed": 2, "skipped": 1}
    for name in (
        "samples/many.jsonl::many.jsonl:1 PASSED",
        "samples/many.jsonl::a wrong one FAILED",
        "samples/many.jsonl::a wrong one #2 SKIPPED (it has no expectation)",
        "samples/one.json::one PASSED",
    ):
        assert name in done.stdout
    assert f'  - claim {TIER} = "free"\n  + claim {TIER} = "gold"\n' in done.stdout
    assert ".py:" not in done.stdout
    chosen = run_pytest(project, "samples/many.jsonl::a wrong one")
    assert counts(chosen) == {"failed": 1}
    junit = run_pytest(project, "--junitxml", "out.xml")
    assert junit.returncode == 1


def test_the_name_of_a_sample_does_nothing_to_a_terminal(project: Path) -> None:
    (project / "samples" / "one.json").write_text(json.dumps(SAMPLE | {"name": "a\x1b[2J\nb"}))
    done = run_pytest(project, "-v")
    assert "samples/one.json::a\\u001b[2J\\u000ab PASSED" in done.stdout


def test_without_settings_no_file_is_collected(project: Path) -> None:
    (project / "pytest.ini").unlink()
    (project / "samples" / "one.json").write_text(json.dumps(SAMPLE))
    (project / "samples" / "broken.json").write_text("{")
    done = run_pytest(project)
    assert done.returncode == pytest.ExitCode.NO_TESTS_COLLECTED


def test_a_fault_fails_a_sample_that_expects_nothing(project: Path) -> None:
    sample: dict[str, Any] = SAMPLE | {"client": {"id": "c", "metadata": {"fail": True}}}
    del sample["expect"]
    (project / "samples" / "one.json").write_text(json.dumps(sample))
    done = run_pytest(project)
    assert counts(done) == {"failed": 1}
    assert "+ status fault" in done.stdout
    assert "KeyError: 'the reason' at hooks/20-tier.py:6" in done.stdout


def test_samples_that_cannot_be_used_are_told_with_file_and_line(project: Path) -> None:
    (project / "samples" / "bad.jsonl").write_text('{"client": \n{"scopes": []}\n')
    done = run_pytest(project)
    assert counts(done) == {"error": 1}
    assert "samples/bad.jsonl:1: not JSON" in done.stdout
    assert "samples/bad.jsonl:2: scopes: unknown key" in done.stdout
    assert "Traceback" not in done.stdout


def test_the_plugin_does_nothing_to_tests_that_do_not_use_it(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(
        "import sys\n"
        "def test_it():\n"
        "    assert 'claimhooks' not in sys.modules\n"
        "    assert 'pydantic' not in sys.modules\n"
    )
    (tmp_path / "data.json").write_text("{}")
    assert counts(run_pytest(tmp_path, "-W", "error")) == {"passed": 1}


# The types of the contract ------------------------------------------------------------------------

TYPED = """
from claimhooks import AccessDenied, Client, Context, Patch, hookimpl


@hookimpl
def credentials_exchange(
    client: Client, scope: list[str], audience: str, context: Context
) -> Patch | None:
    if client.metadata.get("suspended"):
        raise AccessDenied("this client is suspended")
    reveal_type(client.metadata)
    reveal_type(context.request.params)
    reveal_type(context.api.scopes)
    reveal_type(context.now)
    return {
        "scope": scope + ["reports:export"],
        "expires_in": min(600, context.api.token_lifetime),
        "https://acme.example/tier": client.metadata.get("tier", "free"),
        "https://acme.example/labels": client.metadata,
    }
"""
MISTAKES = """
from claimhooks import Client, Context, Patch, hookimpl


@hookimpl
def credentials_exchange(client: Client, context: Context) -> Patch | None:
    if client.metdata or context.request.parms:
        return None
    return {"https://acme.example/now": context.now}
"""


@pytest.mark.slow
def test_an_editor_knows_what_a_hook_with_annotations_gets(tmp_path: Path) -> None:
    (tmp_path / "typed.py").write_text(TYPED)
    (tmp_path / "mistakes.py").write_text(MISTAKES)
    (tmp_path / "pyrightconfig.json").write_text('{"typeCheckingMode": "strict"}')
    done = subprocess.run(
        [sys.executable, "-m", "pyright", "--pythonpath", sys.executable, "--outputjson"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    found: dict[str, list[str]] = {"typed.py": [], "mistakes.py": []}
    for one in json.loads(done.stdout)["generalDiagnostics"]:
        found[Path(one["file"]).name].append(one["message"])
    metadata, params, scopes, now = found["typed.py"]
    assert metadata.startswith('Type of "client.metadata" is "dict[str, ')
    assert params.startswith('Type of "context.request.params" is "dict[str, ')
    assert scopes == 'Type of "context.api.scopes" is "list[str]"'
    assert now == 'Type of "context.now" is "datetime"'
    mistakes = "\n".join(found["mistakes.py"])
    assert 'Cannot access attribute "metdata" for class "Client"' in mistakes
    assert 'Cannot access attribute "parms" for class "Request"' in mistakes
    assert '"dict[str, datetime]" is not assignable to return type' in mistakes
