"""Starting ``claimhooks serve``: something to try it with, and the processes."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from claimhooks.errors import LoadError, Problem
from claimhooks.issuer.app import application, open_parts
from claimhooks.issuer.parts import REGISTRY_NAME, TOKEN_PATH, make_folder
from claimhooks.registry import (
    ApiRecord,
    ClientRecord,
    GrantRecord,
    SecretRecord,
    open_sql,
    secret_key,
)
from claimhooks.registry.secret_hash import digest, generate
from claimhooks.serving.process import EventLines, log_to_stdout, serve

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.applications import Starlette

    from claimhooks.issuer.parts import Parts
    from claimhooks.settings import Settings

API: Final = "https://api.example/"
CLIENT: Final = "demo-client"


def demonstrate(settings: Settings, data: Path, address: str) -> str:
    """Put a client, an API and a grant into a registry that is new; returns how to use them.

    Does nothing if the settings name a registry, or if it is there already.
    """
    if settings.server.registry is not None:
        return ""
    make_folder(data)
    path = data / REGISTRY_NAME
    try:
        # Of several processes that start at once, one shows its secret.
        path.touch(0o600, exist_ok=False)
    except FileExistsError:
        return ""
    except OSError as error:
        reason = f"cannot be made: {error.strerror}"
        raise LoadError([Problem("registry_unreadable", str(path), reason)]) from None
    store = open_sql(path, create=True)
    try:
        secret = generate()
        hashed = SecretRecord(
            hash=digest(secret, secret_key(data, store)), created=datetime.now(UTC)
        )
        store.put_api(
            ApiRecord(
                identifier=API,
                name="An API to try the issuer with",
                scopes={"orders:read": "Read orders", "orders:write": "Change orders"},
            )
        )
        store.put_client(
            ClientRecord(
                id=CLIENT,
                name="A client to try the issuer with",
                metadata={"tier": "gold"},
                secrets=(hashed,),
            )
        )
        store.put_grant(GrantRecord(client_id=CLIENT, audience=API, scopes="all"))
    finally:
        store.close()
    body = (
        f'{{"grant_type":"client_credentials","client_id":"{CLIENT}",'
        f'"client_secret":"{secret}","audience":"{API}"}}'
    )
    return (
        f"A client to try it with, whose secret is shown only now:\n\n"
        f"curl {address}{TOKEN_PATH} -H 'Content-Type: application/json' \\\n  -d '{body}'\n"
    )


def run(host: str, port: int, workers: int, tls_cert: str | None, tls_key: str | None) -> None:
    """Serve until told to stop. Raises :class:`~claimhooks.errors.ProblemsError`."""
    log_to_stdout()
    app: Starlette | str = "claimhooks.issuer.start:served"
    if workers == 1:
        parts = open_parts()
        parts.runtime.handle_signals()
        app = _logged(parts)
    else:
        # What is wrong is better told once than by each process.
        open_parts().close()
    serve(app, host, port, tls_cert, tls_key, workers=workers)


def served() -> Starlette:
    """The issuer of one process of several."""
    log_to_stdout()
    return _logged(open_parts())


def _logged(parts: Parts) -> Starlette:
    parts.events = EventLines()
    first, _, end = os.environ.get("CLAIMHOOKS_METRICS", "0:0").partition(":")
    return application(parts, range(int(first), int(end)))
