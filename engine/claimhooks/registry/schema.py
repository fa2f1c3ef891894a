"""Brings a database to the tables that this claimhooks knows, or tells why it cannot be used."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy import inspect, text
from sqlalchemy.exc import OperationalError

from claimhooks.errors import LoadError, Problem
from claimhooks.registry.tables import SCHEMA, VERSION_TABLE

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

MIGRATIONS: Final = Path(__file__).parent / "migrations"
LOCK: Final = 0x636C61696D
"""Of PostgreSQL's advisory locks, the one of those who migrate."""
WAIT: Final = 0.05
ATTEMPTS: Final = 100


def prepare(engine: Engine, place: str, *, create: bool) -> None:
    """Check the tables, and with `create` make or migrate them, one process at a time.

    `place` is the database for messages. Raises :class:`~claimhooks.errors.LoadError`.
    """
    with engine.connect() as connection:
        found = _version(connection)
    if found == SCHEMA:
        return
    if found is not None and found > SCHEMA:
        reason = f"has tables of version {found}; this claimhooks knows them up to {SCHEMA}"
        raise LoadError([Problem("registry_newer", place, reason)])
    if not create:
        if found is None:
            raise LoadError([Problem("registry_missing", place, "holds no registry")])
        reason = f"has tables of version {found}, older than {SCHEMA}"
        raise LoadError([Problem("registry_outdated", place, reason)])
    if engine.dialect.name == "sqlite":
        _use_write_ahead_log(engine)
    with engine.begin() as connection:
        if engine.dialect.name == "sqlite":
            connection.execute(text("BEGIN IMMEDIATE"))
        else:
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        # Whoever held the lock before may have done it all: then there is nothing to upgrade.
        _upgrade(connection)


def _version(connection: Connection) -> str | None:
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    version: str | None = connection.scalar(text(f"SELECT version_num FROM {VERSION_TABLE}"))  # noqa: S608 - a constant
    return version


def _upgrade(connection: Connection) -> None:
    # Not at the top: it takes long to load, and is seldom needed.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _use_write_ahead_log(engine: Engine) -> None:
    """Let readers and a writer of an SQLite file not wait for each other.

    SQLite does not wait for others here, whatever its busy timeout.
    """
    with engine.connect() as connection:
        for attempt in range(ATTEMPTS):
            try:
                connection.execute(text("PRAGMA journal_mode=WAL"))
            except OperationalError:
                if attempt == ATTEMPTS - 1:
                    raise
                time.sleep(WAIT)
            else:
                return
