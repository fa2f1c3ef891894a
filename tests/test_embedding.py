"""The programs of examples/embedding, run as they say, with the real libraries."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest
from oauthlib.oauth2 import RequestValidator

from claimhooks.bridges.oauthlib import HookedServer
from claimhooks.token import Verifier
from given import API, eventually
from issuing import HOOK
from serving import free_port

EMBEDDING = Path(__file__).parent.parent / "examples" / "embedding"
ISSUER = "https://issuer.acme.example/"
TIER = "https://acme.example/tier"
REPORTS = """
from claimhooks import *

@hookimpl
def credentials_exchange(client, scope, context):
    if context.request.params.get("hook") == "more":
        return {"scope": [*scope, "reports:export"], "https://acme.example/tier": "gold"}
    if context.request.params.get("hook") == "no scope":
        return {"scope": []}
    if context.request.params.get("hook") == "reserved":
        return {"sub": "somebody-else"}
"""


@dataclass(frozen=True)
class Endpoint:
    """A token endpoint that runs."""

    address: str
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    fields: Mapping[str, str] = field(default_factory=dict[str, str])
    is_json: bool = False
    log: Path | None = None
    """What the program prints."""

    def ask(self, **fields: str) -> tuple[int, dict[str, object]]:
        """The status and the body of the answer to a token request."""
        found = {"grant_type": "client_credentials", **self.fields, **fields}
        body = json.dumps(found) if self.is_json else urlencode(found)
        kind = "application/json" if self.is_json else "application/x-www-form-urlencoded"
        headers = {"Content-Type": kind, **self.headers}
        request = Request(f"{self.address}/oauth/token", body.encode(), headers)
        try:
            with urlopen(request, timeout=20) as answer:
                return answer.status, json.load(answer)
        except HTTPError as error:
            return error.code, json.loads(error.read())

    def verified(self, answer: Mapping[str, object]) -> dict[str, object]:
        """The claims of the token in `answer`, by the keys that the program publishes."""
        verifier = Verifier(f"{self.address}/.well-known/jwks.json", issuer=ISSUER, audience=API)
        return {**verifier.verify(str(answer["access_token"]))}


def basic(name: str, secret: str) -> dict[str, str]:
    return {"Authorization": f"Basic {b64encode(f'{name}:{secret}'.encode()).decode()}"}


def is_listening(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), 0.2):
            return True
    except OSError:
        return False


@contextmanager
def running(command: Sequence[str | Path], folder: Path, port: int) -> Iterator[str]:
    log = folder / "program.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, *command], cwd=folder, stdout=output, stderr=subprocess.STDOUT
        )
        try:
            assert eventually(lambda: is_listening(port) or process.poll() is not None, 30)
            assert process.poll() is None, log.read_text()
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(20)


def project(folder: Path) -> Path:
    """A folder that the programs are started in: they use its ``hooks``."""
    folder.mkdir()
    (folder / "claimhooks.toml").write_text(f'issuer = "{ISSUER}"\n')
    (folder / "hooks").mkdir()
    (folder / "hooks" / "50-obedient.py").write_text(HOOK)
    (folder / "hooks" / "60-reports.py").write_text(REPORTS)
    return folder


@contextmanager
def django_project(folder: Path) -> Iterator[Endpoint]:
    shutil.copytree(EMBEDDING / "django_project", project(folder), dirs_exist_ok=True)
    (folder / "hooks" / "20-tier.py").unlink()
    run = [sys.executable, "manage.py"]
    subprocess.run([*run, "migrate", "-v0"], cwd=folder, check=True)
    shown = subprocess.run(
        [*run, "demonstrate"], cwd=folder, check=True, capture_output=True, text=True
    ).stdout
    found = re.search(r"-u (\w+):(\w+)", shown)
    assert found is not None, shown
    port = free_port()
    with running(["manage.py", "runserver", "--noreload", str(port)], folder, port) as address:
        yield Endpoint(address, basic(found[1], found[2]), log=folder / "program.log")


@contextmanager
def authlib_flask(folder: Path) -> Iterator[Endpoint]:
    port = free_port()
    app = EMBEDDING / "authlib_flask"
    command: list[str | Path] = ["-m", "flask", "--app", app, "run", f"--port={port}"]
    with running(command, project(folder), port) as address:
        name = basic("orders-worker", "secret")
        yield Endpoint(address, name, log=folder / "program.log")


@contextmanager
def authlib_django(folder: Path) -> Iterator[Endpoint]:
    port = free_port()
    command: list[str | Path] = [
        EMBEDDING / "authlib_django.py",
        "runserver",
        "--noreload",
        str(port),
    ]
    with running(command, project(folder), port) as address:
        name = basic("orders-worker", "secret")
        yield Endpoint(address, name, log=folder / "program.log")


LIBRARIES = {
    "Authlib and Flask": authlib_flask,
    "Authlib and Django": authlib_django,
    "django-oauth-toolkit": django_project,
}


@pytest.fixture(scope="module", params=LIBRARIES)
def endpoint(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Endpoint]:
    folder = tmp_path_factory.mktemp("embedding") / "project"
    with LIBRARIES[request.param](folder) as found:
        yield found


# Libraries ---------------------------------------------------------------------------------------


def test_a_library_issues_a_token_as_before(endpoint: Endpoint) -> None:
    status, answer = endpoint.ask(scope="orders:read")
    assert status == 200, answer
    assert answer["scope"] == "orders:read"
    claims = endpoint.verified(answer)
    assert claims["scope"] == "orders:read"
    assert claims["client_id"] == claims["sub"]


def test_a_library_honours_scopes_claims_and_lifetime(endpoint: Endpoint) -> None:
    status, answer = endpoint.ask(scope="orders:read", hook="more", audience=API)
    assert status == 200, answer
    claims = endpoint.verified(answer)
    assert answer["scope"] == claims["scope"] == "orders:read reports:export"
    assert claims[TIER] == "gold"
    status, answer = endpoint.ask(scope="orders:read orders:write", hook="scope")
    assert answer["scope"] == endpoint.verified(answer)["scope"] == "orders:read"
    status, answer = endpoint.ask(hook="shorten")
    claims = endpoint.verified(answer)
    assert answer["expires_in"] == 60
    assert int(str(claims["exp"])) - int(str(claims["iat"])) == 60


@pytest.mark.parametrize(
    ("wanted", "status", "error"),
    [
        ("AccessDenied", 400, "access_denied"),
        ("InvalidScope", 400, "invalid_scope"),
        ("InvalidTarget", 400, "invalid_target"),
        ("TemporarilyUnavailable", 400, "temporarily_unavailable"),
        ("ServerError", 500, "server_error"),
    ],
)
def test_a_library_answers_with_the_denial_of_a_hook(
    endpoint: Endpoint, wanted: str, status: int, error: str
) -> None:
    description = f"{wanted} says 'no'"
    found = endpoint.ask(scope="orders:read", hook=wanted)
    assert found == (status, {"error": error, "error_description": description})


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        ("fault", "hooks/50-obedient.py:17: RuntimeError: the password of the database is"),
        ("reserved", "hooks/60-reports.py: sub: "),
    ],
)
def test_a_library_tells_nothing_of_a_fault_and_issues_nothing(
    endpoint: Endpoint, wanted: str, told: str
) -> None:
    status, answer = endpoint.ask(scope="orders:read", hook=wanted)
    text = "the authorization server could not issue the token"
    assert (status, answer) == (500, {"error": "server_error", "error_description": text})
    log = endpoint.log
    assert log is not None
    assert eventually(lambda: told in log.read_text()), log.read_text()


@pytest.mark.parametrize("name", ["audience", "resource"])
def test_no_client_can_choose_an_audience_that_the_issuer_does_not_know(
    endpoint: Endpoint, name: str
) -> None:
    status, answer = endpoint.ask(**{"audience": API, name: "https://elsewhere.example/"})
    assert (status, answer["error"]) == (400, "invalid_target")


def test_hooks_of_a_library_see_the_parameters_but_no_credentials(endpoint: Endpoint) -> None:
    fields = {"client_secret": "s", "client_assertion": "a", "password": "p", "hook": "seen"}
    status, answer = endpoint.ask(**fields)
    assert status == 200, answer
    seen = endpoint.verified(answer)["https://acme.example/seen"]
    assert isinstance(seen, dict)
    assert seen["params"] == {"grant_type": "client_credentials", "hook": "seen"}


def test_a_scope_that_none_can_be_is_refused_in_words(endpoint: Endpoint) -> None:
    status, answer = endpoint.ask(scope='orders:read "x"')
    assert status == 400
    assert answer["error"] in {"invalid_request", "invalid_scope"}


class People(RequestValidator):  # type: ignore[misc]  # oauthlib has no types
    """Lets anybody have what oauthlib's other grants give."""

    def authenticate_client(self, request: Any, *_: Any) -> bool:
        request.client = SimpleNamespace(client_id="app")
        return True

    def validate_user(self, *_: Any) -> bool:
        return True

    validate_grant_type = validate_scopes = validate_user

    def save_bearer_token(self, *_: Any) -> None:
        """Nothing is kept."""


