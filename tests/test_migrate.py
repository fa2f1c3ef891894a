"""Hooks of the shapes that people publish: in Node.js and, translated, in a Runtime."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from claimhooks import Api, Client, Exchange, Outcome, Runtime
from claimhooks.errors import rfc_text
from claimhooks.migrate import translate
from given import API
from programs import Programs

HOOKS = Path(__file__).parent / "migrate"
NAMES = sorted(path.stem for path in HOOKS.glob("*.js"))
LOOKING_UP = sorted(name for name in NAMES if "CRM_URL" in (HOOKS / f"{name}.js").read_text())
SCOPES = ("orders:read", "orders:write", "reports:export")
CODES = {
    "InvalidScopeError": "invalid_scope",
    "InvalidRequestError": "invalid_request",
    "ServerError": "server_error",
}

Table = dict[str, Any]


class Crm(BaseHTTPRequestHandler):
    """What the hooks look things up at."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer(*self._found())

    def do_POST(self) -> None:
        sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.headers["Authorization"] != "Bearer t0ken-value":
            self._answer(401, {})
        elif sent["client"] == "missing":
            self._answer(204, None)
        else:
            self._answer(200, {"results": [{"name": sent["client"]}, {"name": sent["audience"]}]})

    def _found(self) -> tuple[int, object]:
        path = self.path.partition("?")[0]
        if self.headers["Authorization"] != "Bearer t0ken-value":
            return 401, {"error": "unauthorized"}
        if path == "/health":
            return 200, {"status": "up"}
        known = {
            "orders-worker": {
                "active": True,
                "plan": "gold",
                "roles": [{"name": "a"}, {"name": ""}, {}],
                "scopes": ["orders:write"],
            },
            "passive": {"active": False, "roles": [], "scopes": []},
        }
        client = path.removeprefix("/clients/")
        if client == "broken":
            return 500, {"error": "broken"}
        return (200, known[client]) if client in known else (404, {"error": "unknown"})

    def _answer(self, status: int, body: object) -> None:
        data = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.fixture(scope="module")
def crm() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Crm)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def exchanges(name: str, crm: str) -> list[Table]:
    """The exchanges that a hook is tried on."""
    found: list[Table] = json.loads((HOOKS / f"{name}.json").read_text())
    for given in found:
        secrets = given.get("secrets", {})
        given["secrets"] = {k: v.replace("SERVER", crm) for k, v in secrets.items()}
    return found


def as_in_node(given: Table) -> Table:
    """An exchange, as the old system handed it to a hook."""
    client = {"id": given.get("id", "orders-worker"), "metadata": given.get("metadata", {})}
    client |= {key: given[key] for key in ("name", "tenant") if key in given}
    scope, audience = given.get("scope", []), given.get("audience", API)
    return {"client": client, "scope": scope, "audience": audience, "secrets": given["secrets"]}


def as_exchange(given: Table) -> Exchange:
    """The same, as hooks of claimhooks are given it."""
    node = as_in_node(given)
    api = Api(identifier=node["audience"], scopes=SCOPES)
    client = Client(**node["client"])
    return Exchange(client=client, audience=api.identifier, scope=tuple(node["scope"]), api=api)


def expected(answer: Table) -> Table:
    """What the old system made of the answer of a hook."""
    if "thrown" in answer:
        return {"error": "server_error"}
    if "error" in answer:
        error = answer["error"]
        code = CODES.get(error["name"])
        if code is None:
            return {"error": "server_error"}
        return {"error": code, "error_description": rfc_text(error["message"])}
    data = dict(answer["data"])
    scope = list(dict.fromkeys(data.pop("scope", None) or []))
    return {"scope": scope, "claims": data}


def came(outcome: Outcome) -> Table:
    """The same of the outcome of a translated hook."""
    if outcome.status == "granted":
        return {"scope": outcome.scope, "claims": outcome.claims}
    assert outcome.error is not None
    if outcome.status == "fault":
        assert all(not entry.refused for entry in outcome.trace), outcome.trace
        return {"error": "server_error"}
    return {"error": outcome.error.error, "error_description": outcome.error.error_description}


def installed(name: str, folder: Path, lane: str = "inline") -> Path:
    """The translation of a hook in a folder, with the settings that it says it needs."""
    found = translate((HOOKS / f"{name}.js").read_text(), f"{name}.js", name)
    hooks = folder / "hooks"
    hooks.mkdir(parents=True)
    (hooks / f"{name}.py").write_text(found.python)
    settings = f'lane = "{lane}"\n[policy]\nscopes = "any"\n{found.settings}'
    (folder / "claimhooks.toml").write_text(settings)
    return hooks


@pytest.fixture(scope="module")
def in_node(crm: str, pytestconfig: pytest.Config) -> dict[str, list[Table]]:
    """What every hook answers in Node.js to each of its exchanges."""
    assert pytestconfig.cache is not None
    programs = Programs.with_packages("migrate/node", pytestconfig.cache)
    given = [
        {
            "hook": str(HOOKS / f"{name}.js"),
            "exchanges": list(map(as_in_node, exchanges(name, crm))),
        }
        for name in NAMES
    ]
    found = json.loads(programs.run("run.js", json.dumps(given), {}))
    return dict(zip(NAMES, found, strict=True))


def run_translated(
    name: str, folder: Path, crm: str, monkeypatch: pytest.MonkeyPatch, lane: str = "inline"
) -> list[Table]:
    """What comes of the translation of a hook on each of its exchanges."""
    hooks = installed(name, folder, lane)
    outcomes: list[Table] = []
    for given in exchanges(name, crm):
        for key, value in given["secrets"].items():
            monkeypatch.setenv(key, value)
        with Runtime(hooks, folder / "claimhooks.toml") as runtime:
            outcomes.append(came(runtime.run(as_exchange(given))))
    return outcomes


@pytest.mark.interop
@pytest.mark.parametrize("name", NAMES)
def test_a_translated_hook_gives_the_tokens_that_it_gave_in_node(
    name: str,
    in_node: dict[str, list[Table]],
    crm: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = run_translated(name, tmp_path, crm, monkeypatch)
    wanted = [expected(answer) for answer in in_node[name]]
    for given, *both in zip(exchanges(name, crm), found, wanted, strict=True):
        if given.get("text") == "of a library":
            for one in both:
                one["error_description"] = ""
    assert found == wanted


@pytest.mark.worker
@pytest.mark.interop
@pytest.mark.parametrize("name", ["axios_await", "request_callback"])
def test_a_lookup_works_in_the_worker_lane_with_the_settings_that_were_printed(
    name: str,
    in_node: dict[str, list[Table]],
    crm: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = run_translated(name, tmp_path, crm, monkeypatch, "worker")
    assert found == [expected(answer) for answer in in_node[name]]
