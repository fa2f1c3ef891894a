"""The SQL store: SQLite for one machine, PostgreSQL for a fleet."""

from __future__ import annotations

import hashlib
import json
import math
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, TypeVar

from pydantic import ValidationError
from sqlalchemy import and_, bindparam, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from claimhooks.errors import Problem
from claimhooks.registry.changes import changes
from claimhooks.registry.database import Database
from claimhooks.registry.model import (
    ApiRecord,
    ClientRecord,
    Document,
    GrantRecord,
    dangling,
    unmet,
)
from claimhooks.registry.schema import prepare
from claimhooks.registry.store import ChangeRefused, StoreUnavailable
from claimhooks.registry.tables import (
    apis,
    clients,
    grants,
    revision,
    token_counts,
    used_assertions,
)
from claimhooks.validation import explain

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Mapping, Sequence

    from sqlalchemy import URL, ColumnElement, Connection, RowMapping, Select, Table

SWEEP: Final = 60
"""Seconds between removals of what has expired, and how long ago it must have."""
FOREVER: Final = 2**53
"""Seconds since the epoch: what a column can hold is less than what a request can say."""

_INSERT: Final[Mapping[str, Callable[[Table], sqlite.Insert | postgresql.Insert]]] = {
    "sqlite": sqlite.insert,
    "postgresql": postgresql.insert,
}
_BUMP: Final = update(revision).values(number=revision.c.number + 1)
_REVISION: Final = select(revision.c.number)
_CLIENT: Final = select(clients).where(clients.c.id == bindparam("client_id"))
_API: Final = select(apis).where(apis.c.identifier == bindparam("audience"))
_GRANT: Final = select(grants).where(
    grants.c.client_id == bindparam("client_id"), grants.c.audience == bindparam("audience")
)
_GRANTS_AT: Final = select(grants).where(grants.c.audience == bindparam("audience"))

Record = TypeVar("Record", ClientRecord, ApiRecord, GrantRecord)


