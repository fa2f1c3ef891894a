"""The examples of the issuer run as they say."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest
from starlette.testclient import TestClient

from claimhooks.token import SigningKey, Verifier
from given import API, eventually
from serving import free_port, running

EXAMPLES = Path(__file__).parent.parent / "examples" / "issuer"
ISSUER = "http://127.0.0.1:8080/"


def test_the_seven_steps_lead_from_a_hook_to_a_call_that_the_api_accepts(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, EXAMPLES / "seven_steps.py", tmp_path / "project"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    shown = done.stdout
    assert re.findall(r"^\d(?=\. )", shown, re.MULTILINE) == list("1234567")
    assert '"https://acme.example/tier": "gold"' in shown
    assert re.findall(r"HTTP/1.1 (\d+)", shown) == ["200", "403", "201"]
    assert 'error="insufficient_scope", scope="orders:write"' in shown
    assert '"scope":"orders:read orders:write"' in shown


# The registry ------------------------------------------------------------------------------------


def test_a_client_of_the_registry_gets_a_token_once_it_has_a_secret(tmp_path: Path) -> None:
    text = (EXAMPLES / "registry.toml").read_text()
    (tmp_path / "registry.toml").write_text(text)
    (tmp_path / "claimhooks.toml").write_text(commented(text, "[server]", "registry = "))
    (tmp_path / "hooks").mkdir()
    make_key, rotate = commented(text, "mkdir", "claimhooks registry").splitlines()
    subprocess.run(make_key, shell=True, cwd=tmp_path, check=True)
    assert (tmp_path / "data" / "secret.key").stat().st_mode & 0o777 == 0o600

    done = subprocess.run(
        [sys.executable, "-m", *rotate.split()],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    kept, _, _ = text.partition("[clients.orders-worker]")
    (tmp_path / "registry.toml").write_text(kept + done.stdout)
    found = re.search(r"client_secret +(\S+)", done.stderr)
    assert found is not None, done.stderr
    with issuer(tmp_path) as address:
        request = {
            "grant_type": "client_credentials",
            "client_id": "orders-worker",
            "client_secret": found[1],
            "audience": API,
        }
        with urlopen(f"{address}oauth/token", urlencode(request).encode()) as answer:
            token = json.load(answer)
    assert token["scope"] == "orders:read"
    assert token["expires_in"] == 3600


def commented(text: str, first: str, last: str) -> str:
    """The lines of a comment, from the one that starts with `first` to the one with `last`."""
    lines = [line.removeprefix("#").strip() for line in text.splitlines() if line.startswith("#")]
    (start,) = (n for n, line in enumerate(lines) if line.startswith(first))
    (end,) = (n for n, line in enumerate(lines) if line.startswith(last))
    return "\n".join(lines[start : end + 1])


@contextmanager
def issuer(folder: Path) -> Iterator[str]:
    """The address of an issuer that runs in `folder`."""
    port = free_port()
    arguments = ["serve", "--port", str(port), "--metrics-port", "0"]
    log = folder / "log"
    with log.open("w") as output, running(arguments, folder, output.fileno()):
        assert eventually(lambda: "Uvicorn running" in log.read_text()), log.read_text()
        yield f"http://127.0.0.1:{port}/"


# The API -----------------------------------------------------------------------------------------


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[TestClient, SigningKey]]:
    """The API, and the key whose tokens it takes."""
    spec = importlib.util.spec_from_file_location("api", EXAMPLES / "api.py")
    assert spec is not None
    assert spec.loader is not None
    module: ModuleType = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    key = SigningKey.generate("ES256")
    jwks = {"keys": [key.public_jwk()]}
    monkeypatch.setattr(module, "verifier", Verifier(jwks, issuer=ISSUER, audience=API))
    with TestClient(module.app) as client:
        yield client, key


CLAIMS = {"iss": ISSUER, "sub": "orders-worker", "aud": API, "scope": "orders:read"}
NOW, THEN = 4_000_000_000, 1_000_000_000


@pytest.mark.parametrize(
    ("method", "changes", "status", "challenge"),
    [
        ("GET", {}, 200, None),
        ("POST", {}, 403, 'Bearer error="insufficient_scope", scope="orders:write"'),
        ("POST", {"scope": "orders:write"}, 201, None),
        ("GET", {"aud": "https://other.example/"}, 401, "audience"),
        ("GET", {"exp": THEN}, 401, "issuer and time"),
        ("GET", {"iss": "https://other.example/"}, 401, "issuer and time"),
    ],
)
def test_the_api_answers_as_rfc_6750_says(
    api: tuple[TestClient, SigningKey],
    method: str,
    changes: dict[str, str | int],
    status: int,
    challenge: str | None,
) -> None:
    client, key = api
    token = key.sign({**CLAIMS, "iat": THEN, "exp": NOW, **changes})
    answer = client.request(method, "/orders", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == status
    if status == 401:
        challenge = f'Bearer error="invalid_token", error_description="{challenge}"'
    assert answer.headers.get("www-authenticate") == challenge


def test_the_api_tells_who_has_no_token_that_it_wants_one(
    api: tuple[TestClient, SigningKey],
) -> None:
    client, _ = api
    answer = client.get("/orders", headers={"Authorization": "Basic eA=="})
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")


def test_the_api_refuses_what_somebody_else_has_signed(api: tuple[TestClient, SigningKey]) -> None:
    client, key = api
    forger = SigningKey(SigningKey.generate("ES256").private, "ES256", key.kid)
    token = forger.sign({**CLAIMS, "iat": THEN, "exp": NOW})
    answer = client.get("/orders", headers={"Authorization": f"Bearer {token}"})
    assert answer.headers["www-authenticate"] == (
        'Bearer error="invalid_token", error_description="signature"'
    )
