"""What a replay counts does not depend on how the recording is divided."""

from __future__ import annotations

import json
import random
import zlib
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from claimhooks import Settings
from claimhooks.replay import pieces as pieces_module
from claimhooks.replay.checkpoint import Checkpoint
from claimhooks.replay.evaluation import Evaluation, Job
from claimhooks.replay.groups import MAX_GROUPS, MAX_TEXT, Example, Group, short
from claimhooks.replay.pieces import Block, Span, blocks_of
from claimhooks.replay.place import Damaged, Place
from claimhooks.replay.tally import Tally
from claimhooks.replay.times import Times
from claimhooks.snapshot import Snapshot
from claimhooks.source import Contents
from replaying import BEGIN, NEW, OLD, exchanges, folder, lines

Paths = list[tuple[str, ...]]
NAMES = st.integers(0, MAX_GROUPS + 20).map(str)
PATHS = st.lists(
    st.lists(
        st.one_of(
            st.tuples(st.sampled_from("ab"), NAMES),
            st.tuples(st.just("c"), st.sampled_from("xy"), NAMES),
            st.just(()),
        ),
        max_size=3,
    ),
    max_size=400,
)
"""Of each exchange."""


def divided(items: list[Any], cuts: list[int]) -> Iterator[tuple[int, list[Any]]]:
    """`items` in runs, each with the number of those before it."""
    bounds = sorted({0, len(items), *(cut % (len(items) + 1) for cut in cuts)})
    for begin, end in pairwise(bounds):
        yield begin, items[begin:end]


@given(PATHS, st.lists(st.integers(0, 400), max_size=8))
@settings(max_examples=50, deadline=None)
def test_groups_are_the_same_however_they_are_merged(asked: list[Paths], cuts: list[int]) -> None:
    whole, merged = Group(), Group()
    for number, paths in enumerate(asked):
        whole.add(Example("f", number, "c"), *paths)
    for begin, run in divided(asked, cuts):
        part = Group()
        for number, paths in enumerate(run):
            part.add(Example("f", number, "c"), *paths)
        merged.merge(part, begin)
    assert merged == whole
    assert whole.count == len(asked)
    for name, group in (whole.groups or {}).items():
        distinct = {path[1] for paths in asked for path in paths if path[:1] == (name,)}
        assert (group.groups is None) == (len(distinct) > MAX_GROUPS)
        of_it = [n for n, paths in enumerate(asked) if any(path[:1] == (name,) for path in paths)]
        assert (group.count, group.example) == (len(of_it), Example("f", of_it[0], "c"))


def test_a_name_is_shortened_to_one_that_is_like_no_other() -> None:
    texts = ["x" * MAX_TEXT, "x" * 1000, "x" * 999 + "y", "x" * 100_000]
    assert short(texts[0]) == texts[0]
    assert len({short(text) for text in texts}) == 4
    assert max(len(short(text)) for text in texts) <= MAX_TEXT


