"""Recording exchanges: what is kept, what is hidden, and that no exchange ever waits for it."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import re
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import httpx2
import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

import issuing
from claimhooks import Exchange, LoadError, Policy, Problem, RequestContext, Runtime, Settings
from claimhooks.cli import main
from claimhooks.match import Match
from claimhooks.recording import rules, writer
from claimhooks.recording.entry import Entry
from claimhooks.recording.hiding import MARK, Hiding, pseudonym
from claimhooks.secret import Redactor
from claimhooks.settings import HookSettings, RecordSettings
from given import eventually, exchange, hook
from serving import free_port, running

if TYPE_CHECKING:
    from pydantic import JsonValue

    from given import Hooks

KEY = "0123456789abcdef" * 4
"""What pseudonyms are keyed with."""
CLAIM = "https://acme.example/claim"
PSEUDONYM = r"pseudonym-[0-9a-f]{32}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where recordings are written: not there yet."""
    return tmp_path / "recordings"


@pytest.fixture
def hooks_dir(hooks: Hooks) -> Path:
    """A hook that does what the parameter `hook` says."""
    body = f"""
    wanted = context.request.params.get("hook")
    if wanted == "deny":
        raise AccessDenied(f"{{client.id}} says no")
    if wanted == "fail":
        raise KeyError("the password is hunter2")
    if wanted == "now":
        return {{"{CLAIM}": context.now.isoformat()}}
    if wanted == "copy":
        return {{"{CLAIM}": [client.id, f"urn:{{client.id}}:{{client.tenant}}", client.metadata]}}
    if wanted == "secret":
        return {{"{CLAIM}": "the secret is " + context.secrets["TOKEN"]}}
    if wanted == "scope":
        return {{"scope": ["x:" + context.secrets["TOKEN"]]}}
    """
    return hooks({"10-hook.py": hook(body)})


def recording(folder: Path, **table: Any) -> Settings:
    """Settings with a table [record]."""
    return Settings(record=RecordSettings(folder=folder, **table))


def lines_in(folder: Path) -> list[bytes]:
    """All lines of all files, the oldest first, with their ends."""
    found: list[bytes] = []
    for path in sorted(folder.iterdir()) if folder.exists() else ():
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            # Removed, or compressed, at this moment.
            return lines_in(folder)
        found += (gzip.decompress(data) if path.suffix == ".gz" else data).splitlines(keepends=True)
    return found


def entries_in(folder: Path) -> list[Entry]:
    """All of them, which must be entries."""
    return [Entry.model_validate(json.loads(line)) for line in lines_in(folder)]


def recorded(hooks_dir: Path, settings: Settings, *exchanges: Exchange) -> list[Entry]:
    """What a runtime records of `exchanges`."""
    assert settings.record is not None
    with Runtime(hooks_dir, settings) as runtime:
        for each in exchanges:
            runtime.run(each)
    return entries_in(settings.record.folder)


# What is kept ------------------------------------------------------------------------------------


def test_a_line_tells_the_exchange_and_its_outcome(hooks_dir: Path, folder: Path) -> None:
    asked = exchange(params={"hook": "now", "n": None}, metadata={"tier": None, "n": [1.5, None]})
    (entry,) = recorded(hooks_dir, recording(folder), asked)
    now = entry.exchange.now
    assert now is not None
    assert entry.outcome.claims == {CLAIM: now.isoformat()}
    assert entry.exchange == asked.model_copy(update={"now": now})
    assert entry.at >= now
    with Runtime(hooks_dir) as runtime:
        outcome = runtime.run(entry.exchange)
    for field in ("status", "generation", "scope", "claims", "expires_in"):
        assert getattr(entry.outcome, field) == getattr(outcome, field)


@pytest.mark.worker
def test_hooks_in_workers_see_the_time_that_is_recorded(hooks_dir: Path, folder: Path) -> None:
    settings = recording(folder).model_copy(update={"lane": "worker"})
    asked = exchange(params={"hook": "now"})
    with Runtime(hooks_dir, settings) as runtime:
        runtime.run(asked)
        asyncio.run(runtime.arun(asked))
    entries = entries_in(folder)
    assert len(entries) == 2
    for entry in entries:
        assert entry.exchange.now is not None
        assert entry.outcome.claims == {CLAIM: entry.exchange.now.isoformat()}


def test_denials_and_faults_are_recorded_as_clients_see_them(hooks_dir: Path, folder: Path) -> None:
    asked = [exchange(params={"hook": what}) for what in ("deny", "fail")]
    denied, fault = recorded(hooks_dir, recording(folder), *asked)
    assert (denied.outcome.status, fault.outcome.status) == ("denied", "fault")
    assert denied.outcome.error is not None
    assert denied.outcome.error.error_description == "orders-worker says no"
    assert fault.outcome.error is not None
    assert fault.outcome.error.error == "server_error"
    assert b"hunter2" not in b"".join(lines_in(folder))


def test_nothing_is_recorded_without_the_table(hooks_dir: Path, tmp_path: Path) -> None:
    before = {*tmp_path.iterdir()}
    with Runtime(hooks_dir) as runtime:
        runtime.run(exchange())
        assert runtime.recording is None
    assert {*tmp_path.iterdir()} == before


@pytest.mark.parametrize(("rate", "least", "most"), [(0, 0, 0), (0.5, 700, 1300), (1, 2000, 2000)])
def test_the_rate_is_the_part_that_is_recorded(
    hooks_dir: Path, folder: Path, rate: float, least: int, most: int
) -> None:
    entries = recorded(hooks_dir, recording(folder, rate=rate), *[exchange()] * 2000)
    assert least <= len(entries) <= most


