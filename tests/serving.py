"""An issuer for tests that real clients and verifiers talk to: ``claimhooks serve``, over TLS."""

from __future__ import annotations

import random
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import trustme
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from claimhooks.keyring import Keyring
from claimhooks.registry import (
    ApiRecord,
    ClientRecord,
    Document,
    GrantRecord,
    SecretRecord,
    open_sql,
    secret_key,
)
from claimhooks.registry.secret_hash import digest, generate
from claimhooks.token import ALGORITHMS, TYPES, Algorithm, Profile, SigningKey
from given import API, eventually, hook

TIER = "https://acme.example/tier"
METHOD = "https://acme.example/auth_method"
SUSPENDED = "this client is suspended"

HOOK = hook(
    f"""
    if client.metadata.get("suspended"):
        raise AccessDenied("{SUSPENDED}")
    return {{
        "scope": scope + ["reports:export"],
        "{TIER}": client.metadata["tier"],
        "{METHOD}": context.request.auth_method,
    }}
    """
)


def api_of(profile: Profile, algorithm: Algorithm) -> str:
    """The API whose tokens have this profile, and are signed with this algorithm."""
    return f"https://{algorithm.lower()}.{profile}.example/"


@dataclass(frozen=True, slots=True)
class Account:
    """A client of the issuer, and what it authenticates with."""

    client_id: str
    secret: str
    key: SigningKey

    @property
    def pem(self) -> str:
        """The private key for ``private_key_jwt``."""
        form = (Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return self.key.private.private_bytes(*form).decode()

    def record(self, hashing_key: bytes, *, suspended: bool) -> ClientRecord:
        """The client, as the registry knows it."""
        hashed = SecretRecord(hash=digest(self.secret, hashing_key), created=datetime.now(UTC))
        return ClientRecord(
            id=self.client_id,
            metadata={"tier": "gold", "suspended": suspended},
            auth_methods=("client_secret_basic", "client_secret_post", "private_key_jwt"),
            secrets=(hashed,),
            jwks={"keys": [{**self.key.public_jwk()}]},
        )


@dataclass(frozen=True, slots=True)
class Issuer:
    """One that runs."""

    url: str
    """Its identifier: with a slash at the end."""
    folder: Path
    worker: Account
    """The hook gives it a tier."""
    suspended: Account
    """The hook denies it."""

    @property
    def host(self) -> str:
        """Its host and port, which the documented system's clients call the domain."""
        return self.url.split("/")[2]

    @property
    def token_url(self) -> str:
        """Its token endpoint."""
        return f"{self.url}oauth/token"

    @property
    def jwks_url(self) -> str:
        """Where its public keys are."""
        return f"{self.url}.well-known/jwks.json"

    @property
    def ca(self) -> Path:
        """The certificate to trust: of a certificate authority that nobody else knows."""
        return self.folder / "ca.pem"

    @property
    def trust(self) -> dict[str, str]:
        """The environment in which clients of every kind trust it."""
        names = ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS", "CURL_CA_BUNDLE")
        return dict.fromkeys(names, str(self.ca))

    def signing_key(self, algorithm: Algorithm) -> SigningKey:
        """The key that it signs with: for tokens that it would never issue."""
        keyring = Keyring.open(self.folder / "data" / "keys", ALGORITHMS, create=False)
        return keyring.signing_key(algorithm)


@contextmanager
def serving(folder: Path, path: str = "") -> Iterator[Issuer]:
    """An issuer with its files in `folder`, and `path` in its URL, as long as the context lasts."""
    worker, suspended = _accounts(folder / "data")
    (folder / "hooks").mkdir()
    (folder / "hooks" / "10-tier.py").write_text(HOOK)
    port = free_port()
    issuer = Issuer(f"https://127.0.0.1:{port}/{path}", folder, worker, suspended)
    (folder / "claimhooks.toml").write_text(f'issuer = "{issuer.url}"\n')
    arguments = ["serve", "--port", str(port), "--metrics-port", "0", *_certificate(folder)]
    with (folder / "log").open("w") as log, running(arguments, folder, log.fileno()) as process:
        if not eventually(lambda: process.poll() is not None or _answers(issuer)) or process.poll():
            raise AssertionError((folder / "log").read_text())
        yield issuer


@contextmanager
def running(arguments: list[str], folder: Path, output: int) -> Iterator[subprocess.Popen[bytes]]:
    """A claimhooks command that runs in `folder` as long as the context lasts."""
    process = subprocess.Popen(
        [sys.executable, "-m", "claimhooks", *arguments],
        cwd=folder,
        stdout=output,
        stderr=subprocess.STDOUT,
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def free_port(count: int = 1) -> int:
    """The first of so many ports in a row that nobody listened at a moment ago.

    None of those that the system gives to whoever connects to somewhere: another test might.
    """
    while True:
        first = random.randrange(15_000, 30_000)
        with suppress(OSError), ExitStack() as stack:
            for port in range(first, first + count):
                stack.enter_context(socket.create_server(("127.0.0.1", port)))
            return first


def _accounts(data: Path) -> tuple[Account, Account]:
    """Two clients in a new registry, both with a grant at every API."""
    data.mkdir(mode=0o700)
    hashing_key = secret_key(data)
    scopes = {"orders:read": "", "orders:write": "", "reports:export": ""}
    apis = [
        ApiRecord(identifier=API, scopes=scopes),
        *(
            ApiRecord(
                identifier=api_of(profile, algorithm),
                scopes=scopes,
                token_profile=profile,
                signing_alg=algorithm,
            )
            for profile in TYPES
            for algorithm in ALGORITHMS
        ),
    ]
    worker, suspended = (
        Account(client_id, generate(), SigningKey.generate("RS256"))
        for client_id in ("orders-worker", "suspended-worker")
    )
    clients = [
        worker.record(hashing_key, suspended=False),
        suspended.record(hashing_key, suspended=True),
    ]
    granted = ("orders:read", "orders:write")
    grants = [
        GrantRecord(client_id=client.id, audience=api.identifier, scopes=granted)
        for client in clients
        for api in apis
    ]
    with closing(open_sql(data / "registry.db", create=True)) as store:
        store.merge(Document.of(clients, apis, grants))
    return worker, suspended


def _certificate(folder: Path) -> list[str]:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    certificate = authority.issue_cert("127.0.0.1", "localhost")
    certificate.private_key_pem.write_to_path(folder / "key.pem")
    for number, pem in enumerate(certificate.cert_chain_pems):
        pem.write_to_path(folder / "cert.pem", append=number > 0)
    return ["--tls-cert", "cert.pem", "--tls-key", "key.pem"]


def _answers(issuer: Issuer) -> bool:
    trusted = ssl.create_default_context(cafile=issuer.ca)
    try:
        with urlopen(f"https://{issuer.host}/healthz", context=trusted):
            return True
    except (URLError, ConnectionError):
        return False
