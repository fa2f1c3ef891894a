"""`claimhooks explain`: every code of the product."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from claimhooks.analysis import REMEDIES
from claimhooks.cli import main
from claimhooks.cli.explain import KINDS, entries
from claimhooks.errors import FAULTS, FINDINGS, PROBLEMS, REFUSALS

OAUTH = {
    "access_denied", "invalid_client", "invalid_request", "invalid_scope", "invalid_target",
    "server_error", "temporarily_unavailable", "too_many_requests", "unauthorized_client",
    "unsupported_grant_type",
}  # fmt: skip


def explain(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["explain", *arguments])


def test_every_code_of_every_catalogue_is_explained() -> None:
    found = {entry.code: entry for entry in entries()}
    assert found.keys() == {*REFUSALS, *FAULTS, *PROBLEMS, *REMEDIES, *OAUTH}
    assert list(found) == sorted(found)
    catalogues = {"refusal": REFUSALS, "fault": FAULTS, "problem": PROBLEMS, "finding": REMEDIES}
    for code, entry in found.items():
        assert entry.kinds
        assert (code in OAUTH) == ("answer" in entry.kinds) == bool(entry.answers)
        for kind, catalogue in catalogues.items():
            assert (code in catalogue) == (kind in entry.kinds)
            assert code not in catalogue or entry.remedy
        assert (entry.title is not None) == (code in REMEDIES)


@pytest.mark.parametrize("code", sorted(entry.code for entry in entries()))
def test_a_code_is_told_in_80_columns(code: str) -> None:
    done = explain(code)
    assert done.exit_code == 0
    head, _, explanation = done.stdout.partition("\n# ")
    assert head.startswith(f"{code}\n")
    # Code is shown as it is.
    prose = re.sub(r"^```.*?^```$", "", explanation, flags=re.DOTALL | re.MULTILINE)
    assert max(map(len, (head + prose).splitlines())) <= 80


def test_a_finding_is_explained_at_length_with_examples() -> None:
    text = explain("state_kept").stdout
    assert "severity  warning" in text
    assert text.index("## Wrong") < text.index("roles.append") < text.index("## Right")
    document = json.loads(explain("claim_reserved", "--format", "json").stdout)
    assert document["kinds"] == ["refusal", "finding"]
    assert document["severity"] == "error"
    assert document["remedy"] == REFUSALS["claim_reserved"]
    assert document["wrong"].keys() == document["right"].keys() == {"hooks/20-short.py"}
    assert document["rfcs"] == ["RFC 7519 §4.1"]


def test_an_error_of_a_response_is_explained_by_its_situations() -> None:
    text = explain("invalid_scope").stdout
    assert "a hook raises InvalidScope" in text
    assert "more than its grant has" in text
    document = json.loads(explain("temporarily_unavailable", "--format", "json").stdout)
    assert {answer["status"] for answer in document["answers"]} == {400, 503}
    assert document["rfcs"] == ["RFC 6749 §4.1.2.1", "RFC 9110 §15.6.4"]


def test_problems_and_faults_are_explained_by_what_is_known() -> None:
    assert PROBLEMS["secret_missing"] in " ".join(explain("secret_missing").stdout.split())
    assert "HTTP" not in explain("worker_died").stdout


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("claim_reservd", "did you mean 'claim_reserved'?"),
        ("CLOCK_READ", "did you mean 'clock_read'?"),
        ("zzz", "'claimhooks explain' lists all"),
        ("../finding", "there is no code"),
        ("", "there is no code"),
        ("\x1b[31m", "there is no code '\\x1b[31m'"),
    ],
)
def test_an_unknown_code_is_said_to_be_none(code: str, said: str) -> None:
    done = explain(code)
    assert done.exit_code == 2
    assert said in done.stderr
    assert done.stdout == ""


def test_without_a_code_all_are_listed_by_their_kind() -> None:
    text = explain().stdout
    assert [line.partition(":")[0] for line in text.splitlines() if line[:1].isalpha()] == [*KINDS]
    for code in (*REFUSALS, *FAULTS, *PROBLEMS, *FINDINGS, *OAUTH):
        assert f"\n  {code} " in text
    listed = json.loads(explain("--format", "json").stdout)["codes"]
    assert [one["code"] for one in listed] == [entry.code for entry in entries()]


def test_without_the_issuer_its_own_situations_are_left_out(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['starlette'] = None\n"
        "from claimhooks.cli import main; main(['explain', *sys.argv[1:]])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "invalid_scope"],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "a hook raises InvalidScope" in done.stdout
    assert "more than its grant has" not in done.stdout
