"""What holds for the bridge of any peer, shown with Hydra's: it fails closed, and in time."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.testclient import TestClient

from bridging import FOLDER, KEYS, PATH, Answering, Golden, answering, goldens, prepare, signed_jwt
from claimhooks import Runtime
from claimhooks.bridges import create_bridge
from claimhooks.bridges.hydra import Hydra
from claimhooks.errors import LoadError
from claimhooks.registry import StoreUnavailable
from claimhooks.registry.sql import SqlStore
from claimhooks.serving.operations import codes
from given import eventually, hook

CALL = Golden(FOLDER / "hydra" / "unchanged.json")
REGISTRY = {"clients": {"orders-worker": {"metadata": {"tier": "gold"}}}}
TIER = "https://claims.example.com/tier"
WAITING = """\
import asyncio
from claimhooks import hookimpl

@hookimpl
async def credentials_exchange():
    await asyncio.sleep(10)
"""


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> float:
    """A deadline that a test can wait for, in seconds."""
    monkeypatch.setattr(Hydra, "deadline", 0.3)
    return 0.3


# In time -----------------------------------------------------------------------------------------


def test_hooks_that_wait_for_too_long_are_a_fault_within_the_deadline(
    tmp_path: Path, quick: float
) -> None:
    with answering(tmp_path, "hydra") as bridge:
        (tmp_path / "hooks" / "10-hook.py").write_text(WAITING)
        assert eventually(lambda: bridge.call(CALL).status_code == 500)
        assert bridge.event["reason"] == f"there was no answer after {quick} s"
        assert bridge.event["outcome"] == "fault"
        assert bridge.event["micros"]["total"] < 2 * quick * 1e6


@pytest.mark.worker
def test_a_hook_that_hangs_in_a_worker_is_a_fault_with_its_line(tmp_path: Path) -> None:
    with answering(tmp_path, "hydra", body="while True: pass", lane="worker") as bridge:
        answer = bridge.call(CALL)
        assert answer.status_code == 500
        (found,) = bridge.event["hooks"]
        assert found["code"] == "deadline_exceeded"
        assert bridge.event["lane"] == "worker"


@pytest.mark.worker
@pytest.mark.usefixtures("quick")
def test_a_worker_that_is_given_up_by_a_call_serves_the_next_ones(tmp_path: Path) -> None:
    body = 'if client.id == "slow":\n    import time\n    time.sleep(1)'
    settings = '[worker]\ndeadline = "5s"\n'
    slow = json.loads(CALL.body())
    slow["request"]["client_id"] = "slow"
    with answering(tmp_path, "hydra", body=body, settings=settings, lane="worker") as bridge:
        for _ in range(4):
            late = bridge.http.post(PATH, content=json.dumps(slow), headers=CALL.headers())
            assert late.status_code == 500
            assert bridge.event["reason"] == "there was no answer after 0.3 s"
        assert eventually(lambda: bridge.call(CALL).status_code == 204)
        assert bridge.call(CALL).status_code == 204


def test_a_call_whose_body_does_not_come_is_given_up(tmp_path: Path, quick: float) -> None:
    async def never() -> Any:
        await asyncio.sleep(10)

    with answering(tmp_path, "hydra") as bridge:
        assert _status_of(bridge, never) == [500]
        assert bridge.event["reason"] == f"there was no answer after {quick} s"


def test_who_hangs_up_gets_no_answer_and_is_logged(tmp_path: Path) -> None:
    async def gone() -> Any:
        return {"type": "http.disconnect"}

    with answering(tmp_path, "hydra") as bridge:
        assert _status_of(bridge, gone) == []
        assert bridge.event["reason"] == "the caller has gone away"
        assert bridge.event["outcome"] == "refused"


def _status_of(bridge: Answering, receive: Any) -> list[int]:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(name.encode(), value.encode()) for name, value in CALL.headers().items()]
    scope = {"type": "http", "method": "POST", "headers": headers}
    asyncio.run(bridge.app(scope, receive, send))
    return [message["status"] for message in sent if "status" in message]


def test_more_calls_than_places_are_refused_at_once(tmp_path: Path) -> None:
    with answering(tmp_path, "hydra", settings="[server]\nconcurrency = 1\n") as bridge:
        (tmp_path / "hooks" / "10-hook.py").write_text(WAITING.replace("10)", "1)"))
        generation = bridge.app.bridge.runtime.generation
        assert eventually(lambda: bridge.app.bridge.runtime.generation is not generation)
        first = threading.Thread(target=bridge.call, args=(CALL,))
        first.start()
        assert eventually(lambda: bridge.app.bridge.under_way == 1)
        assert bridge.call(CALL).status_code == 503
        assert bridge.event["reason"] == "all places are taken"
        first.join()
        assert bridge.event["outcome"] == "granted"


# Closed ------------------------------------------------------------------------------------------


def test_a_mistake_of_our_own_is_a_fault_whose_traceback_is_only_in_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def mistaken(*_: object) -> None:
        raise ZeroDivisionError("by a mistake")

    monkeypatch.setattr(Hydra, "granted", mistaken)
    with answering(tmp_path, "hydra") as bridge, caplog.at_level(logging.ERROR):
        answer = bridge.call(CALL)
    assert answer.status_code == 500
    assert "mistake" not in answer.text
    assert bridge.event["outcome"] == "fault"
    assert "ZeroDivisionError: by a mistake" in caplog.text


def test_a_hook_that_awaits_what_has_been_cancelled_is_a_fault(tmp_path: Path) -> None:
    # Of a 500, which is what becomes of a task that ends as cancelled, Okta makes a token.
    golden = Golden(FOLDER / "okta" / "unchanged.json")
    with answering(tmp_path, "okta") as bridge:
        source = WAITING.replace("await asyncio.sleep(10)", "raise asyncio.CancelledError")
        (tmp_path / "hooks" / "10-hook.py").write_text(source)
        bridge.app.bridge.runtime.reload()
        answer = bridge.call(golden)
        assert answer.status_code == 200
        assert "errorSummary" in answer.json()["error"]
        (found,) = bridge.event["hooks"]
        assert found["code"] == "hook_raised"


def test_without_its_registry_a_bridge_says_no_and_that_it_may_be_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: object) -> None:
        raise StoreUnavailable("the database is gone")

    with answering(tmp_path, "hydra", registry=REGISTRY) as bridge:
        monkeypatch.setattr(SqlStore, "client", gone)
        assert bridge.call(CALL).status_code == 503
        assert bridge.event["reason"] == "the database is gone"
        monkeypatch.undo()
        assert bridge.call(CALL).status_code == 204
        # What has been found is remembered.
        monkeypatch.setattr(SqlStore, "client", gone)
        assert bridge.call(CALL).status_code == 204


def test_a_bridge_with_a_registry_answers_nothing_before_it_is_started(tmp_path: Path) -> None:
    config = prepare(tmp_path, "hydra", registry=REGISTRY)
    with Runtime(tmp_path / "hooks", config) as runtime:
        app = create_bridge("hydra", runtime)
        http = TestClient(Starlette(routes=[Route(PATH, app)]))
        answer = http.post(PATH, content=CALL.body(), headers=CALL.headers())
        assert answer.status_code == 503
        asyncio.run(app.bridge.clients.stop())


def test_a_change_in_the_registry_is_seen_within_a_second(tmp_path: Path) -> None:
    body = f'return {{"{TIER}": client.metadata["tier"]}}'
    text = '[clients.orders-worker]\nmetadata = { tier = "gold" }\n'
    (tmp_path / "registry.toml").write_text(text)
    server = '[server]\nregistry = "registry.toml"\n'
    with answering(tmp_path, "hydra", body=body, settings=server) as bridge:
        assert '"gold"' in bridge.call(CALL).text
        (tmp_path / "registry.toml").write_text(text.replace("gold", "silver"))
        assert eventually(lambda: '"silver"' in bridge.call(CALL).text, 3)
        (tmp_path / "registry.toml").write_text(text + "enabled = false\n")
        assert eventually(lambda: bridge.call(CALL).status_code == 403, 3)
        (tmp_path / "registry.toml").write_text("[clients")
        assert eventually(lambda: codes(bridge.app.bridge) == ["registry_malformed"], 3)
        assert bridge.call(CALL).status_code == 403


@pytest.mark.parametrize("client_id", ["", "\0", "a\nb", "\u2028", "ä" * 300])
def test_a_client_id_that_nobody_can_have_is_unknown(tmp_path: Path, client_id: str) -> None:
    call = json.loads(CALL.body())
    call["request"]["client_id"] = client_id
    with answering(tmp_path, "hydra", registry=REGISTRY) as bridge:
        answer = bridge.http.post(PATH, content=json.dumps(call), headers=CALL.headers())
        assert answer.status_code == 403
        assert bridge.event["outcome"] == "refused"


@pytest.mark.parametrize("golden", goldens("hydra"), ids=str)
def test_a_log_line_holds_no_credential(golden: Golden, tmp_path: Path) -> None:
    document = golden.document
    with answering(
        tmp_path,
        "hydra",
        body=document.get("hook", ""),
        settings=document.get("settings", ""),
        registry=document.get("registry"),
    ) as bridge:
        bridge.call(golden)
        assert b"hydra-api-key" not in bridge.lines[-1]
        assert b"eyJhbGciOiJub25lIn0" not in bridge.lines[-1]


@pytest.fixture(scope="module")
def bridge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Answering]:
    with answering(tmp_path_factory.mktemp("bridge"), "hydra") as bridge:
        yield bridge


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


@given(
    body=st.binary(max_size=200)
    | VALUES.map(lambda value: json.dumps(value).encode())
    | st.dictionaries(
        st.sampled_from(["request", "session"]),
        st.dictionaries(
            st.sampled_from(["client_id", "granted_scopes", "extra", "payload", "id_token"]),
            VALUES,
        ),
    ).map(lambda value: json.dumps(value).encode())
)
@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_no_call_of_the_peer_is_refused(bridge: Answering, body: bytes) -> None:
    answer = bridge.http.post(PATH, content=body, headers=CALL.headers())
    assert answer.status_code == 400
    assert bridge.event["outcome"] == "refused"
    assert bridge.event["reason"]


@given(
    changes=st.fixed_dictionaries(
        {},
        optional={
            "client_id": st.text(max_size=20),
            "granted_scopes": st.lists(st.text(max_size=5), max_size=3),
            "granted_audience": st.lists(st.text(max_size=5), max_size=1),
            "payload": st.dictionaries(st.text(max_size=12), st.lists(st.text(), max_size=2)),
        },
    )
)
@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_a_call_says_is_never_a_mistake_of_our_own(
    bridge: Answering, changes: dict[str, Any]
) -> None:
    body = json.loads(CALL.body())
    body["request"] |= changes
    bridge.http.post(PATH, content=json.dumps(body).encode(), headers=CALL.headers())
    assert bridge.event["outcome"] in {"granted", "refused"}


@pytest.mark.parametrize("header", ["authorization", "Authorization"])
def test_two_keys_are_none(bridge: Answering, header: str) -> None:
    headers = [*CALL.headers().items(), (header, CALL.headers()["authorization"])]
    answer = bridge.http.post(PATH, content=CALL.body(), headers=headers)
    assert answer.status_code == 401


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "HEAD"])
def test_a_call_is_a_post(bridge: Answering, method: str) -> None:
    answer = bridge.http.request(method, PATH, headers=CALL.headers())
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


# How a peer proves itself ------------------------------------------------------------------------


def test_a_key_may_be_in_a_cookie(tmp_path: Path) -> None:
    table = '[bridges.hydra]\napi_key = { cookie = "hook-key", secrets = ["WSO2_TOKEN"] }\n'
    with answering(tmp_path, "hydra", bridge=table) as bridge:

        def status(cookie: str) -> int:
            headers = {"content-type": "application/json", "cookie": cookie}
            found: int = bridge.http.post(PATH, content=CALL.body(), headers=headers).status_code
            return found

        assert status("a=b; hook-key=9f1c-wso2-token; c=d") == 204
        assert status('hook-key="9f1c-wso2-token"') == 204
        assert status("hook-key=9f1c-wso2-tokem") == 401
        assert status("hook-key=9f1c-wso2-token; hook-key=9f1c-wso2-token") == 401
        assert status("other=9f1c-wso2-token") == 401
        assert status("") == 401


def test_the_key_is_followed_with_the_settings_and_a_bad_save_changes_nothing(
    tmp_path: Path,
) -> None:
    with answering(tmp_path, "hydra") as bridge:
        config = tmp_path / "claimhooks.toml"
        text = config.read_text()
        assert bridge.call(CALL).status_code == 204
        config.write_text(text.replace('"HYDRA_API_KEY", "HYDRA_API_KEY_NEXT"', '"NO_SUCH_KEY"'))
        assert eventually(lambda: bridge.call(CALL) and codes(bridge.app.bridge) != [])
        assert codes(bridge.app.bridge) == ["secret_missing"]
        assert bridge.call(CALL).status_code == 204
        config.write_text(text.replace('"HYDRA_API_KEY", ', ""))
        assert eventually(lambda: bridge.call(CALL).status_code == 401)
        assert codes(bridge.app.bridge) == []


@pytest.mark.parametrize(
    ("table", "code", "reason"),
    [
        ("", "bridge_caller", "how hydra authenticates itself is missing: it is one of api_key"),
        (
            '[bridges.hydra]\nbearer = { secrets = ["WSO2_TOKEN"] }\n',
            "bridge_caller",
            "how hydra authenticates itself cannot be bearer: it is one of api_key",
        ),
        (
            '[bridges.hydra]\napi_key = { header = "x-key", secrets = ["NO_SUCH_KEY"] }\n',
            "secret_missing",
            "NO_SUCH_KEY",
        ),
        (
            '[bridges.hydra]\napi_key = { header = "x-key", secrets = [] }\n',
            "settings_invalid",
            "bridges.hydra.api_key.secrets",
        ),
        (
            '[bridges.hydra]\napi_key = { secrets = ["WSO2_TOKEN"] }\n',
            "settings_invalid",
            "say where the key is",
        ),
        (
            "[bridges.hydra]\nbearer.secrets = ['A']\nbasic = {user = 'u', secrets = ['A']}\n",
            "settings_invalid",
            "a call is authenticated in one way, not by basic and bearer",
        ),
        ("[bridges.hydro]\n", "settings_invalid", "bridges.hydro"),
    ],
)
def test_a_bridge_that_nobody_has_to_prove_himself_to_does_not_start(
    tmp_path: Path, table: str, code: str, reason: str
) -> None:
    config = prepare(tmp_path, "hydra", bridge=table or "\n")
    with pytest.raises(LoadError) as error, Runtime(tmp_path / "hooks", config) as runtime:
        create_bridge("hydra", runtime)
    (problem,) = error.value.problems
    assert problem.code == code
    assert reason in problem.reason


JWT = """\
[bridges.wso2]
jwt = {{ jwks = "{jwks}", issuer = "https://is.example.com/", audience = "claimhooks" }}
"""


@pytest.mark.parametrize("content", [None, "{", "[]", '{"keys": 1}', '{"keys": [{"kty": "x"}]}'])
def test_a_file_that_is_no_key_set_keeps_a_bridge_from_starting(
    tmp_path: Path, content: str | None
) -> None:
    config = prepare(tmp_path, "wso2", bridge=JWT.format(jwks="keys.json"))
    if content is not None:
        (tmp_path / "keys.json").write_text(content)
    with pytest.raises(LoadError) as error, Runtime(tmp_path / "hooks", config) as runtime:
        create_bridge("wso2", runtime)
    (problem,) = error.value.problems
    assert problem.code == "bridge_keys"
    assert problem.file == str(tmp_path / "keys.json")


class _Keys(BaseHTTPRequestHandler):
    body = json.dumps({"keys": [KEYS["peer"].public_jwk()]}).encode()

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def _key_server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Keys) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/jwks.json"
        server.shutdown()
        thread.join()


def test_keys_may_be_at_a_url_and_without_them_nobody_is_proven(tmp_path: Path) -> None:
    golden = Golden(FOLDER / "wso2" / "unchanged.json")
    token = signed_jwt(iss="https://is.example.com/", aud="claimhooks", exp=60)
    headers = {**golden.headers(), "authorization": f"Bearer {token}"}
    for number, is_there in enumerate([True, False]):
        folder = tmp_path / str(number)
        folder.mkdir()
        with _key_server() as url:
            address = url if is_there else "http://127.0.0.1:9/jwks.json"
            with answering(folder, "wso2", bridge=JWT.format(jwks=address)) as bridge:
                answer = bridge.http.post(PATH, content=golden.body(), headers=headers)
                assert answer.status_code == (200 if is_there else 503)
                assert bridge.event["outcome"] == ("granted" if is_there else "refused")


def test_keys_in_a_file_are_read_again_with_the_hooks(tmp_path: Path) -> None:
    golden = Golden(FOLDER / "wso2" / "unchanged.json")
    token = signed_jwt(iss="https://is.example.com/", aud="claimhooks", exp=60)
    headers = {**golden.headers(), "authorization": f"Bearer {token}"}
    with answering(tmp_path, "wso2", bridge=JWT.format(jwks="jwks.json")) as bridge:

        def status() -> int:
            answer = bridge.http.post(PATH, content=golden.body(), headers=headers)
            return int(answer.status_code)

        assert status() == 200
        jwks = {"keys": [KEYS["other"].public_jwk()]}
        (tmp_path / "jwks.json").write_text(json.dumps(jwks))
        (tmp_path / "hooks" / "10-hook.py").write_text(hook("return {}"))
        assert eventually(lambda: status() == 401)


def test_keys_come_over_tls_or_from_this_machine(tmp_path: Path) -> None:
    config = prepare(tmp_path, "wso2", bridge=JWT.format(jwks="http://keys.example/jwks.json"))
    with pytest.raises(LoadError, match=r"bridges\.wso2\.jwt\.jwks"):
        Runtime(tmp_path / "hooks", config)


# Several in one application ----------------------------------------------------------------------


def test_two_bridges_share_a_runtime_in_one_application(tmp_path: Path) -> None:
    table = "".join((FOLDER / peer / "peer.toml").read_text() for peer in ("hydra", "wso2"))
    config = prepare(tmp_path, "hydra", f'return {{"{TIER}": "gold"}}', table)
    with Runtime(tmp_path / "hooks", config) as runtime:
        hydra, wso2 = create_bridge("hydra", runtime), create_bridge("wso2", runtime)
        http = TestClient(Starlette(routes=[Route("/hydra", hydra), Route("/wso2", wso2)]))
        for peer in ("hydra", "wso2"):
            golden = Golden(FOLDER / peer / "unchanged.json")
            answer = http.post(f"/{peer}", content=golden.body(), headers=golden.headers())
            assert answer.status_code == 200
            assert TIER in answer.text
        # Each for its own peer alone.
        crossed = http.post("/hydra", content=golden.body(), headers=golden.headers())
        assert crossed.status_code == 401


def test_hooks_are_reloaded_under_a_bridge(tmp_path: Path) -> None:
    with answering(tmp_path, "hydra") as bridge:
        assert bridge.call(CALL).status_code == 204
        (tmp_path / "hooks" / "10-hook.py").write_text(hook('raise AccessDenied("no")'))
        assert eventually(lambda: bridge.call(CALL).status_code == 403)
        (tmp_path / "hooks" / "10-hook.py").write_text("def")
        assert eventually(lambda: codes(bridge.app.bridge) == ["syntax_error"])
        assert bridge.call(CALL).status_code == 403
