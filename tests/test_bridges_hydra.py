"""A real Ory Hydra asks the bridge about its tokens."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import jwt
import pytest

import hydra
from given import eventually, hook
from serving import free_port

pytestmark = [pytest.mark.slow, pytest.mark.interop]

KEY = "Bearer 5e0f-hydra-hook"
TIER = "https://acme.example/tier"
HOOK = hook(
    f"""
    if "denied" in client.id:
        raise AccessDenied("this client is suspended")
    if "broken" in client.id:
        raise RuntimeError("hunter2")
    patch = {{"{TIER}": client.metadata.get("tier", "free")}}
    if "narrowed" in client.id:
        patch["scope"] = scope[:1]
    return patch
    """
)
CLIENTS = ("worker", "denied", "broken", "narrowed", "stranger")
SETTINGS = """
secrets_dir = "secrets"
[server]
registry = "registry.toml"
[bridges.hydra]
api_key = { header = "authorization", secrets = ["HYDRA_API_KEY"] }
audience = "https://api.acme.example/"
"""


def answer(url: str, body: bytes, kind: str) -> tuple[int, dict[str, object]]:
    try:
        with urlopen(Request(url, body, {"content-type": kind}), timeout=30) as found:
            return found.status, json.load(found)
    except HTTPError as error:
        return error.code, json.loads(error.read())


@contextmanager
def running(
    command: list[str], folder: Path, environment: Mapping[str, str], port: int
) -> Iterator[None]:
    log = folder / f"{Path(command[0]).name}-{port}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=folder, env={**os.environ, **environment}, stdout=output, stderr=output
        )
        try:
            assert eventually(lambda: is_ready(port) or process.poll() is not None, 60)
            assert process.poll() is None, log.read_text()[-2000:]
            yield
        finally:
            process.terminate()
            process.wait(20)


def is_ready(port: int) -> bool:
    try:
        with urlopen(f"http://127.0.0.1:{port}/health/ready", timeout=5) as found:
            return bool(found.status == 200)
    except HTTPError:
        # The bridge, which has it elsewhere.
        return True
    except OSError:
        return False


class Hydra:
    """One that runs, with a bridge beside it."""

    def __init__(self, public: int) -> None:
        self._public = public

    def ask(self, client: str) -> tuple[int, dict[str, object]]:
        """The answer to a token request of `client`."""
        fields = {
            "grant_type": "client_credentials",
            "client_id": client,
            "client_secret": f"secret-of-{client}",
            "scope": "orders:read orders:write",
        }
        url = f"http://127.0.0.1:{self._public}/oauth2/token"
        return answer(url, urlencode(fields).encode(), "application/x-www-form-urlencoded")


@pytest.fixture(scope="module")
def issuer(
    pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Hydra]:
    assert pytestconfig.cache is not None
    program = str(hydra.program(pytestconfig.cache))
    folder = tmp_path_factory.mktemp("hydra")
    for name in ("hooks", "secrets"):
        (folder / name).mkdir()
    (folder / "hooks" / "10-tier.py").write_text(HOOK)
    (folder / "secrets" / "HYDRA_API_KEY").write_text(KEY)
    (folder / "claimhooks.toml").write_text(SETTINGS)
    known = "".join(f'[clients.{name}]\nmetadata = {{ tier = "gold" }}\n' for name in CLIENTS[:-1])
    (folder / "registry.toml").write_text(known)
    bridge, public, admin = free_port(), free_port(), free_port()
    dsn = f"sqlite://{folder}/hydra.sqlite?_fk=true"
    config = {
        "dsn": dsn,
        "secrets": {"system": ["a-secret-that-nobody-else-knows"]},
        "urls": {"self": {"issuer": f"http://127.0.0.1:{public}/"}},
        "strategies": {"access_token": "jwt"},
        "oauth2": {
            "token_hook": {
                "url": f"http://127.0.0.1:{bridge}/hydra",
                "auth": {
                    "type": "api_key",
                    "config": {"in": "header", "name": "Authorization", "value": KEY},
                },
            }
        },
        "serve": {
            "public": {"port": public, "host": "127.0.0.1"},
            "admin": {"port": admin, "host": "127.0.0.1"},
        },
    }
    # JSON is YAML.
    (folder / "hydra.yml").write_text(json.dumps(config))
    options = ["--config", "hydra.yml"]
    subprocess.run(
        [program, "migrate", "sql", "-e", "--yes", *options],
        cwd=folder, env={**os.environ, "DSN": dsn}, capture_output=True, check=True,
    )  # fmt: skip
    serve = [sys.executable, "-m", "claimhooks", "serve-bridge", "hydra", f"--port={bridge}"]
    with (
        running(serve, folder, {}, bridge),
        running([program, "serve", "all", "--dev", *options], folder, {}, public),
    ):
        for name in CLIENTS:
            client = {
                "client_id": name,
                "client_secret": f"secret-of-{name}",
                "grant_types": ["client_credentials"],
                "scope": "orders:read orders:write",
                "token_endpoint_auth_method": "client_secret_post",
            }
            url = f"http://127.0.0.1:{admin}/admin/clients"
            assert answer(url, json.dumps(client).encode(), "application/json")[0] == 201
        yield Hydra(public)


def test_claims_of_the_hooks_are_in_the_token_of_a_real_hydra(issuer: Hydra) -> None:
    status, found = issuer.ask("worker")
    assert status == 200, found
    claims = jwt.decode(str(found["access_token"]), options={"verify_signature": False})
    assert claims["ext"] == {TIER: "gold"}
    assert claims["scp"] == ["orders:read", "orders:write"]


@pytest.mark.parametrize(
    ("client", "status", "error"),
    [
        ("denied", 403, "access_denied"),
        ("narrowed", 403, "access_denied"),
        ("stranger", 403, "access_denied"),
        ("broken", 500, "server_error"),
    ],
    ids=["a denial", "what it cannot do", "a client that the registry lacks", "a fault"],
)
def test_a_real_hydra_issues_nothing_after_a_no(
    issuer: Hydra, client: str, status: int, error: str
) -> None:
    found, body = issuer.ask(client)
    assert (found, body["error"]) == (status, error)
    assert "access_token" not in body
    assert "hunter2" not in json.dumps(body)
