"""``claimhooks registry``, as an operator meets it."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys
from contextlib import closing, nullcontext
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from claimhooks.cli import main
from claimhooks.registry import ApiRecord, ClientRecord, Document, GrantRecord, open_store
from claimhooks.registry.export import to_toml
from claimhooks.registry.file import read_document
from claimhooks.registry.secret_hash import matches, read_key
from claimhooks.token import SigningKey
from postgres import running_server

API = "https://api.acme.example/"
COMMANDS = (
    "import", "export", "list", "add-client", "rotate-secret", "disable-client", "enable-client",
    "remove-client", "add-api", "remove-api", "grant", "revoke",
)  # fmt: skip


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the commands run."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CLAIMHOOKS_REGISTRY", raising=False)
    return tmp_path


def registry(*arguments: str, **environment: str) -> Result:
    return CliRunner().invoke(main, ["registry", *arguments], env=environment)


def good(*arguments: str, **environment: str) -> Result:
    done = registry(*arguments, **environment)
    assert done.exit_code == 0, done.output
    return done


def secret_in(text: str) -> str:
    found = re.search(r"^client_secret  ([A-Za-z0-9_-]{43})$", text, re.MULTILINE)
    assert found is not None
    return found[1]


def stored(address: str = "data/registry.db") -> Document:
    with closing(open_store(address)) as store:
        return store.document()


def test_every_help_has_an_example() -> None:
    assert "Examples:" in good("--help").output
    for command in COMMANDS:
        assert f"claimhooks registry {command}" in good(command, "--help").output


def test_no_command_loads_what_only_a_database_needs() -> None:
    code = "import sys, claimhooks.cli; print({'sqlalchemy', 'alembic'} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_from_nothing_to_a_granted_client(folder: Path) -> None:
    good("add-api", API, "--name", "Orders", "--scope", "orders:read=Read orders", "--scope", "x")
    done = good("add-client", "orders", "--name", "Orders worker", "--metadata", '{"a": [null]}')
    good("grant", "orders", API, "--scope", "orders:read")
    assert "client_id      orders\n" in done.stdout
    assert "only a hash" in done.stderr
    document = stored()
    client = document.clients["orders"]
    assert client.metadata == {"a": [None]}
    key = read_key(folder / "data" / "secret.key")
    assert matches(secret_in(done.stdout), client.secrets, key)
    assert document.apis[API].scopes == {"orders:read": "Read orders", "x": ""}
    assert document.grants[0].scopes == ("orders:read",)
    modes = {stat.S_IMODE(path.stat().st_mode) for path in (folder / "data").iterdir()}
    assert modes == {0o600}


def test_every_option_of_a_client_is_stored(folder: Path) -> None:
    jwks: dict[str, Any] = {"keys": [SigningKey.generate("ES256").public_jwk()]}
    (folder / "jwks.json").write_text(json.dumps(jwks))
    options = "--tenant acme --token-lifetime 60 --per-hour 5 --per-day 50 --jwks jwks.json"
    done = good("add-client", "partner", *options.split())
    assert "client_secret" not in done.output
    client = stored().clients["partner"]
    assert (client.tenant, client.token_lifetime, client.jwks) == ("acme", 60, jwks)
    assert client.quota is not None
    assert (client.quota.per_hour, client.quota.per_day) == (5, 50)
    assert client.auth_methods == ("private_key_jwt",)


def test_two_secrets_are_live_and_the_older_of_them_ends(folder: Path) -> None:
    secrets = [secret_in(good("add-client", "orders").stdout)]
    first = good("rotate-secret", "orders")
    second = good("rotate-secret", "orders")
    assert "ends" not in first.output
    assert re.search(r"The secret of [0-9-]{10} [0-9:]{5} UTC ends", second.stderr)
    secrets += [secret_in(first.stdout), secret_in(second.stdout)]
    key = read_key(folder / "data" / "secret.key")
    records = stored().clients["orders"].secrets
    assert [matches(secret, records, key) for secret in secrets] == [False, True, True]


def test_a_client_is_disabled_and_enabled_and_stays_as_it_was_otherwise() -> None:
    good("add-client", "orders", "--name", "Orders")
    before = stored().clients["orders"]
    assert "orders is disabled" in good("disable-client", "orders").stderr
    assert stored().clients["orders"] == before.model_copy(update={"enabled": False})
    assert "orders is enabled" in good("enable-client", "orders").stderr
    assert stored().clients["orders"] == before
    told = json.loads(good("disable-client", "orders", "--format", "json").stdout)
    assert told["client"]["enabled"] is False


def test_what_is_removed_takes_its_grants_along() -> None:
    for client in ("orders", "billing"):
        good("add-client", client)
    for api in (API, "https://other.example/"):
        good("add-api", api)
        for client in ("orders", "billing"):
            good("grant", client, api, "--all")
    done = good("revoke", "orders", API)
    assert f"removed the grant of orders at {API}" in done.stderr
    assert len(stored().grants) == 3
    assert "removed the client billing" in good("remove-client", "billing").stderr
    assert stored().clients.keys() == {"orders"}
    assert [grant.audience for grant in stored().grants] == ["https://other.example/"]
    done = good("remove-api", "https://other.example/", "--format", "json")
    assert json.loads(done.stdout) == {"removed": {"api": "https://other.example/"}}
    assert stored().apis.keys() == {API}
    assert not stored().grants


def test_what_is_to_be_removed_from_a_file_is_shown(folder: Path) -> None:
    file = folder / "registry.toml"
    grant = GrantRecord(client_id="orders", audience=API, scopes="all")
    document = Document.of([ClientRecord(id="orders")], [ApiRecord(identifier=API)], [grant])
    file.write_text(to_toml(document))
    for arguments, lines in (
        (["remove-client", "orders"], ["[clients.orders]", "[[grants]]"]),
        (["remove-api", API], [f'[apis."{API}"]', "[[grants]]"]),
        (["revoke", "orders", API], ["[[grants]]"]),
        (["disable-client", "orders"], ["[clients.orders]", "enabled = false"]),
    ):
        done = registry(*arguments, "--registry", "registry.toml")
        assert done.exit_code == 1
        assert "registry.toml is edited by hand, so nothing was written. " in done.stderr
        assert ("Take these lines out" in done.stderr) != (arguments[0] == "disable-client")
        for line in lines:
            assert line in done.stdout
    assert stored("registry.toml") == document
    done = registry("remove-client", "nobody", "--registry", "registry.toml")
    assert done.exit_code == 2


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["sqlite", pytest.param("pg", marks=pytest.mark.postgres)])
def test_of_two_that_rotate_at_once_both_have_a_live_secret(folder: Path, kind: str) -> None:
    with running_server() if kind == "pg" else nullcontext() as server:
        address = "sqlite:///data/registry.db" if server is None else server.new_database()
        for _ in range(3):
            good("add-client", "orders", "--registry", address)
            rotate = [sys.executable, "-m", "claimhooks", "registry", "rotate-secret", "orders"]
            processes = [
                subprocess.Popen(
                    [*rotate, "--registry", address], stdout=subprocess.PIPE, text=True
                )
                for _ in range(2)
            ]
            printed = [secret_in(process.communicate(timeout=30)[0]) for process in processes]
            key = read_key(folder / "data" / "secret.key")
            records = stored(address).clients["orders"].secrets
            assert [matches(secret, records, key) for secret in printed] == [True, True]
            good("remove-client", "orders", "--registry", address)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["add-client", "orders"], "there is a client 'orders' already"),
        (["add-api", API], f"there is an API '{API}' already"),
        (["rotate-secret", "nobody"], "there is no client 'nobody'"),
        (["disable-client", "nobody"], "there is no client 'nobody'"),
        (["remove-client", "nobody"], "there is no client 'nobody'"),
        (["remove-api", "https://none/"], "there is no API 'https://none/'"),
        (["revoke", "orders", API], f"there is no grant of 'orders' at '{API}'"),
        (["grant", "nobody", API, "--all"], "there is no client 'nobody'"),
        (["grant", "orders", API, "--scope", "y"], "does not define y"),
        (["grant", "orders", API, "--scope", "a b"], "scopes.list[0]: text should match"),
        (["grant", "orders", API, "--scope", "x", "--all"], "--all goes without --scope"),
        (["add-client", "b", "--metadata", "{"], "metadata: must be an object, or the text"),
        (["add-client", "b", "--metadata", "[]"], "metadata: must be an object, not a list"),
        (["add-client", "b", "--token-lifetime", "0"], "token_lifetime: must be greater than 0"),
        (["add-client", "b", "--jwks", "nothing.json"], "nothing.json: No such file"),
        (["add-client", "b", "--auth-method", "private_key_jwt"], "needs jwks or jwks_uri"),
        (["add-client", "é"], "id: text should match"),
        (["import", "nothing.toml"], "nothing.toml: cannot be read: No such file"),
        (["list", "--registry", "other.db"], "there is no such file"),
        (["list", "--registry", "mysql://u:hunter2@h/d"], "is no address of a registry"),
        (["add-client", "b", "--secret-key-file", "empty"], "is no key"),
    ],
)
def test_what_cannot_be_done_is_said_without_a_traceback(
    folder: Path, arguments: list[str], reason: str
) -> None:
    good("add-client", "orders")
    good("add-api", API, "--scope", "x")
    (folder / "empty").touch()
    before = stored()
    done = registry(*arguments)
    assert done.exit_code == 2
    assert reason in done.stderr
    assert not done.stdout
    assert "hunter2" not in done.output
    assert isinstance(done.exception, SystemExit)
    assert stored() == before


def test_what_is_exported_can_be_imported_and_served(folder: Path) -> None:
    good("add-client", "orders")
    good("add-api", API, "--scope", "x=X")
    good("grant", "orders", API, "--all")
    for style in ("toml", "json"):
        file = folder / f"registry.{style}"
        file.write_text(good("export", "--format", style).stdout)
        assert read_document(file) == stored()
        done = good("import", str(file), "--registry", f"sqlite:///{style}.db")
        for kind in ("clients", "apis", "grants"):
            assert f"{kind:<7}  1 added, 0 changed, 0 removed" in done.stderr
        assert stored(f"{style}.db") == stored()
    assert stored("registry.toml") == stored()


def test_an_import_replaces_or_merges_and_is_whole_or_not_at_all(folder: Path) -> None:
    good("add-client", "orders")
    good("add-api", API, "--scope", "x")
    file = folder / "more.toml"
    grant = GrantRecord(client_id="orders", audience=API, scopes="all")
    file.write_text(to_toml(Document.of([ClientRecord(id="new")], [], [grant])))
    before = stored()
    refused = registry("import", "more.toml")
    assert refused.exit_code == 2
    assert "more.toml:3: there is no client 'orders'" in refused.stderr
    assert stored() == before
    good("import", "more.toml", "--merge")
    assert stored().clients.keys() == {"new", "orders"}
    assert stored().grants == (grant,)
    file.write_text("[clients.only]\n")
    before = stored()
    refused = registry("import", "more.toml")
    assert refused.exit_code == 2
    assert "it holds 2 clients, 1 apis, 1 grants that the document does not have" in refused.stderr
    assert "[registry_removes]" in refused.stderr
    assert stored() == before
    done = good("import", "more.toml", "--replace")
    assert "clients  1 added, 0 changed, 2 removed" in done.stderr
    assert "grants   0 added, 0 changed, 1 removed" in done.stderr
    assert stored() == Document.of([ClientRecord(id="only")])
    file.write_text('[clients.only]\nname = "Only"\n')
    assert "clients  0 added, 1 changed, 0 removed" in good("import", "more.toml").stderr
    assert registry("import", "more.toml", "--merge", "--replace").exit_code == 2


def test_a_bad_document_is_refused_with_all_its_problems(folder: Path) -> None:
    (folder / "bad.toml").write_text("[clients.a]\nnme = 1\n[clients.b]\nenabled = 1\n")
    done = registry("import", "bad.toml")
    assert done.exit_code == 2
    assert "bad.toml:2: clients.a.nme: unknown key" in done.stderr
    assert "bad.toml:4: clients.b.enabled: must be true or false" in done.stderr
    assert not (folder / "data").exists()
    (folder / "bad.json").write_text('{"clients": {"a": {}, "a": {}}}')
    assert "the key 'a' is there twice" in registry("import", "bad.json").stderr


def test_records_are_listed_without_hashes() -> None:
    good("add-client", "orders", "--name", "Orders worker")
    good("add-api", API, "--scope", "x", "--scope", "y")
    good("grant", "orders", API, "--scope", "x")
    methods = "client_secret_basic, client_secret_post"
    assert good("list").stdout == f"orders  enabled  {methods}  1 secrets  Orders worker\n"
    assert good("list", "apis").stdout == f"{API}  RS256  86400 s  x y\n"
    assert good("list", "grants").stdout == f"orders  {API}  x\n"
    (client,) = json.loads(good("list", "--format", "json").stdout)
    assert client["id"] == "orders"
    assert client["secrets"][0].keys() == {"created"}
    (granted,) = json.loads(good("list", "grants", "--format", "json").stdout)
    assert granted == {"client_id": "orders", "audience": API, "scopes": ["x"]}


def test_a_file_is_edited_by_hand_with_the_lines_that_are_printed(folder: Path) -> None:
    file = folder / "registry.toml"
    file.touch()
    (folder / "data").mkdir()
    (folder / "data" / "secret.key").write_text("ab" * 32)
    steps = (["add-client", "orders"], ["add-api", API, "--scope", "x"])
    for arguments in (*steps, ["grant", "orders", API, "--all"]):
        done = registry(*arguments, CLAIMHOOKS_REGISTRY="registry.toml")
        assert done.exit_code == 1
        assert "registry.toml is edited by hand, so nothing was written" in done.stderr
        with file.open("a") as lines:
            lines.write(done.stdout)
        if arguments[0] == "add-client":
            secret = secret_in(done.stderr)
    document = stored("registry.toml")
    key = read_key(folder / "data" / "secret.key")
    assert matches(secret, document.clients["orders"].secrets, key)
    assert document.grants == (GrantRecord(client_id="orders", audience=API, scopes="all"),)
    rotated = registry("rotate-secret", "orders", "--registry", "registry.toml")
    assert rotated.exit_code == 1
    assert rotated.stdout.count("hash = ") == 2
    assert registry("import", "registry.toml", "--registry", "registry.toml").exit_code == 1
    assert stored("registry.toml") == document
    assert "orders  enabled" in good("list", "--registry", "registry.toml").stdout


def test_no_key_is_made_for_a_file_that_commands_do_not_write(folder: Path) -> None:
    (folder / "registry.toml").touch()
    done = registry("add-client", "orders", "--registry", "registry.toml")
    assert done.exit_code == 2
    assert "[secret_key_missing]" in done.stderr
    assert os.listdir(folder) == ["registry.toml"]  # noqa: PTH208 - names


@pytest.mark.postgres
def test_the_commands_work_on_postgresql(folder: Path) -> None:
    with running_server() as server:
        address = server.new_database()
        assert "[registry_missing]" in registry("list", CLAIMHOOKS_REGISTRY=address).stderr
        secret = secret_in(good("add-client", "orders", CLAIMHOOKS_REGISTRY=address).stdout)
        good("add-api", API, CLAIMHOOKS_REGISTRY=address)
        good("grant", "orders", API, "--all", "--registry", address)
        key = read_key(folder / "data" / "secret.key")
        document = stored(address)
        assert matches(secret, document.clients["orders"].secrets, key)
        (folder / "out.toml").write_text(good("export", "--registry", address).stdout)
        assert stored("out.toml") == document
        server.stop()
        done = registry("list", CLAIMHOOKS_REGISTRY=address)
        assert done.exit_code == 2
        assert "connection" in done.stderr