def test_hooks_that_seed_chance_do_not_choose_what_is_recorded(hooks: Hooks, folder: Path) -> None:
    hooks_dir = hooks({"10-hook.py": hook("import random\nrandom.seed(1)")})
    entries = recorded(hooks_dir, recording(folder, rate=0.5), *[exchange()] * 200)
    assert 50 < len(entries) < 150


def test_the_samples_of_the_gate_are_no_exchanges(
    hooks_dir: Path, folder: Path, tmp_path: Path
) -> None:
    sample = {"client": {"id": "x"}, "audience": "https://a/", "scope": [], "expect": {"scope": []}}
    (tmp_path / "gate.json").write_text(json.dumps(sample))
    settings = recording(folder).model_copy(update={"gate": tmp_path / "gate.json"})
    assert not recorded(hooks_dir, settings)


def test_what_json_does_not_have_becomes_null(hooks_dir: Path, folder: Path) -> None:
    metadata: dict[str, Any] = {"nan": float("nan"), "far": [float("-inf")], "text": "NaN"}
    (entry,) = recorded(hooks_dir, recording(folder), exchange(metadata=metadata))
    assert entry.exchange.client.metadata == {"nan": None, "far": [None], "text": "NaN"}


def test_what_cannot_be_written_is_counted_and_the_exchange_goes_on(
    hooks_dir: Path, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    odd = exchange()
    odd.client.metadata["odd"] = object()  # type: ignore[assignment]  # as a program may
    huge = exchange(metadata={"huge": 10**5000})
    settings = recording(folder, redact=["request.ip"])
    with Runtime(hooks_dir, settings) as runtime:
        assert runtime.run(huge).status == "granted"
        runtime.run(odd)
        runtime.run(exchange())
    assert runtime.recording is not None
    assert (runtime.recording.written, runtime.recording.lost) == (1, 2)
    assert "2 exchanges have not been recorded" in caplog.text
    assert len(entries_in(folder)) == 1


# What is hidden ----------------------------------------------------------------------------------

ASKED = exchange(
    metadata={"email": "ann@acme.example", "tier": "gold", "contacts": [{"phone": "0123"}, {}]},
    request=RequestContext(
        params={"client_id": "orders-worker", "invoice": "4711", "hook": "copy"},
        headers={"X-Region": "north", "x-user": "ann"},
        ip="203.0.113.7",
    ),
)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("client.id", "orders-worker"),
        ("client.name", "Orders"),
        ("client.tenant", "acme-corp"),
        ("client.metadata.email", "ann@acme.example"),
        ("client.metadata.*", "gold"),
        ("client.metadata.contacts.phone", "0123"),
        ("client.metadata.contacts.*.phone", "0123"),
        ("request.params.invoice", "4711"),
        ("request.params.*", "4711"),
        ("request.headers.X-Region", "north"),
        ("request.headers.*", "ann"),
        ("request.ip", "203.0.113.7"),
        (f"claims.{CLAIM}", "urn:orders-worker"),
        ("claims.*", "urn:orders-worker"),
    ],
)
@pytest.mark.parametrize("how", ["redact", "pseudonymise"])
def test_a_field_is_hidden_wherever_it_stands(
    hooks_dir: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, how: str, path: str, value: str
) -> None:
    monkeypatch.setenv("RECORD_KEY", KEY)
    changes = {"name": "Orders", "tenant": "acme-corp"}
    client = ASKED.client.model_copy(update=changes)
    asked = ASKED.model_copy(update={"client": client})
    settings = recording(folder, **{how: [path]}, pseudonym_key="RECORD_KEY")
    (entry,) = recorded(hooks_dir, settings, asked)
    (line,) = lines_in(folder)
    assert f'"{value}' not in line.decode()
    assert (MARK if how == "redact" else "pseudonym-") in line.decode()
    assert entry.outcome.scope == ["orders:read"]


