"""``claimhooks replay``: what hooks would have done to recorded traffic."""

from __future__ import annotations

import gzip
import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
import zlib
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import StringIO
from pathlib import Path
from threading import Thread
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from claimhooks import Client, RequestContext, Runtime, Settings
from claimhooks.cli.progress import progress
from claimhooks.replay.pieces import Block
from claimhooks.replay.place import Pipe, Place
from claimhooks.replay.tally import Tally
from given import eventually, exchange, hook, processes_below
from replaying import (
    BEGIN,
    NEW,
    OLD,
    TIER,
    claimhooks,
    counted,
    exchanges,
    folder,
    lines,
    write_parquet,
)

CLIENTS = ["a", "b", "reporter", "suspended", "odd", "b"]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Hooks, new ones, and a recording of six exchanges with the old."""
    old = folder(tmp_path, "hooks", **{"20-tier": OLD})
    folder(tmp_path, "new", **{"20-tier": NEW})
    asked = exchanges(*CLIENTS)
    asked[1] = exchange(client=Client(id="b", metadata={"tier": "gold"}), now=asked[1].now)
    (tmp_path / "rec.jsonl").write_text("".join(lines(old, asked)))
    return tmp_path


def recorded(project: Path) -> list[str]:
    return (project / "rec.jsonl").read_text().splitlines(keepends=True)


def test_the_hooks_that_were_recorded_change_nothing(project: Path) -> None:
    done = claimhooks(project, "replay", "rec.jsonl")
    assert done.returncode == 0
    assert "changes, on 0 of 6 exchanges" in done.stdout
    assert done.stderr == ""


def test_other_hooks_are_told_by_kind_of_change_with_the_first_example_of_each(
    project: Path,
) -> None:
    done = claimhooks(project, "replay", "rec.jsonl", "--hooks", "new")
    assert done.returncode == 1
    text = done.stdout
    assert "changes, on 4 of 6 exchanges" in text
    assert "  + scope admin on 1\n      rec.jsonl:3, client reporter\n" in text
    assert f'  claim {TIER} "gold" → "platinum" on 1\n      rec.jsonl:2, client b\n' in text
    assert "  expires_in 3600 → 60 s on 1\n" in text
    assert "  granted → fault on 1\n      rec.jsonl:5, client odd\n" in text
    assert "granted → denied: access_denied: this client is suspended on 1" in text
    assert "denials\n  20-tier access_denied: this client is suspended on 1\n" in text
    assert "faults\n  20-tier hook_raised: KeyError: 'the reason' on 1\n" in text
    assert "  granted                6             4\n" in text
    assert "recorded  " in text
    assert max(map(len, text.splitlines())) <= 80


def test_the_json_document_has_all_of_it(project: Path) -> None:
    document = counted(project, "rec.jsonl", "--hooks", "new")
    assert (document["exchanges"], document["changed"]) == (6, 4)
    assert document["before"] == {"granted": 6}
    assert document["now"] == {"granted": 4, "denied": 1, "fault": 1}
    change = next(one for one in document["changes"] if one["kind"] == "claim")
    assert change == {
        "kind": "claim",
        "name": TIER,
        "before": '"gold"',
        "after": '"platinum"',
        "count": 1,
        "is_one": True,
        "example": {"file": "rec.jsonl", "line": 2, "client": "b"},
    }
    (generation,) = document["recorded"]["generations"]
    assert generation["count"] == 6
    assert generation["generation"] != document["generation"]
    assert document["hooks"] == [{"hook": "20-tier", "calls": 6}]
    assert document["unread"] == {"count": 0, "first": []}


def test_hooks_are_compared_with_others_instead_of_the_recording(project: Path) -> None:
    against = counted(project, "rec.jsonl", "--hooks", "hooks", "--against", "new")
    assert against["before"] == {"granted": 4, "denied": 1, "fault": 1}
    assert against["now"] == {"granted": 6}
    removed = next(one for one in against["changes"] if one["kind"] == "- scope")
    assert (removed["name"], removed["count"]) == ("admin", 1)
    same = claimhooks(project, "replay", "rec.jsonl", "--hooks", "new", "--against", "new")
    assert "changes, on 0 of 6 exchanges" in same.stdout
    assert same.returncode == 1, "a fault is a fault"


def test_every_exchange_runs_at_the_time_that_was_recorded(tmp_path: Path) -> None:
    hooks = folder(tmp_path, "hooks", now=hook('return {"urn:acme:now": str(context.now)}'))
    (tmp_path / "rec.jsonl").write_text("".join(lines(hooks, exchanges("a", "b"))))
    assert counted(tmp_path, "rec.jsonl")["changed"] == 0


def test_samples_without_a_time_run_at_the_same_one_on_both_sides(project: Path) -> None:
    body = 'return {"urn:acme:now": str(context.now)}'
    for name in ("one", "two"):
        folder(project, name, now=hook(body))
    sample = exchange().model_dump_json(exclude={"now"})
    (project / "samples.jsonl").write_text(f"{sample}\n" * 50)
    document = counted(project, "samples.jsonl", "--hooks", "one", "--against", "two")
    assert (document["exchanges"], document["changed"]) == (50, 0)
    assert "no outcome recorded on 50" in claimhooks(project, "replay", "samples.jsonl").stdout


def packed(name: str, content: bytes) -> bytes:
    return gzip.compress(content) if name == "gzip" else zstandard.compress(content)


@pytest.mark.parametrize("form", ["gzip", "zstd", "several", "parquet", "pipe", "folder", "http"])
def test_what_a_file_is_shows_in_its_content_and_makes_no_difference(
    project: Path, form: str, server: str
) -> None:
    expected = counted(project, "rec.jsonl", "--hooks", "new")
    content = "".join(entries := recorded(project)).encode()
    place, stdin = project / "rec.jsonl", ""
    shown = "rec.jsonl"
    if form in {"gzip", "zstd"}:
        place.write_bytes(packed(form, content))
    elif form == "several":
        # Members that end anywhere, padding, and an empty frame that is to be skipped.
        zstd = b"\x50\x2a\x4d\x18\x00\x00\x00\x00"
        for part in (content[:100], content[100:900], content[900:]):
            zstd += packed("zstd", part) + bytes(3000)
        place.write_bytes(zstd)
    elif form == "parquet":
        write_parquet(place, entries)
    elif form == "pipe":
        shown, stdin = "<stdin>", content.decode()
    elif form == "folder":
        (project / "week").mkdir()
        place.rename(project / "week" / "rec.jsonl")
        (project / "week" / ".rec.jsonl.part").write_text("half")
        shown = "week/rec.jsonl"
    elif form == "http":
        shown = f"{server}/rec.jsonl"
    name = {"pipe": "-", "folder": "week", "http": shown}.get(form, "rec.jsonl")
    found = counted(project, name, "--hooks", "new", stdin=stdin)
    assert json.loads(json.dumps(found).replace(shown, "rec.jsonl")) == expected


class Handler(BaseHTTPRequestHandler):
    """Serves the files of a folder, with ranges unless their names begin with ``whole``."""

    root: Path

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self.wfile.write(self._answer())

    def _answer(self) -> bytes:
        name = self.path[1:].partition("?")[0]
        content = (self.root / name.removeprefix("whole-")).read_bytes()
        asked = self.headers.get("Range")
        if asked is None or name.startswith("whole-"):
            self.send_response(200)
        else:
            first, last = asked.removeprefix("bytes=").split("-")
            self.send_response(206)
            content = content[int(first) : int(last) + 1]
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        return content

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server(project: Path) -> Iterator[str]:
    """The address of a server of the files of the project."""
    handler = type("OfProject", (Handler,), {"root": project})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as http:
        thread = Thread(target=http.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{http.server_port}"
        http.shutdown()
        thread.join()


def test_a_server_that_sends_no_parts_is_refused_and_no_credential_is_shown(
    project: Path, server: str
) -> None:
    (project / "rec.jsonl").write_text("".join(recorded(project)) * 50)
    secret = server.replace("//", "//user:pa55@") + "/whole-rec.jsonl?signature=s3cr3t"
    done = claimhooks(project, "replay", secret)
    assert (done.returncode, done.stdout) == (2, "")
    assert "its server does not send parts of a file" in done.stderr
    assert "whole-rec.jsonl" in done.stderr
    assert "s3cr3t" not in done.stderr
    assert "pa55" not in done.stderr
    done = claimhooks(project, "replay", secret.replace("whole-", ""))
    assert done.returncode == 0
    assert f"replay of {server}/rec.jsonl: 300 exchanges\n" in done.stdout


def test_of_a_folder_only_files_are_read(project: Path) -> None:
    week = project / "week"
    (week / "days.json").mkdir(parents=True)
    (project / "rec.jsonl").rename(week / "rec.jsonl")
    assert counted(project, "week")["exchanges"] == 6
    (week / "link.jsonl").symlink_to("nowhere")
    done = claimhooks(project, "replay", "week")
    assert (done.returncode, done.stdout) == (2, "")
    assert "week/link.jsonl: cannot be read: No such file" in done.stderr


# Bad recordings ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["-", "rec.json"])
def test_a_recording_that_begins_in_the_middle_of_a_line_loses_that_line_only(
    project: Path, name: str
) -> None:
    content = "".join(recorded(project))[100:]
    (project / "rec.json").write_text(content)
    document = counted(project, name, stdin=content)
    assert document["exchanges"] == 5
    (unread,) = document["unread"]["first"]
    assert unread["line"] == 1
    assert "not JSON" in unread["reason"]


@pytest.mark.parametrize(
    ("stdin", "reason"),
    [
        ("", "<stdin>: it is closed"),
        ("PAR1", "<stdin>: Apache Parquet, which is read from its end, as no pipe can be"),
    ],
)
def test_standard_input_that_cannot_be_read_is_told(project: Path, stdin: str, reason: str) -> None:
    command = f"{sys.executable} -m claimhooks replay - " + ("" if stdin else "<&-")
    done = subprocess.run(
        command, shell=True, cwd=project, input=stdin, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert reason in done.stderr
    assert "Traceback" not in done.stderr


def test_lines_that_cannot_be_read_are_counted_and_named_and_the_rest_is_replayed(
    project: Path,
) -> None:
    good = recorded(project)
    twice = good[0].replace('{"claimhooks":1,', '{"claimhooks":1,"claimhooks":1,')
    unknown = good[0].replace('"exchange":{', '"exchange":{"scopes":[],')
    bad = {
        b"not json\n": "not JSON",
        b"\xff\n": "not UTF-8",
        bytes(100) + b"\n": "not JSON",
        b"[1]\n": "not a JSON object",
        b'{"a":' + b"1" * 5000 + b"}\n": "too many digits",
        b'{"a":NaN}\n': "NaN is not JSON",
        b"[" * 100_000 + b"\n": "nested too deeply",
        b"x" * 3_000_000 + b"\n": "longer than 1 MiB",
        good[0].replace('"claimhooks":1', '"claimhooks":2').encode(): "not of version 1",
        twice.encode(): "'claimhooks' is there twice",
        unknown.encode(): "exchange.scopes: unknown key; did you mean 'scope'?",
        good[0].replace('"status":"granted"', '"status":"ok"').encode(): "outcome.status",
        good[0][:300].encode(): "cut short: the file ends in the middle of this line",
    }
    content = b"\n" + b"".join(good[0].encode() + line for line in bad)
    (project / "rec.jsonl").write_bytes(content)
    document = counted(project, "rec.jsonl")
    assert (document["exchanges"], document["changed"]) == (len(bad), 0)
    assert document["unread"]["count"] == len(bad)
    for number, (found, reason) in enumerate(
        zip(document["unread"]["first"], bad.values(), strict=True)
    ):
        assert (found["file"], found["line"]) == ("rec.jsonl", 2 * number + 3)
        assert reason in found["reason"]
    done = claimhooks(project, "replay", "rec.jsonl")
    assert done.returncode == 1
    assert "13 lines could not be read\n  rec.jsonl:3: not JSON" in done.stdout
    assert done.stderr == ""


def test_strict_stops_at_the_first_line_that_cannot_be_read(project: Path) -> None:
    (project / "rec.jsonl").write_text("".join([*recorded(project), "x\n", "y\n"]))
    done = claimhooks(project, "replay", "rec.jsonl", "--strict")
    assert (done.returncode, done.stdout) == (2, "")
    assert "rec.jsonl:7: not JSON" in done.stderr
    assert claimhooks(project, "replay", "rec.jsonl").returncode == 1


def test_one_percent_of_corrupt_lines_costs_these_lines_only(project: Path) -> None:
    good = recorded(project) * 500
    good[::100] = [line[:-30] + "\n" for line in good[::100]]
    (project / "rec.jsonl").write_text("".join(good))
    document = counted(project, "rec.jsonl")
    assert (document["exchanges"], document["unread"]["count"]) == (2970, 30)
    assert len(document["unread"]["first"]) == 20
    assert "and 10 more" in claimhooks(project, "replay", "rec.jsonl").stdout


@pytest.mark.parametrize("form", ["gzip", "zstd"])
@pytest.mark.parametrize("harm", ["cut", "broken", "followed"])
def test_what_comes_before_damaged_data_is_replayed(project: Path, form: str, harm: str) -> None:
    content = "".join(recorded(project)).encode()
    first, second = packed(form, content), packed(form, os.urandom(90_000).hex().encode())
    data = first + (second[: len(second) // 2] if harm == "cut" else b"")
    if harm == "broken":
        data += second[:40_000] + bytes(1000) + second[41_000:]
    elif harm == "followed":
        data += b"no more of it"
    (project / "rec.jsonl").write_bytes(data)
    (project / "next.jsonl").write_bytes(first)
    document = counted(project, "rec.jsonl", "next.jsonl")
    assert (document["exchanges"], document["changed"]) == (12, 0)
    last = document["unread"]["first"][-1]
    assert last["file"] == "rec.jsonl"
    assert f"{form} data" in last["reason"]
    assert claimhooks(project, "replay", "rec.jsonl", "--strict").returncode == 2


@pytest.mark.parametrize("how", ["file", "pipe"])
def test_a_packed_line_that_is_cut_behind_a_brace_is_one_with_the_damage(
    project: Path, how: str
) -> None:
    entry = recorded(project)[0]
    cut = entry[: entry.index("}") + 1]
    packer = zlib.compressobj(wbits=31)
    data = packer.compress(f"{entry}{cut}".encode()) + packer.flush(zlib.Z_SYNC_FLUSH)
    (project / "rec.gz").write_bytes(data)
    command = f"{sys.executable} -m claimhooks replay --format json "
    command += "rec.gz" if how == "file" else "- < rec.gz"
    done = subprocess.run(command, shell=True, cwd=project, capture_output=True, check=False)
    document = json.loads(done.stdout)
    assert document["exchanges"] == 1
    (unread,) = document["unread"]["first"]
    assert (unread["line"], unread["reason"]) == (2, "the file ends in the middle of its gzip data")


def test_a_file_that_is_cut_within_a_packed_line_loses_nothing_but_that_line(
    project: Path,
) -> None:
    content = "".join(recorded(project))
    data = gzip.compress(content.encode())
    (project / "rec.jsonl").write_bytes(data[:-8])  # all of the content, but not its checksum
    document = counted(project, "rec.jsonl")
    assert document["exchanges"] == 6
    assert document["unread"]["first"] == [
        {"file": "rec.jsonl", "line": 7, "reason": "the file ends in the middle of its gzip data"}
    ]


@pytest.mark.slow
def test_a_packed_file_that_would_fill_the_memory_does_not(project: Path) -> None:
    size = 2**31
    compressor = zstandard.ZstdCompressor().compressobj()
    block = bytes(2**20)
    parts = [compressor.compress(block) for _ in range(size // len(block))]
    (project / "rec.jsonl").write_bytes(b"".join([*parts, compressor.flush()]))
    limited = "import resource, sys; from claimhooks.cli import main; " + (
        "resource.setrlimit(resource.RLIMIT_AS, (2**30, 2**30)); main(sys.argv[1:])"
    )
    done = subprocess.run(
        [sys.executable, "-c", limited, "replay", "rec.jsonl"],
        cwd=project, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert "rec.jsonl:1: longer than 1 MiB" in done.stdout


@pytest.mark.parametrize("harm", ["cut", "page", "column", "nested", "empty"])
def test_parquet_that_is_not_as_documented_is_told(project: Path, harm: str) -> None:
    place = project / "rec.parquet"
    entries = recorded(project) * 100
    write_parquet(place, entries, row_group_size=200)
    reasons = {"cut": "no Parquet", "column": "no column 'exchange'", "nested": "must be JSON text"}
    if harm == "cut":
        place.write_bytes(place.read_bytes()[:-5])
    elif harm == "column":
        pq.write_table(pa.table({"outcome": ["{}"]}), place)
    elif harm == "nested":
        pq.write_table(pa.table({"exchange": [{"audience": "x"}]}), place)
    elif harm == "page":
        data = bytearray(place.read_bytes())
        data[500:700] = bytes(200)
        place.write_bytes(data)
        document = counted(project, "rec.parquet")
        assert 400 <= document["exchanges"] < 600
        assert "rows cannot be read" in document["unread"]["first"][0]["reason"]
        assert document["unread"]["first"][0]["file"].startswith("rec.parquet#0")
        return
    else:
        write_parquet(place, [])
    done = claimhooks(project, "replay", "rec.parquet")
    assert (done.returncode, done.stdout) == (2, "")
    assert reasons.get(harm, "there is no exchange in it") in done.stderr
    assert "Traceback" not in done.stderr


def test_parquet_tells_the_row_and_forgives_what_is_missing(project: Path) -> None:
    entry = json.loads(recorded(project)[0])
    asked, outcome = json.dumps(entry["exchange"]), json.dumps(entry["outcome"])
    forged = f'{asked},"outcome":{outcome}'
    columns: dict[str, list[Any]] = {
        "exchange": [asked, asked, "{", None, forged],
        "outcome": [outcome, None, outcome, outcome, outcome],
        "at": [entry["at"]] * 5,
        "day": [18] * 5,
    }
    pq.write_table(pa.table(columns), project / "rec.parquet")
    document = counted(project, "rec.parquet")
    assert document["exchanges"] == 2
    assert document["before"] == {"granted": 1}
    assert [one["line"] for one in document["unread"]["first"]] == [3, 4, 5]
    assert "'outcome' is there twice" in document["unread"]["first"][2]["reason"]


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"at": pa.array([20_000], pa.date32())}, "'at' must be text or a timestamp, and is date"),
        ({"at": pa.array([1_795_000_000])}, "'at' must be text or a timestamp, and is int64"),
        ({"claimhooks": pa.array(["1"])}, "'claimhooks' must be a whole number, and is string"),
        ({"exchange": pa.array(["{}"])}, "there are 2 columns 'exchange'"),
        ({"at": pa.array([b"\xff"])}, ""),
        ({"at": pa.array([2**62], pa.timestamp("us"))}, ""),
    ],
)
def test_columns_of_another_type_are_told(
    project: Path, columns: dict[str, Any], reason: str
) -> None:
    entry = json.loads(recorded(project)[0])
    texts = {name: pa.array([json.dumps(entry[name])]) for name in ("exchange", "outcome")}
    names, arrays = [*texts, *columns], [*texts.values(), *columns.values()]
    pq.write_table(pa.table(arrays, names=names), project / "rec.parquet")
    done = claimhooks(project, "replay", "rec.parquet")
    assert "Traceback" not in done.stderr
    assert reason in done.stderr
    assert done.returncode == (2 if reason else 1)
    assert ("rec.parquet:1: at: must be a valid datetime" in done.stdout) == (not reason)


@pytest.mark.parametrize("kind", [("ns", "UTC"), ("us", None), ("s", "Asia/Tokyo")])
def test_timestamps_of_parquet_are_in_utc(project: Path, kind: tuple[str, str | None]) -> None:
    entry = json.loads(recorded(project)[0])
    texts = {name: pa.array([json.dumps(entry[name])]) for name in ("exchange", "outcome")}
    unit, _ = kind
    at = int(BEGIN.timestamp()) * {"s": 1, "us": 10**6, "ns": 10**9}[unit] + (unit == "ns")
    table = pa.table(texts | {"at": pa.array([at], pa.timestamp(*kind))})
    pq.write_table(table, project / "rec.parquet")
    document = counted(project, "rec.parquet")
    assert document["recorded"]["first"] == "2026-11-18T09:00:00Z"


def test_times_at_both_ends_of_the_calendar_are_told(project: Path) -> None:
    times = ["0001-01-01T00:00:00+12:00", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00"]
    entries = [json.loads(line) for line in recorded(project)[:3]]
    (project / "rec.jsonl").write_text(
        "".join(
            f"{json.dumps(entry | {'at': at})}\n" for entry, at in zip(entries, times, strict=True)
        )
    )
    done = claimhooks(project, "replay", "rec.jsonl")
    assert (done.returncode, done.stderr) == (0, "")
    assert "to 9999-12-31 23:59:59 UTC" in done.stdout
    assert "the clock went back once, first at rec.jsonl:2" in done.stdout


def test_a_clock_that_goes_back_is_told_and_changes_nothing(project: Path) -> None:
    entries = [json.loads(line) for line in recorded(project)]
    for number, seconds in enumerate([0, 60, 30, 31, 30.5, 90]):
        entries[number]["at"] = (BEGIN + timedelta(seconds=seconds)).isoformat()
    (project / "rec.jsonl").write_text("".join(f"{json.dumps(one)}\n" for one in entries))
    document = counted(project, "rec.jsonl")
    assert document["recorded"]["clock_back"] == {
        "count": 1,
        "is_one": True,
        "example": {"file": "rec.jsonl", "line": 3, "client": "reporter"},
    }
    assert document["recorded"]["first"] == "2026-11-18T09:00:00Z"
    assert document["recorded"]["last"] == "2026-11-18T09:01:30Z"
    done = claimhooks(project, "replay", "rec.jsonl")
    assert done.returncode == 0
    assert "the clock went back once, first at rec.jsonl:3, client reporter" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["absent.jsonl"], "absent.jsonl: cannot be read: No such file"),
        (["empty.jsonl"], "there is no exchange in it"),
        (["none"], "no file in it whose name ends with .json"),
        (["rec.jsonl", "--hooks", "absent"], "no such folder"),
        (["rec.jsonl", "--against", "HEAD:hooks"], "not a git repository"),
        (["nope://x/rec.jsonl"], "nope"),
        (["-", "--resume", "state"], "need files, not a pipe"),
        (["-", "--engine", "ray"], "need files, not a pipe"),
    ],
)
def test_what_cannot_be_used_exits_2_and_prints_nothing_but_why(
    project: Path, arguments: list[str], reason: str
) -> None:
    (project / "empty.jsonl").touch()
    (project / "none").mkdir()
    done = claimhooks(project, "replay", *arguments, GIT_CEILING_DIRECTORIES=str(project.parent))
    assert (done.returncode, done.stdout) == (2, "")
    assert reason in done.stderr.replace("\n", " ")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("module", "content", "remedy"),
    [
        ("zstandard", zstandard.compress(b"{}\n"), "claimhooks[replay]"),
        ("pyarrow", b"PAR1PAR1", "claimhooks[replay]"),
        ("fsspec", b"", "claimhooks[remote]"),
        ("ray", b"{}\n", "claimhooks[ray]"),
    ],
)
def test_an_extra_that_is_not_installed_is_named(
    project: Path, module: str, content: bytes, remedy: str
) -> None:
    (project / f"{module}.py").write_text("raise ImportError")  # found before the real one
    (project / "rec.jsonl").write_bytes(content)
    name = "memory://rec.jsonl" if module == "fsspec" else "rec.jsonl"
    engine = ["--engine", "ray"] if module == "ray" else []
    done = claimhooks(project, "replay", name, *engine)
    assert (done.returncode, done.stdout) == (2, "")
    assert remedy in done.stderr
    assert "Traceback" not in done.stderr


# What hooks do -----------------------------------------------------------------------------------


def test_hooks_that_do_not_load_are_told_as_ever(project: Path) -> None:
    (project / "new" / "30-bad.py").write_text("x = (")
    done = claimhooks(project, "replay", "rec.jsonl", "--hooks", "new")
    assert (done.returncode, done.stdout) == (2, "")
    assert "new/30-bad.py:1: " in done.stderr
    assert "Traceback" not in done.stderr


def test_what_hooks_print_is_no_part_of_the_results(project: Path) -> None:
    (project / "hooks" / "30-print.py").write_text(hook("print('out', flush=True)"))
    done = claimhooks(project, "replay", "rec.jsonl", "--format", "json")
    assert json.loads(done.stdout)["exchanges"] == 6
    assert done.stderr.count("out") == 6


def test_a_hook_that_ends_its_process_is_told_by_the_line_that_was_replayed(
    project: Path,
) -> None:
    many = many_lines(project)
    (project / "hooks" / "30-end.py").write_text(
        hook('import os\nif client.id == "c2000": os._exit(7)')
    )
    done = claimhooks(project, "replay", many)
    assert (done.returncode, done.stdout) == (2, "")
    reason = "many.jsonl:2001: a process ended with exit status 7 while this line was replayed"
    assert reason in done.stderr
    (project / "hooks" / "30-end.py").write_text("import os\nos._exit(7)")
    done = claimhooks(project, "replay", many)
    assert "hooks: a process ended with exit status 7 while it loaded the hooks" in done.stderr
    assert done.returncode == 2


def test_the_child_of_a_hook_that_forks_is_not_counted(project: Path) -> None:
    many = many_lines(project)
    body = 'import os\nif client.id == "c5" and not os.fork(): raise KeyError("in the child")'
    (project / "hooks" / "30-fork.py").write_text(hook(body))
    document = counted(project, many)
    assert (document["exchanges"], document["now"]) == (3000, {"granted": 3000})


@pytest.mark.skipif(os.cpu_count() == 1, reason="needs two processes")
def test_a_process_that_ends_when_it_is_no_longer_needed_is_no_matter(project: Path) -> None:
    body = """
        import os, threading, time
        from pathlib import Path
        if client.id == "a":
            while not Path("begun").exists():
                time.sleep(0.01)
            threading.Timer(0.1, os._exit, [7]).start()
        else:
            Path("begun").touch()
            time.sleep(1)
        """
    (project / "hooks" / "30-end.py").write_text(hook(body))
    first, second, *_ = recorded(project)
    (project / "1.jsonl").write_text(first)
    (project / "2.jsonl").write_text(second)
    assert counted(project, "1.jsonl", "2.jsonl")["exchanges"] == 2


@pytest.mark.worker
def test_in_workers_a_hook_that_ends_its_process_is_a_fault(project: Path) -> None:
    (project / "hooks" / "30-end.py").write_text(
        hook('import os\nif client.id == "odd": os._exit(7)')
    )
    document = counted(project, "rec.jsonl", "--lane", "worker")
    assert document["now"] == {"granted": 5, "fault": 1}
    assert document["faults"][0]["code"] == "worker_died"
    assert document["faults"][0]["example"]["line"] == 5


def test_a_hook_that_is_left_out_is_told(project: Path) -> None:
    (project / "claimhooks.toml").write_text('[hooks.20-tier]\non_error = "skip"\n')
    document = counted(project, "rec.jsonl", "--hooks", "new")
    assert document["now"] == {"granted": 5, "denied": 1}
    assert document["faults"] == []
    assert document["skipped"][0]["reason"] == "KeyError: 'the reason'"
    text = claimhooks(project, "replay", "rec.jsonl", "--hooks", "new").stdout
    assert "faults of hooks that were left out" in text


def test_a_replay_asks_no_gate_and_is_not_recorded(project: Path) -> None:
    (project / "gate.json").write_text(
        json.dumps({**exchange().model_dump(mode="json"), "expect": {"status": "denied"}})
    )
    (project / "claimhooks.toml").write_text('gate = "gate.json"\n[record]\nfolder = "kept"\n')
    assert counted(project, "rec.jsonl")["exchanges"] == 6
    assert not (project / "kept").exists()


def test_what_a_runtime_has_recorded_is_replayed_without_a_change(project: Path) -> None:
    (project / "claimhooks.toml").write_text('[record]\nfolder = "kept"\n')
    settings = Settings.load(project / "claimhooks.toml")
    with Runtime(project / "hooks", settings) as runtime:
        for one in exchanges(*CLIENTS):
            runtime.run(one)
    document = counted(project, "kept")
    assert (document["exchanges"], document["changed"]) == (6, 0)
    assert document["recorded"]["generations"][0]["count"] == 6


def test_a_claim_made_of_a_secret_is_neither_shown_nor_a_change(project: Path) -> None:
    (project / "claimhooks.toml").write_text(
        '[record]\nfolder = "kept"\n[hooks.20-tier]\nsecrets = ["KEY"]\n'
    )
    with (project / "claimhooks.toml").open("a") as settings:
        settings.write('[policy]\nscopes = "any"\n')
    secret = 'context.secrets["KEY"]'
    body = f'return {{"scope": [*scope, {secret}], "{TIER}": {secret}}}'
    (project / "hooks" / "20-tier.py").write_text(hook(body))
    code = "import sys; from claimhooks import *; sys.path.insert(0, sys.argv[1])\n" + (
        "from replaying import exchanges\n"
        "with Runtime('hooks', 'claimhooks.toml') as r: r.run(exchanges('a')[0])"
    )
    subprocess.run(
        [sys.executable, "-c", code, str(Path(__file__).parent)],
        cwd=project, env={**os.environ, "KEY": "s3cr3t-of-then"}, check=True,
    )  # fmt: skip
    same = counted(project, "kept", KEY="s3cr3t-of-now")
    assert same["changed"] == 0
    (project / "new" / "20-tier.py").write_text(hook(body.replace('"KEY"]', '"KEY"] + "!"')))
    done = claimhooks(project, "replay", "kept", "--hooks", "new", KEY="s3cr3t-of-now")
    assert '"[secret KEY]" → "[secret KEY]!"' in done.stdout
    assert "+ scope [secret KEY]! on 1" in done.stdout
    assert "s3cr3t" not in done.stdout


def test_claims_that_the_recording_hides_are_not_called_changes(project: Path) -> None:
    (project / "claimhooks.toml").write_text(
        f'[record]\nfolder = "kept"\nredact = ["claims.{TIER}"]\n'
    )
    (project / "hooks" / "20-tier.py").write_text(OLD.replace('["tier"]', '["tier"].upper()'))
    settings = Settings.load(project / "claimhooks.toml")
    with Runtime(project / "hooks", settings) as runtime:
        runtime.run(exchanges("a")[0])
    document = counted(project, "kept")
    assert (document["changed"], document["hidden"][0]["claim"]) == (0, TIER)
    assert f"claim {TIER} on 1" in claimhooks(project, "replay", "kept").stdout


def test_hostile_names_and_values_reach_no_terminal_raw(project: Path) -> None:
    hooks = folder(project, "odd", a=hook('return {"urn:acme:x": client.metadata["tier"] + "!"}'))
    client = Client(id="cli\u202eent", metadata={"tier": "\x1b[2J\u2028 é"})
    request = RequestContext(params={"a": "\x9b"})
    asked = [exchange(client=client, request=request)]
    (project / "rec\x1b.jsonl").write_text("".join(lines(project / "hooks", asked)) + "\x1b[2J\n")
    done = claimhooks(project, "replay", "rec\x1b.jsonl", "--hooks", hooks)
    assert not any(c < " " and c != "\n" for c in done.stdout)
    assert "\u202e" not in done.stdout
    assert 'claim urn:acme:x = "\\u001b[2J' in done.stdout


# Long replays ------------------------------------------------------------------------------------


def many_lines(project: Path, count: int = 3000) -> Path:
    """A recording of some pieces."""
    path = project / "many.jsonl"
    asked = exchanges(*(f"c{number}" for number in range(count)), pad="x" * 6000)
    path.write_text("".join(lines(project / "hooks", asked)))
    return path


def start(project: Path, *arguments: str | Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "claimhooks", "replay", *map(str, arguments)],
        cwd=project, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        # A shell that runs the tests in the background lets them ignore ^C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509
        start_new_session=True,
    )  # fmt: skip


WAITING = hook(
    """
    import time
    from pathlib import Path
    if client.id == "c2000":
        Path("reached").touch()
        while not Path("go").exists():
            time.sleep(0.01)
    """
)


def test_an_interrupted_replay_tells_where_it_was_and_goes_on_from_there(project: Path) -> None:
    many = many_lines(project)
    (project / "hooks" / "30-wait.py").write_text(WAITING)
    with start(project, many, "--resume", "state") as process:
        try:
            assert eventually((project / "reached").exists, 30)
            time.sleep(0.5)  # for the pieces before
            children = processes_below(process.pid)
            os.killpg(process.pid, signal.SIGINT)
            stdout, stderr = process.communicate(timeout=10)
        finally:
            process.kill()
    assert (process.returncode, stdout) == (2, "")
    assert "many.jsonl:2001: interrupted while this line was replayed" in stderr
    assert "Traceback" not in stderr
    assert eventually(lambda: not any(Path(f"/proc/{child}").exists() for child in children))
    state = json.loads((project / "state").read_text())
    assert state["pieces"] > 0
    (project / "go").touch()
    resumed = counted(project, many, "--resume", "state")
    assert not (project / "state").exists()
    assert resumed == counted(project, many)
    assert resumed["exchanges"] == 3000


@pytest.mark.slow
def test_a_replay_that_was_killed_goes_on_from_its_last_checkpoint(project: Path) -> None:
    many = many_lines(project, 8000)
    body = "import time, os.path\nif not os.path.exists('go'): time.sleep(0.002)"
    (project / "hooks" / "30-slow.py").write_text(hook(body))
    with start(project, many, "--resume", "state") as process:
        try:

            def has_begun() -> bool:
                state = project / "state"
                return state.exists() and json.loads(state.read_text())["pieces"] > 0

            assert eventually(has_begun, 60)
            children = processes_below(process.pid)
        finally:
            process.kill()
    assert eventually(lambda: not any(Path(f"/proc/{child}").exists() for child in children))
    left = [path.name for path in project.iterdir() if path.name.startswith(".state")]
    assert left == []
    state = json.loads((project / "state").read_text())
    assert 0 < sum(state["tally"]["after"].values()) < 8000
    (project / "go").touch()
    resumed = counted(project, many, "--resume", "state")
    assert resumed == counted(project, many)


def test_lines_that_are_done_are_let_go_while_one_is_waited_for(project: Path) -> None:
    slow, fast = lines(project / "hooks", exchanges("slow", "fast", pad="x" * 1_000_000))
    (project / "hooks" / "30-wait.py").write_text(
        hook("import time\nif client.id == 'slow': time.sleep(3)")
    )
    with gzip.open(project / "rec.gz", "wt", compresslevel=1) as file:
        file.write(slow)
        file.writelines([fast] * 300)
    with start(project, "rec.gz") as process:
        peak = 0
        while process.poll() is None:
            with suppress(OSError):
                found = re.search(
                    r"VmHWM:\s+(\d+) kB", Path(f"/proc/{process.pid}/status").read_text()
                )
                peak = int(found[1]) if found else peak
            time.sleep(0.02)
    assert process.returncode == 0
    assert 0 < peak < 200_000, "of 300 MB"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("hooks", "begun with other hooks or settings"),
        ("settings", "begun with other hooks or settings"),
        ("recording", "begun with other recordings"),
        ("middle", "begun with other recordings"),
        ("against", "begun with other hooks to compare with"),
        ("engine", "begun with other options: --engine"),
        ("broken", "not what a replay of this version writes"),
        ("folder", "cannot be written"),
    ],
)
def test_a_checkpoint_of_something_else_is_refused_and_kept(
    project: Path, change: str, reason: str
) -> None:
    (project / "hooks" / "30-end.py").write_text(hook("import os; os._exit(1)"))
    (project / "rec.jsonl").write_text("".join(recorded(project)) * 60)
    state = project / "state"
    assert claimhooks(project, "replay", "rec.jsonl", "--resume", state).returncode == 2
    arguments: list[str | Path] = ["rec.jsonl", "--resume", state]
    if change == "hooks":
        (project / "hooks" / "30-end.py").unlink()
    elif change == "settings":
        (project / "claimhooks.toml").write_text('[policy]\nmode = "lenient"\n')
    elif change == "recording":
        (project / "rec.jsonl").write_text("".join(recorded(project)[1:]))
    elif change == "middle":
        content = bytearray((project / "rec.jsonl").read_bytes())
        content[len(content) // 2] ^= 1
        (project / "rec.jsonl").write_bytes(content)
    elif change == "broken":
        state.write_text(state.read_text()[:-1])
    elif change == "folder":
        arguments[-1] = project / "absent" / "state"
    else:
        arguments += {"against": ["--against", "new"], "engine": ["--engine", "ray"]}[change]
    before = state.read_text()
    done = claimhooks(project, "replay", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert reason in done.stderr
    assert state.read_text() == before


def test_results_that_cannot_be_written_do_not_cost_the_checkpoint(project: Path) -> None:
    command = f"{sys.executable} -m claimhooks replay rec.jsonl --resume state > /dev/full"
    done = subprocess.run(command, shell=True, cwd=project, capture_output=True, check=False)
    assert done.returncode == 2
    assert (project / "state").exists()
    assert counted(project, "rec.jsonl", "--resume", "state")["exchanges"] == 6
    assert not (project / "state").exists()


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("place", [Place("f", "f", 10), Pipe("f", None)])
def test_the_rate_is_that_of_what_was_replayed_now(
    monkeypatch: pytest.MonkeyPatch, place: Place | Pipe
) -> None:
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    with progress("Replay", [place], before=10**9) as advance:
        time.sleep(0.1)
        advance(Block("f", True, 5, b""), Tally(after={"granted": 10**9 + 50}))
    (rate,) = re.findall(r"([\d,]+) a second", terminal.getvalue())
    assert 1 < int(rate.replace(",", "")) <= 500
    assert ("50%" in terminal.getvalue()) == isinstance(place, Place)


def test_on_a_terminal_a_bar_shows_the_rate_and_the_time_left(project: Path) -> None:
    # The bar tells no time left before a second has passed.
    (project / "hooks" / "90-slow.py").write_text(
        "import time\n\nfrom claimhooks import hookimpl\n\n\n"
        "@hookimpl\ndef credentials_exchange():\n    time.sleep(0.001)\n"
    )
    ours, theirs = pty.openpty()
    with os.fdopen(ours, "rb", buffering=0) as terminal:
        many = many_lines(project)
        command = [sys.executable, "-m", "claimhooks", "replay", str(many)]
        with subprocess.Popen(
            command, cwd=project, stdout=subprocess.DEVNULL, stderr=theirs
        ) as process:
            os.close(theirs)
            seen = b""
            with suppress(OSError):  # so Linux tells that nobody writes there any more
                while data := terminal.read(1000):
                    seen += data
        assert process.returncode == 0
    assert re.search(rb"Replay .*%.*\d\d:\d\d:\d\d.* a second", seen)
    assert b"100%" in seen


def test_a_checkpoint_on_a_full_disk_is_told(project: Path) -> None:
    done = claimhooks(project, "replay", "rec.jsonl", "--resume", "/proc/state")
    assert (done.returncode, done.stdout) == (2, "")
    assert "/proc/state: cannot be " in done.stderr


def test_processes_end_with_the_command_that_has_started_them(project: Path) -> None:
    (project / "hooks" / "30-wait.py").write_text(WAITING.replace("c2000", "odd"))
    with start(project, "rec.jsonl") as process:
        try:
            assert eventually((project / "reached").exists, 30)
            children = processes_below(process.pid)
        finally:
            process.kill()
    assert children
    assert eventually(lambda: not any(Path(f"/proc/{child}").exists() for child in children))
