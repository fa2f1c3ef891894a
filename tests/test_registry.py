"""The registry: what its records may be, and what its stores do."""

from __future__ import annotations

import json
import re
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from sqlalchemy import create_engine, text

from claimhooks import LoadError
from claimhooks.registry import (
    ApiRecord,
    ChangeRefused,
    ClientRecord,
    Document,
    GrantRecord,
    Quota,
    SecretRecord,
    SharedState,
    Store,
    StoreUnavailable,
    WritableStore,
    open_sql,
    open_state,
    open_store,
    secret_key,
)
from claimhooks.registry.export import to_json, to_toml
from claimhooks.registry.file import FileStore, read_document
from claimhooks.registry.schema import MIGRATIONS
from claimhooks.registry.secret_hash import digest, generate, matches, new_key, read_key
from claimhooks.registry.sql import SqlStore
from claimhooks.registry.tables import SCHEMA, VERSION_TABLE, metadata
from claimhooks.token import SigningKey
from claimhooks.watch import Watcher
from given import eventually
from postgres import Server, running_server

if TYPE_CHECKING:
    from claimhooks.registry.model import Jwks

API = "https://api.acme.example/"
KEY = b"k" * 32
JWKS: Jwks = {"keys": [{**SigningKey.generate("ES256").public_jwk()}]}

CLIENT = ClientRecord(
    id="orders-worker",
    name="Orders worker ✓",
    tenant="acme",
    metadata={"tier": "gold", "limits": {"orders": [1, 2.5, None, True]}, "nul": "\0"},
    secrets=(SecretRecord(hash=digest("secret", KEY), created=datetime(2026, 11, 25, tzinfo=UTC)),),
    token_lifetime=600,
    quota=Quota(per_hour=10),
)
PARTNER = ClientRecord(id="partner", auth_methods=("private_key_jwt",), jwks=JWKS, enabled=False)
ORDERS = ApiRecord(
    identifier=API, name="Orders", scopes={"orders:read": "Read", "orders:write": ""}
)
GRANT = GrantRecord(client_id="orders-worker", audience=API, scopes=("orders:read",))
ALL = GrantRecord(client_id="partner", audience=API, scopes="all")
DOCUMENT = Document.of([CLIENT, PARTNER], [ORDERS], [GRANT, ALL])

Begin = Callable[[Document], Store]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running_server() as server:
        yield server


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a database in which there is nothing yet."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'data' / 'registry.db'}"
    server: Server = request.getfixturevalue("server")
    return server.new_database()


@pytest.fixture
def sql(database: str) -> Iterator[SqlStore]:
    """An empty registry in a database."""
    with closing(open_sql(database, create=True)) as store:
        yield store


