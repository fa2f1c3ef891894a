"""The token endpoint: what clients ask for, and what they get."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
from starlette.testclient import TestClient

from claimhooks import ServerError
from claimhooks.issuer import refusals, token_endpoint
from claimhooks.issuer.assertion import ASSERTION_TYPE
from claimhooks.issuer.parts import TOKEN_PATH
from claimhooks.issuer.refusals import Refusal, catalogue
from claimhooks.registry import ClientRecord, StoreUnavailable, lookups
from claimhooks.registry.secret_hash import generate
from claimhooks.registry.sql import SqlStore
from claimhooks.serving.events import EXCHANGES
from claimhooks.token import ALGORITHMS, Algorithm, SigningKey
from given import eventually, hook
from issuing import (
    ISSUER,
    LEGACY,
    ORDERS,
    PER_HOUR,
    SCOPES,
    UNGRANTED,
    Prepared,
    api_of,
    basic,
    in_process,
    prepare,
    served,
    verifier,
)

if TYPE_CHECKING:
    from starlette.types import Message

SEEN = "https://acme.example/seen"


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    return prepare(tmp_path_factory.mktemp("token-endpoint") / "issuer")


@pytest.fixture(scope="module")
def http(prepared: Prepared) -> Iterator[TestClient]:
    with pytest.MonkeyPatch.context() as patch, in_process(prepared) as client:
        patch.setattr(lookups, "FOLLOW", 0.05)
        yield client


@pytest.fixture(scope="module")
def dialect(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Prepared, TestClient]]:
    """An issuer that refuses in the words of the documented system."""
    prepared = prepare(tmp_path_factory.mktemp("dialect") / "issuer", error_style="auth0")
    with in_process(prepared) as client:
        yield prepared, client


def ask(client: httpx2.Client, form: dict[str, str], **headers: str) -> httpx2.Response:
    return client.post(TOKEN_PATH, data=form, headers=headers)


def by_basic(prepared: Prepared, client: str = "worker", secret: str = "") -> dict[str, str]:
    name, _, value = basic(client, secret or prepared.secrets[client]).partition(": ")
    return {name: value}


def without_secret(prepared: Prepared, **changes: str | None) -> dict[str, str]:
    return prepared.form(**{"client_id": None, "client_secret": None, **changes})


# A token -----------------------------------------------------------------------------------------


def test_the_answer_is_that_of_rfc_6749(http: TestClient, prepared: Prepared) -> None:
    answer = ask(http, prepared.form())
    assert answer.status_code == 200
    document = answer.json()
    assert document.pop("access_token").count(".") == 2
    assert document == {
        "token_type": "Bearer",
        "expires_in": 3600,
        "scope": "orders:read orders:write",
    }
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["pragma"] == "no-cache"


def test_json_is_understood_like_a_form(http: TestClient, prepared: Prepared) -> None:
    answer = http.post(TOKEN_PATH, json={**prepared.form(scope="orders:read"), "x": None})
    assert (answer.status_code, answer.json()["scope"]) == (200, "orders:read")


@pytest.mark.parametrize("changes", [{"audience": None}, {}], ids=["alone", "beside audience"])
def test_an_api_can_be_named_as_resource(
    http: TestClient, prepared: Prepared, changes: dict[str, str | None]
) -> None:
    answer = ask(http, prepared.form(resource=ORDERS, **changes))
    assert verifier(http).verify(answer.json()["access_token"])["aud"] == ORDERS


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        (None, "orders:read orders:write"),
        ("", "orders:read orders:write"),
        (" ", "orders:read orders:write"),
        ("orders:write", "orders:write"),
        ("orders:write orders:read", "orders:write orders:read"),
        ("orders:read  orders:read", "orders:read"),
    ],
)
def test_a_scope_that_is_asked_for_is_honoured(
    http: TestClient, prepared: Prepared, asked: str | None, given: str
) -> None:
    document = ask(http, prepared.form(scope=asked)).json()
    assert document["scope"] == given
    assert verifier(http).verify(document["access_token"])["scope"] == given


@pytest.mark.parametrize("asked", ["admin", "orders:read admin", "nonsense", "Orders:read"])
def test_a_scope_that_is_not_granted_is_refused(
    http: TestClient, prepared: Prepared, asked: str
) -> None:
    answer = ask(http, prepared.form(scope=asked))
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_scope")


def test_a_grant_of_all_has_every_scope_of_the_api(http: TestClient, prepared: Prepared) -> None:
    assert ask(http, prepared.form(audience=LEGACY)).json()["scope"] == " ".join(SCOPES)


def test_a_token_without_scopes_tells_none(http: TestClient, prepared: Prepared) -> None:
    document = ask(http, prepared.form(audience=api_of("EdDSA"))).json()
    assert "scope" not in document
    assert "scope" not in verifier(http, api_of("EdDSA")).verify(document["access_token"])


@pytest.mark.parametrize(
    ("client", "changes", "seconds"),
    [
        ("worker", {}, 3600),
        ("worker", {"audience": LEGACY}, 86_400),
        ("hasty", {}, 600),
        ("worker", {"hook": "shorten"}, 60),
        ("hasty", {"hook": "shorten"}, 60),
    ],
    ids=["of the API", "by default", "of the client", "of a hook", "of a hook, for the client"],
)
def test_a_token_lives_as_long_as_told(
    http: TestClient, prepared: Prepared, client: str, changes: dict[str, str], seconds: int
) -> None:
    form = prepared.form(client, **changes)
    document = ask(http, form).json()
    profile: Any = "auth0" if form["audience"] == LEGACY else "rfc9068"
    claims: Any = verifier(http, form["audience"], profile=profile).verify(document["access_token"])
    assert document["expires_in"] == claims["exp"] - claims["iat"] == seconds


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_each_api_has_the_algorithm_that_it_wants(
    http: TestClient, prepared: Prepared, alg: Algorithm
) -> None:
    token = ask(http, prepared.form(audience=api_of(alg))).json()["access_token"]
    assert verifier(http, api_of(alg), algorithms=(alg,)).verify(token)["sub"] == "worker"


@pytest.mark.parametrize(
    ("audience", "profile", "names"),
    [
        (ORDERS, "rfc9068", {"client_id": "worker", "sub": "worker", "jti": None}),
        (
            LEGACY,
            "auth0",
            {"azp": "worker", "sub": "worker@clients", "gty": "client-credentials"},
        ),
    ],
)
def test_each_api_has_the_profile_that_it_wants(
    http: TestClient, prepared: Prepared, audience: str, profile: Any, names: dict[str, str | None]
) -> None:
    token = ask(http, prepared.form(audience=audience)).json()["access_token"]
    claims = verifier(http, audience, profile=profile).verify(token)
    assert claims.keys() == {"iss", "aud", "iat", "exp", "scope", *names}
    assert all(claims[name] == value for name, value in names.items() if value is not None)


@pytest.mark.parametrize("issuer", [ISSUER, ISSUER.rstrip("/"), f"{ISSUER}tenant/"])
@pytest.mark.parametrize("name", ["oauth-authorization-server", "openid-configuration"])
def test_iss_is_the_issuer_of_the_metadata_to_the_letter(
    prepared: Prepared, issuer: str, name: str
) -> None:
    with in_process(prepared, issuer) as http:
        metadata = http.get(f"/.well-known/{name}").json()
        token = ask(http, prepared.form()).json()["access_token"]
        claims = verifier(http, issuer=metadata["issuer"]).verify(token)
    assert claims["iss"] == metadata["issuer"] == issuer


# Who asks ----------------------------------------------------------------------------------------


def test_each_way_to_authenticate_works(http: TestClient, prepared: Prepared) -> None:
    answers = [
        ask(http, prepared.form()),
        ask(http, without_secret(prepared), **by_basic(prepared)),
        ask(http, without_secret(prepared, client_id="worker"), **by_basic(prepared)),
        ask(http, prepared.asserting(prepared.assertion())),
        ask(http, prepared.asserting(prepared.assertion(), client_id="partner")),
    ]
    assert [answer.status_code for answer in answers] == [200] * 5


def test_basic_credentials_are_decoded_as_a_form_encodes_them(
    http: TestClient, prepared: Prepared
) -> None:
    encoded = "".join(f"%{ord(character):02x}" for character in prepared.secrets["worker"])
    proof = by_basic(prepared, "%77orker", encoded)
    assert ask(http, without_secret(prepared), **proof).status_code == 200


def test_the_secret_of_a_client_may_hold_what_has_to_be_encoded(
    http: TestClient, prepared: Prepared
) -> None:
    secret = "a:b+c d%e&ü✓"
    prepared.change(ClientRecord(id="imported", secrets=(prepared.hashed(secret),)))
    encoded = httpx2.QueryParams({"s": secret})
    wanted = {"client_id": "imported", "client_secret": secret, "audience": UNGRANTED}
    proof = by_basic(prepared, "imported", str(encoded).removeprefix("s="))
    assert ask(http, prepared.form(**wanted)).json()["error"] == "unauthorized_client"
    answer = ask(http, without_secret(prepared, audience=UNGRANTED), **proof)
    assert answer.json()["error"] == "unauthorized_client"


def failures(prepared: Prepared) -> dict[str, tuple[dict[str, str], dict[str, str]]]:
    """Requests that authenticate nobody: form and headers."""
    bare = without_secret(prepared)
    return {
        "unknown client": (prepared.form("nobody"), {}),
        "wrong secret": (prepared.form(client_secret="wrong"), {}),
        "secret of another client": (prepared.form(client_secret=prepared.secrets["hasty"]), {}),
        "disabled client": (prepared.form("disabled"), {}),
        "client without a secret": (prepared.form("partner"), {}),
        "method not allowed, secret": (prepared.form("partner", client_secret="x"), {}),
        "assertion of a client with a secret": (
            prepared.asserting(prepared.assertion(iss="worker", sub="worker")),
            {},
        ),
        "assertion of an unknown client": (
            prepared.asserting(prepared.assertion(iss="nobody", sub="nobody")),
            {},
        ),
        "assertion of another key": (
            prepared.asserting(prepared.assertion(SigningKey.generate("ES256"))),
            {},
        ),
        "unknown client, Basic": (bare, by_basic(prepared, "nobody", "x")),
        "wrong secret, Basic": (bare, by_basic(prepared, "worker", "wrong")),
        "disabled client, Basic": (bare, by_basic(prepared, "disabled")),
        "method not allowed, Basic": (bare, by_basic(prepared, "postman")),
    }


def test_nobody_can_tell_why_authentication_has_failed(
    http: TestClient, prepared: Prepared
) -> None:
    answers: dict[bool, set[tuple[int, bytes, str]]] = {True: set(), False: set()}
    for name, (form, headers) in failures(prepared).items():
        answer = ask(http, form, **headers)
        shown = {key: value for key, value in answer.headers.items() if key != "x-trace-id"}
        assert ("www-authenticate" in shown) == ("Basic" in name), name
        answers[bool(headers)].add((answer.status_code, answer.content, str(sorted(shown.items()))))
    assert [len(same) for same in answers.values()] == [1, 1]
    [(status, content, _)] = answers[False]
    assert (status, json.loads(content)["error"]) == (401, "invalid_client")


@pytest.mark.slow
def test_an_unknown_client_takes_as_long_as_a_wrong_secret(
    http: TestClient, prepared: Prepared
) -> None:
    unknown = prepared.form("nobody", client_secret=generate())
    wrong = prepared.form(client_secret=generate())
    times: dict[str, list[float]] = {"unknown": [], "wrong": []}
    for _ in range(60):
        for name, form in (("unknown", unknown), ("wrong", wrong)):
            began = perf_counter()
            ask(http, form)
            times[name].append(perf_counter() - began)
    assert median(times["unknown"]) == pytest.approx(median(times["wrong"]), rel=0.25)


def test_both_live_secrets_work(http: TestClient, prepared: Prepared) -> None:
    for secret in (prepared.former, prepared.secrets["rotating"]):
        assert ask(http, prepared.form("rotating", client_secret=secret)).status_code == 200


def test_a_new_secret_works_at_once_and_a_removed_one_soon_no_more(
    http: TestClient, prepared: Prepared
) -> None:
    old, new = generate(), generate()
    prepared.change(ClientRecord(id="changing", secrets=(prepared.hashed(old),)))

    def asking(secret: str) -> int:
        form = prepared.form("changing", client_secret=secret, audience=UNGRANTED)
        return ask(http, form).status_code

    assert (asking(old), asking(new)) == (400, 401)
    prepared.change(ClientRecord(id="changing", secrets=(prepared.hashed(new),)))
    assert asking(new) == 400
    assert eventually(lambda: asking(old) == 401)


def test_a_client_that_is_disabled_soon_gets_no_more_tokens(
    http: TestClient, prepared: Prepared
) -> None:
    hashed = (prepared.hashed(prepared.secrets["postman"]),)
    form = prepared.form("postman")
    assert ask(http, form).status_code == 200
    prepared.change(ClientRecord(id="postman", secrets=hashed, enabled=False))
    assert eventually(lambda: ask(http, form).status_code == 401)
    prepared.change(
        ClientRecord(id="postman", secrets=hashed, auth_methods=("client_secret_post",))
    )
    assert eventually(lambda: ask(http, form).status_code == 200)


# What hooks do -----------------------------------------------------------------------------------


def test_a_hook_adds_a_claim_and_narrows_the_scope(http: TestClient, prepared: Prepared) -> None:
    token = ask(http, prepared.form(hook="claim")).json()["access_token"]
    assert verifier(http).verify(token)["https://acme.example/tier"] == "gold"
    document = ask(http, prepared.form(hook="scope")).json()
    assert document["scope"] == "orders:read"
    assert verifier(http).verify(document["access_token"])["scope"] == "orders:read"


@pytest.mark.parametrize("style", ["rfc6749", "auth0"])
@pytest.mark.parametrize(
    ("denial", "status", "error"),
    [
        ("AccessDenied", 400, "access_denied"),
        ("InvalidScope", 400, "invalid_scope"),
        ("InvalidRequest", 400, "invalid_request"),
        ("InvalidTarget", 400, "invalid_target"),
        ("TemporarilyUnavailable", 400, "temporarily_unavailable"),
        ("ServerError", 500, "server_error"),
    ],
)
def test_a_hook_denies_in_its_own_words(
    http: TestClient,
    prepared: Prepared,
    dialect: tuple[Prepared, TestClient],
    style: str,
    denial: str,
    status: int,
    error: str,
) -> None:
    if style == "auth0":
        prepared, http = dialect
    answer = ask(http, prepared.form(hook=denial))
    assert answer.status_code == status
    assert answer.json() == {"error": error, "error_description": f"{denial} says 'no'"}
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("status", "right"), [(499, 499), (503, 503), (204, 500), (100, 500), (99, 500), ("'400'", 500)]
)
def test_a_hook_denies_with_no_status_but_that_of_an_error(
    tmp_path: Path, status: object, right: int
) -> None:
    prepared = prepare(tmp_path / "issuer")
    own = f"class Own(AccessDenied):\n    status = {status}\n\n"
    body = hook("raise Own('no')", "")
    (prepared.hooks / "60-own.py").write_text(body.replace("@hookimpl", f"{own}@hookimpl", 1))
    with in_process(prepared) as client:
        answer = ask(client, prepared.form())
    assert (answer.status_code, answer.json()["error"]) == (right, "access_denied")


def test_a_hook_that_fails_is_a_500_without_internals(http: TestClient, prepared: Prepared) -> None:
    answer = ask(http, prepared.form(hook="fault"))
    assert answer.status_code == 500
    assert answer.json() == {
        "error": "server_error",
        "error_description": ServerError.default_description,
    }
    assert answer.headers["cache-control"] == "no-store"


def test_a_mistake_of_the_issuer_is_a_500_without_internals(
    http: TestClient, prepared: Prepared, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("the password of the database is hunter2")

    monkeypatch.setattr(token_endpoint, "payload", fail)
    answer = ask(http, prepared.form())
    assert (answer.status_code, answer.json()["error"]) == (500, "server_error")
    assert "hunter2" not in answer.text


def test_hooks_see_parameters_without_credentials_and_only_headers_that_are_allowed(
    http: TestClient, prepared: Prepared
) -> None:
    headers = {"X-Region": "eu", "X-Other": "secret", "Cookie": "secret"}
    secret = ask(http, prepared.form(hook="seen", colour="blue"), **headers)
    asserted = ask(http, prepared.asserting(prepared.assertion(), hook="seen"), **headers)
    form = without_secret(prepared, hook="seen")
    by_header = ask(http, form, **headers, **by_basic(prepared))
    common = {"grant_type": "client_credentials", "audience": ORDERS, "hook": "seen"}
    expected = [
        (secret, "client_secret_post", {"client_id": "worker", "colour": "blue"}),
        (asserted, "private_key_jwt", {}),
        (by_header, "client_secret_basic", {}),
    ]
    for answer, method, more in expected:
        seen: Any = verifier(http).verify(answer.json()["access_token"])[SEEN]
        assert seen["params"] == common | more
        assert seen["headers"] == {"x-region": "eu"}
        assert seen["auth_method"] == method


def test_a_change_of_a_hook_reaches_the_next_tokens(http: TestClient, prepared: Prepared) -> None:
    name = "https://acme.example/version"
    path = prepared.hooks / "60-version.py"

    def version() -> object:
        token = ask(http, prepared.form()).json()["access_token"]
        return verifier(http).verify(token).get(name)

    assert version() is None
    for number in (1, 2):
        path.write_text(hook(f'return {{"{name}": {number}}}', "client"))
        assert eventually(lambda number=number: version() == number)  # type: ignore[misc]
    path.write_text("def broken(")
    path.unlink()
    assert eventually(lambda: version() is None)


# Refusals ----------------------------------------------------------------------------------------


def too_many(prepared: Prepared, http: TestClient, _: pytest.MonkeyPatch) -> httpx2.Response:
    for _n in range(PER_HOUR * 2 + 1):  # an hour may end meanwhile
        answer = ask(http, prepared.form("limited"))
        if answer.status_code == 429:
            break
    assert 0 < int(answer.headers["retry-after"]) <= 3600
    return answer


def gone(prepared: Prepared, http: TestClient, patch: pytest.MonkeyPatch) -> httpx2.Response:
    def unavailable(*_: object) -> None:
        raise StoreUnavailable("postgresql://db.internal/registry: connection refused")

    patch.setattr(SqlStore, "client", unavailable)
    answer = ask(http, prepared.form("nobody"))
    assert answer.headers["retry-after"] == "1"
    return answer


def slow(prepared: Prepared, http: TestClient, patch: pytest.MonkeyPatch) -> httpx2.Response:
    async def never(*_: object) -> bytes:
        await asyncio.Event().wait()
        raise AssertionError

    patch.setattr(token_endpoint, "PATIENCE", 0.01)
    patch.setattr(token_endpoint, "whole_body", never)
    return ask(http, prepared.form())


Provoke = Callable[[Prepared, TestClient, pytest.MonkeyPatch], httpx2.Response]


def asking(**changes: str | None) -> Provoke:
    return lambda prepared, http, _: ask(http, prepared.form(**changes))


PROVOKED: dict[type[Refusal], tuple[Provoke, str]] = {
    refusals.NotAuthenticated: (asking(client_secret="wrong"), ""),
    refusals.NoClient: (asking(client_id=None, client_secret=None), ""),
    refusals.Malformed: (
        lambda _prepared, http, _: http.post(TOKEN_PATH, json=[1]),
        "",
    ),
    refusals.WrongMethod: (lambda _prepared, http, _: http.get(TOKEN_PATH), ""),
    refusals.TooLarge: (asking(x="x" * 70_000), ""),
    refusals.TooSlow: (slow, ""),
    refusals.NoGrantType: (asking(grant_type=None), ""),
    refusals.UnknownGrantType: (asking(grant_type="password"), ""),
    refusals.GrantTypeNotAllowed: (
        lambda prepared, http, _: ask(http, prepared.form("gateway")),
        "",
    ),
    refusals.NoAudience: (asking(audience=None), ""),
    refusals.SeveralTargets: (asking(resource=UNGRANTED), ""),
    refusals.UnknownAudience: (
        asking(audience="https://nowhere.example/"),
        "https://nowhere.example/",
    ),
    refusals.NoGrant: (asking(audience=UNGRANTED), UNGRANTED),
    refusals.ScopeNotGranted: (asking(scope="orders:read admin more"), "admin, more"),
    refusals.ScopeMalformed: (asking(scope='"'), ""),
    refusals.QuotaExceeded: (too_many, ""),
    refusals.Unavailable: (gone, ""),
}
"""How each refusal is provoked, and what it is about."""


@pytest.mark.parametrize("refusal", catalogue(), ids=lambda refusal: refusal.__name__)
def test_each_refusal_has_its_answer_in_both_dialects(
    http: TestClient,
    prepared: Prepared,
    dialect: tuple[Prepared, TestClient],
    monkeypatch: pytest.MonkeyPatch,
    refusal: type[Refusal],
) -> None:
    assert refusal in PROVOKED, "a refusal without a test"
    provoke, about = PROVOKED[refusal]
    answer, other = provoke(prepared, http, monkeypatch), provoke(*dialect, monkeypatch)
    for each in (answer, other):
        assert each.headers["content-type"] == "application/json"
        assert each.headers["cache-control"] == "no-store"
        assert ("retry-after" in each.headers) == (each.status_code in {429, 503})
    assert (answer.status_code, answer.json()["error"]) == (refusal.status, refusal.error)
    if refusal is not refusals.Malformed:
        assert answer.json()["error_description"] == refusal.default_description
    if (expected := refusal.auth0) is None:
        assert (other.status_code, other.json()) == (answer.status_code, answer.json())
        return
    document = {"error": expected.error}
    document["error_description"] = expected.description.format(about).replace('"', "'")
    if expected.error_uri is not None:
        document["error_uri"] = expected.error_uri
    assert (other.status_code, other.json()) == (expected.status, document)


def test_who_comes_when_all_places_are_taken_is_told_to_come_again(tmp_path: Path) -> None:
    prepared = prepare(tmp_path / "issuer")
    config = prepared.config.read_text()
    prepared.config.write_text(config.replace("[server]", "[server]\nconcurrency = 1"))
    body = str(httpx2.QueryParams(prepared.form(client_secret="wrong"))).encode()
    kind = (b"content-type", b"application/x-www-form-urlencoded")
    scope = {"type": "http", "method": "POST", "path": TOKEN_PATH, "query_string": b""}

    async def statuses(http: TestClient) -> list[int]:
        found: list[int] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": body}

        async def take(message: Message) -> None:
            if message["type"] == "http.response.start":
                found.append(message["status"])

        # A failure is answered only after a while, and takes its place until then.
        requests = [http.app({**scope, "headers": [kind]}, receive, take) for _ in range(2)]
        await asyncio.gather(*requests)
        return found

    with in_process(prepared) as http:
        assert asyncio.run(asyncio.wait_for(statuses(http), 10)) == [503, 401]


# The log -----------------------------------------------------------------------------------------


def test_the_trace_of_an_exchange_is_in_its_answer_and_in_the_log(
    http: TestClient, prepared: Prepared, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, EXCHANGES):
        answers = [ask(http, prepared.form()), ask(http, prepared.form(audience=None))]
    events = [json.loads(record.getMessage()) for record in caplog.records]
    traces = [answer.headers["x-trace-id"] for answer in answers]
    assert [event["trace"] for event in events] == traces
    assert [event["outcome"] for event in events] == ["granted", "refused"]
    assert events[0]["jti"] == verifier(http).verify(answers[0].json()["access_token"])["jti"]
    assert events[0]["scope"] == ["orders:read", "orders:write"]
    assert {"parse", "authenticate", "grant", "hooks", "sign", "total"} == events[0][
        "micros"
    ].keys()
    assert events[1]["error"] == "invalid_request"


@pytest.mark.slow
@pytest.mark.worker
def test_the_log_of_an_issuer_has_one_event_a_request_and_no_secret(tmp_path: Path) -> None:
    with served(prepare(tmp_path / "issuer", lane="worker")) as issuer:
        with httpx2.Client(base_url=issuer.address) as http:
            requests: list[tuple[dict[str, str], dict[str, str]]] = [
                *failures(issuer).values(),
                (issuer.form(), {}),
                (issuer.form("rotating", client_secret=issuer.former), {}),
                (without_secret(issuer), by_basic(issuer)),
                (issuer.form(), by_basic(issuer)),
                (issuer.asserting(issuer.assertion()), {}),
                (issuer.asserting(issuer.assertion(), client_secret="sec-ret"), {}),
                (issuer.asserting(issuer.assertion(exp=1)), {}),
                (issuer.asserting("no.t.jwt"), {}),
                (issuer.form(hook="seen"), {}),
                (issuer.form(hook="AccessDenied"), {}),
                (issuer.form(scope="admin"), {}),
                (issuer.form(audience=None, refresh_token="re-fresh", password="pass-word"), {}),
            ]
            answers = [ask(http, form, **headers) for form, headers in requests]
            secret = issuer.secrets["worker"]
            answers.append(http.post(f"{TOKEN_PATH}?client_secret={secret}", data=issuer.form()))
            answers.append(http.post(TOKEN_PATH, content=f'{{"client_secret":"{secret}'))
        lines = [json.loads(line) for line in issuer.events().splitlines()]
        text = issuer.events()
    events = [line for line in lines if line["event"] == "exchange"]
    assert [event["trace"] for event in events] == [
        answer.headers["x-trace-id"] for answer in answers
    ]
    hidden = {"sec-ret", "re-fresh", "pass-word", issuer.former, *issuer.secrets.values()}
    for form, headers in requests:
        hidden |= set(form.get("client_assertion", "").split("."))
        hidden |= {value.removeprefix("Basic ") for value in headers.values()}
    for answer in answers:
        hidden |= set(answer.json().get("access_token", "").split("."))
    assert [secret for secret in hidden if len(secret) > 5 and secret in text] == []
    assert ASSERTION_TYPE not in text


@pytest.mark.slow
@pytest.mark.worker
def test_all_of_200_requests_at_once_are_answered_while_hooks_change(tmp_path: Path) -> None:
    name = "https://acme.example/version"
    with (
        served(prepare(tmp_path / "issuer", lane="worker")) as issuer,
        httpx2.Client(base_url=issuer.address, timeout=20) as http,
    ):

        def version(number: int) -> object:
            if number in {40, 80, 120, 160}:
                source = hook(f'return {{"{name}": {number}}}', "client")
                (issuer.hooks / "60-version.py").write_text(source)
            answer = ask(http, issuer.form())
            assert answer.status_code == 200, answer.text
            return keys.verify(answer.json()["access_token"]).get(name)

        keys = verifier(http)
        with ThreadPoolExecutor(20) as threads:
            versions = list(threads.map(version, range(200)))
        assert set(versions) <= {None, 40, 80, 120, 160}
        assert eventually(lambda: version(0) == 160)
