"""`claimhooks check`: what it says in each format, what it runs, and how it ends."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from claimhooks.cli import main
from claimhooks.registry import ApiRecord, ClientRecord, Document, GrantRecord, open_sql
from given import API, Hooks, hook

ROOT = Path(__file__).parent.parent
Check = Callable[..., Result]

ERROR = 'return {"tier": 1}'
WARNING = "import time\ntime.time()"
REGISTRY = """
[clients.one]
[apis."https://api.acme.example/"]
[[grants]]
client_id = "one"
audience = "https://api.acme.example/"
"""


@pytest.fixture
def check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Check:
    """Runs the command where the hooks are."""
    monkeypatch.chdir(tmp_path)

    def result(*arguments: str, **environment: str) -> Result:
        return CliRunner().invoke(main, ["check", *arguments], env=environment)

    return result


def test_the_shipped_hooks_have_no_findings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    done = CliRunner().invoke(main, ["check", "--strict"])
    assert done.exit_code == 0
    assert "strict: 0 errors, 0 warnings\n" in done.stdout


def test_an_error_keeps_every_file_from_being_run(hooks: Hooks, check: Check) -> None:
    mark = Path("has-run")
    hooks({"10-a.py": f"open('{mark}', 'w').close()\n" + hook("pass"), "20-b.py": hook("pass")})
    done = check("--strict")
    assert (done.exit_code, done.stderr) == (1, "")
    assert done.stdout.startswith("hooks/10-a.py:1:1: open uses files")
    assert "\n\nstrict: 1 errors, 0 warnings; no file was run\n" in done.stdout
    assert "claimhooks explain file_not_allowed" in done.stdout
    assert not mark.exists()
    assert check().exit_code == 0
    assert mark.exists()


def test_with_warnings_the_hooks_are_loaded_and_listed(hooks: Hooks, check: Check) -> None:
    hooks({"10-a.py": hook(WARNING)})
    done = check("--strict")
    assert done.exit_code == 1
    assert "1. 10-a  hooks/10-a.py:3\n" in done.stdout
    assert "\n\nhooks/10-a.py:6:5: time.time reads the clock" in done.stdout
    assert done.stdout.endswith(
        "\nstrict: 0 errors, 1 warnings\nstrict: what a code means: claimhooks explain clock_read\n"
    )


def test_findings_are_told_beside_what_keeps_the_hooks_from_being_loaded(
    hooks: Hooks, check: Check
) -> None:
    hooks({"10-a.py": hook(ERROR), "20-b.py": "x = (\n", "30-c.py": hook(WARNING)})
    Path("claimhooks.toml").write_text('[hooks.30-c]\nsecrets = ["ABSENT"]\n[hooks.40-d]\n')
    done = check("--strict")
    assert done.exit_code == 2
    for place in ("hooks/10-a.py:5:13", "hooks/30-c.py:6:5"):
        assert f"{place}: " in done.stdout
    for problem in ("hooks/20-b.py:1: '(' was never closed", "secret ABSENT", "'40-d'"):
        assert problem in done.stderr
    document = json.loads(check("--strict", "--format", "json").stdout)
    codes = [finding["code"] for finding in document["findings"]]
    assert codes == ["claim_not_namespaced", "secret_unused", "clock_read"]
    assert [(problem["code"], problem["line"]) for problem in document["problems"]] == [
        ("hook_unknown", None),
        ("syntax_error", 1),
        ("secret_missing", None),
    ]


@pytest.mark.parametrize("strict", [[], ["--strict"]])
@pytest.mark.parametrize(
    ("source", "settings", "code", "file", "line"),
    [
        ("x = (", "", "syntax_error", "hooks/10-a.py", 1),
        ("return 1", "", "syntax_error", "hooks/10-a.py", 1),
        ("1 / 0", "", "load_raised", "hooks/10-a.py", 1),
        ("import no_such", "", "import_failed", "hooks/10-a.py", 1),
        ("pass", "", "hook_missing", "hooks/10-a.py", None),
        (hook("pass"), "[polcy]", "settings_invalid", "claimhooks.toml", 1),
        (None, "", "folder_missing", "hooks", None),
    ],
)
def test_what_keeps_hooks_from_being_loaded_is_told_in_every_format(
    source: str | None,
    settings: str,
    code: str,
    file: str,
    line: int | None,
    strict: list[str],
    hooks: Hooks,
    check: Check,
) -> None:
    if source is not None:
        hooks({"10-a.py": source})
    Path("claimhooks.toml").write_text(settings)
    results = {style: check(*strict, "--format", style) for style in ("json", "sarif", "github")}
    assert {result.exit_code for result in results.values()} == {2}
    assert {result.stderr for result in results.values()} == {""}
    document = json.loads(results["json"].stdout)
    (problem,) = document["problems"]
    assert (problem["code"], problem["file"], problem["line"]) == (code, file, line)
    assert document["loaded"] is False
    (found,) = json.loads(results["sarif"].stdout)["runs"][0]["results"]
    location = found["locations"][0]["physicalLocation"]
    assert (found["ruleId"], location["artifactLocation"]["uri"]) == (code, file)
    assert location.get("region", {}).get("startLine") == line
    place = f"file={file}," + (f"line={line}," if line else "")
    assert results["github"].stdout.startswith(f"::error {place}title={code}::")
    text = check(*strict)
    assert text.exit_code == 2
    assert f"{file}:{line}" if line else file in text.stderr


def test_the_json_of_a_plain_check_lists_the_hooks(hooks: Hooks, check: Check) -> None:
    hooks({"10-a.py": hook("pass", "client"), "20-b.py": hook("pass")})
    Path("claimhooks.toml").write_text(
        '[hooks.10-a]\nmatch.clients = ["x"]\n[hooks.20-b]\nenabled = false\n'
    )
    document = json.loads(check("--format", "json").stdout)
    assert document["loaded"] is True
    assert (document["lane"], document["isolation"]) == ("inline", "none")
    assert document["disabled"] == ["20-b"]
    (listed,) = document["hooks"]
    assert (listed["name"], listed["line"], listed["takes"]) == ("10-a", 3, ["client"])
    assert listed["match"]["clients"] == ["x"]
    assert document["problems"] == []
    assert "findings" not in document


def test_annotations_are_escaped_as_github_reads_them(hooks: Hooks, check: Check) -> None:
    hooks({"10-a, b:c%\n\x1b[31m.py": hook('return {"a:b, 100%\\n\\x1b[31m": 1}')})
    done = check("--strict", "--format", "github")
    assert done.exit_code == 1
    assert done.stdout.count("\n") == 1
    assert "\x1b" not in done.stdout
    properties, _, message = done.stdout.removeprefix("::error ").partition("::")
    file = "file=hooks/10-a%2C b%3Ac%25%0A\\u001b[31m.py"
    assert properties == f"{file},line=5,col=13,title=claim_not_namespaced"
    assert message.startswith("the claim 'a:b, 100%25\\n\\x1b[31m': the name is neither")
    assert "%0A→ name the claim with an http(s) URL" in message


def test_files_are_named_from_the_root_of_the_repository(
    hooks: Hooks, check: Check, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = hooks({"10-a.py": hook(ERROR)})
    monkeypatch.chdir(folder)

    def named(workspace: Path) -> tuple[str, str, str]:
        monkeypatch.setenv("GITHUB_WORKSPACE", str(workspace))
        (run,) = json.loads(check(".", "--strict", "--format", "sarif").stdout)["runs"]
        location = run["results"][0]["locations"][0]["physicalLocation"]
        line = check(".", "--strict", "--format", "github").stdout
        return (
            line.removeprefix("::error file=").partition(",")[0],
            location["artifactLocation"]["uri"],
            run["originalUriBaseIds"]["%SRCROOT%"]["uri"],
        )

    path = f"{folder.name}/10-a.py"
    assert named(folder.parent) == (path, path, f"{folder.parent.as_uri()}/")
    assert named(tmp_path / "elsewhere") == ("10-a.py", "10-a.py", f"{folder.as_uri()}/")


def test_an_annotation_tells_what_was_not_looked_for(hooks: Hooks, check: Check) -> None:
    hooks({"10-a.py": hook("pass")})
    Path("claimhooks.toml").write_text('[hooks.10-a]\nmatch.clients = ["x"]\n')
    done = check("--strict", "--format", "github")
    assert (done.exit_code, done.stdout) == (
        0,
        "::notice title=hook_unreachable::not looked for: no registry is named; see --registry\n",
    )


def test_no_control_character_of_a_name_reaches_a_terminal(hooks: Hooks, check: Check) -> None:
    hooks({"10-\x1b[31m\r.py": hook('return {"\\x1b[31m\\udc80\\u202e": 1}')})
    for style in ("text", "json", "sarif", "github"):
        done = check("--strict", "--format", style)
        assert done.exit_code == 1
        assert not {"\x1b", "\r", "\u202e"} & {*done.stdout}


class TestSarif:
    """The SARIF log (OASIS SARIF 2.1.0)."""

    @pytest.fixture
    def log(self, hooks: Hooks, check: Check) -> Any:
        source = "import time\n\n# é\n" + hook('return {chr(65): time.time(), "tier": 1}')
        hooks({"10-a b.py": source, "20-b.py": "x = ("})
        Path("claimhooks.toml").write_text('[hooks."10-a b"]\nmatch.clients = ["x"]\n')
        done = check("--strict", "--format", "sarif")
        assert done.exit_code == 2
        return json.loads(done.stdout)

    def test_satisfies_the_schema(self, log: Any) -> None:
        sarif = pytest.importorskip("pydantic_sarif.model")
        kind = sarif.StaticAnalysisResultsFormatSarifVersion210JsonSchema
        kind.model_validate(log)
        location = log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]
        location["region"] = {"startLine": 0}
        with pytest.raises(ValueError, match="startLine"):
            kind.model_validate(log)

    def test_names_rules_places_and_levels(self, log: Any) -> None:
        assert log["version"] == "2.1.0"
        (run,) = log["runs"]
        assert run["columnKind"] == "unicodeCodePoints"
        rules = run["tool"]["driver"]["rules"]
        found = [
            (
                result["ruleId"],
                result["level"],
                result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"],
                result["locations"][0]["physicalLocation"]["region"],
            )
            for result in run["results"]
        ]
        assert found == [
            ("syntax_error", "error", "hooks/20-b.py", {"startLine": 1}),
            ("clock_read", "warning", "hooks/10-a%20b.py", {"startLine": 8, "startColumn": 22}),
            (
                "claim_not_namespaced",
                "error",
                "hooks/10-a%20b.py",
                {"startLine": 8, "startColumn": 35},
            ),
        ]
        for result in run["results"]:
            assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert rules[1]["shortDescription"]["text"] == "A hook reads the clock"
        assert "## Wrong" in rules[1]["help"]["markdown"]

    def test_names_rules_that_were_not_applied(self, log: Any) -> None:
        (note,) = log["runs"][0]["invocations"][0]["toolConfigurationNotifications"]
        assert note["associatedRule"] == {"id": "hook_unreachable"}
        assert "no registry is named" in note["message"]["text"]

    def test_files_elsewhere_have_their_whole_name(
        self, hooks: Hooks, check: Check, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        folder = hooks({"10-a.py": hook(ERROR)})
        (tmp_path / "elsewhere").mkdir()
        monkeypatch.chdir(tmp_path / "elsewhere")
        log = json.loads(check(str(folder), "--strict", "--format", "sarif").stdout)
        place = log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]
        assert place["artifactLocation"] == {"uri": (folder / "10-a.py").as_uri()}


class TestRegistry:
    """Where the registry is that tells which hooks can be reached."""

    @pytest.fixture(autouse=True)
    def _a_hook_for_somebody(self, hooks: Hooks) -> None:
        hooks({"10-a.py": hook("pass")})
        Path(hooks({}).parent / "claimhooks.toml").write_text(
            '[hooks.10-a]\nmatch.clients = ["two"]\n'
        )

    def test_is_named_by_an_option_a_variable_or_the_settings(self, check: Check) -> None:
        Path("registry.toml").write_text(REGISTRY)
        assert check("--strict").exit_code == 0
        done = check("--strict", "--registry", "registry.toml")
        assert done.exit_code == 1
        assert "no enabled client with a grant is 'two' [hook_unreachable]" in done.stdout
        assert check("--strict", CLAIMHOOKS_REGISTRY="registry.toml").exit_code == 1
        settings = Path("claimhooks.toml")
        settings.write_text('[server]\nregistry = "registry.toml"\n' + settings.read_text())
        assert check("--strict").exit_code == 1

    def test_may_be_a_database(self, check: Check) -> None:
        store = open_sql("sqlite:///registry.db", create=True)
        store.replace(
            Document.of(
                [ClientRecord(id="one")],
                [ApiRecord(identifier=API)],
                [GrantRecord(client_id="one", audience=API)],
            )
        )
        store.close()
        assert check("--strict", "--registry", "sqlite:///registry.db").exit_code == 1

    def test_that_is_named_and_not_there_is_a_problem(self, check: Check) -> None:
        done = check("--strict", "--registry", "absent.toml")
        assert done.exit_code == 2
        assert "absent.toml: cannot be read" in done.stderr

    def test_that_the_settings_name_in_vain_is_told(self, check: Check) -> None:
        settings = Path("claimhooks.toml")
        settings.write_text('[server]\nregistry = "absent.toml"\n' + settings.read_text())
        done = check("--strict")
        assert done.exit_code == 0
        assert (
            "strict: hook_unreachable was not looked for: absent.toml: cannot be re" in done.stdout
        )

    def test_that_does_not_answer_is_told_too(self, check: Check) -> None:
        address = "postgresql+psycopg://127.0.0.1:1/registry"
        settings = Path("claimhooks.toml")
        settings.write_text(f'[server]\nregistry = "{address}"\n' + settings.read_text())
        done = check("--strict")
        assert done.exit_code == 0
        assert "strict: hook_unreachable was not looked for: " in done.stdout
        done = check("--strict", "--registry", address)
        assert done.exit_code == 2
        assert "127.0.0.1" in done.stderr

    def test_needs_the_server_extra_for_a_database(self, tmp_path: Path) -> None:
        code = (
            "import sys; sys.modules['sqlalchemy'] = None\n"
            "from claimhooks.cli import main; main(['check', '--strict', *sys.argv[1:]])"
        )
        settings = tmp_path / "claimhooks.toml"
        settings.write_text('[server]\nregistry = "sqlite:///a.db"\n' + settings.read_text())

        def done(*arguments: str) -> subprocess.CompletedProcess[str]:
            command = [sys.executable, "-c", code, *arguments]
            return subprocess.run(
                command, cwd=tmp_path, capture_output=True, text=True, check=False
            )

        told = done()
        assert told.returncode == 0
        assert "not looked for: the registry: needs sqlalchemy, which is not" in told.stdout
        refused = done("--registry", "sqlite:///a.db")
        assert refused.returncode == 2
        assert "install claimhooks[server]" in refused.stderr

    def test_is_for_the_strict_check(self, check: Check) -> None:
        assert check("--registry", "registry.toml").exit_code == 2
        assert check(CLAIMHOOKS_REGISTRY="registry.toml").exit_code == 0

    def test_is_not_missed_where_no_hook_has_a_match(self, check: Check) -> None:
        Path("claimhooks.toml").write_text("")
        done = check("--strict")
        assert "hook_unreachable" not in done.stdout


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
@pytest.mark.parametrize("style", ["text", "json", "sarif", "github"])
def test_a_full_disk_is_no_traceback(style: str, hooks: Hooks) -> None:
    folder = hooks({"10-a.py": hook(ERROR)})
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "claimhooks", "check", "--strict", "--format", style],
            cwd=folder.parent, stdout=full, stderr=subprocess.PIPE, check=False, env={**os.environ},
        )  # fmt: skip
    assert done.returncode == 2
    assert b"No space left" in done.stderr
    assert b"Traceback" not in done.stderr
