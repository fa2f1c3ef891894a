"""One exchange through the chain: what hooks see, do and cause."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from claimhooks import (
    AccessDenied,
    Exchange,
    HookSettings,
    Outcome,
    RequestContext,
    Runtime,
    Settings,
)
from claimhooks.exchange import Denial
from claimhooks.match import Match

if TYPE_CHECKING:
    from given import Hooks, Run

CLAIM = "https://acme.example/x"
SEEN = f"return {{'{CLAIM}': VALUE}}"


def seen(value: str) -> str:
    return SEEN.replace("VALUE", value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("[client.id, client.name, client.tenant]", ["orders-worker", None, None]),
        ("client.metadata", {"tier": "gold", "deep": {"a": [1]}}),
        ("scope", ["orders:read"]),
        ("audience", "https://api.acme.example/"),
        ("[context.request.params, context.request.headers]", [{"tenant": "n"}, {"x-a": "1"}]),
        ("[context.request.ip, context.request.method]", ["203.0.113.7", "POST"]),
        ("[context.request.requested_scope, context.request.auth_method]", [["a"], "none"]),
        ("[context.api.identifier, context.api.name]", ["https://api.acme.example/", None]),
        ("context.api.scopes", ["orders:read", "orders:write", "admin"]),
        ("context.api.token_lifetime", 3600),
        ("context.claims", {}),
        ("context.secrets", None),
        ("len(context.generation)", 64),
        ("context.now.utcoffset().total_seconds()", 0.0),
    ],
)
def test_a_hook_sees_the_exchange(run: Run, value: str, expected: object) -> None:
    if value == "context.secrets":
        value, expected = "dict(context.secrets)", {}
    request = RequestContext(
        params={"tenant": "n"},
        headers={"X-A": "1"},
        ip="203.0.113.7",
        requested_scope=("a",),
        auth_method="none",
    )
    outcome = run(seen(value), metadata={"tier": "gold", "deep": {"a": [1]}}, request=request)
    assert outcome.claims == {CLAIM: expected}


@pytest.mark.parametrize(
    "arguments", ["", "client", "scope", "audience, client", "context, scope=None", "client, /"]
)
def test_a_hook_takes_any_subset_of_the_arguments(
    hooks: Hooks, hook: Callable[..., str], exchange: Callable[..., Exchange], arguments: str
) -> None:
    outcome = Runtime(hooks({"a.py": hook("pass", arguments)})).run(exchange())
    assert outcome.status == "granted"


def test_without_an_api_the_context_has_one_with_defaults(run: Run) -> None:
    value = "[context.api.identifier, context.api.scopes, context.api.token_lifetime]"
    outcome = run(seen(value), api=None)
    assert outcome.claims == {CLAIM: ["https://api.acme.example/", [], 86_400]}


def test_what_a_hook_mutates_changes_nothing_for_anyone_else(
    hooks: Hooks, hook: Callable[..., str], exchange: Callable[..., Exchange]
) -> None:
    mutate = """
    client.metadata["deep"]["a"].append(2); client.metadata["tier"] = "stolen"
    scope.append("admin"); context.api.scopes.clear()
    context.request.params["tenant"] = "other"; context.request.headers["x"] = "y"
    context.claims["https://acme.example/first"].append(3)
    """
    show = "[client.metadata, scope, context.request.params, context.api.scopes, context.claims]"
    first = 'return {"https://acme.example/first": [1]}'
    folder = hooks({"1.py": hook(first), "2.py": hook(mutate), "3.py": hook(seen(show))})
    given = exchange(metadata={"tier": "gold", "deep": {"a": [1]}}, params={"tenant": "n"})
    before = given.model_dump_json()

    outcome = Runtime(folder).run(given)

    assert outcome.claims[CLAIM] == [
        {"tier": "gold", "deep": {"a": [1]}},
        ["orders:read"],
        {"tenant": "n"},
        ["orders:read", "orders:write", "admin"],
        {"https://acme.example/first": [1]},
    ]
    assert given.model_dump_json() == before


def test_a_value_that_a_hook_keeps_and_changes_later_does_not_change_the_token(run: Run) -> None:
    keep = f"import builtins\nbuiltins.kept = [1]\nreturn {{'{CLAIM}': builtins.kept}}"
    change = "import builtins\nbuiltins.kept.append(2)\ndel builtins.kept"
    assert run(keep, change).claims == {CLAIM: [1]}


def test_each_hook_sees_the_scopes_and_claims_that_the_ones_before_it_left(run: Run) -> None:
    outcome = run(
        f"return {{'scope': ['admin'], '{CLAIM}': 1}}",
        "return {'https://acme.example/saw': [scope, context.claims]}",
    )
    assert outcome.claims["https://acme.example/saw"] == [["admin"], {CLAIM: 1}]


@pytest.mark.parametrize(
    ("error", "code", "status"),
    [
        ("AccessDenied", "access_denied", 400),
        ("InvalidScope", "invalid_scope", 400),
        ("InvalidRequest", "invalid_request", 400),
        ("InvalidTarget", "invalid_target", 400),
        ("TemporarilyUnavailable", "temporarily_unavailable", 400),
        ("ServerError", "server_error", 500),
    ],
)
def test_a_denial_becomes_the_oauth_error(run: Run, error: str, code: str, status: int) -> None:
    outcome = run(f"raise {error}('not \"you\" \\\\ \u00fc')", "raise RuntimeError('not reached')")
    assert outcome.status == "denied"
    assert outcome.error is not None
    assert (outcome.error.error, outcome.error.status) == (code, status)
    assert outcome.error.error_description == "not 'you' / ?"
    (entry,) = outcome.trace
    assert entry.error is not None
    assert entry.error.line == 5


@pytest.mark.parametrize(
    ("status", "right"),
    [
        *[("499", 499), ("200", 500), ("302", 500), ("99", 500), ("600", 500)],
        *[("'400'", 500), ("400.0", 500), ("None", 500), ("[]", 500)],
    ],
)
def test_a_denial_has_the_status_of_an_error(run: Run, status: str, right: int) -> None:
    outcome = run(f"raise type('Own', (AccessDenied,), {{'status': {status}}})('no')")
    assert outcome.status == "denied"
    assert outcome.error == Denial("access_denied", "no", right)
    assert type(outcome.error.status) is int


def test_a_denial_without_a_text_has_one(run: Run) -> None:
    outcome = run("raise AccessDenied")
    assert outcome.error is not None
    assert outcome.error.error_description == "access denied"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("raise ValueError('inner text')", "hook_raised"),
        ("import sys; sys.exit('inner text')", "hook_exited"),
        ("raise StopIteration('inner text')", "hook_raised"),
        ("import asyncio; raise asyncio.CancelledError('inner text')", "hook_raised"),
        ("def again(): again()\nagain() # inner text", "hook_raised"),
        ("class E(Exception):\n    def __str__(self): 1/0\nraise E # inner text", "hook_raised"),
        ("client.meta # inner text", "hook_raised"),
        ("context.secrets['X'] # inner text", "hook_raised"),
    ],
)
def test_a_fault_tells_the_operator_all_and_the_client_nothing(
    run: Run, body: str, code: str
) -> None:
    outcome = run(body)
    (entry,) = outcome.trace
    assert outcome.status == "fault"
    assert outcome.error is not None
    assert "inner" not in outcome.error.error_description
    assert entry.error is not None
    assert entry.error.code == code
    assert entry.error.file.endswith("10-hook.py")
    assert entry.error.line is not None
    assert entry.error.traceback is not None
    assert "inner text" in entry.error.traceback
    assert "pipeline.py" not in entry.error.traceback


def test_a_traceback_shows_the_source_that_ran_whatever_the_file_is_now(
    hooks: Hooks, hook: Callable[..., str], exchange: Callable[..., Exchange]
) -> None:
    source = hook("try:\n    1 / 0  # as it ran\nexcept ZeroDivisionError:\n    client.no")
    runtime = Runtime(hooks({"a.py": source}))
    hooks({"a.py": "\n".join(["# as it is now"] * 20)})
    error = runtime.run(exchange()).trace[0].error
    assert error is not None
    assert error.line == 8
    assert error.traceback is not None
    assert "1 / 0  # as it ran" in error.traceback
    assert "as it is now" not in error.traceback


def test_an_interrupt_is_not_swallowed(run: Run) -> None:
    with pytest.raises(KeyboardInterrupt):
        run("raise KeyboardInterrupt")


def test_on_error_skip_leaves_out_the_hook_that_failed_and_goes_on(run: Run) -> None:
    settings = Settings(hooks={"10-hook": HookSettings(on_error="skip")})
    outcome = run("1 / 0", seen("1"), settings=settings)
    assert (outcome.status, outcome.claims) == ("granted", {CLAIM: 1})
    assert outcome.trace[0].error is not None
    assert outcome.trace[0].skipped


def test_on_error_skip_does_not_skip_a_denial(run: Run) -> None:
    settings = Settings(hooks={"10-hook": HookSettings(on_error="skip")})
    assert run("raise AccessDenied", settings=settings).status == "denied"


@pytest.mark.parametrize(
    ("match", "runs"),
    [
        (Match(clients=("orders-*",)), True),
        (Match(clients=("other", "orders-worker")), True),
        (Match(clients=("orders",)), False),
        (Match(audiences=("https://api.acme.example/",)), True),
        (Match(audiences=("https://*.org/",)), False),
        (Match(scopes=("orders:*",)), True),
        (Match(scopes=("admin",)), False),
        (Match(clients=("orders-*",), scopes=("admin",)), False),
    ],
)
def test_a_hook_runs_only_where_its_match_holds(run: Run, match: Match, runs: bool) -> None:
    outcome = run(seen("1"), settings=Settings(hooks={"10-hook": HookSettings(match=match)}))
    assert outcome.claims == ({CLAIM: 1} if runs else {})
    assert bool(outcome.trace[0].skipped) is not runs


ASYNC = "import asyncio\nawait asyncio.sleep(0.001)\n"


@pytest.fixture
def async_hooks(hooks: Hooks, hook: Callable[..., str]) -> Path:
    body = ASYNC + "if client.metadata.get('bad'): raise AccessDenied('no')\n" + seen("scope")
    source = hook(body).replace("def cred", "async def cred")
    broken = hook(ASYNC + "if client.metadata.get('worse'): 1 / 0")
    return hooks({"1.py": source, "2.py": broken.replace("def cred", "async def cred")})


@pytest.mark.parametrize(
    ("metadata", "status"), [({}, "granted"), ({"bad": 1}, "denied"), ({"worse": 1}, "fault")]
)
def test_async_hooks_work_from_run_arun_and_run_inside_a_loop(
    async_hooks: Path,
    exchange: Callable[..., Exchange],
    metadata: dict[str, int],
    status: str,
) -> None:
    with Runtime(async_hooks) as runtime:

        async def inside() -> list[Outcome]:
            return [await runtime.arun(exchange(metadata=metadata)), runtime.run(given)]

        given = exchange(metadata=metadata)
        outcomes = [runtime.run(given), *asyncio.run(inside()), runtime.run(given)]
    assert [outcome.status for outcome in outcomes] == [status] * 4
    if status == "fault":
        error = outcomes[0].trace[1].error
        assert error is not None
        assert error.line == 7


def test_an_async_hook_that_exits_is_a_fault_and_the_next_exchange_goes_on(
    hooks: Hooks, hook: Callable[..., str], exchange: Callable[..., Exchange]
) -> None:
    source = hook(ASYNC + "if client.metadata: raise SystemExit").replace(
        "def cred", "async def cred"
    )
    with Runtime(hooks({"a.py": source})) as runtime:
        leaving, staying = exchange(metadata={"a": 1}), exchange()
        outcomes = [runtime.run(leaving), runtime.run(staying), asyncio.run(runtime.arun(leaving))]
    assert [outcome.status for outcome in outcomes] == ["fault", "granted", "fault"]
    assert outcomes[0].trace[0].error is not None
    assert outcomes[0].trace[0].error.code == "hook_exited"


def test_async_hooks_of_many_exchanges_wait_together(
    async_hooks: Path, exchange: Callable[..., Exchange]
) -> None:
    with Runtime(async_hooks) as runtime:

        async def many() -> list[Outcome]:
            return await asyncio.gather(*[runtime.arun(exchange()) for _ in range(50)])

        assert {outcome.status for outcome in asyncio.run(many())} == {"granted"}


def test_a_cancelled_exchange_is_cancelled(
    hooks: Hooks, hook: Callable[..., str], exchange: Callable[..., Exchange]
) -> None:
    source = hook("import asyncio\nawait asyncio.sleep(60)").replace("def cred", "async def cred")
    runtime = Runtime(hooks({"a.py": source}))

    async def too_long() -> None:
        await asyncio.wait_for(runtime.arun(exchange()), 0.01)

    with pytest.raises(TimeoutError):
        asyncio.run(too_long())


def test_an_outcome_goes_through_json(run: Run) -> None:
    for outcome in (run(seen("{'a': [1.5, None]}")), run("1 / 0"), run("raise AccessDenied")):
        assert Outcome.from_json(outcome.to_json()) == outcome


@pytest.mark.parametrize(
    "body",
    [
        "return {'\\ud800': 1}",
        "return {'https://acme.example/x': {'\\ud800': 1}}",
        "return {'scope': ['\\ud800']}",
        "raise ValueError('\\ud800')",
        "raise AccessDenied('\\ud800')",
        "class Odd(AccessDenied):\n    error = '\\ud800'\nraise Odd",
    ],
)
def test_text_that_utf8_cannot_write_is_escaped_in_the_trace(run: Run, body: str) -> None:
    outcome = run(body)
    assert outcome.status != "granted"
    assert Outcome.from_json(outcome.to_json()) == outcome


ODD = """
class Odd(AccessDenied):
    error = {}
    def __init__(self, tier): self.tier = tier
