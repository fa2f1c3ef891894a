"""A recording in pieces that can be replayed apart from each other, each of some lines."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from itertools import chain, islice
from typing import IO, TYPE_CHECKING, Final, Protocol

from claimhooks.errors import Problem, SampleError
from claimhooks.replay.line import MAX_LINE
from claimhooks.replay.packed import STEP, packing_of, unpacked
from claimhooks.replay.place import Damaged, Pipe, Place

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from claimhooks.replay.packed import Packing
    from claimhooks.replay.parquet import RowGroup

PIECE: Final = 4 * 1024 * 1024
"""Bytes of lines."""
REST: Final = 64 * 1024
"""Bytes that are read at a time to find the end of a line."""
PARQUET: Final = b"PAR1"


class Piece(Protocol):
    """A run of lines of one file."""

    @property
    def name(self) -> str:
        """The file, for people."""
        ...

    @property
    def is_first(self) -> bool:
        """Whether its first line is the first of the file."""
        ...

    @property
    def size(self) -> int:
        """The bytes of the file, as it is stored, that it stands for."""
        ...

    def lines(self) -> Iterator[bytes]:
        """Its lines, with their ends.

        Raises :class:`Damaged` once all that can be read has been yielded, and
        :class:`~claimhooks.errors.SampleError`.
        """
        ...


@dataclass(frozen=True, slots=True)
class Span:
    """The lines that begin between two bytes of a file that is not packed."""

    place: Place
    start: int
    end: int

    @property
    def name(self) -> str:
        return self.place.name

    @property
    def is_first(self) -> bool:
        return self.start == 0

    @property
    def size(self) -> int:
        return self.end - self.start

    def lines(self) -> Iterator[bytes]:
        # Of the byte before it, only whether it ends a line is of interest.
        before = min(self.start, 1)
        offset, length = self.start - before, before + self.size
        data = self.place.read(offset, self.end + REST)
        begin = data.find(b"\n", 0, length - 1) + 1 if before else 0
        if before and not begin:
            return  # all of it belongs to a line that began further up
        while (end := data.find(b"\n", length - 1)) < 0 and len(data) - length <= MAX_LINE:
            more = self.place.read(offset + len(data), offset + len(data) + REST)
            if not more:
                break
            data += more
        yield from BytesIO(data[begin : end + 1 or None])


@dataclass(frozen=True, slots=True)
class Block:
    """Lines that have been read already."""

    name: str
    is_first: bool
    size: int
    data: bytes
    damage: str | None = None
    """What ends the file after them."""

    def lines(self) -> Iterator[bytes]:
        yield from BytesIO(self.data)
        if self.damage is not None:
            raise Damaged(self.damage)


def blocks_of(content: Iterator[bytes], name: str, position: Callable[[], int]) -> Iterator[Block]:
    """The lines of a file whose `content` comes bit by bit; `position` is how far it was read."""
    data, is_first, begin, damage = bytearray(), True, 0, None
    while True:
        try:
            chunk = next(content, b"")
        except Damaged as error:
            chunk, damage = b"", str(error)
        data += chunk
        if chunk and len(data) < PIECE:
            continue
        end = data.rfind(b"\n") + 1
        if not chunk and (damage is None or _parsed(data[end:]) is not None):
            end = len(data)  # the last line, but for one that the damage has cut
        if end or damage is not None:
            reached = position()
            yield Block(name, is_first, reached - begin, bytes(data[:end]), damage)
            is_first, begin = False, reached
            del data[:end]
        if not chunk:
            return
        # What is left is the beginning of one line, which need not be kept if it is too long.
        del data[MAX_LINE + 1 :]


@dataclass(frozen=True, slots=True)
class Packed:
    """All of a packed file, which has to be read from its beginning."""

    place: Place
    packing: Packing

    @property
    def name(self) -> str:
        return self.place.name

    @property
    def is_first(self) -> bool:
        return True

    @property
    def size(self) -> int:
        return self.place.size

    def blocks(self) -> Iterator[Block]:
        """The same in pieces."""
        with self.place.open() as file:
            content = unpacked(_chunks(file), self.packing, self.name)
            yield from blocks_of(content, self.name, file.tell)

    def lines(self) -> Iterator[bytes]:
        for block in self.blocks():
            yield from block.lines()


@dataclass(frozen=True, slots=True)
class Document:
    """One sample, on as many lines as it takes."""

    name: str
    size: int
    data: bytes
    is_first: bool = True

    def lines(self) -> Iterator[bytes]:
        yield self.data + b"\n"


def pieces_of(places: Iterable[Place | Pipe], *, unpack: bool) -> Iterator[Piece]:
    """The recording at `places`, in order. Raises :class:`~claimhooks.errors.SampleError`.

    With `unpack`, packed files are unpacked here, so that several processes can share one.
    """
    for place in places:
        if isinstance(place, Pipe):
            with place.open() as file:
                yield from _of_pipe(file, place.name)
        else:
            yield from _of_file(place, unpack=unpack)


def _of_file(place: Place, *, unpack: bool) -> Iterator[Piece]:
    start = place.read(0, len(PARQUET))
    if packing := packing_of(start):
        packed = Packed(place, packing)
        yield from packed.blocks() if unpack else [packed]
    elif start == PARQUET:
        for group in _row_groups(place):
            yield from group.blocks() if unpack else [group]
    elif place.name.endswith(".json") and _is_document(data := place.read(0, MAX_LINE + 1)):
        yield Document(place.name, place.size, data)
    else:
        for begin in range(0, place.size, PIECE):
            yield Span(place, begin, min(begin + PIECE, place.size))


def _row_groups(place: Place) -> Iterator[RowGroup]:
    try:
        # Not at the top: pyarrow is optional, and takes a while to load.
        from claimhooks.replay.parquet import row_groups  # noqa: PLC0415
    except ImportError:
        reason = "Apache Parquet, which pyarrow reads: it is not installed"
        raise SampleError([Problem("replay_missing", place.name, reason)]) from None
    return row_groups(place)


def _of_pipe(file: IO[bytes], name: str) -> Iterator[Piece]:
    chunks = _chunks(file)
    first = next(chunks, b"")
    if first.startswith(PARQUET):
        reason = "Apache Parquet, which is read from its end, as no pipe can be"
        raise SampleError([Problem("recording_malformed", name, reason, remedy="name the file")])
    content: Iterator[bytes] = chain([first], chunks)
    if packing := packing_of(first):
        content = unpacked(content, packing, name)
    blocks = blocks_of(content, name, lambda: 0)
    begun = [*islice(blocks, 2)]
    if len(begun) == 1 and begun[0].damage is None and _is_document(begun[0].data):
        yield Document(name, 0, begun[0].data)
    else:
        yield from chain(begun, blocks)


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    return iter(partial(file.read, STEP), b"")


def _is_document(data: bytes) -> bool:
    """Whether this is one JSON value, good or bad, on several lines, and not one on each."""
    if len(data) > MAX_LINE or _parsed(data) is not None:
        return len(data) <= MAX_LINE
    return not any(isinstance(_parsed(line), dict) for line in data.split(b"\n"))


def _parsed(text: bytes | bytearray) -> object:
    """What JSON says; None: it is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
