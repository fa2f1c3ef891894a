"""Bundles for tests: built, signed, and served by a real HTTP server that can fail."""

from __future__ import annotations

import hashlib
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from claimhooks.bundle import build
from claimhooks.bundle.signature import sign
from claimhooks.snapshot import Snapshot
from given import hook

if TYPE_CHECKING:
    from claimhooks.token import SigningKey

V = "https://acme.example/v"


def version(number: int) -> dict[str, bytes]:
    """The files of hooks that set a claim to this number."""
    return {"10-v.py": hook(f'return {{"{V}": {number}}}').encode()}


def bundled(number: int, revision: int | None = None) -> bytes:
    """A bundle of :func:`version`, whose revision is the same number."""
    snapshot = Snapshot.of(Path("hooks"), version(number))
    return build(snapshot, number if revision is None else revision)


def publish(place: Path, content: bytes, key: SigningKey | None = None) -> None:
    """Put a bundle at `place`, after its signature, as README says."""
    signature = place.with_name(f"{place.name}.sig")
    if key is not None:
        _replace(signature, sign(content, key))
    _replace(place, content)


def _replace(place: Path, content: bytes) -> None:
    new = place.with_name(f".{place.name}.new")
    new.write_bytes(content)
    new.replace(place)


def write_keys(folder: Path, key: SigningKey, name: str = "hooks") -> tuple[Path, Path]:
    """Write a key as PEM: its private and its public half."""
    private, public = folder / f"{name}.pem", folder / f"{name}.pub.pem"
    private.touch(0o600)
    private.write_bytes(
        key.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    spki = key.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    public.write_bytes(spki)
    return private, public


@dataclass
class Served:
    """What a server has, how it answers, and what it was asked."""

    address: str
    files: dict[str, bytes] = field(default_factory=dict)
    """Path → content."""
    redirects: dict[str, str] = field(default_factory=dict)
    """Path → address."""
    asked: list[tuple[str, int]] = field(default_factory=list)
    """Path and status of each answer."""
    authorized: list[tuple[str, str | None]] = field(default_factory=list)
    """Path and ``Authorization`` of each request."""
    fault: str = ""
    """How it fails: see :class:`_Handler`."""

    def count(self, path: str, status: int) -> int:
        """How often it has answered so."""
        return self.asked.count((path, status))


@contextmanager
def server(port: int = 0, tls: ssl.SSLContext | None = None) -> Iterator[Served]:
    """An HTTP server with ETags, until the context ends."""
    listening = _Server(("127.0.0.1", port), _Handler)
    if tls is not None:
        listening.socket = tls.wrap_socket(listening.socket, server_side=True)
    scheme = "http" if tls is None else "https"
    served = listening.served = Served(f"{scheme}://127.0.0.1:{listening.server_port}")
    thread = threading.Thread(target=listening.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield served
    finally:
        served.fault = "closed"
        listening.shutdown()
        listening.server_close()
        thread.join()


class _Server(HTTPServer):
    # Without threads: hooks that load meanwhile would be taken to have begun them.
    served: Served

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of those who have gone before the answer."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        served = self.server.served
        path = self.path.partition("?")[0]
        content = served.files.get(path)
        served.authorized.append((path, self.headers.get("authorization")))
        etag = f'"{hashlib.sha256(content or b"").hexdigest()}"'
        if served.fault == "error":
            self._answer(503, b"later")
        elif served.fault == "silent":
            while served.fault == "silent":
                time.sleep(0.01)
            self.close_connection = True
        elif served.fault == "hostile":
            self.close_connection = True
            self.wfile.write(b"\x1b[31mHTTP/1.1 200 OK\r\n\r\n")
        elif served.fault == "dripping":
            self._drip()
        elif path in served.redirects:
            self._answer(302, b"", location=served.redirects[path])
        elif content is None:
            self._answer(404, b"no")
        elif served.fault == "without etag":
            self._answer(200, content)
        elif self.headers.get("if-none-match") == etag:
            self._answer(304, None, etag=etag)
        elif served.fault in {"half", "half, of an untold length"}:
            length = {"content-length": str(len(content))} if served.fault == "half" else {}
            served.asked.append((path, 200))
            self._head(200, {"etag": etag, "connection": "close"} | length)
            self.wfile.write(content[: len(content) // 2])
        else:
            self._answer(200, content, etag=etag)

    def _drip(self) -> None:
        """A head that never ends, though each part of it comes in time."""
        self.close_connection = True
        try:
            self.wfile.write(b"HTTP/1.1 200 OK\r\nx: ")
            while self.server.served.fault == "dripping":
                self.wfile.write(b"x")
                time.sleep(0.02)
        except OSError:
            pass  # who has asked has gone

    def _answer(self, status: int, content: bytes | None, **headers: str) -> None:
        self.server.served.asked.append((self.path.partition("?")[0], status))
        length = {} if content is None else {"content-length": str(len(content))}
        self._head(status, headers | length)
        self.wfile.write(content or b"")

    def _head(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""
