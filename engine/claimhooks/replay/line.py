"""One line: an entry of a recording, or a sample."""

from __future__ import annotations

from itertools import islice
from typing import Final, TypeVar, cast

from pydantic import ValidationError

from claimhooks import strictjson
from claimhooks.recording.entry import VERSION, Entry
from claimhooks.samples import MAX_SAMPLE_BYTES, Sample
from claimhooks.validation import explain

Line = TypeVar("Line", Entry, Sample)

MAX_LINE: Final = MAX_SAMPLE_BYTES
MAX_REASONS: Final = 3
"""Of what is wrong with one line, as many are told."""


class Unreadable(ValueError):
    """A line that cannot be run; the text says why."""

    def __init__(self, reason: str, below: int = 0) -> None:
        """`below` is how many lines below the first the mistake is, in what stands on several."""
        super().__init__(reason)
        self.below = below


def read_line(line: bytes) -> Entry | Sample:
    """The exchange in `line`, which has its line end. Raises :class:`Unreadable`."""
    if len(line) > MAX_LINE:
        raise Unreadable("longer than 1 MiB")
    try:
        parsed = strictjson.read(line)
    except strictjson.Unreadable as error:
        if line.endswith(b"\n"):
            raise Unreadable(str(error), (error.line or 1) - 1) from None
        raise Unreadable("cut short: the file ends in the middle of this line") from None
    if not isinstance(parsed, dict):
        raise Unreadable("not a JSON object")
    table = cast("dict[str, object]", parsed)
    if "claimhooks" not in table:
        return _validated(table, Sample)
    if table["claimhooks"] == VERSION:
        return _validated(table, Entry)
    raise Unreadable(f"not of version {VERSION} of the format, the one that this claimhooks reads")


def _validated(table: dict[str, object], model: type[Line]) -> Line:
    try:
        return model.model_validate(table)
    except ValidationError as error:
        reasons = (reason for _, reason in explain(error, model))
        raise Unreadable("; ".join(islice(reasons, MAX_REASONS))) from None