@pytest.fixture(
    scope="module",
    params=["toml", "sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)],
)
def store(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Store]:
    """A registry that holds DOCUMENT, in each of the stores."""
    folder = tmp_path_factory.mktemp("registry")
    if request.param == "toml":
        address = str(folder / "registry.toml")
        Path(address).write_text(to_toml(DOCUMENT))
    else:
        address = f"sqlite:///{folder / 'registry.db'}"
        if request.param == "postgresql":
            address = request.getfixturevalue("server").new_database()
        with closing(open_sql(address, create=True)) as empty:
            empty.replace(DOCUMENT)
    with closing(open_store(address)) as store:
        yield store


# Reading -----------------------------------------------------------------------------------------


def test_every_store_finds_what_was_put_there(store: Store) -> None:
    assert store.client("orders-worker") == CLIENT
    assert store.client("partner") == PARTNER
    assert store.api(API) == ORDERS
    assert store.grant("orders-worker", API) == GRANT
    assert store.grant("partner", API) == ALL
    assert store.document() == DOCUMENT
    assert store.revision() == store.revision()


@pytest.mark.parametrize(
    "name", ["", "nobody", "a\0b", "\ud800", "x" * 100_000, "' OR 1=1 --", "é"]
)
def test_every_store_bears_any_name_to_look_up(store: Store, name: str) -> None:
    assert store.client(name) is None
    assert store.api(name) is None
    assert store.grant(name, name) is None
    assert store.grant("orders-worker", name) is None


def test_only_databases_can_be_written_and_shared(store: Store, tmp_path: Path) -> None:
    is_database = isinstance(store, SqlStore)
    assert isinstance(store, WritableStore) == is_database
    assert isinstance(store, SharedState) == is_database
    state = open_state(store, tmp_path)
    assert isinstance(state, SqlStore)
    assert (state is store) == is_database
    assert state.use_jti("orders-worker", "1", time.time() + 60)
    if not is_database:
        state.close()


# Changes -----------------------------------------------------------------------------------------


def test_every_change_shows_in_the_revision(sql: SqlStore) -> None:
    steps: list[Callable[[], object]] = [
        lambda: sql.put_client(CLIENT),
        lambda: sql.put_client(CLIENT.model_copy(update={"enabled": False})),
        lambda: sql.put_api(ORDERS),
        lambda: sql.put_grant(GRANT),
        lambda: sql.delete_grant("orders-worker", API),
        lambda: sql.delete_api(API),
        lambda: sql.delete_client("orders-worker"),
        lambda: sql.replace(DOCUMENT),
        lambda: sql.merge(DOCUMENT),
    ]
    seen = [sql.revision()]
    for step in steps:
        step()
        seen.append(sql.revision())
    assert len(set(seen)) == len(seen)


def test_what_is_put_replaces_what_was_there(sql: SqlStore) -> None:
    sql.put_client(CLIENT)
    plain = ClientRecord(id="orders-worker")
    sql.put_client(plain)
    assert sql.client("orders-worker") == plain


def test_what_is_deleted_takes_its_grants_with_it(sql: SqlStore) -> None:
    sql.replace(DOCUMENT)
    assert sql.delete_client("partner")
    assert not sql.delete_client("partner")
    assert sql.grant("partner", API) is None
    assert sql.grant("orders-worker", API) == GRANT
    assert sql.delete_api(API)
    assert not sql.delete_api(API)
    assert sql.document() == Document.of([CLIENT])


def put(sql: SqlStore, change: GrantRecord | ApiRecord | Document) -> None:
    match change:
        case GrantRecord():
            sql.put_grant(change)
        case ApiRecord():
            sql.put_api(change)
        case Document():
            sql.replace(change)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (GrantRecord(client_id="nobody", audience=API), "there is no client 'nobody'"),
        (GrantRecord(client_id="partner", audience="urn:x"), "there is no API 'urn:x'"),
        (GRANT.model_copy(update={"scopes": ("admin", "x")}), "does not define admin, x"),
        (ORDERS.model_copy(update={"scopes": {}}), "does not define orders:read"),
        (Document.of(grants=[GRANT]), "there is no client 'orders-worker'"),
    ],
)
def test_a_change_that_would_break_a_reference_is_refused(
    sql: SqlStore, change: GrantRecord | ApiRecord | Document, reason: str
) -> None:
    sql.replace(DOCUMENT)
    before = sql.revision()
    with pytest.raises(ChangeRefused, match=reason) as raised:
        put(sql, change)
    assert raised.value.problems[0].code == "registry_reference"
    assert sql.revision() == before
    assert sql.document() == DOCUMENT


def test_merging_leaves_other_records_and_may_name_them(sql: SqlStore) -> None:
    sql.replace(Document.of([CLIENT], [ORDERS], [GRANT]))
    wider = GRANT.model_copy(update={"scopes": "all"})
    sql.merge(Document.of([PARTNER], [], [wider, ALL]))
    assert sql.document() == Document.of([CLIENT, PARTNER], [ORDERS], [wider, ALL])
    with pytest.raises(ChangeRefused, match="there is no API 'urn:x'"):
        sql.merge(Document.of([], [], [GrantRecord(client_id="partner", audience="urn:x")]))


# What all processes share ------------------------------------------------------------------------

USE = """
for number in range(100):
    print(int(store.use_jti("orders-worker", str(number), time.time() + 60)))
"""
COUNT = """
for _ in range(100):
    print(store.count_token("orders-worker", 3600, 3600))
"""


