"""What samples expect: how it is written, compared, shown, and set in a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claimhooks import Outcome, SampleError
from claimhooks.exchange import Denial, HookError, TraceEntry
from claimhooks.expectation import Difference, Expect, failures
from claimhooks.jsontext import line_of, with_member
from claimhooks.samples import read
from given import API

TIER = "https://acme.example/tier"
SINCE = "https://acme.example/since"


def granted(**changes: Any) -> Outcome:
    fields: dict[str, Any] = {
        "status": "granted",
        "generation": "",
        "scope": ["orders:read", "orders:write"],
        "claims": {TIER: "gold", SINCE: 7},
        "expires_in": 3600,
        "error": None,
        "trace": [],
        "warnings": [],
    }
    return Outcome(**fields | changes)


def ended(status: str, error: str = "access_denied") -> Outcome:
    trace = [TraceEntry("a", "a.py", 1.0, None, {}, [], HookError(error, "no", "hooks/a.py", 3))]
    denial = Denial(error, "the reason", 400)
    return granted(
        status=status, scope=[], claims={}, expires_in=None, error=denial, trace=trace
    )  # fmt: skip


def differences(expect: dict[str, Any], outcome: Outcome) -> list[Difference]:
    return Expect.model_validate(expect).differences(outcome)


@pytest.mark.parametrize(
    "expect",
    [
        {},
        {"status": "granted"},
        {"scope": ["orders:read", "orders:write"]},
        {"scope": {"contains": ["orders:write"]}},
        {"scope": {"absent": ["admin"], "contains": []}},
        {"claims": {SINCE: 7, TIER: "gold"}},
        {"claims": {TIER: "gold"}, "claims_like": {SINCE: {"type": "integer"}}},
        {"claims_like": {TIER: {"pattern": "g.*"}, SINCE: {"type": "number"}}},
        {"claims_like": {"https://acme.example/absent": {"absent": True}}},
        {"expires_in": 3600},
    ],
)
def test_what_is_as_expected_does_not_differ(expect: dict[str, Any]) -> None:
    assert differences(expect, granted()) == []


@pytest.mark.parametrize(
    ("expect", "lines"),
    [
        ({"scope": ["orders:read"]}, ["  scope orders:read", "+ scope orders:write"]),
        (
            {"scope": ["orders:write", "orders:read"]},
            ["+ scope orders:read", "  scope orders:write", "- scope orders:read"],
        ),
        (
            {"scope": {"contains": ["orders:read", "admin"], "absent": ["orders:write", "x"]}},
            ["  scope orders:read", "- scope admin", "+ scope orders:write"],
        ),
        (
            {"claims": {TIER: "free", "https://acme.example/new": 1}},
            [
                "- claim https://acme.example/new = 1",
                f'- claim {TIER} = "free"',
                f"+ claim {SINCE} = 7",
                f'+ claim {TIER} = "gold"',
            ],
        ),
        ({"claims": {TIER: "gold", SINCE: 7.0}}, [f"- claim {SINCE} = 7.0", f"+ claim {SINCE} = 7",
                                                  f'  claim {TIER} = "gold"']),
        (
            {"claims": {}, "claims_like": {TIER: {"type": "string"}}},
            [f"+ claim {SINCE} = 7"],
        ),
        (
            {"claims_like": {TIER: {"type": "object"}, SINCE: {"absent": True}}},
            [f"- claim {TIER} is of type object", f"+ claim {SINCE} = 7",
             f'+ claim {TIER} = "gold"'],
        ),
        # The whole value must match.
        (
            {"claims_like": {TIER: {"pattern": "g"}}},
            [f"- claim {TIER} matches g", f'+ claim {TIER} = "gold"'],
        ),
        (
            {"claims_like": {SINCE: {"pattern": "7"}}},
            [f"- claim {SINCE} matches 7", f"+ claim {SINCE} = 7"],
        ),
        (
            {"claims_like": {"https://acme.example/x": {"type": "null"}}},
            ["- claim https://acme.example/x is of type null"],
        ),
        ({"expires_in": 60}, ["- expires_in 60", "+ expires_in 3600"]),
        ({"error": "invalid_scope"}, ["- error invalid_scope", "+ error null"]),
        # Nothing but the status: all else follows from it.
        (
            {"status": "denied", "scope": [], "error": "x"},
            ["- status denied", "+ status granted"],
        ),
    ],
)  # fmt: skip
def test_a_difference_shows_what_is_missing_and_what_is_there(
    expect: dict[str, Any], lines: list[str]
) -> None:
    found = [line for one in differences(expect, granted()) for line in one.lines()]
    assert found == lines


def test_within_a_nested_claim_only_what_changed_is_shown() -> None:
    before = {"limits": {f"a{number}": number for number in range(20)}}
    after = {"limits": before["limits"] | {"a7": "seven"}}
    (difference,) = differences({"claims": {TIER: before}}, granted(claims={TIER: after}))
    lines = difference.lines()
    assert '-     "a7": 7,' in lines
    assert '+     "a7": "seven",' in lines
    assert len(lines) == 6


@pytest.mark.parametrize("alike", [0, 700, 999, 1000, 5000])
def test_of_long_text_it_shows_where_it_differs(alike: int) -> None:
    expected, there = (alike * "a" + letter * 5000 for letter in "xy")
    (difference,) = differences({"claims": {TIER: expected}}, granted(claims={TIER: there}))
    before, after = difference.lines()
    assert before.startswith(f'- claim {TIER} = "')
    assert "x" in before.rpartition("=")[2]
    assert "y" in after.rpartition("=")[2]
    assert len(before) < 1100


def test_a_fault_is_never_as_expected_unless_the_status_says_so() -> None:
    fault = ended("fault", "server_error")
    (difference,) = differences({"claims": {}}, fault)
    assert difference.lines() == ["- status granted or denied", "+ status fault"]
    assert differences({"status": "fault", "error": "server_error"}, fault) == []
    assert failures(fault) == ["no at hooks/a.py:3"]


def test_an_error_is_a_code_or_a_code_with_a_description() -> None:
    denied = ended("denied")
    assert differences({"error": "access_denied"}, denied) == []
    full = {"error": "access_denied", "error_description": "another reason"}
    (difference,) = differences({"error": full}, denied)
    assert str(difference) == 'error_description: expected "another reason", got "the reason"'


@pytest.mark.parametrize(
    ("expect", "reason"),
    [
        ({"scopes": []}, "expect.scopes: unknown key; did you mean 'scope'?"),
        ({"status": "ok"}, "expect.status: must be 'granted', 'denied' or 'fault'"),
        ({"scope": "a b"}, "expect.scope: must be a list, not text"),
        ({"scope": ["a b"]}, "expect.scope[0]: text should match"),
        ({"scope": {"contain": []}}, "expect.scope.contain: unknown key; did you mean 'contains'"),
        ({"scope": {}}, "expect.scope: names no scope"),
        ({"scope": {"contains": ["a"], "absent": ["a"]}}, "cannot both contain and lack a"),
        ({"claims": []}, "expect.claims: must be an object, not a list"),
        ({"claims": {TIER: "\ud800"}}, "expect.claims: text with a lone surrogate"),
        ({"claims_like": {TIER: "gold"}}, f"claims_like.{TIER}: must be an object, not text"),
        ({"claims_like": {TIER: {}}}, "must be one of"),
        ({"claims_like": {TIER: {"type": "string", "pattern": "g"}}}, "must be one of"),
        ({"claims_like": {TIER: {"absent": False}}}, "absent: must be True"),
        ({"claims_like": {TIER: {"type": "text"}}}, "type: must be 'string', 'number'"),
        ({"claims_like": {TIER: {"patern": "g"}}}, "unknown key; did you mean 'pattern'?"),
        (
            {"claims_like": {TIER: {"pattern": "(g"}}},
            f"expect.claims_like.{TIER}.pattern: is no regular expression: missing )",
        ),
        ({"claims_like": {TIER: {"pattern": "a{9999999999}"}}}, "is no regular expression"),
        ({"claims": {TIER: 1}, "claims_like": {TIER: {"type": "null"}}}, "both in claims and in"),
        ({"expires_in": "60"}, "expect.expires_in: must be a whole number, not text"),
        ({"error": 1}, "expect.error: must be an object, not a number"),
        ({"error": {"code": "x"}}, "expect.error.code: unknown key"),
    ],
)  # fmt: skip
def test_what_cannot_be_expected_is_a_problem_with_file_and_line(
    tmp_path: Path, expect: dict[str, Any], reason: str
) -> None:
    sample = {"client": {"id": "c"}, "audience": API, "scope": ["a"], "expect": expect}
    document, lines = tmp_path / "one.json", tmp_path / "many.jsonl"
    document.write_text(json.dumps(sample, indent=2))
    lines.write_text(json.dumps(sample))
    for file in (document, lines):
        with pytest.raises(SampleError) as caught:
            list(read([str(file)]))
        problem = caught.value.problems[-1]
        assert reason in problem.reason
        assert (problem.file, problem.code) == (str(file), "sample_invalid")
        lines_before_expect = 8 if file == document else 0
        assert problem.line is not None
        assert problem.line > lines_before_expect


def test_a_byte_order_mark_is_named(tmp_path: Path) -> None:
    file = tmp_path / "one.json"
    file.write_text('{"client": {"id": "c"}, "audience": "x", "scope": []}', "utf-8-sig")
    with pytest.raises(SampleError, match="it begins with a byte order mark"):
        list(read([str(file)]))


def test_the_line_is_that_of_the_mistake(tmp_path: Path) -> None:
    file = tmp_path / "one.json"
    file.write_text(
        '{\n  "client": {"id": "c"},\n  "audience": "x",\n  "scope": [],\n  "expect": {\n'
        '    "claims_like": {\n      "https://acme.example/tier": {\n        "pattern": "("\n'
        "      }\n    }\n  }\n}\n"
    )
    with pytest.raises(SampleError) as caught:
        list(read([str(file)]))
    assert str(caught.value).startswith(f"{file}:8: expect.claims_like.https://acme.example/tier")


# Any outcome, any document ------------------------------------------------------------------------

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False,
                                                                         allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=5), inner,
                      max_size=3),
    max_leaves=8,
)  # fmt: skip
claims = st.dictionaries(st.sampled_from([TIER, SINCE, "urn:acme:x"]), json_values)
tokens = st.lists(st.sampled_from(["a", "b", "c", "d"]), unique=True)


@given(claims, claims, tokens, tokens)
def test_an_outcome_differs_visibly_or_not_at_all(
    expected: dict[str, Any], there: dict[str, Any], wanted: list[str], scope: list[str]
) -> None:
    outcome = granted(scope=scope, claims=there)
    assert differences({"scope": scope, "claims": there}, outcome) == []
    found = differences({"scope": wanted, "claims": expected}, outcome)
    is_same = wanted == scope and json.dumps(expected, sort_keys=True) == json.dumps(
        there, sort_keys=True
    )
    assert (found == []) == is_same
    for difference in found:
        assert any(line[0] in "+-" for line in difference.lines())
        assert all(line.isprintable() for line in difference.lines())


@given(
    st.dictionaries(st.text(max_size=4), json_values, max_size=4),
    st.lists(st.text(max_size=4), min_size=1, max_size=2),
    json_values,
    st.sampled_from([None, 2, "\t"]),
    st.sampled_from([(",", ":"), (", ", ": ")]),
    st.booleans(),
)
def test_setting_a_member_sets_it_and_keeps_all_else(
    document: dict[str, Any], path: list[str], value: Any, indent: Any, separators: Any, crlf: bool
) -> None:
    if len(path) == 2 and not isinstance(document.get(path[0]), dict):
        document[path[0]] = {"a": [1, {"b": []}]}
    text = json.dumps(document, indent=indent, separators=separators, ensure_ascii=False)
    text = f" {text}\n".replace("\n", "\r\n" if crlf else "\n")
    changed = with_member(text, path, value)
    holder = document if len(path) == 1 else document[path[0]]
    holder[path[-1]] = value
    assert json.dumps(json.loads(changed)) == json.dumps(document)
    assert ("\n" in changed.replace("\r\n", "")) == ("\n" in text.replace("\r\n", ""))
    if indent is None:
        assert changed.count("\n") == text.count("\n")
    # Setting it to what it is changes nothing any more.
    assert with_member(changed, path, value) == changed


def test_a_member_is_set_as_the_file_is_written() -> None:
    text = '{\n    "a": {"x": [1, 2]},\n    "b": [\n        1\n    ]\n}\n'
    assert with_member(text, ["b"], [1, 2]) == text.replace("1\n    ]", "1,\n        2\n    ]")
    assert with_member(text, ["a", "x"], [3]) == text.replace("[1, 2]", "[3]")
    assert with_member(text, ["c"], {"d": 1}) == text.replace(
        "    ]\n}", '    ],\n    "c": {\n        "d": 1\n    }\n}'
    )
    with pytest.raises(KeyError):
        with_member(text, ["absent", "x"], 1)
    tight = '{"a": [1, 2],\n "b": {"c": 1}}'
    assert with_member(tight, ["d"], {"e": 1}) == tight[:-1] + ',\n "d": {"e": 1}}'
    long = with_member(tight, ["d"], {"e": "x" * 90})
    assert long.startswith(tight[:-1] + ',\n "d": {\n   "e": "xxx')


def test_the_line_of_a_value_is_found_or_that_of_what_is_around_it() -> None:
    text = '\n{"a": 1,\n "b": [\n  {"c":\n   2}]}'
    assert line_of(text, ["a"]) == 2
    assert line_of(text, ["b", 0, "c"]) == 5
    assert line_of(text, ["b", 7]) == 3
    assert line_of(text, ["a", "x"]) == 2
    assert line_of(text, []) == 2
