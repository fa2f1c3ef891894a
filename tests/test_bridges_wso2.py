"""WSO2 does one operation after the other: in the end the token is what the hooks meant."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bridging import FOLDER, PATH, Answering, Golden, answering

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
