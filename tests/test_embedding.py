"""The programs of examples/embedding, run as they say, with the real libraries."""

from __future__ import annotations

import json
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
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest

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
        yield Endpoint(address, basic(found[1], found[2]))


@contextmanager
def authlib_flask(folder: Path) -> Iterator[Endpoint]:
    port = free_port()
    app = EMBEDDING / "authlib_flask"
    command: list[str | Path] = ["-m", "flask", "--app", app, "run", f"--port={port}"]
    with running(command, project(folder), port) as address:
        yield Endpoint(address, basic("orders-worker", "secret"))


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
        yield Endpoint(address, basic("orders-worker", "secret"))


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


@pytest.mark.parametrize("wanted", ["fault", "reserved"])
def test_a_library_tells_nothing_of_a_fault_and_issues_nothing(
    endpoint: Endpoint, wanted: str
) -> None:
    status, answer = endpoint.ask(scope="orders:read", hook=wanted)
    text = "the authorization server could not issue the token"
    assert (status, answer) == (500, {"error": "server_error", "error_description": text})


@pytest.mark.parametrize("name", ["audience", "resource"])
def test_no_client_can_choose_an_audience_that_the_issuer_does_not_know(
    endpoint: Endpoint, name: str
) -> None:
    status, answer = endpoint.ask(**{name: "https://elsewhere.example/"})
    assert (status, answer["error"]) == (400, "invalid_target")


def test_a_parameter_cannot_stand_in_for_what_the_hooks_have_left(endpoint: Endpoint) -> None:
    status, answer = endpoint.ask(judged="x", runtime="x", scope="orders:read")
    assert status == 200
    assert endpoint.verified(answer)["scope"] == "orders:read"


def test_a_wrong_secret_gets_no_as_far_as_the_hooks(endpoint: Endpoint) -> None:
    name = b64encode(b"orders-worker:wrong").decode()
    wrong = Endpoint(endpoint.address, {"Authorization": f"Basic {name}"})
    status, answer = wrong.ask(hook="fault")
    assert (status, answer["error"]) == (401, "invalid_client")


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
        assert eventually(lambda: endpoint.ask() == (400, denied))


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
