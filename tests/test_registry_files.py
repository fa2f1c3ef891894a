"""A registry whose file changes under a running issuer: broken, or another one in its place."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from claimhooks import Settings
from claimhooks.issuer import Parts, application
from claimhooks.issuer.app import operations
from claimhooks.registry import (
    ClientRecord,
    Document,
    StoreUnavailable,
    lookups,
    open_sql,
    open_store,
)
from claimhooks.registry.export import to_toml
from given import eventually
from issuing import ISSUER, Prepared, in_process, prepare


@pytest.fixture
def prepared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Prepared:
    """What an issuer needs, which looks at its registry often."""
    monkeypatch.setattr(lookups, "FOLLOW", 0.02)
    return prepare(tmp_path)


def test_a_broken_file_leaves_the_issuer_ready_and_is_named(prepared: Prepared) -> None:
    registry = prepared.folder / "registry.toml"
    with closing(open_store(prepared.data / "registry.db")) as store:
        good = to_toml(store.document())
    registry.write_text(good)
    text = prepared.config.read_text().replace("[server]\n", f'[server]\nregistry = "{registry}"\n')
    prepared.config.write_text(text)
    settings = Settings.load(prepared.config)
    parts = Parts.open(ISSUER, settings, prepared.config, str(prepared.hooks), prepared.data)
    with TestClient(application(parts), ISSUER) as client:

        def told() -> tuple[int, str, list[str]]:
            answer = client.get("/readyz")
            return answer.status_code, answer.json()["status"], answer.json()["problems"]

        def metric() -> bool:
            text = TestClient(operations(parts)).get("/metrics").text
            return "claimhooks_registry_last_reload_successful 1.0" in text

        assert told() == (200, "ready", [])
        assert metric()
        registry.write_text(good.replace("[clients.worker]", "[clients.worker"))
        assert eventually(lambda: told() == (200, "degraded", ["registry_malformed"]))
        assert not metric()
        assert client.post("/oauth/token", data=prepared.form()).status_code == 200
        registry.unlink()
        assert eventually(lambda: told() == (200, "degraded", ["registry_unreadable"]))
        registry.write_text(good)
        assert eventually(lambda: told() == (200, "ready", []))
        assert metric()


def replaced(path: Path) -> None:
    """Another registry in place of the one at `path`, as `mv` puts it there."""
    new = path.with_name("new.db")
    with closing(open_sql(new, create=True)) as store:
        store.merge(Document.of([ClientRecord(id="other")]))
    new.replace(path)


@pytest.mark.parametrize("change", [replaced, Path.unlink])
def test_a_database_file_that_is_another_is_not_used_and_that_is_told(
    tmp_path: Path, change: Callable[[Path], None]
) -> None:
    path = tmp_path / "registry.db"
    with closing(open_sql(path, create=True)) as store:
        store.merge(Document.of([ClientRecord(id="orders")]))
        shutil.copy(path, tmp_path / "copy.db")
        kept = tmp_path / "kept.db"
        kept.hardlink_to(path)
        change(path)
        uses: list[Callable[[], object]] = [
            store.revision,
            store.document,
            lambda: store.client("orders"),
            lambda: store.put_client(ClientRecord(id="new")),
            lambda: store.count_token("orders", 0, 60),
        ]
        for use in uses:
            with pytest.raises(StoreUnavailable, match="not the one that was opened: restart"):
                use()
        # The same file again.
        kept.replace(path)
        assert store.client("orders") is not None


def test_an_issuer_whose_database_file_is_replaced_issues_no_tokens_from_it_for_long(
    prepared: Prepared, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(lookups, "STALE", 0.5)
    with in_process(prepared) as client:
        assert client.post("/oauth/token", data=prepared.form()).status_code == 200
        replaced(prepared.data / "registry.db")
        assert eventually(lambda: client.get("/readyz").status_code == 503)
        assert client.get("/readyz").json()["registry"] == "unreachable"
        assert client.post("/oauth/token", data=prepared.form()).status_code == 503
    assert "restart to use what is there now" in caplog.text
