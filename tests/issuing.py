"""What tests of the issuer begin with: a registry, hooks, and an issuer that serves them."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import urlencode
from uuid import uuid4

import httpx2
import jwt
from starlette.testclient import TestClient

from claimhooks import Settings
from claimhooks.issuer import Parts, application
from claimhooks.issuer.assertion import ASSERTION_TYPE
from claimhooks.issuer.parts import TOKEN_PATH
from claimhooks.registry import (
    ApiRecord,
    ClientRecord,
    Document,
    GrantRecord,
    Quota,
    SecretRecord,
    open_sql,
    secret_key,
)
from claimhooks.registry.secret_hash import digest, generate
from claimhooks.token import ALGORITHMS, SigningKey, Verifier
from given import eventually

if TYPE_CHECKING:
    from claimhooks.registry.model import Jwks

ISSUER = "https://issuer.example/"
ORDERS = "https://orders.example/"
LEGACY = "https://legacy.example/"
UNGRANTED = "https://ungranted.example/"
SCOPES = {"orders:read": "Read orders", "orders:write": "Change orders", "admin": "All else"}
PER_HOUR = 2

HOOK = '''\
"""Does what the parameter `hook` says."""

from claimhooks import *


@hookimpl
def credentials_exchange(scope, context):
    request = context.request
    wanted = request.params.get("hook")
    denials = {kind.__name__: kind for kind in (
        AccessDenied, InvalidScope, InvalidRequest, InvalidTarget, TemporarilyUnavailable,
        ServerError,
    )}
    if wanted in denials:
        raise denials[wanted](f"{wanted} says \\"no\\"")
    if wanted == "fault":
        raise RuntimeError("the password of the database is hunter2")
    if wanted == "shorten":
        return {"expires_in": 60}
    if wanted == "claim":
        return {"https://acme.example/tier": "gold"}
    if wanted == "scope":
        return {"scope": ["orders:read"]}
    if wanted == "seen":
        seen = {"params": dict(request.params), "headers": dict(request.headers)}
        return {"https://acme.example/seen": seen | {"auth_method": request.auth_method}}
    if wanted == "ip":
        return {"https://acme.example/ip": request.ip}
'''


def api_of(alg: str) -> str:
    """The API whose tokens are signed with `alg`."""
    return f"https://{alg.lower()}.example/"


@dataclass(frozen=True)
class Prepared:
    """A folder with all that an issuer needs, and what its clients know."""

    folder: Path
    secrets: Mapping[str, str] = field(default_factory=dict[str, str])
    """By client id."""
    former: str = ""
    """The older of the two secrets of ``rotating``."""
    key: SigningKey = field(default_factory=lambda: SigningKey.generate("ES256"))
    """What ``partner`` signs its assertions with."""

    @property
    def hooks(self) -> Path:
        return self.folder / "hooks"

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def config(self) -> Path:
        return self.folder / "claimhooks.toml"

    def change(self, *clients: ClientRecord) -> None:
        """Put clients into the registry, while an issuer may be using it."""
        with closing(open_sql(self.data / "registry.db")) as store:
            store.merge(Document.of(clients))

    def hashed(self, secret: str) -> SecretRecord:
        """How the registry keeps `secret`."""
        key = secret_key(self.data)
        return SecretRecord(hash=digest(secret, key), created=datetime.now(UTC))

    def form(self, client: str = "worker", /, **changes: str | None) -> dict[str, str]:
        """A token request of `client` for ORDERS; a change to None leaves a parameter out."""
        usual = {
            "grant_type": "client_credentials",
            "client_id": client,
            "client_secret": self.secrets.get(client, "no-such-secret"),
            "audience": ORDERS,
        }
        return {name: value for name, value in (usual | changes).items() if value is not None}

    def assertion(
        self, key: SigningKey | None = None, headers: Mapping[str, Any] | None = None, **claims: Any
    ) -> str:
        """An assertion of ``partner``; a claim of None is left out."""
        now = int(time.time())
        usual = {
            "iss": "partner",
            "sub": "partner",
            "aud": ISSUER,
            "jti": uuid4().hex,
            "iat": now,
            "exp": now + 60,
        }
        payload = {name: value for name, value in (usual | claims).items() if value is not None}
        key = key or self.key
        header = {"kid": self.key.kid, **(headers or {})}
        return jwt.encode(payload, key.private, algorithm=key.algorithm, headers=header)

    def asserting(self, assertion: str, **changes: str | None) -> dict[str, str]:
        """A token request that `assertion` authenticates."""
        usual: dict[str, str | None] = {
            "client_assertion": assertion,
            "client_assertion_type": ASSERTION_TYPE,
            "client_secret": None,
            "client_id": None,
        }
        return self.form("partner", **(usual | changes))


def prepare(folder: Path, *, error_style: str = "rfc6749", lane: str = "inline") -> Prepared:
    """Fill `folder`: a registry of every kind of client and API, a hook, settings."""
    names = ("worker", "rotating", "disabled", "gateway", "limited", "hasty", "postman")
    prepared = Prepared(folder, {name: generate() for name in names}, former=generate())
    prepared.data.mkdir(mode=0o700, parents=True)
    prepared.hooks.mkdir()
    (prepared.hooks / "50-obedient.py").write_text(HOOK)
    prepared.config.write_text(
        f'issuer = "{ISSUER}"\nlane = "{lane}"\nquiet = "10ms"\n\n'
        f'[server]\nerror_style = "{error_style}"\n'
        'headers = ["x-region"]\ntrace_header = "x-trace-id"\n\n'
        '[policy]\nnamespaces = ["https://acme.example/"]\n'
    )
    only = {name: (prepared.hashed(secret),) for name, secret in prepared.secrets.items()}
    jwks: Jwks = {"keys": [{**prepared.key.public_jwk()}]}
    clients = [
        ClientRecord(id="worker", name="Worker", metadata={"tier": "gold"}, secrets=only["worker"]),
        ClientRecord(id="rotating", secrets=(prepared.hashed(prepared.former), *only["rotating"])),
        ClientRecord(id="disabled", enabled=False, secrets=only["disabled"]),
        ClientRecord(id="gateway", grant_types=("authorization_code",), secrets=only["gateway"]),
        ClientRecord(id="limited", quota=Quota(per_hour=PER_HOUR), secrets=only["limited"]),
        ClientRecord(id="hasty", token_lifetime=600, secrets=only["hasty"]),
        ClientRecord(id="postman", auth_methods=("client_secret_post",), secrets=only["postman"]),
        ClientRecord(id="partner", auth_methods=("private_key_jwt",), jwks=jwks),
    ]
    apis = [
        ApiRecord(identifier=ORDERS, scopes=SCOPES, token_lifetime=3600, signing_alg="ES256"),
        ApiRecord(identifier=LEGACY, scopes=SCOPES, token_profile="auth0"),
        ApiRecord(identifier=UNGRANTED, scopes=SCOPES),
        *(ApiRecord(identifier=api_of(alg), signing_alg=alg) for alg in ALGORITHMS),
    ]
    some = ("orders:read", "orders:write")
    grants = [
        *(GrantRecord(client_id=c.id, audience=ORDERS, scopes=some) for c in clients),
        GrantRecord(client_id="worker", audience=LEGACY, scopes="all"),
        *(GrantRecord(client_id="worker", audience=api_of(alg)) for alg in ALGORITHMS),
    ]
    with closing(open_sql(prepared.data / "registry.db", create=True)) as store:
        store.merge(Document.of(clients, apis, grants))
    return prepared


@contextmanager
def in_process(prepared: Prepared, issuer: str = ISSUER) -> Iterator[TestClient]:
    """An HTTP client of an issuer in this process."""
    settings = Settings.load(prepared.config)
    parts = Parts.open(issuer, settings, prepared.config, str(prepared.hooks), prepared.data)
    with TestClient(application(parts), ISSUER, raise_server_exceptions=False) as client:
        yield client


@dataclass(frozen=True)
class Served(Prepared):
    """An issuer that runs as ``claimhooks serve``."""

    port: int = 0
    log: Path = Path()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"{self.address}{TOKEN_PATH}"

    def events(self) -> str:
        """All that it has written."""
        return self.log.read_text()


@contextmanager
def served(prepared: Prepared) -> Iterator[Served]:
    """Runs ``claimhooks serve`` on a free port of the loopback; ends it, which must go well."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    log = prepared.folder / "serve.log"
    command = [sys.executable, "-m", "claimhooks", "serve", "--port", str(port)]
    command += ["--config", str(prepared.config), "--hooks", str(prepared.hooks)]
    command += ["--data", str(prepared.data), "--metrics-port", "0"]
    with log.open("wb") as output:
        process = _start(command, output)
        try:
            assert eventually(lambda: _is_ready(port) or process.poll() is not None, 30)
            assert process.poll() is None, log.read_text()
            yield Served(**{**vars(prepared), "port": port, "log": log})
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0, log.read_text()
        finally:
            process.kill()
            process.wait()