def test_tokens_of_other_grants_of_oauthlib_stay_as_they_are_whatever_is_sent() -> None:
    form = {"grant_type": "password", "username": "u", "password": "p", "scope": "a"}
    _, body, status = HookedServer(People(), 300).create_token_response(
        "https://issuer.acme.example/", body=urlencode(form | {"judged": "x"})
    )
    answer = json.loads(body)
    assert (status, answer["expires_in"], answer["scope"]) == (200, 300, "a")
    assert re.fullmatch(r"\w{30}", answer["access_token"])


def test_a_wrong_secret_gets_no_as_far_as_the_hooks(endpoint: Endpoint) -> None:
    name = b64encode("orders-worker:wröng".encode()).decode()
    wrong = Endpoint(endpoint.address, {"Authorization": f"Basic {name}"})
    status, answer = wrong.ask(hook="fault")
    assert (status, answer["error"]) == (401, "invalid_client")


GUARDED = """
from authlib_flask import Grant, Tokens, create_app
from claimhooks.token import Verifier

def get_extra_claims(*_):
    names = ("iss", "sub", "aud", "iat", "exp", "jti", "client_id", "scope")
    return dict.fromkeys(names, "somebody else's") | {"tier": "gold"}

Tokens.get_extra_claims = get_extra_claims
app = create_app()
ask = app.test_client().post
request = {"grant_type": "client_credentials", "scope": "orders:read", "hook": "no scope"}
about = {"base_url": "https://127.0.0.1", "auth": ("orders-worker", "secret")}
answer = ask("/oauth/token", data=request, **about).get_json()
keys = app.test_client().get("/.well-known/jwks.json").get_json()
verifier = Verifier(keys, issuer="https://issuer.acme.example/", audience=Grant.apis[0].identifier)
claims = verifier.verify(answer["access_token"])
assert (claims["sub"], claims["client_id"], claims["tier"]) == ("orders-worker",) * 2 + ("gold",)
assert "scope" not in claims and not answer.get("scope"), claims
assert "somebody else's" not in claims.values(), claims

Tokens.access_token_generator = lambda *_, **__: "a token that no hook has seen"
answer = create_app().test_client().post("/oauth/token", data=request, **about)
assert answer.status_code == 500 and b"token" not in answer.data, answer.data
Grant.runtime.close()
"""


