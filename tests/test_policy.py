"""What hooks may ask for, and what becomes of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from pydantic import ValidationError

from claimhooks import HookSettings, Policy, Settings
from claimhooks.claims import RESERVED
from claimhooks.errors import REFUSALS

if TYPE_CHECKING:
    from given import Run

TIER = "https://acme.example/tier"
LENIENT = Policy(mode="lenient")

REFUSED = [
    ("{'tier': 1}", "tier", "claim_not_namespaced"),
    ("{'https:acme.example/x': 1}", "https:acme.example/x", "claim_not_namespaced"),
    ("{'ftp://acme.example/x': 1}", "ftp://acme.example/x", "claim_not_namespaced"),
    ("{'https:///x': 1}", "https:///x", "claim_not_namespaced"),
    ("{'https://acme.example/\\n': 1}", "https://acme.example/\n", "claim_not_namespaced"),
    ("{'https://acme.example@auth0.com/x': 1}", None, "claim_not_namespaced"),
    ("{'https://auth0.com\\\\@acme.example/x': 1}", None, "claim_not_namespaced"),
    ("{'https://ａuth0.com/x': 1}", None, "claim_not_namespaced"),
    ("{'https://auth0%2ecom/x': 1}", None, "claim_not_namespaced"),
    ("{'https://acme.example:99999/x': 1}", None, "claim_not_namespaced"),
    ("{'urn:acme': 1}", "urn:acme", "claim_not_namespaced"),
    ("{'https://auth0.com/x': 1}", None, "claim_reserved_host"),
    ("{'https://login.AUTH0.com./x': 1}", None, "claim_reserved_host"),
    ("{'http://webtask.io:8080/x': 1}", None, "claim_reserved_host"),
    ("{'iss': 'x'}", "iss", "claim_reserved"),
    ("{'sub': 'x'}", "sub", "claim_reserved"),
    ("{'exp': 1}", "exp", "claim_reserved"),
    ("{'permissions': []}", "permissions", "claim_reserved"),
    ("{'scp': []}", "scp", "claim_reserved"),
    ("{'urn:zitadel:iam:x': 1}", None, "claim_reserved"),
    ("{'URN:auth0:x': 1}", None, "claim_reserved"),
    ("{'cognito:groups': 1}", None, "claim_reserved"),
    (f"{{'{TIER}': float('nan')}}", TIER, "claim_not_json"),
    (f"{{'{TIER}': float('inf')}}", TIER, "claim_not_json"),
    (f"{{'{TIER}': 2**53}}", TIER, "claim_not_json"),
    (f"{{'{TIER}': b'x'}}", TIER, "claim_not_json"),
    (f"{{'{TIER}': (1,)}}", TIER, "claim_not_json"),
    (f"{{'{TIER}': {{1}}}}", TIER, "claim_not_json"),
    (f"{{'{TIER}': {{1: 2}}}}", TIER, "claim_not_json"),
    (f"{{'{TIER}': '\\ud800'}}", TIER, "claim_not_json"),
    (f"{{'{TIER}': [[[[[[[[[1]]]]]]]]]}}", TIER, "claim_not_json"),
    (f"{{'{TIER}': type('S', (str,), {{}})('x')}}", TIER, "claim_not_json"),
    (f"{{'{TIER}': 'x' * 200_000}}", TIER, "claim_too_large"),
    ("{'scope': ['reports:export']}", "reports:export", "scope_not_allowed"),
    ("{'scope': ['a b']}", "a b", "scope_malformed"),
    ("{'scope': ['a\"b']}", 'a"b', "scope_malformed"),
    ("{'scope': ['a\\n']}", "a\n", "scope_malformed"),
    ("{'scope': ['']}", "", "scope_malformed"),
    ("{'scope': 'admin'}", "scope", "scope_malformed"),
    ("{'scope': None}", "scope", "scope_malformed"),
    ("{'scope': [1]}", "scope", "scope_malformed"),
    ("{'scope': {'admin'}}", "scope", "scope_malformed"),
    ("{'expires_in': 3601}", "expires_in", "lifetime_extended"),
    ("{'expires_in': 0}", "expires_in", "lifetime_malformed"),
    ("{'expires_in': True}", "expires_in", "lifetime_malformed"),
    ("{'expires_in': 1.5}", "expires_in", "lifetime_malformed"),
    ("{'expires_in': float('nan')}", "expires_in", "lifetime_malformed"),
]


@pytest.mark.parametrize(("answer", "name", "code"), REFUSED)
def test_a_refused_part_fails_the_exchange_with_its_code(
    run: Run, answer: str, name: str | None, code: str
) -> None:
    outcome = run(f"return {answer}")

    (entry,) = outcome.trace
    assert [refused.code for refused in entry.refused] == [code]
    assert name is None or entry.refused[0].name == name
    assert outcome.status == "fault"
    assert outcome.error is not None
    assert outcome.error.error == "server_error"
    assert (outcome.scope, outcome.claims, entry.applied) == ([], {}, {})
    assert entry.error is not None
    assert entry.error.code == "policy_refused"
    json.loads(outcome.to_json())


def test_every_refusal_code_is_tried() -> None:
    others = {"claim_conflict", "claim_not_in_namespaces"}
    assert {code for _, _, code in REFUSED} | others == set(REFUSALS)


@pytest.mark.parametrize(("answer", "_name", "code"), REFUSED)
def test_lenient_leaves_out_what_is_refused_unless_that_could_widen_the_token(
    run: Run, answer: str, _name: str | None, code: str
) -> None:
    outcome = run(f"return {answer}", policy=LENIENT)

    is_whole_part = outcome.trace[0].refused[0].name in {"scope", "expires_in"}
    if code in {"scope_malformed", "lifetime_malformed"} and is_whole_part:
        assert outcome.status == "fault"
    else:
        assert outcome.status == "granted"
        assert outcome.claims == {}
        assert outcome.expires_in == 3600


@pytest.mark.parametrize("name", sorted(RESERVED - {"scope"}))
def test_a_restricted_name_is_never_a_claim(run: Run, name: str) -> None:
    assert run(f"return {{{name!r}: 1}}", policy=LENIENT).claims == {}


@pytest.mark.parametrize(
    "name", ["https://acme.example/tier", "HTTPS://acme.example", "urn:acme:tier", "http://[::1]/x"]
)
def test_a_namespaced_claim_reaches_the_outcome(run: Run, name: str) -> None:
    assert run(f"return {{{name!r}: {{'a': [1, None]}}}}").claims == {name: {"a": [1, None]}}


def test_a_private_claim_must_be_listed(run: Run) -> None:
    assert run("return {'tier': 1}", policy=Policy(private_claims=("tier",))).claims == {"tier": 1}


def test_a_restricted_name_cannot_be_listed() -> None:
    with pytest.raises(ValidationError, match="permissions"):
        Policy(private_claims=("permissions",))


@pytest.mark.parametrize(
    ("name", "inside"),
    [
        ("https://acme.example/tier", True),
        ("https://acme.example.evil/tier", False),
        ("https://other.example/tier", False),
        ("urn:acme:tier", True),
        ("urn:acmeville:tier", False),
    ],
)
def test_claims_keep_to_the_namespaces_if_some_are_set(run: Run, name: str, inside: bool) -> None:
    policy = Policy(namespaces=("https://acme.example", "urn:acme:"))
    outcome = run(f"return {{{name!r}: 1}}", policy=policy)
    codes = [refused.code for refused in outcome.trace[0].refused]
    assert codes == ([] if inside else ["claim_not_in_namespaces"])


def test_the_host_of_the_issuer_is_reserved(run: Run) -> None:
    settings = Settings(issuer="https://issuer.acme.example/")
    outcome = run("return {'https://issuer.acme.example/x': 1}", settings=settings)
    assert outcome.trace[0].refused[0].code == "claim_reserved_host"


@pytest.mark.parametrize(
    ("scopes", "asked", "granted"),
    [
        ("grant", "orders:write", False),
        ("grant", "in:grant", True),
        ("api", "orders:write", True),
        ("api", "in:grant", True),
        ("api", "elsewhere", False),
        ("any", "elsewhere", True),
    ],
)
def test_which_scopes_a_hook_may_add(run: Run, scopes: str, asked: str, granted: bool) -> None:
    policy = Policy.model_validate({"scopes": scopes})
    outcome = run(
        f"return {{'scope': scope + [{asked!r}]}}", policy=policy, grant=("orders:read", "in:grant")
    )
    assert outcome.scope == (["orders:read", asked] if granted else [])


def test_without_an_api_only_the_grant_can_be_added(run: Run) -> None:
    outcome = run("return {'scope': ['admin']}", api=None)
    assert outcome.trace[0].refused[0].code == "scope_not_allowed"


def test_scopes_keep_their_order_and_lose_their_duplicates(run: Run) -> None:
    outcome = run("return {'scope': ['admin', 'orders:read', 'admin']}")
    assert outcome.scope == ["admin", "orders:read"]


def test_a_conflict_names_the_hook_that_was_first(run: Run) -> None:
    outcome = run(f"return {{'{TIER}': 1}}", f"return {{'{TIER}': True}}")
    assert outcome.status == "fault"
    (refused,) = outcome.trace[1].refused
    assert refused.code == "claim_conflict"
    assert "10-hook has set it to 1, not true" in refused.reason


def test_the_same_value_twice_is_no_conflict(run: Run) -> None:
    assert run(*[f"return {{'{TIER}': {{'a': 1}}}}"] * 2).claims == {TIER: {"a": 1}}


def test_in_lenient_mode_the_first_hook_keeps_its_claim(run: Run) -> None:
    outcome = run(f"return {{'{TIER}': 1}}", f"return {{'{TIER}': 2}}", policy=LENIENT)
    assert outcome.claims == {TIER: 1}


def test_the_shortest_lifetime_wins_in_any_order(run: Run) -> None:
    outcome = run("return {'expires_in': 300}", "return {'expires_in': 600}")
    assert (outcome.status, outcome.expires_in) == ("granted", 300)


def test_many_claims_count_together(run: Run) -> None:
    bodies = [f"return {{'https://acme.example/{n}': 'é' * 20_000}}" for n in range(3)]
    outcome = run(*bodies, policy=LENIENT)
    assert [len(entry.refused) for entry in outcome.trace] == [0, 0, 1]
    assert len(outcome.warnings) == 1


def test_a_structure_that_grows_without_bound_is_refused_at_once(run: Run) -> None:
    body = f"""
    layer = ["x"] * 1000
    for _ in range(6):
        layer = [layer] * 1000
    return {{'{TIER}': layer}}
    """
    assert run(body).trace[0].refused[0].code == "claim_not_json"


def test_a_structure_inside_itself_is_refused(run: Run) -> None:
    body = f"loop = []; loop.append(loop)\nreturn {{'{TIER}': loop}}"
    assert run(body).trace[0].refused[0].code == "claim_not_json"


def test_the_reason_tells_where_in_the_value(run: Run) -> None:
    outcome = run(f"return {{'{TIER}': {{'a': [1, {{2}}]}}}}")
    assert outcome.trace[0].refused[0].reason == "a value of type set at $.a[1]"


@pytest.mark.parametrize(
    ("answer", "type_name"),
    [("[]", "list"), ("set()", "set"), ("'x'", "str"), ("{1: 2}", "int"), ("object", "type")],
)
def test_an_answer_that_is_no_patch_is_a_fault_that_names_its_type(
    run: Run, answer: str, type_name: str
) -> None:
    outcome = run(f"return {answer}", policy=LENIENT)
    error = outcome.trace[0].error
    assert outcome.status == "fault"
    assert error is not None
    assert error.code == "answer_not_a_patch"
    assert f"type {type_name}" in error.reason


def test_a_refusal_under_skip_leaves_out_the_whole_hook(run: Run) -> None:
    settings = Settings(hooks={"10-hook": HookSettings(on_error="skip")})
    outcome = run(
        f"return {{'{TIER}': 1, 'iss': 'x', 'scope': [], 'expires_in': 5}}", settings=settings
    )
    assert (outcome.status, outcome.claims, outcome.expires_in) == ("granted", {}, 3600)
    assert outcome.scope == ["orders:read"]
    assert outcome.trace[0].skipped