def at_once(database: str, code: str, processes: int) -> list[str]:
    """What so many processes print that open the registry and run `code` at the same time."""
    program = (
        "import sys, time, alembic.command, psycopg, claimhooks.registry.sql\n"
        "from claimhooks.registry import open_sql\n"
        "time.sleep(max(0, float(sys.argv[2]) - time.time()))\n"
        "store = open_sql(sys.argv[1], create=True)\n"
    )
    arguments = [sys.executable, "-c", program + code, database, str(time.time() + 1.5)]
    running = [
        subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(processes)
    ]
    printed: list[str] = []
    for process in running:
        output, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors
        printed += output.split()
    return printed


@pytest.mark.slow
def test_processes_that_start_on_an_empty_database_at_once_all_succeed(database: str) -> None:
    assert at_once(database, "print(store.revision())", 4) == ["1"] * 4


@pytest.mark.slow
def test_each_assertion_is_used_once_whichever_process_sees_it(database: str) -> None:
    wins = at_once(database, USE, 2)
    assert len(wins) == 200
    assert wins.count("1") == 100


@pytest.mark.slow
def test_no_count_of_any_process_is_lost(database: str) -> None:
    counts = at_once(database, COUNT, 4)
    assert sorted(map(int, counts)) == list(range(1, 401))


def test_no_change_of_a_client_at_the_same_time_is_lost(sql: SqlStore) -> None:
    sql.put_client(ClientRecord(id="orders", metadata={"count": 0}))

    def one_more(client: ClientRecord) -> ClientRecord:
        count = cast("int", client.metadata["count"]) + 1
        return client.model_copy(update={"metadata": {"count": count}})

    with ThreadPoolExecutor(4) as threads:
        changed = [*threads.map(lambda _: sql.change_client("orders", one_more), range(40))]
    counts = [cast("int", client.metadata["count"]) for client in changed if client]
    assert sorted(counts) == [*range(1, 41)]
    assert sql.change_client("nobody", one_more) is None


def test_a_change_that_raises_changes_nothing(sql: SqlStore) -> None:
    sql.put_client(ClientRecord(id="orders"))
    before = sql.revision()

    def fails(_client: ClientRecord) -> ClientRecord:
        raise KeyError

    with pytest.raises(KeyError):
        sql.change_client("orders", fails)
    assert sql.revision() == before


def test_what_would_be_removed_is_counted_and_stays(sql: SqlStore) -> None:
    sql.replace(DOCUMENT)
    fewer = Document.of([*DOCUMENT.clients.values()][1:], DOCUMENT.apis.values())
    with pytest.raises(ChangeRefused, match=r"1 clients, \d+ grants that .* \[registry_removes\]"):
        sql.replace(fewer, removing=False)
    assert sql.document() == DOCUMENT
    assert sql.replace(fewer) == DOCUMENT
    assert sql.merge(DOCUMENT) == fewer
    assert sql.replace(DOCUMENT, removing=False) == DOCUMENT


def test_no_count_of_any_thread_is_lost(sql: SqlStore) -> None:
    def count(_: int) -> int:
        return sql.count_token("orders-worker", 0, 60)

    with ThreadPoolExecutor(8) as threads:
        assert sorted(threads.map(count, range(80))) == list(range(1, 81))


def test_windows_and_clients_are_counted_apart(sql: SqlStore) -> None:
    windows = [("a", 0, 60), ("b", 0, 60), ("a", 60, 60), ("a", 0, 3600)]
    assert [sql.count_token(*window) for window in windows] == [1, 1, 1, 1]
    assert sql.count_token("a", 0, 60) == 2


def test_assertions_are_told_apart_by_client_and_by_any_character(sql: SqlStore) -> None:
    used = [("a", "bc"), ("ab", "c"), ("a", ""), ("a", "\0"), ("a", "\ud800"), ("a", "x" * 10_000)]
    expires = time.time() + 60
    assert all([sql.use_jti(client, jti, expires) for client, jti in used])  # noqa: C419 - use all
    assert not any(sql.use_jti(client, jti, expires) for client, jti in used)
    assert sql.use_jti("a", "for ever", 1e300)