def test_what_authlib_adds_overwrites_nothing_and_no_other_generator_passes_by_the_hooks(
    tmp_path: Path,
) -> None:
    environment = {**os.environ, "PYTHONPATH": str(EMBEDDING)}
    done = subprocess.run(
        [sys.executable, "-c", GUARDED],
        cwd=project(tmp_path / "project"),
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "register a HookedJWTBearerTokenGenerator" in done.stderr


# Frameworks and other code -----------------------------------------------------------------------

CREDENTIALS = {"client_id": "orders-worker", "client_secret": "secret", "audience": API}
FRAMEWORKS: dict[str, tuple[list[str | Path], bool]] = {
    "FastAPI": (["-m", "uvicorn", "--app-dir", EMBEDDING, "fastapi_app:app"], True),
    "Flask": (["-m", "flask", "--app", EMBEDDING / "flask_app", "run"], False),
}


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_framework_answers_the_documented_request_with_a_token(
    framework: str, tmp_path: Path
) -> None:
    command, is_json = FRAMEWORKS[framework]
    folder, port = project(tmp_path / "project"), free_port()
    hook = folder / "hooks" / "20-tier.py"
    hook.write_text((EMBEDDING.parent.parent / "hooks" / "20-tier.py").read_text())
    shutil.copy(EMBEDDING.parent.parent / "hooks" / "_acme.py", folder / "hooks")
    with running([*command, f"--port={port}"], folder, port) as address:
        endpoint = Endpoint(address, fields=CREDENTIALS, is_json=is_json)
        status, answer = endpoint.ask()
        assert status == 200, answer
        assert endpoint.verified(answer)[TIER] == "gold"
        assert answer["expires_in"] == 3600
        assert endpoint.ask(client_secret="wrong") == (401, {"error": "invalid_client"})
        hook.write_text(
            "from claimhooks import *\n\n@hookimpl\ndef credentials_exchange():\n"
            "    raise AccessDenied('closed on Wednesdays')\n"
        )
        denied = {"error": "access_denied", "error_description": "closed on Wednesdays"}
        assert eventually(lambda: endpoint.ask() == (400, denied)), (
            endpoint.ask(),
            (folder / "program.log").read_text(),
        )


def test_the_whole_issuer_can_be_mounted(tmp_path: Path) -> None:
    folder, port = project(tmp_path / "project"), free_port()
    command: list[str | Path] = ["-m", "uvicorn", "--app-dir", EMBEDDING, f"--port={port}"]
    with running([*command, "starlette_app:app"], folder, port) as address:
        with urlopen(address) as home, urlopen(f"{address}/readyz") as ready:
            assert (home.read(), ready.status) == (b"home", 200)
        status, answer = Endpoint(address, fields=CREDENTIALS).ask()
        assert (status, answer["error"]) == (401, "invalid_client")


@pytest.mark.parametrize("program", ["sync.py", "own_signing.py"])
def test_any_code_prints_a_token(program: str) -> None:
    done = subprocess.run(
        [sys.executable, EMBEDDING / program],
        cwd=EMBEDDING.parent.parent,
        capture_output=True,
        text=True,
        check=True,
    )
    assert re.fullmatch(r"[\w-]+\.[\w-]+\.[\w-]+", done.stdout.strip())