def test_pseudonyms_keep_what_is_equal(
    hooks_dir: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECORD_KEY", KEY)
    paths = ["client.id", "client.tenant", "request.params.invoice", "client.metadata.number"]
    settings = recording(folder, pseudonymise=paths, pseudonym_key="RECORD_KEY")
    other = exchange(metadata={"number": 4711, "owner": "orders-worker", "is": True})
    first, second = recorded(hooks_dir, settings, ASKED, other)
    name = pseudonym("orders-worker", KEY.encode())
    assert re.fullmatch(PSEUDONYM, name)
    assert first.exchange.client.id == second.exchange.client.id == name
    assert first.exchange.request.params["client_id"] == name
    assert second.exchange.client.metadata["owner"] == name
    assert second.exchange.client.metadata["is"] is True
    assert second.exchange.client.metadata["number"] == first.exchange.request.params["invoice"]
    # What a hook makes of a recorded exchange is what it has made of the real one, hidden.
    with Runtime(hooks_dir) as runtime:
        assert runtime.run(first.exchange).claims == first.outcome.claims
    # And once more: what is hidden already stays.
    assert pseudonym(name, b"another") == name


def test_a_pseudonym_is_what_other_tools_make_of_the_key() -> None:
    command = ["openssl", "dgst", "-sha256", "-hmac", KEY]
    done = subprocess.run(command, input=b"orders-worker", capture_output=True, check=True)
    digest = done.stdout.decode().split()[-1]
    assert pseudonym("orders-worker", KEY.encode()) == f"pseudonym-{digest[:32]}"


@pytest.mark.parametrize("how", ["redact", "pseudonymise"])
def test_a_long_number_is_hidden_wherever_it_stands_and_a_short_one_only_at_its_path(
    hooks_dir: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.setenv("RECORD_KEY", KEY)
    paths = ["client.metadata.account", "client.metadata.level"]
    settings = recording(folder, **{how: paths}, pseudonym_key="RECORD_KEY")
    params = {"hook": "copy", "same": 4711471, "text": "urn:account:4711471", "page": 3}
    asked = exchange(metadata={"account": 4711471, "level": 3}, params=params)
    (entry,) = recorded(hooks_dir, settings, asked)
    assert "4711471" not in lines_in(folder)[0].decode()
    hidden = entry.exchange.client.metadata["account"]
    assert entry.exchange.request.params["same"] == hidden
    assert entry.exchange.request.params["text"] == f"urn:account:{hidden}"
    assert entry.exchange.request.params["page"] == 3
    assert entry.exchange.client.metadata["level"] != 3


def test_a_hidden_name_is_not_told_by_what_an_error_makes_of_it(hooks: Hooks, folder: Path) -> None:
    hooks_dir = hooks({"10-hook.py": hook("raise AccessDenied(f'{client.name} must not')")})
    asked = exchange()
    client = asked.client.model_copy(update={"name": 'Jürgen "JM" Müller'})
    asked = asked.model_copy(update={"client": client})
    (entry,) = recorded(hooks_dir, recording(folder, redact=["client.name"]), asked)
    assert entry.outcome.error is not None
    assert entry.outcome.error.error_description == f"{MARK} must not"


def test_a_client_that_sends_thousands_of_values_does_not_keep_the_writer_busy() -> None:
    entry = entry_of({})
    values: list[JsonValue] = [f"{number:x}" for number in range(8000)]
    exchange_ = cast("dict[str, Any]", entry["exchange"])
    exchange_["request"]["params"] = {"hidden": values, "others": [f"is {v}" for v in values]}
    began = time.process_time()
    Hiding([], ["request.params.hidden"], KEY.encode()).hide(entry, Redactor({}))
    assert time.process_time() - began < 2
    shown = cast("list[str]", exchange_["request"]["params"]["others"])
    assert shown[4711] == f"is {pseudonym(f'{4711:x}', KEY.encode())}"


def test_what_an_entry_tells_anyway_is_not_hidden_elsewhere(hooks_dir: Path, folder: Path) -> None:
    asked = exchange(
        params={"hook": "copy", "client_id": "orders-worker", "scope": "orders:read"},
        metadata={"can": "orders:read", "like": "copy", "empty": ""},
    )
    (entry,) = recorded(hooks_dir, recording(folder, redact=["request.params.*"]), asked)
    assert {*entry.exchange.request.params.values()} == {MARK}
    assert entry.exchange.client.metadata == {"can": "orders:read", "like": MARK, "empty": ""}
    (copied, urn, _) = cast("list[str]", entry.outcome.claims[CLAIM])
    assert (copied, urn) == ("orders-worker", "urn:orders-worker:None")


def test_secrets_of_hooks_are_never_in_a_recording(
    hooks_dir: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKEN", 'orders-worker:"hünter2"\n')
    monkeypatch.setenv("RECORD_KEY", KEY)
    settings = recording(folder, pseudonymise=["client.id"], pseudonym_key="RECORD_KEY")
    hooks = {"10-hook": HookSettings(secrets=("TOKEN",))}
    settings = settings.model_copy(update={"hooks": hooks})
    written = json.dumps(os.environ["TOKEN"], ensure_ascii=False)
    given_by_client = {"hook": "secret", "key": 'is orders-worker:"hünter2"\n', "json": written}
    (entry,) = recorded(hooks_dir, settings, exchange(params=given_by_client))
    assert entry.outcome.claims == {CLAIM: "the secret is [secret TOKEN]"}
    assert entry.exchange.request.params["key"] == "is [secret TOKEN]"
    assert entry.exchange.request.params["json"] == '"[secret TOKEN]"'
    assert "nter2" not in lines_in(folder)[0].decode()


def test_a_secret_in_a_scope_is_redacted(
    hooks_dir: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKEN", "hunter2")
    changes = {
        "hooks": {"10-hook": HookSettings(secrets=("TOKEN",))},
        "policy": Policy(scopes="any"),
    }
    settings = recording(folder).model_copy(update=changes)
    (entry,) = recorded(hooks_dir, settings, exchange(params={"hook": "scope"}))
    assert entry.outcome.scope == ["x:[secret TOKEN]"]


names = st.text(st.characters(exclude_characters="*", exclude_categories=["Cs"]), min_size=1)
leaves = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=5)
tables = st.dictionaries(
    names,
    st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
        max_leaves=8,
    ),
    max_size=4,
)
UNIQUE = "ünique 5ecret"


@st.composite
def hidden_somewhere(draw: st.DrawFn) -> tuple[dict[str, JsonValue], str]:
    """A table with UNIQUE in it, and the path to it."""
    table = cast("dict[str, JsonValue]", draw(tables))
    path: list[str] = []
    place: JsonValue = table
    while True:
        if isinstance(place, list):
            # A list is its items, by a * or by nothing.
            if not place or not isinstance(place[0], dict | list):
                place.append({})
            place = place[-1] if isinstance(place[-1], dict | list) else place[0]
            path += draw(st.sampled_from([[], ["*"]]))
            continue
        assert isinstance(place, dict)
        known = st.sampled_from([*place]) if place else names
        name: str = draw(known | names)
        path.append(draw(st.sampled_from([name, "*"])))
        inner = place.get(name)
        if isinstance(inner, dict | list) and draw(st.booleans()):
            place = inner
            continue
        found: list[JsonValue] = [UNIQUE, [UNIQUE], {"inner": [UNIQUE, 1]}]
        place[name] = draw(st.sampled_from(found))
        return table, ".".join(path)


def entry_of(metadata: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """An entry as JSON."""
    client = {"id": "orders", "metadata": metadata}
    request = {"params": {"copy": UNIQUE}, "headers": {}}
    entry = {
        "claimhooks": 1,
        "at": "2026-11-25T12:00:00Z",
        "exchange": {
            "client": client,
            "audience": "https://a/",
            "scope": ["a"],
            "request": request,
        },
        "outcome": {
            "status": "granted",
            "generation": "0",
            "scope": ["a"],
            "claims": {CLAIM: metadata, "text": f"({UNIQUE})"},
            "expires_in": 60,
            "error": None,
        },
    }
    return cast("dict[str, JsonValue]", json.loads(json.dumps(entry)))


@given(hidden_somewhere(), st.booleans())
def test_nothing_at_a_path_stays_in_the_entry(
    table_and_path: tuple[dict[str, JsonValue], str], is_hashed: bool
) -> None:
    table, path = table_and_path
    entry = entry_of(table)
    paths = [f"client.metadata.{path}"]
    hiding = Hiding([], paths, KEY.encode()) if is_hashed else Hiding(paths)
    hiding.hide(entry, Redactor({}))
    assert UNIQUE not in json.dumps(entry, ensure_ascii=False)
    Entry.model_validate(entry)
    once = json.dumps(entry)
    hiding.hide(entry, Redactor({}))
    assert json.dumps(entry) == once


@given(tables)
def test_what_no_path_leads_to_stays(table: dict[str, JsonValue]) -> None:
    entry = entry_of(table)
    before = json.dumps(entry)
    Hiding(["client.metadata.no such name", "claims.none", "request.ip"]).hide(entry, Redactor({}))
    assert json.dumps(entry) == before


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        ({"redact": ["scope"]}, "'scope' is none of client.id, client.name"),
        ({"redact": ["client.metadata"]}, "none of client.id"),
        ({"redact": ["client.metdata.email"]}, "none of client.id"),
        ({"redact": ["claims."]}, "none of client.id"),
        ({"redact": ["request.params.x*"]}, "a * stands for a whole name"),
        ({"pseudonymise": ["client.id"]}, "pseudonymise needs a pseudonym_key"),
        ({"rate": 1.5}, "less than or equal to 1"),
        ({"max_size": 0}, "greater than or equal to 1"),
        ({"maxsize": 1}, "unknown key"),
    ],
)
def test_settings_that_hide_nothing_are_refused(
    tmp_path: Path, table: dict[str, Any], reason: str
) -> None:
    lines = [f"{name} = {json.dumps(value)}" for name, value in table.items()]
    file = tmp_path / "claimhooks.toml"
    file.write_text("\n".join(["[record]", 'folder = "recordings"', *lines]))
    with pytest.raises(LoadError, match=r"\[settings_invalid\]") as caught:
        Settings.load(file)
    (problem,) = caught.value.problems
    assert reason in problem.reason


def test_a_key_that_is_missing_or_too_short_is_told(
    hooks_dir: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = recording(folder, pseudonymise=["client.id"], pseudonym_key="RECORD_KEY")
    with pytest.raises(LoadError, match=r"\[secret_missing\]"):
        Runtime(hooks_dir, settings)
    monkeypatch.setenv("RECORD_KEY", KEY[:31])
    with pytest.raises(LoadError, match=r"\[pseudonym_key_weak\]") as caught:
        Runtime(hooks_dir, settings)
    assert KEY[:31] not in str(caught.value)


def test_hooks_that_match_clients_which_are_hidden_are_named(
    hooks_dir: Path, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = recording(folder, redact=["client.id"])
    hooks = {"10-hook": HookSettings(match=Match(clients=("partner-*",)))}
    with Runtime(hooks_dir, settings.model_copy(update={"hooks": hooks})):
        assert "10-hook" in caplog.text


# Settings that change ----------------------------------------------------------------------------


def test_a_change_of_the_settings_holds_from_the_next_exchange(
    hooks_dir: Path, tmp_path: Path, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config = tmp_path / "claimhooks.toml"
    common = 'quiet = "10ms"\nsecrets_dir = "nowhere"\n'
    config.write_text(common)
    with Runtime(hooks_dir, config, watch=True) as runtime:

        def save(*lines: str, loads: bool = True) -> None:
            before = runtime.generations
            config.write_text("\n".join([common, *lines]))
            counts = (before.loads + loads, before.failures + (not loads))
            assert eventually(
                lambda: (runtime.generations.loads, runtime.generations.failures) == counts
            )
            runtime.run(ASKED)

        table = ("[record]", 'folder = "recordings"')
        save(*table)
        save(*table, 'redact = ["request.ip"]')
        save(*table, 'pseudonymise = ["client.id"]', 'pseudonym_key = "MISSING"', loads=False)
        save()
        save("[record]", 'folder = "others"')
    seen = [entry.exchange.request.ip for entry in entries_in(folder)]
    assert seen == ["203.0.113.7", MARK, MARK]
    assert len(entries_in(tmp_path / "others")) == 1
    assert "secret MISSING is not in the environment" in caplog.text


@pytest.mark.usefixtures("hasty")
def test_a_folder_that_cannot_be_written_is_mended_by_naming_another(
    hooks_dir: Path, tmp_path: Path, folder: Path
) -> None:
    config = tmp_path / "claimhooks.toml"
    (tmp_path / "bad").write_text("a file")
    config.write_text('[record]\nfolder = "bad"\n')
    with Runtime(hooks_dir, config) as runtime:
        runtime.run(exchange())
        assert eventually(lambda: _problem(runtime) is not None)
        config.write_text('[record]\nfolder = "recordings"\n')
        runtime.reload()
        runtime.run(exchange())
        assert eventually(lambda: len(lines_in(folder)) == 2)
        assert _problem(runtime) is None


@pytest.mark.usefixtures("hasty")
def test_a_folder_that_is_no_longer_wanted_is_no_longer_a_problem(
    hooks_dir: Path, tmp_path: Path
) -> None:
    config = tmp_path / "claimhooks.toml"
    (tmp_path / "bad").write_text("a file")
    config.write_text('[record]\nfolder = "bad"\n')
    with Runtime(hooks_dir, config) as runtime:
        runtime.run(exchange())
        assert eventually(lambda: _problem(runtime) is not None)
        config.write_text("")
        runtime.reload()
        assert eventually(lambda: _problem(runtime) is None)
        assert runtime.recording is not None
        assert (runtime.recording.written, runtime.recording.lost) == (0, 1)


# Files -------------------------------------------------------------------------------------------


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets files be complete at 8 KiB."""
    monkeypatch.setattr(rules, "MIB", 8 * 1024)


def test_only_the_owner_may_read_recordings(hooks_dir: Path, folder: Path) -> None:
    recorded(hooks_dir, recording(folder), exchange())
    (file,) = folder.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("compress", [False, True])
def test_no_line_is_lost_or_cut_when_files_are_rotated_under_load(
    hooks_dir: Path, folder: Path, compress: bool
) -> None:
    settings = recording(folder, max_size=1, keep=10_000, compress=compress)
    with Runtime(hooks_dir, settings) as runtime:

        def ask(thread: int) -> None:
            for number in range(250):
                runtime.run(exchange(params={"number": thread * 1000 + number}))

        with ThreadPoolExecutor(4) as pool:
            [*pool.map(ask, range(4))]
    assert runtime.recording is not None
    assert (runtime.recording.written, runtime.recording.lost) == (1000, 0)
    if compress:
        # All but the last, which goes on, are compressed by and by.
        assert eventually(lambda: len([*folder.glob("*.jsonl")]) <= 2)
        assert eventually(lambda: not [*folder.glob("*.part")])
    numbers = [entry.exchange.request.params["number"] for entry in entries_in(folder)]
    assert sorted(cast("list[int]", numbers)) == [
        thread * 1000 + number for thread in range(4) for number in range(250)
    ]
    assert len([*folder.iterdir()]) > 10


@pytest.mark.usefixtures("small")
def test_the_oldest_files_are_removed_and_nothing_else(hooks_dir: Path, folder: Path) -> None:
    folder.mkdir()
    (folder / "notes.jsonl").write_text("kept")
    for day in range(10, 20):
        (folder / f"202601{day}T000000Z-0123abcd.jsonl").write_text("{}\n")
    with Runtime(hooks_dir, recording(folder, keep=3)) as runtime:
        runtime.run(exchange())
        assert eventually(lambda: len([*folder.iterdir()]) == 5)
    left = {f"202601{day}T000000Z-0123abcd.jsonl" for day in (17, 18, 19)} | {"notes.jsonl"}
    assert left < {path.name for path in folder.iterdir()}


def test_a_file_is_complete_when_it_is_old(
    hooks_dir: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "HOUR", 1)
    with Runtime(hooks_dir, recording(folder, max_age=1, compress=True)) as runtime:
        runtime.run(exchange())
        assert eventually(lambda: len([*folder.glob("*.jsonl.gz")]) == 1)
        runtime.run(exchange())
    assert len(entries_in(folder)) == 2


def test_whoever_comes_next_goes_on_with_a_file_that_was_left(
    hooks_dir: Path, folder: Path
) -> None:
    for _ in range(3):
        recorded(hooks_dir, recording(folder), exchange())
    (file,) = folder.iterdir()
    with file.open("ab") as cut:
        cut.write(b'{"claimhooks":1,"at":"20')
    with (
        Runtime(hooks_dir, recording(folder)) as first,
        Runtime(hooks_dir, recording(folder)) as second,
    ):
        for number, runtime in enumerate((first, second), start=5):
            runtime.run(exchange())
            assert eventually(lambda: len(lines_in(folder)) == number)  # noqa: B023
    one, other = sorted(lines_in(folder), key=len)[:2]
    assert one == b'{"claimhooks":1,"at":"20\n'
    assert len(other) > 100
    assert len(lines_in(folder)) == 6
    assert len([*folder.iterdir()]) == 2


def test_nothing_is_added_to_a_file_that_others_may_read(hooks_dir: Path, folder: Path) -> None:
    recorded(hooks_dir, recording(folder), exchange())
    (file,) = folder.iterdir()
    file.chmod(0o644)
    assert len(recorded(hooks_dir, recording(folder), exchange())) == 2
    assert len(file.read_bytes().splitlines()) == 1


def test_a_file_that_a_wrong_clock_has_begun_is_gone_on_with(hooks_dir: Path, folder: Path) -> None:
    folder.mkdir()
    (folder / "99991231T235959Z-0123abcd.jsonl").touch(0o600)
    with Runtime(hooks_dir, recording(folder)) as runtime:
        for number in (1, 2):
            runtime.run(exchange())
            assert eventually(lambda: len(lines_in(folder)) == number)  # noqa: B023
    assert len([*folder.iterdir()]) == 1


def test_what_only_looks_like_a_recording_is_left_alone(hooks_dir: Path, folder: Path) -> None:
    (folder / "20270101T000000Z-0123abcd.jsonl").mkdir(parents=True)
    (folder / "20270102T000000Z-0123abcd.jsonl").symlink_to(folder.parent / "elsewhere")
    (folder / "20279999T000000Z-0123abcd.jsonl").write_text("")
    with Runtime(hooks_dir, recording(folder)) as runtime:
        runtime.run(exchange())
    assert runtime.recording is not None
    assert runtime.recording.written == 1
    assert not (folder.parent / "elsewhere").exists()


def test_a_file_that_somebody_removes_is_begun_anew(hooks_dir: Path, folder: Path) -> None:
    with Runtime(hooks_dir, recording(folder)) as runtime:
        runtime.run(exchange())
        assert eventually(lambda: len(lines_in(folder)) == 1)
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()
        runtime.run(exchange())
    assert len(entries_in(folder)) == 1


# What goes wrong ---------------------------------------------------------------------------------


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets a folder be tried again at once."""
    monkeypatch.setattr(writer, "RETRY", 0.02)


def _problem(runtime: Runtime) -> Problem | None:
    assert runtime.recording is not None
    return runtime.recording.problem


@pytest.mark.usefixtures("hasty")
def test_a_folder_that_cannot_be_written_is_told_once_and_loses_nothing(
    hooks_dir: Path, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder.write_text("a file")
    with Runtime(hooks_dir, recording(folder)) as runtime:
        assert runtime.run(exchange()).status == "granted"
        assert eventually(lambda: _problem(runtime) is not None)
        time.sleep(0.2)
        assert runtime.run(exchange()).status == "granted"
        folder.unlink()
        assert eventually(lambda: len(lines_in(folder)) == 2)
        assert eventually(lambda: _problem(runtime) is None)
    assert runtime.recording is not None
    assert (runtime.recording.written, runtime.recording.lost) == (2, 0)
    assert caplog.text.count("nothing can be recorded") == 1
    assert "[recording_unwritable]" in caplog.text
    assert caplog.text.count("recorded again") == 1


@pytest.mark.usefixtures("hasty")
def test_what_waits_is_limited_and_the_rest_is_counted(
    hooks_dir: Path,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(writer, "WAITING", 4096)
    folder.write_text("a file")
    with Runtime(hooks_dir, recording(folder)) as runtime:
        for _ in range(100):
            assert runtime.run(exchange()).status == "granted"
        state = runtime.recording
        assert state is not None
        assert 80 < state.lost < 100
        folder.unlink()
        assert eventually(lambda: len(lines_in(folder)) == 100 - state.lost)
    assert f"{state.lost} exchanges have not been recorded: too many are waiting" in caplog.text


def test_closing_does_not_wait_for_a_folder_that_cannot_be_written(
    hooks_dir: Path, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder.write_text("a file")
    with Runtime(hooks_dir, recording(folder)) as runtime:
        runtime.run(exchange())
        began = time.monotonic()
    assert time.monotonic() - began < writer.RETRY
    assert runtime.recording is not None
    assert runtime.recording.lost == 1
    assert "1 exchanges have not been recorded: the folder cannot be written" in caplog.text


def test_an_exchange_goes_on_where_no_thread_can_be_started(hooks_dir: Path, folder: Path) -> None:
    with Runtime(hooks_dir, recording(folder)) as runtime:
        before = threading.stack_size(2**46)
        try:
            assert runtime.run(exchange()).status == "granted"
        finally:
            threading.stack_size(before)
        assert runtime.run(exchange()).status == "granted"
    assert runtime.recording is not None
    assert (runtime.recording.written, runtime.recording.lost) == (1, 1)


@contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """A disk of 64 KiB at `folder`."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k,mode=0700", "tmpfs", str(folder)]
    if subprocess.run(mount, check=False, capture_output=True).returncode != 0:
        assert os.environ.get("CI") != "true", "CI must be able to mount a small disk"
        pytest.skip("mounting a small disk needs more privileges")
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_keeps_nobody_from_removing_what_is_too_much(
    hooks_dir: Path, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with small_disk(folder):
        for day in (10, 11, 12):
            (folder / f"202601{day}T000000Z-0123abcd.jsonl").write_bytes(os.urandom(20 * 1024))
        with Runtime(hooks_dir, recording(folder, keep=2, compress=True)) as runtime:
            runtime.run(exchange())
            assert eventually(lambda: "No space left on device" in caplog.text)
            left = {path.name for path in folder.iterdir()}
            assert len(left) == 3
            assert "20260110T000000Z-0123abcd.jsonl" not in left
            assert not [*folder.glob("*.part")]


@pytest.mark.usefixtures("hasty")
def test_a_full_disk_cuts_no_line_and_what_waits_is_written_once_there_is_room(
    hooks_dir: Path, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    asked = exchange(params={"long": "x" * 700})
    with small_disk(folder):
        filler = folder / "filler"
        filler.write_bytes(bytes(16 * 1024))
        with Runtime(hooks_dir, recording(folder)) as runtime:
            for _ in range(50):
                assert runtime.run(asked).status == "granted"
            assert eventually(lambda: "No space left on device" in caplog.text)
            files = [*folder.glob("*.jsonl")]
            assert all(path.read_bytes()[-1:] in {b"", b"\n"} for path in files)
            filler.unlink()
            assert eventually(lambda: len(lines_in(folder)) >= 30)
        found = lines_in(folder)
    assert runtime.recording is not None
    assert runtime.recording.written == len(found)
    assert runtime.recording.written + runtime.recording.lost == 50
    assert caplog.text.count("nothing can be recorded") <= 2
    for line in found:
        Entry.model_validate(json.loads(line))


# Processes ---------------------------------------------------------------------------------------

PROGRAM = """
import os, signal, sys, threading
# Whatever becomes of the test: nothing stays behind.
signal.alarm(60)
from claimhooks import Runtime, Settings
from claimhooks.settings import RecordSettings
sys.path.insert(0, {tests!r})
from given import exchange
runtime = Runtime({hooks!r}, Settings(record=RecordSettings(folder={folder!r}, max_size=1)))
"""


def program(hooks_dir: Path, folder: Path, then: str) -> list[str]:
    """A command that has a `runtime` which records."""
    tests = str(Path(__file__).parent)
    text = PROGRAM.format(tests=tests, hooks=str(hooks_dir), folder=str(folder))
    return [sys.executable, "-c", text + then]


@pytest.mark.parametrize("ends", ["", "runtime.close()", "sys.exit(3)", "raise SystemError"])
def test_a_program_that_ends_has_written_all(hooks_dir: Path, folder: Path, ends: str) -> None:
    then = f"for _ in range(100): runtime.run(exchange())\n{ends}"
    subprocess.run(program(hooks_dir, folder, then), check=False, capture_output=True, timeout=30)
    assert len(entries_in(folder)) == 100


def test_a_process_that_is_killed_leaves_at_most_one_cut_line(
    hooks_dir: Path, folder: Path
) -> None:
    then = "while True: runtime.run(exchange(params={'long': 'x' * 2000}))"
    for number in range(1, 4):
        with subprocess.Popen(program(hooks_dir, folder, then)) as process:
            try:
                is_written = eventually(lambda: len(lines_in(folder)) > number * 1000)  # noqa: B023
            finally:
                process.kill()
        assert is_written
        assert process.returncode == -signal.SIGKILL
    with Runtime(hooks_dir, recording(folder)) as runtime:
        runtime.run(exchange())
    whole = cut = 0
    for line in lines_in(folder):
        assert line.endswith(b"\n")
        try:
            Entry.model_validate_json(line)
            whole += 1
        except ValueError:
            cut += 1
    assert whole > 300
    assert cut <= 3


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
def test_a_forked_process_has_a_file_of_its_own(hooks_dir: Path, folder: Path) -> None:
    then = """
for number in range(50): runtime.run(exchange(params={"number": number}))
while not runtime.recording.written: pass
if child := os.fork():
    os.waitpid(child, 0)
for number in range(50): runtime.run(exchange(params={"number": 100 * (child == 0) + number}))
runtime.close()
os._exit(0)
"""
    command = program(hooks_dir, folder, then)
    subprocess.run(command, check=True, capture_output=True, timeout=30)
    numbers = [entry.exchange.request.params["number"] for entry in entries_in(folder)]
    assert sorted(cast("list[int]", numbers)) == sorted([*range(50), *range(50), *range(100, 150)])
    assert len([*folder.iterdir()]) == 2


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
def test_threads_of_a_forked_process_lose_nothing_when_all_begin_at_once(
    hooks_dir: Path, folder: Path
) -> None:
    then = """
sys.setswitchinterval(1e-6)
runtime.run(exchange())
while not runtime.recording.written: pass
for _ in range(30):
    if child := os.fork():
        os.waitpid(child, 0)
        continue
    barrier = threading.Barrier(8)
    def ask():
        barrier.wait()
        for _ in range(5): runtime.run(exchange())
    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    runtime.close()
    os._exit(0)
runtime.close()
"""
    command = program(hooks_dir, folder, then)
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    assert len(entries_in(folder)) == 1 + 30 * 40


# The issuer --------------------------------------------------------------------------------------


def test_an_issuer_records_as_its_settings_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared = issuing.prepare(tmp_path)
    monkeypatch.setenv("RECORD_KEY", KEY)
    table = 'pseudonymise = ["client.id"]\npseudonym_key = "RECORD_KEY"\nredact = ["request.ip"]\n'
    text = f'{prepared.config.read_text()}\n[record]\nfolder = "recordings"\n{table}'
    prepared.config.write_text(text)
    with issuing.served(prepared) as issuer:
        forms = [prepared.form(), prepared.form(hook="claim"), prepared.form(hook="AccessDenied")]
        forms.append(prepared.form(client_secret="wrong"))
        forms.append(prepared.form(subject_token="a-token", assertion="a-token"))
        answers = [httpx2.post(issuer.url, data=form).status_code for form in forms]
    assert answers == [200, 200, 400, 401, 200]
    entries = entries_in(tmp_path / "recordings")
    assert [entry.outcome.status for entry in entries] == [
        "granted",
        "granted",
        "denied",
        "granted",
    ]
    kept = b"".join(lines_in(tmp_path / "recordings")).decode()
    assert "127.0.0.1" not in kept
    assert '"worker"' not in kept
    assert "a-token" not in kept
    assert prepared.secrets["worker"] not in kept
    name = pseudonym("worker", KEY.encode())
    assert {entry.exchange.client.id for entry in entries} == {name}
    assert {entry.exchange.request.params["client_id"] for entry in entries} == {name}
    with Runtime(prepared.hooks, prepared.config) as runtime:
        for entry in entries:
            assert runtime.run(entry.exchange).claims == entry.outcome.claims


@pytest.mark.slow
def test_each_process_of_an_issuer_writes_a_file_of_its_own(tmp_path: Path) -> None:
    prepared = issuing.prepare(tmp_path)
    text = f'{prepared.config.read_text()}\n[record]\nfolder = "recordings"\n'
    prepared.config.write_text(text)
    port = free_port()
    url = f"http://127.0.0.1:{port}/oauth/token"
    arguments = ["serve", "--port", str(port), "--workers", "2", "--metrics-port", "0"]
    arguments += ["--config", "claimhooks.toml", "--hooks", "hooks", "--data", "data"]
    with (tmp_path / "log").open("w") as log, running(arguments, tmp_path, log.fileno()):

        def ask(_number: int) -> int:
            try:
                return httpx2.post(url, data=prepared.form(), timeout=10).status_code
            except httpx2.TransportError:
                return 0

        assert eventually(lambda: ask(0) == 200, 30)
        with ThreadPoolExecutor(8) as pool:
            asked = 1 + [*pool.map(ask, range(300))].count(200)
    assert asked == 301
    assert len(entries_in(tmp_path / "recordings")) == asked
    assert len([*(tmp_path / "recordings").iterdir()]) <= 2


# The command -------------------------------------------------------------------------------------

SAMPLE: dict[str, Any] = {
    "name": "copied", "client": {"id": "orders", "tenant": "acme"}, "audience": "https://a/",
    "scope": ["a"], "request": {"params": {"hook": "copy"}, "ip": "203.0.113.7"},
    "expect": {"status": "denied"},
}  # fmt: skip


@pytest.fixture
def project(hooks_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with hooks, two samples, and settings that record."""
    folder = hooks_dir.parent
    monkeypatch.chdir(folder)
    monkeypatch.setenv("RECORD_KEY", KEY)
    denied = SAMPLE | {"request": {"params": {"hook": "deny"}}}
    (folder / "samples.jsonl").write_text(f"{json.dumps(SAMPLE)}\n{json.dumps(denied)}\n")
    (folder / "claimhooks.toml").write_text(
        '[record]\nfolder = "recordings"\nrate = 0.25\nredact = ["request.ip"]\n'
        'pseudonymise = ["client.id"]\npseudonym_key = "RECORD_KEY"\n'
    )
    return folder


def claimhooks(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def test_the_command_shows_what_would_be_kept_of_samples(project: Path, folder: Path) -> None:
    done = claimhooks("record", "samples.jsonl")
    assert done.exit_code == 0, done.output
    assert "2 exchanges; redacted: request.ip; pseudonyms: client.id" in done.stderr
    copied, denied = (Entry.model_validate(json.loads(line)) for line in done.stdout.splitlines())
    name = pseudonym("orders", KEY.encode())
    assert copied.outcome.claims[CLAIM] == [name, f"urn:{name}:acme", {}]
    assert copied.exchange.request.ip == MARK
    assert denied.outcome.error is not None
    assert denied.outcome.error.error_description == f"{name} says no"
    assert not folder.exists()
    assert not (project / "recordings").exists()


def test_the_command_writes_a_file_whole_and_for_its_owner(project: Path) -> None:
    assert claimhooks("record", "samples.jsonl", "--output", "kept.jsonl").stdout == ""
    file = project / "kept.jsonl"
    assert len(file.read_text().splitlines()) == 2
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    (project / "bad.json").write_text("{")
    before = file.read_bytes()
    done = claimhooks("record", "bad.json", "--output", "kept.jsonl")
    assert done.exit_code == 2
    assert "[sample_malformed]" in done.stderr
    assert file.read_bytes() == before


def test_the_command_tells_of_a_sample_that_cannot_be_recorded(project: Path) -> None:
    metadata: dict[str, Any] = {}
    for _ in range(220):
        metadata = {"inner": metadata}
    client = {"id": "orders", "metadata": metadata}
    (project / "deep.json").write_text(json.dumps(SAMPLE | {"client": client}))
    done = claimhooks("record", "deep.json")
    assert done.exit_code == 2
    assert "copied: cannot be recorded: recursion limit" in done.stderr


def test_the_command_says_that_nothing_is_hidden(project: Path) -> None:
    (project / "claimhooks.toml").write_text("")
    done = claimhooks("record", "samples.jsonl")
    assert done.exit_code == 0
    assert "nothing is hidden, as there is no [record] in claimhooks.toml" in done.stderr
    assert json.loads(done.stdout.splitlines()[0])["exchange"]["client"]["id"] == "orders"


def test_the_command_warns_of_hooks_that_no_replay_can_run(project: Path) -> None:
    with (project / "claimhooks.toml").open("a") as settings:
        settings.write('[hooks."10-hook"]\nmatch.clients = ["partner-*"]\n')
    done = claimhooks("record", "samples.jsonl")
    assert done.exit_code == 0
    assert "client.id is hidden, and 10-hook match it: a replay cannot run them" in done.stderr


def test_other_commands_record_nothing(project: Path) -> None:
    assert claimhooks("run", "samples.jsonl").exit_code == 1
    assert "record     25 % of all exchanges, in recordings" in claimhooks("check").stdout
    assert not (project / "recordings").exists()


@pytest.mark.usefixtures("project")
def test_check_tells_of_a_key_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RECORD_KEY")
    for command in (["check"], ["record", "samples.jsonl"]):
        done = claimhooks(*command)
        assert done.exit_code == 2
        assert "[secret_missing]" in done.stderr
    assert claimhooks("run", "samples.jsonl").exit_code == 1