raise Odd("gold")
"""


def test_a_denial_that_sets_no_text_has_that_of_its_class(run: Run) -> None:
    outcome = run(ODD.format("'tier_denied'"))
    assert outcome.error == Denial("tier_denied", AccessDenied.default_description, 400)


def test_a_type_of_a_hook_file_is_told_by_the_name_that_it_has_there(run: Run) -> None:
    (entry,) = run("class Odd: pass\nreturn Odd()").trace
    assert entry.error is not None
    assert ".<locals>.Odd, not a dict" in entry.error.reason
    assert "_claimhooks_" not in entry.error.reason


@pytest.mark.parametrize("error", ["5", "None", "b'denied'", "property(lambda self: 1 / 0)"])
def test_a_denial_whose_code_is_no_text_is_a_fault(run: Run, error: str) -> None:
    outcome = run(ODD.format(error))
    assert outcome.status == "fault"
    found = outcome.trace[0].error
    assert found is not None
    assert (found.code, found.line) == ("hook_raised", 8)
    assert found.reason.startswith("its denial cannot be read: ")


def test_every_outcome_carries_the_digest_and_the_microseconds(run: Run) -> None:
    outcome = run("import time; time.sleep(0.002)")
    assert len(outcome.generation) == 64
    assert outcome.trace[0].micros >= 2000
