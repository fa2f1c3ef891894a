"""Connections to the database of a registry."""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from sqlalchemy import URL, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from claimhooks.errors import LoadError, Problem
from claimhooks.registry.store import StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Generator

    from sqlalchemy import Connection, Engine
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


class Database:
    """The database at one address, and connections to it. Safe to share between threads."""

    def __init__(self, url: URL, *, create: bool) -> None:
        """With `create` an SQLite file is made if need be, for its owner only.

        Connects to nothing yet. Raises :class:`~claimhooks.errors.LoadError`.
        """
        self.place: Final = url.set(query={}).render_as_string(hide_password=True)
        self._file: Path | None = None
        if url.get_backend_name() == "sqlite":
            _find_file(url, self.place, create=create)
            self._file = Path(str(url.database))
            self._identity = self._identity_now()
        self.engine: Final = _engine(url)
        # One statement needs no transaction around it, which would cost two more round trips.
        self._single = self.engine.execution_options(isolation_level="AUTOCOMMIT")

    @contextmanager
    def connected(self) -> Generator[Connection]:
        """A connection on which each statement stands for itself.

        Raises :class:`StoreUnavailable`, also for what happens within.
        """
        with self.available(), self._single.connect() as connection:
            yield connection

    @contextmanager
    def transaction(self) -> Generator[Connection]:
        """A connection whose statements are all in effect at the end, or none.

        Raises :class:`StoreUnavailable`, also for what happens within.
        """
        with self.available(), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def available(self) -> Generator[None]:
        """Turns what a database raises into :class:`StoreUnavailable`."""
        if self._file is not None and self._identity_now() != self._identity:
            # Open connections still have the former file, and its write-ahead log, which lies
            # beside the new one under the same name, would spoil that.
            reason = "the file is not the one that was opened: restart to use what is there now"
            raise StoreUnavailable(f"{self.place}: {reason}")
        try:
            yield
        except (DBAPIError, PoolTimeout) as error:
            # The first line of the database's own words: SQLAlchemy's hold values.
            cause = error.orig if isinstance(error, DBAPIError) else error
            reason, _, _ = str(cause).partition("\n")
            raise StoreUnavailable(f"{self.place}: {reason}") from None

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()

    def _identity_now(self) -> tuple[int, int] | None:
        """Of the SQLite file; None: it is not there."""
        try:
            status = os.stat(str(self._file))  # noqa: PTH116 - before each statement
        except OSError:
            return None
        return status.st_dev, status.st_ino


def _engine(url: URL) -> Engine:
    if url.get_backend_name() == "postgresql":
        return create_engine(
            url,
            connect_args={k: v for k, v in POSTGRESQL.items() if k not in url.query},
            pool_pre_ping=True,
            pool_timeout=WAIT,
            hide_parameters=True,
        )
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