@given(st.lists(st.floats(0.1, 1e9), min_size=1), st.floats(0.01, 1))
def test_quantiles_are_exact_to_a_fortieth_and_add_up(times: list[float], part: float) -> None:
    whole, merged = Times(), Times()
    for micros in times:
        whole.add(micros)
        one = Times()
        one.add(micros)
        merged.merge(one)
    assert merged == whole
    exact = sorted(times)[max(0, -(-len(times) * part // 1).__int__() - 1)]
    assert whole.quantile(part) == pytest.approx(exact, rel=0.025)
    assert whole.quantile(part) <= whole.longest == max(times)


# Lines -------------------------------------------------------------------------------------------

MAX_LINE, REST, PIECE = 40, 8, 64
CONTENT = st.lists(
    st.one_of(st.just(b"\n"), st.binary(max_size=30), st.just(b"x" * 50)), max_size=20
).map(b"".join)


def seen(found: Iterator[bytes]) -> list[bytes]:
    """Lines as they are, but for those that are too long, which need not be whole."""
    return [line if len(line) <= MAX_LINE else b"too long" for line in found]


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"MAX_LINE": MAX_LINE, "REST": REST, "PIECE": PIECE}.items():
        monkeypatch.setattr(pieces_module, name, value)


@given(CONTENT, st.lists(st.integers(0, 600), max_size=6))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@pytest.mark.usefixtures("small")
def test_spans_have_each_line_once(tmp_path: Path, content: bytes, cuts: list[int]) -> None:
    (tmp_path / "f").write_bytes(content)
    place = Place("f", str(tmp_path / "f"), len(content))
    bounds = sorted({0, len(content), *(cut % (len(content) + 1) for cut in cuts)})
    spans = [Span(place, *pair) for pair in pairwise(bounds)]
    assert seen(line for span in spans for line in span.lines()) == seen(iter(BytesIO(content)))


def is_json(line: bytes) -> bool:
    try:
        return json.loads(line) is not None
    except ValueError:
        return False


@given(CONTENT, st.integers(1, 30), st.booleans())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@pytest.mark.usefixtures("small")
def test_blocks_have_each_line_once(content: bytes, step: int, is_damaged: bool) -> None:
    def chunks() -> Iterator[bytes]:
        for at in range(0, len(content), step):
            yield content[at : at + step]
        if is_damaged:
            raise Damaged("damaged")

    found: list[bytes] = []
    blocks = [*blocks_of(chunks(), "f", lambda: 0)]
    for block in blocks:
        try:
            found += block.lines()
        except Damaged:
            assert block is blocks[-1]
    assert [block.is_first for block in blocks] == [n == 0 for n in range(len(blocks))]
    expected = [*BytesIO(content)]
    if is_damaged:
        assert blocks[-1].damage == "damaged"
        if expected and not expected[-1].endswith(b"\n") and not is_json(expected[-1]):
            expected.pop()
    assert seen(iter(found)) == seen(iter(expected))


# Evaluation --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def evaluation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Evaluation, list[str]]]:
    """New hooks, and what was recorded with the old."""
    parent = tmp_path_factory.mktemp("tally")
    old, new = folder(parent, "old", a=OLD), folder(parent, "new", a=NEW)
    clients = ["a", "odd", "reporter", "suspended"]
    entries = lines(old, [*exchanges(*clients), *exchanges(*clients, tier="gold")])
    job = Job(Contents(Snapshot.read(new), Settings()), None, BEGIN)
    with Evaluation(job) as ready:
        yield ready, entries


def without_times(tally: Tally) -> dict[str, Any]:
    found = asdict(tally)
    for times in found["hooks"].values():
        del times["buckets"], times["longest"]
    return found


@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 90)), max_size=40),
    st.lists(st.integers(0, 40), max_size=6),
)
@settings(deadline=None, max_examples=40)
def test_a_recording_is_counted_the_same_however_it_is_divided(
    evaluation: tuple[Evaluation, list[str]], chosen: list[tuple[int, int]], cuts: list[int]
) -> None:
    ready, entries = evaluation
    recording: list[bytes] = []
    for which, second in chosen:
        if which >= len(entries):
            recording.append(b"\n" if which == 9 else b"broken\n")
            continue
        at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=second)
        entry = json.loads(entries[which]) | {"at": at.isoformat()}
        recording.append(json.dumps(entry).encode() + b"\n")
    whole = ready.tally(Block("f", True, 0, b"".join(recording)), lambda _: None)
    total, alone = Tally(), Tally()
    alone.follow(whole, begins_file=True)
    for begin, run in divided(recording, cuts):
        part = ready.tally(Block("f", begin == 0, 0, b"".join(run)), lambda _: None)
        total.follow(part, begins_file=begin == 0)
    assert without_times(total) == without_times(alone)
    assert total.exchanges == sum(which < len(entries) for which, _ in chosen)


def test_a_checkpoint_keeps_all_of_a_tally(
    tmp_path: Path, evaluation: tuple[Evaluation, list[str]]
) -> None:
    ready, entries = evaluation
    recording = "".join([*entries, "broken\n"]).encode()
    checkpoint = Checkpoint(tmp_path / "state", {"a": "1"})
    checkpoint.add(ready.tally(Block("f", True, 0, recording), lambda _: None), begins_file=True)
    checkpoint.save()
    again = Checkpoint(tmp_path / "state", {"a": "1"})
    assert again.tally == checkpoint.tally
    assert again.now == checkpoint.now
    assert (tmp_path / "state").stat().st_mode & 0o077 == 0
    assert (checkpoint.pieces, again.pieces) == (0, 1)


def test_a_checkpoint_never_holds_a_piece_that_was_half_counted(
    tmp_path: Path, evaluation: tuple[Evaluation, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    ready, entries = evaluation
    found = ready.tally(Block("f", True, 0, "".join(entries).encode()), lambda _: None)
    checkpoint = Checkpoint(tmp_path / "state", {})
    checkpoint.add(found, begins_file=True)
    checkpoint.save()
    before = (tmp_path / "state").read_bytes()

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Times, "merge", interrupted)
    with pytest.raises(KeyboardInterrupt):
        checkpoint.add(found, begins_file=False)
    assert checkpoint.tally.exchanges > found.exchanges
    checkpoint.save()
    assert (tmp_path / "state").read_bytes() == before


def test_random_bytes_in_place_of_packed_data_are_damage_and_no_crash(tmp_path: Path) -> None:
    generator = random.Random(1)
    good = zlib.compress(b"{}\n" * 5000, wbits=31)
    for _ in range(200):
        data = bytearray(good)
        for _ in range(generator.randrange(1, 20)):
            data[generator.randrange(4, len(data))] = generator.randrange(256)
        (tmp_path / "f").write_bytes(data)
        place = Place("f", str(tmp_path / "f"), len(data))
        found = 0
        try:
            for piece in pieces_module.pieces_of([place], unpack=True):
                found += sum(1 for _ in piece.lines())
        except Damaged:
            pass
        assert found <= 6000