class SqlStore:
    """A registry in a database, and the state that all processes with this database share."""

    def __init__(self, url: URL, *, create: bool) -> None:
        """Connect, and with `create` make or migrate the tables.

        Raises :class:`~claimhooks.errors.LoadError` or :class:`StoreUnavailable`.
        """
        self.problems: tuple[Problem, ...] = ()
        self._database = Database(url, create=create)
        self._place = self._database.place
        self._insert = _INSERT[self._database.engine.dialect.name]
        self._swept = time.monotonic()
        try:
            with self._database.available():
                prepare(self._database.engine, self._place, create=create)
        except BaseException:
            self.close()
            raise

    def client(self, client_id: str) -> ClientRecord | None:
        """The client with this id; None: there is none."""
        return self._one(ClientRecord, _CLIENT, client_id=client_id)

    def api(self, identifier: str) -> ApiRecord | None:
        """The API with this identifier; None: there is none."""
        return self._one(ApiRecord, _API, audience=identifier)

    def grant(self, client_id: str, audience: str) -> GrantRecord | None:
        """What this client may have at this API; None: nothing."""
        return self._one(GrantRecord, _GRANT, client_id=client_id, audience=audience)

    def revision(self) -> str:
        """The number of changes so far."""
        with self._database.connected() as connection:
            return str(connection.scalar(_REVISION))

    def document(self) -> Document:
        """Everything, as it was at one instant."""
        while True:
            with self._database.connected() as connection:
                before = connection.scalar(_REVISION)
                document = self._document(connection)
                if connection.scalar(_REVISION) == before:
                    return document

    def close(self) -> None:
        """Close all connections."""
        self._database.close()

    # Changes ---------------------------------------------------------------------------------

    def put_client(self, client: ClientRecord) -> None:
        """Add a client, or replace the one with its id."""
        with self._change() as connection:
            self._put(connection, clients, [client])

    def change_client(
        self, client_id: str, change: Callable[[ClientRecord], ClientRecord]
    ) -> ClientRecord | None:
        """Put what `change` makes of the client with this id, as it is now; None: there is none."""
        with self._change() as connection:
            row = connection.execute(_CLIENT, {"client_id": client_id}).mappings().first()
            if row is None:
                return None
            client = change(self._record(ClientRecord, row))
            self._put(connection, clients, [client])
        return client

    def put_api(self, api: ApiRecord) -> None:
        """Add an API, or replace the one with its identifier."""
        with self._change() as connection:
            self._put(connection, apis, [api])
            rows = connection.execute(_GRANTS_AT, {"audience": api.identifier}).mappings()
            held = [self._record(GrantRecord, row) for row in rows]
            self._refuse(unmet(grant, has_client=True, api=api) for grant in held)

    def put_grant(self, grant: GrantRecord) -> None:
        """Add a grant, or replace the one of its client at its API."""
        keys = {"client_id": grant.client_id, "audience": grant.audience}
        with self._change() as connection:
            has_client = connection.execute(_CLIENT, keys).first() is not None
            row = connection.execute(_API, keys).mappings().first()
            api = None if row is None else self._record(ApiRecord, row)
            self._refuse([unmet(grant, has_client=has_client, api=api)])
            self._put(connection, grants, [grant])

    def delete_client(self, client_id: str) -> bool:
        """Remove a client and its grants. Returns whether it was there."""
        return self._delete(clients, clients.c.id == client_id)

    def delete_api(self, identifier: str) -> bool:
        """Remove an API and all grants at it. Returns whether it was there."""
        return self._delete(apis, apis.c.identifier == identifier)

    def delete_grant(self, client_id: str, audience: str) -> bool:
        """Remove a grant. Returns whether it was there."""
        return self._delete(
            grants, and_(grants.c.client_id == client_id, grants.c.audience == audience)
        )

    def replace(self, document: Document, *, removing: bool = True) -> Document:
        """Put `document` in place of everything; returns what was there.

        Unless `removing`, every record that is there must be in `document`.
        """
        self._refuse(reason for _, reason in dangling(document))
        with self._change() as connection:
            before = self._document(connection)
            if not removing:
                self._refuse_to_remove(before, document)
            for table in (grants, apis, clients):
                connection.execute(delete(table))
            self._put_all(connection, document)
        return before

    def merge(self, document: Document) -> Document:
        """Put every record of `document`, and leave the others; returns what was there."""
        with self._change() as connection:
            before = self._document(connection)
            self._refuse(reason for _, reason in dangling(before.merged_with(document)))
            self._put_all(connection, document)
        return before

    # What all processes share ----------------------------------------------------------------

    def use_jti(self, client_id: str, jti: str, expires: float) -> bool:
        """Use up the id of an assertion (RFC 7523 §3); False: it was used before.

        It is remembered until `expires`, in seconds since the epoch.
        """
        self._sweep()
        key = hashlib.sha256(json.dumps([client_id, jti]).encode()).hexdigest()
        statement = (
            self._insert(used_assertions)
            .on_conflict_do_nothing()
            .returning(used_assertions.c["hash"])
        )
        row = {"hash": key, "expires": math.ceil(min(expires, FOREVER))}
        with self._database.connected() as connection:
            return connection.execute(statement, row).first() is not None

    def count_token(self, client_id: str, window_start: int, window_seconds: int) -> int:
        """Count a token of this client in a window of time; the number counted in it so far.

        `window_start` is in seconds since the epoch.
        """
        self._sweep()
        statement = self._insert(token_counts).on_conflict_do_update(
            index_elements=list(token_counts.primary_key),
            set_={"count": token_counts.c["count"] + 1},
        )
        row = {
            "client_id": client_id,
            "window_start": window_start,
            "window_seconds": window_seconds,
            "count": 1,
        }
        with self._database.connected() as connection:
            counted = connection.execute(statement.returning(token_counts.c["count"]), row)
            return int(counted.scalar_one())

    def _sweep(self) -> None:
        """Now and then, remove what has expired."""
        if time.monotonic() < self._swept + SWEEP:
            return
        self._swept = time.monotonic()
        latest = int(time.time()) - SWEEP
        ends = token_counts.c.window_start + token_counts.c.window_seconds
        with self._database.connected() as connection:
            connection.execute(delete(used_assertions).where(used_assertions.c.expires < latest))
            connection.execute(delete(token_counts).where(ends < latest))

    # The way to the database -----------------------------------------------------------------

    @contextmanager
    def _change(self) -> Generator[Connection]:
        """A transaction that no other change runs beside."""
        with self._database.transaction() as connection:
            connection.execute(_BUMP)
            yield connection

    def _one(
        self, model: type[Record], statement: Select[tuple[object, ...]], **keys: str
    ) -> Record | None:
        # What no key can hold may be more than a database can bear: NUL, lone surrogates.
        if not all(key.isprintable() for key in keys.values()):
            return None
        with self._database.connected() as connection:
            row = connection.execute(statement, keys).mappings().first()
        return None if row is None else self._record(model, row)

    def _all(self, connection: Connection, model: type[Record], table: Table) -> list[Record]:
        rows = connection.execute(select(table).order_by(*table.primary_key)).mappings()
        return [self._record(model, row) for row in rows]

    def _record(self, model: type[Record], row: RowMapping) -> Record:
        try:
            return model.model_validate(dict(row))
        except ValidationError as error:
            # Somebody else has written into the table.
            what = "; ".join(reason for _, reason in explain(error, model))
            raise StoreUnavailable(f"{self._place}: a record is malformed: {what}") from None

    def _document(self, connection: Connection) -> Document:
        return Document.of(
            self._all(connection, ClientRecord, clients),
            self._all(connection, ApiRecord, apis),
            self._all(connection, GrantRecord, grants),
        )

    def _put_all(self, connection: Connection, document: Document) -> None:
        self._put(connection, clients, [*document.clients.values()])
        self._put(connection, apis, [*document.apis.values()])
        self._put(connection, grants, document.grants)

    def _put(
        self,
        connection: Connection,
        table: Table,
        records: Sequence[ClientRecord | ApiRecord | GrantRecord],
    ) -> None:
        if records:
            insert = self._insert(table)
            keys = [column.name for column in table.primary_key]
            statement = insert.on_conflict_do_update(
                index_elements=keys,
                set_={name: c for name, c in insert.excluded.items() if name not in keys},
            )
            connection.execute(statement, [record.model_dump(mode="json") for record in records])

    def _delete(self, table: Table, which: ColumnElement[bool]) -> bool:
        with self._change() as connection:
            return connection.execute(delete(table).where(which)).rowcount > 0

    def _refuse_to_remove(self, before: Document, after: Document) -> None:
        counts = changes(before, after).items()
        removed = [f"{n['removed']:,} {kind}" for kind, n in counts if n["removed"]]
        if removed:
            reason = f"it holds {', '.join(removed)} that the document does not have"
            raise ChangeRefused([Problem("registry_removes", self._place, reason)])

    def _refuse(self, reasons: Iterable[str | None]) -> None:
        problems = [
            Problem("registry_reference", self._place, reason) for reason in reasons if reason
        ]
        if problems:
            raise ChangeRefused(problems)
