"""Connections to the database of a registry."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from sqlalchemy import URL, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError

from claimhooks.errors import LoadError, Problem

if TYPE_CHECKING:
    from sqlalchemy import Engine
    from sqlalchemy.engine.interfaces import DBAPIConnection
    from sqlalchemy.pool import ConnectionPoolEntry

WAIT: Final = 5
"""Seconds to wait for a connection, or for others that write to an SQLite file."""
POSTGRESQL: Final = {"connect_timeout": WAIT, "tcp_user_timeout": WAIT * 1000}
"""So that a server that has gone without a word is noticed."""


_DRIVERS: Final = {
    "sqlite": "sqlite",
    "postgresql": "postgresql+psycopg",
    "postgresql+psycopg": "postgresql+psycopg",
}


def url_of(address: str | Path) -> URL:
    """The database at `address`, a URL or an SQLite file.

    Raises :class:`~claimhooks.errors.LoadError`.
    """
    if isinstance(address, Path) or "://" not in address:
        return URL.create("sqlite", database=str(address))
    scheme = address.partition("://")[0]
    try:
        return make_url(address).set(drivername=_DRIVERS[scheme])
    except (KeyError, ArgumentError, ValueError):
        # Not the whole address: it may hold a password.
        reason = "is no address of a registry"
        raise LoadError([Problem("registry_address", f"{scheme}://…", reason)]) from None


def open_engine(url: URL, place: str, *, create: bool) -> Engine:
    """An engine for the database at `url`, `place` in messages.

    With `create` an SQLite file is made if need be, for its owner only. Raises
    :class:`~claimhooks.errors.LoadError`.
    """
    if url.get_backend_name() == "postgresql":
        return create_engine(
            url,
            connect_args={k: v for k, v in POSTGRESQL.items() if k not in url.query},
            pool_pre_ping=True,
            pool_timeout=WAIT,
            hide_parameters=True,
        )
    _find_file(url, place, create=create)
    # Else a connection made while the file is away would make another, empty one.
    existing = {"mode": "rw", "uri": "true"}
    engine = create_engine(
        url.set(database=f"file:{quote(str(url.database))}", query={**url.query, **existing}),
        connect_args={"timeout": WAIT},
        pool_timeout=WAIT,
        hide_parameters=True,
    )
    event.listen(engine, "connect", _set_up)
    return engine


def _find_file(url: URL, place: str, *, create: bool) -> None:
    if url.database in {None, "", ":memory:"}:
        raise LoadError([Problem("registry_address", place, "names no file")])
    path = Path(str(url.database))
    try:
        if create and not path.exists():
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with suppress(FileExistsError):
                os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        if not path.is_file():
            raise LoadError([Problem("registry_missing", place, "there is no such file")])
    except OSError as error:
        reason = f"cannot be made: {error.strerror}"
        raise LoadError([Problem("registry_unreadable", place, reason)]) from None


def _set_up(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA foreign_keys=ON")
    # With a write-ahead log a power cut may cost the last changes, but never the file.
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.close()