def test_what_has_expired_is_removed(sql: SqlStore, monkeypatch: pytest.MonkeyPatch) -> None:
    now = int(time.time())
    sql.use_jti("a", "old", now - 1000)
    sql.use_jti("a", "new", now + 1000)
    sql.count_token("a", now - 5000, 60)
    sql.count_token("a", now, 60)
    monkeypatch.setattr("claimhooks.registry.sql.time.monotonic", lambda: float("inf"))
    assert not sql.use_jti("a", "new", now + 1000)
    assert sql.use_jti("a", "old", now + 1000)
    assert sql.count_token("a", now, 60) == 2
    assert sql.count_token("a", now - 5000, 60) == 1


# Opening, and databases that fail ----------------------------------------------------------------


def test_a_registry_is_made_only_if_asked_for(database: str) -> None:
    with pytest.raises(LoadError) as raised:
        open_store(database)
    assert raised.value.problems[0].code == "registry_missing"
    open_sql(database, create=True).close()
    open_store(database).close()


def test_an_sqlite_registry_is_for_its_owner_only(tmp_path: Path) -> None:
    file = tmp_path / "data" / "registry.db"
    with closing(open_sql(file, create=True)) as store:
        store.put_client(CLIENT)
        modes = {stat.S_IMODE(path.stat().st_mode) for path in file.parent.iterdir()}
        assert modes == {0o600}
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def test_a_database_of_another_version_is_refused(database: str) -> None:
    open_sql(database, create=True).close()
    engine = create_engine(database)
    for version, code, create in (
        ("9999", "registry_newer", True),
        ("9999", "registry_newer", False),
        ("0000", "registry_outdated", False),
    ):
        with engine.begin() as connection:
            connection.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = '{version}'"))
        with pytest.raises(LoadError, match=version) as raised:
            open_sql(database, create=create)
        assert raised.value.problems[0].code == code
    engine.dispose()


def test_the_migrations_make_the_tables_that_the_store_uses(database: str) -> None:
    open_sql(database, create=True).close()
    assert ScriptDirectory(str(MIGRATIONS)).get_current_head() == SCHEMA
    engine = create_engine(database)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
        assert compare_metadata(context, metadata) == []
    engine.dispose()


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("mysql://root:hunter2@localhost/x", "registry_address"),
        ("postgresql://root:hunter2@localhost:port/x", "registry_address"),
        ("sqlite://", "registry_address"),
        ("sqlite:///:memory:", "registry_address"),
        ("/dev/null/registry.db", "registry_unreadable"),
    ],
)
def test_an_address_of_no_registry_is_refused(address: str, code: str) -> None:
    with pytest.raises(LoadError) as raised:
        open_store(address, create=True)
    assert raised.value.problems[0].code == code
    assert "hunter2" not in str(raised.value)


