"""WSO2 does one operation after the other: in the end the token is what the hooks meant."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bridging import FOLDER, PATH, Answering, Golden, answering
from claimhooks.bridges import repeats
from claimhooks.serving.call import Answer
from given import eventually

CALL = Golden(FOLDER / "wso2" / "unchanged.json")
A = "urn:acme:a"
SCOPES = ["orders.read", "orders.write", "orders.export", "reports.read"]
OPERATIONS = [
    {"op": "add", "paths": ["/accessToken/claims/", "/accessToken/scopes/"]},
    {"op": "remove", "paths": ["/accessToken/scopes/"]},
    {
        "op": "replace",
        "paths": ["/accessToken/claims/expires_in", "/accessToken/claims/urn:acme:a"],
    },
]
HOOK = """
import json
return json.loads(context.request.params["patch"])
"""


@pytest.fixture(scope="module")
def bridge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Answering]:
    registry = {
        "clients": {"orders-worker": {}},
        "apis": {"https://api.example.com/": {"scopes": dict.fromkeys(SCOPES, "")}},
    }
    folder = tmp_path_factory.mktemp("wso2")
    with answering(folder, "wso2", body=HOOK, registry=registry) as bridge:
        yield bridge


def done(
    call: dict[str, Any], operations: list[dict[str, Any]]
) -> tuple[list[str], dict[str, Any]]:
    """The scopes and claims of the token after WSO2 has done `operations`, as its source has it."""
    token = call["event"]["accessToken"]
    asked_scopes, scopes = token["scopes"], [*token["scopes"]]
    claims = {claim["name"]: claim["value"] for claim in token["claims"]}
    allowed = {one["op"]: one["paths"] for one in call["allowedOperations"]}
    for operation in operations:
        op, path = operation["op"], operation["path"]
        around, _, last = path.rpartition("/")
        assert path in allowed[op] or f"{around}/" in allowed[op]
        match op, around:
            case "add", "/accessToken/scopes":
                assert last == "-"
                assert operation["value"] not in scopes
                scopes.append(operation["value"])
            case "remove", "/accessToken/scopes":
                scopes.remove(asked_scopes[int(last)])
            case "add", "/accessToken/claims":
                assert last == "-"
                name, value = operation["value"]["name"], operation["value"]["value"]
                assert name not in claims
                claims[name] = value
            case "replace", "/accessToken/claims":
                assert last in claims
                claims[last] = operation["value"]
            case _:
                pytest.fail(f"WSO2 would skip {operation}")
    return scopes, claims


def test_a_call_that_is_made_again_is_answered_the_same_and_hooks_run_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = """
    import itertools
    globals().setdefault("count", itertools.count(1))
    return {"urn:acme:run": next(count)}
    """
    with answering(tmp_path, "wso2", body=body) as bridge:

        def run(request_id: str | None, client: str = "orders-worker") -> int:
            call = json.loads(CALL.body())
            call["requestId"] = request_id
            call["event"]["request"]["clientId"] = client
            answer = bridge.http.post(PATH, content=json.dumps(call), headers=CALL.headers())
            (operation,) = answer.json()["operations"]
            number: int = operation["value"]["value"]
            return number

        assert [run("a"), run("a"), run("a")] == [1, 1, 1]
        assert bridge.event["repeated"] is True
        assert bridge.event["outcome"] == "granted"
        # Another call, or one without an id, is none that was made again.
        assert [run("b"), run(None), run(None), run("a", "other")] == [2, 3, 4, 5]
        assert "repeated" not in bridge.event
        # Neither is one that comes too late, or once there are other hooks.
        monkeypatch.setattr(repeats, "monotonic", lambda: time.monotonic() + repeats.KEPT)
        assert run("a") == 6
        monkeypatch.undo()
        source = tmp_path / "hooks" / "10-hook.py"
        source.write_text(source.read_text().replace("count(1)", "count(100)"))
        assert eventually(lambda: run("a") == 100)


def test_no_answer_is_given_again_once_the_registry_or_the_settings_say_no(tmp_path: Path) -> None:
    text = "[clients.orders-worker]\n"
    (tmp_path / "registry.toml").write_text(text)
    server = '[server]\nregistry = "registry.toml"\n'
    body = 'return {"urn:acme:nested": {}}'
    table = (FOLDER / "wso2" / "peer.toml").read_text() + 'on_unsupported = "drop"\n'
    with answering(tmp_path, "wso2", body=body, bridge=table, settings=server) as bridge:

        def status() -> str:
            found: str = bridge.call(CALL).json()["actionStatus"]
            return found

        assert [status(), status()] == ["SUCCESS", "SUCCESS"]
        assert bridge.event["repeated"] is True
        (tmp_path / "registry.toml").write_text(text + "enabled = false\n")
        assert eventually(lambda: status() == "FAILED", 3)
        assert bridge.event["reason"] == "the client 'orders-worker' is disabled in the registry"
        (tmp_path / "registry.toml").write_text(text)
        assert eventually(lambda: status() == "SUCCESS", 3)
        config = tmp_path / "claimhooks.toml"
        config.write_text(config.read_text().replace('"drop"', '"deny"'))
        assert eventually(lambda: status() == "FAILED", 3)
        assert bridge.event["outcome"] == "unsupported"


def test_what_has_failed_is_tried_again(tmp_path: Path) -> None:
    body = """
    import itertools
    globals().setdefault("count", itertools.count(1))
    if next(count) == 1:
        raise RuntimeError("not yet")
    """
    with answering(tmp_path, "wso2", body=body) as bridge:
        assert bridge.call(CALL).status_code == 500
        assert bridge.call(CALL).status_code == 200


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repeats, "MAX_ANSWERS", 3)
    remembered = repeats.Repeats()
    keys = [repeats.key_of(str(number), b"", "") for number in range(10)]
    for key in keys:
        remembered.keep(key, Answer(200), "granted")
    found = [key for key in keys if remembered.find(key)]
    assert 0 < len(found) <= 3
    assert found == keys[-len(found) :]
    remembered.keep(keys[0], Answer(200, b"x" * (repeats.MAX_BYTES + 1)), "granted")
    assert remembered.find(keys[0]) is None


PATCHES = st.fixed_dictionaries(
    {},
    optional={
        "scope": st.lists(st.sampled_from(SCOPES), unique=True),
        "expires_in": st.integers(1, 3600),
        A: st.text(max_size=5) | st.integers(0, 3) | st.booleans(),
        "urn:acme:b": st.lists(st.text(max_size=3), max_size=3),
        "https://claims.example.com/c": st.floats(allow_nan=False, allow_infinity=False),
    },
)


@given(
    patch=PATCHES,
    scopes=st.lists(st.sampled_from(SCOPES), unique=True),
    value=st.text(max_size=5) | st.integers(0, 3) | st.booleans(),
)
@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_operations_make_the_token_that_the_hooks_asked_for(
    bridge: Answering, patch: dict[str, Any], scopes: list[str], value: object
) -> None:
    call = json.loads(CALL.body())
    call["requestId"] = None
    call["allowedOperations"] = OPERATIONS
    request, token = call["event"]["request"], call["event"]["accessToken"]
    request["additionalParams"] = {"patch": [json.dumps(patch)]}
    token["scopes"] = scopes
    token["claims"] = [
        {"name": "aud", "value": ["orders-worker", "https://api.example.com/"]},
        {"name": "expires_in", "value": 3600},
        {"name": A, "value": value},
    ]
    answer = bridge.http.post(PATH, content=json.dumps(call).encode(), headers=CALL.headers())
    assert answer.json()["actionStatus"] == "SUCCESS", bridge.event
    got_scopes, got_claims = done(call, answer.json()["operations"])
    assert set(got_scopes) == set(patch.get("scope", scopes))
    expected = {"aud": ["orders-worker", "https://api.example.com/"], "expires_in": 3600}
    expected |= {A: value} | {k: v for k, v in patch.items() if k != "scope"}
    assert json.dumps(got_claims, sort_keys=True) == json.dumps(expected, sort_keys=True)