def _start(command: list[str], output: IO[bytes]) -> subprocess.Popen[bytes]:
    environment = {name: value for name, value in os.environ.items() if "CLAIMHOOKS" not in name}
    return subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=environment)


def _is_ready(port: int) -> bool:
    try:
        return httpx2.get(f"http://127.0.0.1:{port}/readyz", timeout=2).status_code == 200
    except httpx2.TransportError:
        return False


def verifier(
    client: httpx2.Client, audience: str = ORDERS, issuer: str = ISSUER, **options: Any
) -> Verifier:
    """Verifies tokens of `audience` with the keys that the issuer publishes."""
    jwks = client.get("/.well-known/jwks.json").raise_for_status().json()
    return Verifier(jwks, issuer=issuer, audience=audience, **options)


# Without an HTTP client --------------------------------------------------------------------------

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"


@dataclass(frozen=True)
class Answer:
    """What came back over a socket."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def basic(client: str, secret: str) -> str:
    """An Authorization header (RFC 7617 §2)."""
    return f"Authorization: Basic {b64encode(f'{client}:{secret}'.encode()).decode()}"


def head(*headers: str, line: str = f"POST {TOKEN_PATH} HTTP/1.1") -> bytes:
    """The head of a request, after whose answer the connection ends."""
    return "\r\n".join(
        [line, "Host: issuer.example", "Connection: close", *headers, "", ""]
    ).encode()


def request(body: bytes, *headers: str, kind: str = FORM) -> bytes:
    """A whole token request."""
    return head(f"Content-Type: {kind}", f"Content-Length: {len(body)}", *headers) + body


def form_request(parameters: Mapping[str, str], *headers: str, kind: str = FORM) -> bytes:
    """A token request with a form."""
    return request(urlencode(parameters).encode(), *headers, kind=kind)


def json_request(parameters: object, *headers: str) -> bytes:
    """A token request with JSON."""
    return request(json.dumps(parameters).encode(), *headers, kind=JSON)


def send(port: int, *sent: bytes, ends: bool = False, seconds: float = 10) -> list[Answer]:
    """All answers to `sent`, until the issuer closes the connection. With `ends`, nothing follows.

    Each part is sent a moment after the one before. Raises TimeoutError after so many seconds
    without any answer.
    """
    received = b""
    with socket.create_connection(("127.0.0.1", port), seconds) as connection:
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for number, part in enumerate(sent):
                if number:
                    time.sleep(0.02)
                connection.sendall(part)
            if ends:
                connection.shutdown(socket.SHUT_WR)
            while more := connection.recv(65536):
                received += more
        except (BrokenPipeError, ConnectionResetError):
            with suppress(OSError):
                received += connection.recv(65536)
    return list(_answers(received))


def _answers(received: bytes) -> Iterator[Answer]:
    while received:
        top, _, rest = received.partition(b"\r\n\r\n")
        line, *lines = top.decode("latin-1").split("\r\n")
        headers = {
            name.lower(): value.strip() for name, _, value in (x.partition(":") for x in lines)
        }
        length = int(headers["content-length"])
        yield Answer(int(line.split()[1]), headers, rest[:length])
        received = rest[length:]