def test_a_database_that_cannot_be_reached_is_unavailable() -> None:
    with pytest.raises(StoreUnavailable, match="refused") as raised:
        open_store("postgresql://root:hunter2@127.0.0.1:1/x?password=hunter2")
    assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize(
    ("module", "address"),
    [
        ("sqlalchemy", "sqlite:///registry.db"),
        ("psycopg", "postgresql://127.0.0.1:1/x"),
    ],
)
def test_what_is_not_installed_is_named(
    monkeypatch: pytest.MonkeyPatch, module: str, address: str
) -> None:
    for name in ("claimhooks.registry.database", "claimhooks.registry.sql"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(LoadError, match=f"needs {module}, which is not installed") as raised:
        open_store(address)
    assert raised.value.problems[0].code == "server_missing"


def test_a_file_that_is_no_database_is_unavailable(tmp_path: Path) -> None:
    file = tmp_path / "registry.db"
    file.write_text("no database " * 1000)
    with pytest.raises(StoreUnavailable, match="not a database"):
        open_store(str(file), create=True)


@pytest.mark.postgres
def test_a_database_that_was_gone_is_used_again(server: Server) -> None:
    with closing(open_sql(server.new_database(), create=True)) as store:
        store.replace(DOCUMENT)
        server.stop()
        try:
            for use in (
                store.revision,
                store.document,
                lambda: store.client("partner"),
                lambda: store.put_client(CLIENT),
                lambda: store.use_jti("partner", "1", time.time() + 60),
                lambda: store.count_token("partner", 0, 60),
            ):
                with pytest.raises(StoreUnavailable):
                    use()
        finally:
            server.start()
        assert store.document() == DOCUMENT


def test_a_full_disk_refuses_changes_and_keeps_what_is_there(tmp_path: Path) -> None:
    with closing(open_sql(tmp_path / "registry.db", create=True)) as store:
        store.replace(DOCUMENT)
        with store._database.connected() as connection:
            connection.execute(text("PRAGMA max_page_count=1"))
        many = Document.of(ClientRecord(id=f"c{number}") for number in range(10_000))
        with pytest.raises(StoreUnavailable, match="full"):
            store.replace(many)
        assert store.document() == DOCUMENT


def test_a_record_that_somebody_has_broken_is_no_traceback(sql: SqlStore, database: str) -> None:
    sql.replace(DOCUMENT)
    engine = create_engine(database)
    with engine.begin() as connection:
        connection.execute(text("UPDATE claimhooks_apis SET signing_alg = 'none'"))
    engine.dispose()
    with pytest.raises(StoreUnavailable, match="signing_alg: must be 'RS256'"):
        sql.api(API)


@pytest.mark.slow
def test_many_clients_cost_neither_the_start_nor_a_lookup(sql: SqlStore, database: str) -> None:
    def seconds(use: Callable[[], object]) -> float:
        started = time.perf_counter()
        use()
        return time.perf_counter() - started

    def lookups() -> None:
        for number in range(200):
            assert sql.client(f"client-{number % 10}") is not None

    sql.replace(Document.of(ClientRecord(id=f"client-{number}") for number in range(10)))
    few = min(seconds(lookups) for _ in range(5))
    many = (
        ClientRecord(id=f"client-{number}", metadata={"n": number}) for number in range(100_000)
    )
    sql.replace(Document.of(many))
    assert seconds(lambda: open_sql(database, create=True).close()) < 2
    assert min(seconds(lookups) for _ in range(5)) < 2 * few
    assert sql.client("client-99999") == ClientRecord(id="client-99999", metadata={"n": 99_999})


# The file ----------------------------------------------------------------------------------------

BROKEN = """\
[clients."a.b"]
nme = "x"
secrets = ["very secret"]
[clients.c]
jwks = {keys = [{kty = "oct", k = "very secret"}]}
[clients.d]
jwks_uri = "http://acme.example/jwks"
auth_methods = ["none"]
[clients.d.quota]
per_hour = 0
[clients.e]
metadata = {when = 2026-11-25}
[clients.f]
auth_methods = ["private_key_jwt"]
[apis."https://a.example/"]
signing_alg = "HS256"
token_lifetime = 2592001
[apis."https://b.example/".scopes]
"not one" = ""
[[grants]]
client_id = "c"
audience = "https://a.example/"
[[grants]]
client_id = "c"
audience = "https://b.example/"
scopes = "every"
[[grants]]
client_id = "c"
"""


def test_every_mistake_in_the_file_is_named_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "registry.toml"
    file.write_text(BROKEN)
    with pytest.raises(LoadError) as raised:
        open_store(file)
    found = sorted((problem.line or 0, problem.reason) for problem in raised.value.problems)
    assert found == [
        (2, "clients.a.b.nme: unknown key; did you mean 'name'?"),
        (3, "clients.a.b.secrets[0]: must be an object, not text"),
        (5, "clients.c.jwks: keys[0] is not public: give the public half only"),
        (7, "clients.d.jwks_uri: must be an https URL, or an http URL of this machine"),
        (8, "clients.d.auth_methods[0]: must be 'client_secret_basic', 'client_secret_post' or "
            "'private_key_jwt'"),
        (10, "clients.d.quota.per_hour: must be greater than 0"),
        (12, "clients.e.metadata.when: input was not a valid JSON value"),
        (13, "clients.f: private_key_jwt needs jwks or jwks_uri"),
        (16, "apis.https://a.example/.signing_alg: must be 'RS256', 'PS256', 'ES256' or 'EdDSA'"),
        (17, "apis.https://a.example/.token_lifetime: must be less than or equal to 2592000"),
        (19, "apis.https://b.example/.scopes.not one.[key]: text should match pattern "
             r"'^[\x21\x23-\x5B\x5D-\x7E]+$'"),
        (26, "grants[1].scopes.all: must be 'all'"),
        (27, "grants[2].audience: is missing"),
    ]  # fmt: skip
    assert "very secret" not in str(raised.value)


@pytest.mark.parametrize(
    ("content", "line", "reason"),
    [
        ("[clients.a]\nname = \n", 2, "Invalid value"),
        ("[[grants]]\nclient_id = 'a'\naudience = 'b'\n", 1, "there is no client 'a'"),
        (to_toml(DOCUMENT).replace('    "orders:read"', '    "x"'), 0, "does not define x"),
        (to_toml(DOCUMENT) + f"[[grants]]\nclient_id='partner'\naudience='{API}'", 0, "two for"),
    ],
)
def test_a_file_that_makes_no_sense_is_refused(
    tmp_path: Path, content: str, line: int, reason: str
) -> None:
    file = tmp_path / "registry.toml"
    file.write_text(content)
    with pytest.raises(LoadError, match=reason) as raised:
        FileStore(file)
    (problem,) = raised.value.problems
    assert problem.file == str(file)
    assert problem.line == (line or content[: content.index("[[grants]]")].count("\n") + 1)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(LoadError, match="No such file") as raised:
        open_store(tmp_path / "registry.toml", create=True)
    assert raised.value.problems[0].code == "registry_unreadable"


def test_a_saved_file_is_followed_and_a_bad_save_keeps_the_last_good_one(tmp_path: Path) -> None:
    file = tmp_path / "registry.toml"
    file.write_text(to_toml(DOCUMENT))
    store = FileStore(file)
    refused: list[LoadError] = []

    def changed(_: str) -> bool:
        try:
            store.reload()
        except LoadError as error:
            refused.append(error)
        return True

    watcher = Watcher(
        lambda: [store.place], store.fingerprint, changed, store.revision(), lambda: 0.01
    )
    watcher.start()
    first = store.revision()
    file.write_text("[clients.x]\nnme = 1\n")
    assert eventually(lambda: bool(refused))
    assert store.document() == DOCUMENT
    assert store.revision() == first
    file.unlink()
    assert eventually(lambda: len(refused) == 2)
    file.write_text(to_toml(Document.of([PARTNER])))
    assert eventually(lambda: store.client("orders-worker") is None)
    assert store.client("partner") == PARTNER
    assert store.revision() == store.fingerprint() != first
    watcher.close()


# Records -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fields",
    [
        {"id": ""},
        {"id": "naïve"},
        {"id": "a\n"},
        {"id": "x" * 257},
        {"metadata": {"x": float("nan")}},
        {"metadata": {"x": 2**60}},
        {"metadata": "[1]"},
        {"metadata": "{"},
        {"metadata": '{"a": 1, "a": 2}'},
        {"auth_methods": ["none"]},
        {"jwks": {}},
        {"jwks": {"keys": []}},
        {"jwks": {"keys": [{"kty": "RSA", "n": "!", "e": "AQAB"}]}},
        {"jwks": {"keys": [JWKS["keys"][0] | {"d": "x"}]}},
        {"jwks": JWKS, "jwks_uri": "https://acme.example/jwks"},
        {"jwks_uri": "https://["},
        {"jwks_uri": "file:///etc/passwd"},
        {"secrets": [CLIENT.secrets[0]] * 3},
        {"secrets": [{"hash": "plain", "created": datetime.now(UTC)}]},
        {"token_lifetime": 0},
        {"quota": {"per_day": -1}},
    ],
)
def test_a_client_that_cannot_be_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        ClientRecord.model_validate({"id": "a"} | fields)


