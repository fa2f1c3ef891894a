"""What tests of bridges begin with: golden calls, and a bridge that answers them.

A golden file ``bridges/PEER/CASE.json``::

    {"about": "what it shows",
     "hook": "the body of a hook",                     absent: one that does nothing
     "bridge": "another table for that of peer.toml",
     "settings": "more lines for claimhooks.toml",
     "registry": {"clients": {…}, "apis": {…}, "grants": […]},
     "time": 1795446000,                               what the clock of the bridge shows
     "jwt": {"key": "peer", "claims": {"exp": 300}},   put in the place of {jwt} in a header
     "request": {"headers": {…}, "body": {…}, "padding": 5000000, "times": 2},
     "answer": {"status": 200, "headers": {…}, "body": {…}},
     "event": {"outcome": "granted"}}

``bridges/PEER/peer.toml`` holds the settings of the bridge, ``bridges/secrets`` its secrets. A
`body` that is text is sent as it is. `headers` of an answer, and `event`, are a part of what is
there; its `body` is all of it, null if it is empty.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jwt
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.testclient import TestClient

from claimhooks import Runtime
from claimhooks.bridges import caller as caller_module
from claimhooks.bridges import create_bridge
from claimhooks.registry import Document, open_sql
from claimhooks.serving.events import Event, Events
from claimhooks.token import SigningKey
from given import hook

if TYPE_CHECKING:
    import pytest

    from claimhooks.bridges.routes import BridgeApp
    from claimhooks.settings import PeerName

FOLDER = Path(__file__).parent / "bridges"
KEYS = {name: SigningKey.generate("ES256") for name in ("peer", "other")}
"""The peer's, whose public half the bridge knows, and one of somebody else."""
SETTINGS = """\
quiet = "10ms"
secrets_dir = "{secrets}"
{server}
[policy]
namespaces = ["https://claims.example.com/", "urn:acme:"]

"""
PATH = "/token-hook"


class Kept(Events):
    """Events whose lines are kept where a test looks."""

    def __init__(self, lines: list[bytes]) -> None:
        super().__init__()
        self._lines = lines

    def add(self, event: Event) -> None:
        self._lines.append(self.told(event))


class Golden:
    """One call and the answer to it."""

    def __init__(self, path: Path) -> None:
        self.peer: PeerName = path.parent.name  # type: ignore[assignment]  # the folder of a peer
        self.case = path.stem
        self.document: dict[str, Any] = json.loads(path.read_text())

    def __str__(self) -> str:
        return f"{self.peer}-{self.case}"

    @property
    def answer(self) -> dict[str, Any]:
        """What is to come back."""
        answer: dict[str, Any] = self.document["answer"]
        return answer

    @property
    def event(self) -> dict[str, Any]:
        """What is to be logged."""
        event: dict[str, Any] = self.document["event"]
        return event

    def headers(self) -> dict[str, str]:
        """The headers of the call."""
        given: dict[str, str] = self.document["request"]["headers"]
        if (signed := self.document.get("jwt")) is None:
            return given
        token = signed_jwt(signed.get("key", "peer"), **signed["claims"])
        return {name: value.replace("{jwt}", token) for name, value in given.items()}

    def body(self) -> bytes:
        """The body of the call."""
        request = self.document["request"]
        body = request["body"]
        if isinstance(body, str):
            return body.encode()
        if padding := request.get("padding"):
            body |= {"padding": "x" * padding}
        return json.dumps(body).encode()


def goldens(peer: str = "*") -> list[Golden]:
    """All golden calls of a peer."""
    return [Golden(path) for path in sorted(FOLDER.glob(f"{peer}/*.json"))]


def signed_jwt(key: str = "peer", **claims: Any) -> str:
    """A JWT whose times are seconds from now."""
    now = int(time.time())
    times = {name: now + claims[name] for name in ("iat", "nbf", "exp") if name in claims}
    signer = KEYS[key]
    headers = {"kid": KEYS["peer"].kid}
    return jwt.encode(claims | times, signer.private, algorithm="ES256", headers=headers)


class Answering:
    """A bridge that is served, and what it has logged."""

    def __init__(self, app: BridgeApp, http: TestClient, lines: list[bytes]) -> None:
        self.app = app
        self.http = http
        self.lines = lines

    def call(self, golden: Golden) -> Any:
        """The answer to the call of `golden`."""
        return self.http.post(PATH, content=golden.body(), headers=golden.headers())

    @property
    def event(self) -> dict[str, Any]:
        """The latest."""
        event: dict[str, Any] = json.loads(self.lines[-1])
        return event


@contextmanager
def answering(
    folder: Path,
    peer: PeerName,
    *,
    body: str = "",
    bridge: str = "",
    settings: str = "",
    registry: dict[str, Any] | None = None,
    lane: str = "inline",
) -> Iterator[Answering]:
    """A bridge mounted in a Starlette application, with one hook of this `body`."""
    config = prepare(folder, peer, body, bridge, settings, registry, lane)
    with Runtime(folder / "hooks", config, watch=True) as runtime:
        app = create_bridge(peer, runtime)
        lines: list[bytes] = []
        app.bridge.events = Kept(lines)
        around = Starlette(routes=[Route(PATH, app)], lifespan=app.lifespan)
        with TestClient(around, raise_server_exceptions=False) as http:
            yield Answering(app, http, lines)


def prepare(
    folder: Path,
    peer: PeerName,
    body: str = "",
    bridge: str = "",
    settings: str = "",
    registry: dict[str, Any] | None = None,
    lane: str = "inline",
) -> Path:
    """Fill `folder` with hooks, settings and a registry; returns the settings."""
    (folder / "hooks").mkdir()
    (folder / "hooks" / "10-hook.py").write_text(hook(body))
    jwks = {"keys": [KEYS["peer"].public_jwk()]}
    (folder / "jwks.json").write_text(json.dumps(jwks))
    server = f'lane = "{lane}"\n'
    if registry is not None:
        store = open_sql(folder / "registry.db", create=True)
        store.replace(Document.model_validate(registry))
        store.close()
        server += '[server]\nregistry = "registry.db"\n'
    config = folder / "claimhooks.toml"
    table = bridge or (FOLDER / peer / "peer.toml").read_text()
    secrets = FOLDER / "secrets"
    config.write_text(SETTINGS.format(secrets=secrets, server=server) + table + settings)
    return config


@contextmanager
def replaying(golden: Golden, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Answering]:
    """The bridge that `golden` is about."""
    document = golden.document
    if (shown := document.get("time")) is not None:
        monkeypatch.setattr(caller_module, "time", lambda: shown)
    with answering(
        folder,
        golden.peer,
        body=document.get("hook", ""),
        bridge=document.get("bridge", ""),
        settings=document.get("settings", ""),
        registry=document.get("registry"),
    ) as bridge:
        yield bridge
