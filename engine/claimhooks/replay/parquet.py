"""Recordings as Apache Parquet: a row an exchange, a column for each field of an entry.

``exchange`` is the JSON text of the exchange; ``outcome``, which may be missing or null, that of
its outcome; ``at`` is text, or a timestamp (in UTC, if it has no zone); ``claimhooks`` is the
version of the format, 1 if it is missing. Other columns are passed over. They are JSON texts and
not nested columns because these would tell no more which keys of the metadata are missing and
which are null. Needs ``claimhooks[replay]``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from claimhooks.errors import Problem, SampleError
from claimhooks.replay.pieces import Block, blocks_of
from claimhooks.replay.place import Damaged, Place

if TYPE_CHECKING:
    from collections.abc import Iterator

COLUMNS: Final = ("claimhooks", "at", "exchange", "outcome")
BATCH: Final = 1024
"""Rows that are read at a time."""
BUFFER: Final = 1024 * 1024
"""Bytes of each column that are read at a time."""

# It has no types.
pyarrow: Any = import_module("pyarrow")
parquet: Any = import_module("pyarrow.parquet")


@dataclass(frozen=True, slots=True)
class RowGroup:
    """A row group of a file: what can be read apart from the rest."""

    place: Place
    name: str
    number: int
    size: int
    is_first: bool = True

    def lines(self) -> Iterator[bytes]:
        with self.place.open() as file:
            try:
                yield from _lines(file, self.number)
            except (pyarrow.ArrowException, OSError) as error:
                # What is wrong with the device, and not with the contents, has a number.
                if isinstance(error, OSError) and error.errno is not None:
                    raise
                raise Damaged(f"its rows cannot be read from here on: {error}") from None

    def blocks(self) -> Iterator[Block]:
        """The same in pieces."""
        yield from blocks_of(self.lines(), self.name, lambda: self.size)


def row_groups(place: Place) -> Iterator[RowGroup]:
    """The row groups of a file. Raises SampleError if it is not what is described above."""
    with place.open() as file:
        try:
            with parquet.ParquetFile(file) as table:
                schema, count = table.schema_arrow, int(table.num_row_groups)
        except pyarrow.ArrowException as error:
            raise _malformed(place, f"no Parquet that can be read: {error}") from None
    if "exchange" not in schema.names:
        raise _malformed(place, "there is no column 'exchange'")
    for name in ("exchange", "outcome"):
        if name in schema.names and not _is_text(schema.field(name).type):
            kind = schema.field(name).type
            raise _malformed(place, f"column {name!r} must be JSON text, and is {kind}")
    for number in range(count):
        name = place.name if count == 1 else f"{place.name}#{number}"
        begin, end = (place.size * n // count for n in (number, number + 1))
        yield RowGroup(place, name, number, end - begin)


def _lines(file: object, group: int) -> Iterator[bytes]:
    with parquet.ParquetFile(file, buffer_size=BUFFER) as table:
        names = [name for name in COLUMNS if name in table.schema_arrow.names]
        for batch in table.iter_batches(BATCH, [group], names, use_threads=False):
            columns = {name: batch.column(name) for name in names}
            exchanges = _texts(columns["exchange"])
            nothing: list[None] = [None] * len(exchanges)
            outcomes = _texts(columns["outcome"]) if "outcome" in columns else nothing
            times = columns["at"].to_pylist() if "at" in columns else nothing
            versions = columns["claimhooks"].to_pylist() if "claimhooks" in columns else nothing
            yield from map(_line, exchanges, outcomes, times, versions)


def _line(exchange: bytes | None, outcome: bytes | None, at: object, version: object) -> bytes:
    """The line that tells the same as a row. Whoever reads it sees that no key is there twice."""
    if outcome is None:
        return b"%b\n" % (exchange or b"null")
    if isinstance(at, datetime):
        at = (at if at.tzinfo else at.replace(tzinfo=UTC)).isoformat()
    start = f'{{"claimhooks":{json.dumps(1 if version is None else version)},"at":{json.dumps(at)}'
    return b'%b,"exchange":%b,"outcome":%b}\n' % (start.encode(), exchange or b"null", outcome)


def _texts(column: Any) -> list[bytes | None]:  # noqa: ANN401 - of pyarrow
    if isinstance(column, pyarrow.ExtensionArray):
        column = column.storage
    texts: list[bytes | None] = column.cast(pyarrow.large_binary()).to_pylist()
    # In JSON a line end is a space; here it would end the line.
    return [text and text.replace(b"\n", b" ") for text in texts]


def _is_text(kind: Any) -> bool:  # noqa: ANN401 - of pyarrow
    if isinstance(kind, pyarrow.BaseExtensionType):
        kind = kind.storage_type
    types = pyarrow.types
    tests = (types.is_string, types.is_large_string, types.is_string_view)
    return any(test(kind) for test in (*tests, types.is_binary, types.is_large_binary))


def _malformed(place: Place, reason: str) -> SampleError:
    return SampleError([Problem("recording_malformed", place.name, reason)])