@pytest.mark.parametrize(
    "uri", ["https://acme.example/jwks", "http://localhost:8080/jwks", "http://[::1]/jwks"]
)
def test_keys_are_fetched_by_https_or_from_this_machine(uri: str) -> None:
    assert ClientRecord(id="a", jwks_uri=uri).jwks_uri == uri


# Secrets -----------------------------------------------------------------------------------------


def test_a_secret_has_full_entropy_and_only_its_keyed_hash_is_kept() -> None:
    secret = generate()
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", secret)
    assert generate() != secret
    record = SecretRecord(hash=digest(secret, KEY), created=datetime.now(UTC))
    assert matches(secret, [*CLIENT.secrets, record], KEY)
    assert not matches(secret, CLIENT.secrets, KEY)
    assert not matches(secret, [], KEY)
    assert not matches(secret, [record], new_key())
    for wrong in ("", secret + "x", "\0", "\ud800", "é"):
        assert not matches(wrong, [record], KEY)


def test_the_key_of_the_secrets_is_made_once_and_for_its_owner_only(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with ThreadPoolExecutor(8) as threads:
        keys = set(threads.map(secret_key, [folder] * 8))
    assert len(keys) == 1
    (file,) = folder.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert {read_key(file)} == keys


@pytest.mark.parametrize("content", ["", "abcd", "x" * 64, "é" * 64])
def test_a_file_that_holds_no_key_is_refused_and_not_shown(tmp_path: Path, content: str) -> None:
    file = tmp_path / "secret.key"
    with pytest.raises(LoadError) as raised:
        read_key(file)
    assert raised.value.problems[0].code == "secret_key_missing"
    file.write_text(content)
    with pytest.raises(LoadError, match="is no key") as raised:
        read_key(file, create=True)
    assert raised.value.problems[0].code == "secret_key_unusable"


# Round trips -------------------------------------------------------------------------------------

_names = st.text(st.characters(exclude_categories=["C"]), min_size=1, max_size=20)
_identifiers = _names.filter(str.isprintable)
_ids = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=20)
_tokens = st.text(st.sampled_from("abc:/.!~'=[]#"), min_size=1, max_size=8)
_texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
_json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | _texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_texts, inner, max_size=3),
    max_leaves=8,
).filter(lambda value: json.dumps(value).count("[") + json.dumps(value).count("{") < 7)
_secrets = st.builds(
    SecretRecord,
    hash=st.just(digest("x", KEY)),
    created=st.datetimes(timezones=st.just(UTC)),
)
_clients = st.builds(
    ClientRecord,
    id=_ids,
    name=st.none() | _names,
    tenant=st.none() | _names,
    metadata=st.dictionaries(_texts, _json, max_size=4),
    enabled=st.booleans(),
    secrets=st.lists(_secrets, max_size=2).map(tuple),
    jwks=st.none() | st.just(JWKS),
    token_lifetime=st.none() | st.integers(1, 2_592_000),
    quota=st.none() | st.builds(Quota, per_hour=st.none() | st.integers(1, 2**31 - 1)),
)
_apis = st.builds(
    ApiRecord,
    identifier=_identifiers,
    scopes=st.dictionaries(_tokens, _texts, max_size=4),
    signing_alg=st.sampled_from(["RS256", "EdDSA"]),
    token_profile=st.sampled_from(["rfc9068", "auth0"]),
)


@st.composite
def _documents(draw: st.DrawFn) -> Document:
    clients = draw(st.lists(_clients, max_size=3, unique_by=lambda client: client.id))
    apis = draw(st.lists(_apis, max_size=3, unique_by=lambda api: api.identifier))
    grants: list[GrantRecord] = []
    for client in clients:
        for api in apis:
            scopes: st.SearchStrategy[Any] = st.just(tuple(api.scopes)) | st.just("all")
            if draw(st.booleans()):
                grants.append(
                    GrantRecord(client_id=client.id, audience=api.identifier, scopes=draw(scopes))
                )
    return Document.of(clients, apis, grants)


@given(_documents())
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_every_document_survives_being_written_to_a_file(
    tmp_path: Path, document: Document
) -> None:
    for name, content in (("r.toml", to_toml(document)), ("r.json", to_json(document))):
        file = tmp_path / name
        file.write_bytes(content.encode())
        assert read_document(file) == document


@given(_documents())
@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_every_document_survives_a_database(sql: SqlStore, document: Document) -> None:
    sql.replace(document)
    found = sql.document()
    assert found.clients == document.clients
    assert found.apis == document.apis
    assert sorted(map(repr, found.grants)) == sorted(map(repr, document.grants))
