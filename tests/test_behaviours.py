"""The behaviours of the documented system that claimhooks matches, one test each."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from claimhooks import Exchange, HookSettings, LoadError, Policy, Runtime, Settings

if TYPE_CHECKING:
    from given import Hooks, Run

CLAIM = "https://acme.example/x"


def test_1_a_hook_blocks_the_token_and_can_end_it(run: Run) -> None:
    assert run("raise AccessDenied").status == "denied"


def test_2_a_hook_receives_client_scope_audience_and_context(run: Run) -> None:
    outcome = run(f"return {{'{CLAIM}': [client.id, scope, audience, list(context.secrets)]}}")
    assert outcome.claims[CLAIM] == [
        "orders-worker",
        ["orders:read"],
        "https://api.acme.example/",
        [],
    ]


def test_3_without_an_enabled_hook_the_token_has_the_granted_scopes(
    hooks: Hooks, hook: Callable[..., str], exchange: Callable[..., Exchange]
) -> None:
    settings = Settings(hooks={"a": HookSettings(enabled=False)})
    outcome = Runtime(hooks({"a.py": hook("return {'scope': []}")}), settings).run(exchange())
    assert outcome.scope == ["orders:read"]


@pytest.mark.parametrize("scope", [["admin"], [], ["orders:read", "orders:write"]])
def test_4_scopes_can_be_replaced_narrowed_and_extended(run: Run, scope: list[str]) -> None:
    assert run(f"return {{'scope': {scope}}}").scope == scope


def test_5_leaving_scope_out_leaves_it_unchanged(run: Run) -> None:
    assert run(f"return {{'{CLAIM}': 1}}").scope == ["orders:read"]


def test_6_url_claims_are_added_verbatim_and_reserved_hosts_are_configurable(run: Run) -> None:
    policy = Policy(reserved_hosts=("acme.example",))
    assert run(f"return {{'{CLAIM}': {{'a': [1]}}}}").claims == {CLAIM: {"a": [1]}}
    assert run(f"return {{'{CLAIM}': 1}}", policy=policy).status == "fault"


def test_7_other_claims_do_not_reach_the_token_unless_allowed(run: Run) -> None:
    lenient = Policy(mode="lenient", private_claims=("tier",))
    outcome = run("return {'tier': 1, 'level': 2, 'permissions': 3}", policy=lenient)
    assert outcome.claims == {"tier": 1}


def test_8_claims_above_100_kb_fail_the_request(run: Run) -> None:
    assert run(f"return {{'{CLAIM}': 'x' * 99_000}}").status == "granted"
    assert run(f"return {{'{CLAIM}': 'x' * 100_000}}").status == "fault"


def test_9_a_typed_denial_keeps_its_text_and_any_other_exception_does_not(run: Run) -> None:
    denied, fault = run("raise InvalidScope('my text')"), run("raise Exception('my text')")
    assert denied.error is not None
    assert denied.error.error_description == "my text"
    assert fault.error is not None
    assert (fault.error.error, fault.error.status) == ("server_error", 500)
    assert "my text" not in fault.error.error_description


def test_10_error_classes_are_importable_and_can_be_refined(run: Run) -> None:
    outcome = run("class Suspended(AccessDenied): pass\nraise Suspended('gone')")
    assert outcome.error is not None
    assert (outcome.error.error, outcome.error.error_description) == ("access_denied", "gone")


@pytest.mark.parametrize(
    "wrong",
    [{"client": None}, {"client": []}, {"scope": "a"}, {"scope": [1]}, {"audience": ["a"]},
     {"audience": ""}, {"scope": [""]}, {"client": {"id": ""}}],
)  # fmt: skip
def test_11_wrong_input_shapes_are_refused_before_any_hook_runs(wrong: dict[str, Any]) -> None:
    good = {"client": {"id": "x"}, "audience": "a", "scope": ["a"]}
    Exchange.model_validate(good)
    with pytest.raises(ValidationError):
        Exchange.model_validate(good | wrong)


def test_12_a_missing_context_is_a_default_one() -> None:
    exchange = Exchange.model_validate({"client": {"id": "x"}, "audience": "a", "scope": []})
    assert exchange.request.params == {}


def test_14_a_broken_script_never_gives_an_unhooked_token(hooks: Hooks) -> None:
    with pytest.raises(LoadError):
        Runtime(hooks({"a.py": "def ("}))


def test_15_a_result_that_is_not_json_is_an_error(run: Run) -> None:
    assert run(f"x = []; x.append(x)\nreturn {{'{CLAIM}': x}}").status == "fault"


def test_16_more_than_twenty_secrets_are_fine_and_masked(
    hooks: Hooks,
    hook: Callable[..., str],
    exchange: Callable[..., Exchange],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    names = tuple(f"SECRET_{number}" for number in range(30))
    for name in names:
        monkeypatch.setenv(name, f"value of {name}")
    settings = Settings(hooks={"a": HookSettings(secrets=names)})
    body = f"return {{'{CLAIM}': list(context.secrets.values())}}"
    outcome = Runtime(hooks({"a.py": hook(body)}), settings).run(exchange())
    assert outcome.trace[0].patch == {CLAIM: [f"[secret {name}]" for name in names]}


def test_17_a_test_run_touches_nothing_and_a_reload_is_explicit(
    hooks: Hooks, hook: Callable[..., str], exchange: Callable[..., Exchange]
) -> None:
    folder = hooks({"a.py": hook(f"return {{'{CLAIM}': 1}}")})
    production = Runtime(folder)
    hooks({"a.py": hook(f"return {{'{CLAIM}': 2}}")})
    assert Runtime(folder).run(exchange()).claims == {CLAIM: 2}
    assert production.run(exchange()).claims == {CLAIM: 1}
