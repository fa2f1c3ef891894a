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
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from claimhooks.errors import Problem, SampleError
from claimhooks.replay.pieces import Block, blocks_of
from claimhooks.replay.place import Damaged, Place

if TYPE_CHECKING:
    from collections.abc import Iterator

BATCH: Final = 1024
"""Rows that are read at a time."""
BUFFER: Final = 1024 * 1024
"""Bytes of each column that are read at a time."""

# It has no types.
pyarrow: Any = import_module("pyarrow")
parquet: Any = import_module("pyarrow.parquet")

_is: Final = pyarrow.types
_TEXT: Final = (
    *(_is.is_string, _is.is_large_string, _is.is_string_view),
    *(_is.is_binary, _is.is_large_binary),
)
COLUMNS: Final = {
    "claimhooks": ("a whole number", (_is.is_integer, _is.is_null)),
    "at": ("text or a timestamp", (*_TEXT, _is.is_timestamp, _is.is_null)),
    "exchange": ("JSON text", _TEXT),
    "outcome": ("JSON text", (*_TEXT, _is.is_null)),
}
"""What is read, what it must be, and how that is told of a type."""


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
    for name, (wanted, tests) in COLUMNS.items():
        types = [field.type for field in schema if field.name == name]
        if len(types) > 1:
            raise _malformed(place, f"there are {len(types)} columns {name!r}")
        if types and not any(test(_storage(types[0])) for test in tests):
            raise _malformed(place, f"column {name!r} must be {wanted}, and is {types[0]}")
    for number in range(count):
        name = place.name if count == 1 else f"{place.name}#{number}"
        begin, end = (place.size * n // count for n in (number, number + 1))
        yield RowGroup(place, name, number, end - begin)


def _lines(file: object, group: int) -> Iterator[bytes]:
    with parquet.ParquetFile(file, buffer_size=BUFFER) as table:
        names = [name for name in COLUMNS if name in table.schema_arrow.names]
        for batch in table.iter_batches(BATCH, [group], names, use_threads=False):
            nothing: list[None] = [None] * batch.num_rows
            columns = [_texts(batch.column(name)) if name in names else nothing for name in COLUMNS]
            yield from map(_line, *columns)


def _line(
    version: bytes | None, at: bytes | None, exchange: bytes | None, outcome: bytes | None
) -> bytes:
    """The line that tells the same as a row. Whoever reads it sees that no key is there twice."""
    if outcome is None:
        return b"%b\n" % (exchange or b"null")
    time = json.dumps(at and at.decode(errors="replace")).encode()
    parts = (version or b"1", time, exchange or b"null", outcome)
    return b'{"claimhooks":%b,"at":%b,"exchange":%b,"outcome":%b}\n' % parts


def _texts(column: Any) -> list[bytes | None]:  # noqa: ANN401 - of pyarrow
    if isinstance(column, pyarrow.ExtensionArray):
        column = column.storage
    end = b""
    if _is.is_timestamp(column.type):
        # It is in UTC, if it has a zone, for which pyarrow would need the zones of the system.
        column, end = column.view(pyarrow.timestamp(column.type.unit)), b"Z"
    if not any(test(column.type) for test in _TEXT):
        column = column.cast(pyarrow.string())
    texts: list[bytes | None] = column.cast(pyarrow.large_binary()).to_pylist()
    # In JSON a line end is a space; here it would end the line.
    return [text and text.replace(b"\n", b" ") + end for text in texts]


def _storage(kind: Any) -> Any:  # noqa: ANN401 - of pyarrow
    return kind.storage_type if isinstance(kind, pyarrow.BaseExtensionType) else kind


def _malformed(place: Place, reason: str) -> SampleError:
    return SampleError([Problem("recording_malformed", place.name, reason)])
