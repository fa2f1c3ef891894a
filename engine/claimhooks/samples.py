"""Sample exchanges, as files have them: found, read, and made into what hooks can be run over."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

from pydantic import Field, ValidationError

from claimhooks import jsontext, strictjson
from claimhooks.errors import Problem, SampleError, utf8_text
from claimhooks.exchange import Exchange, Text
from claimhooks.expectation import Expect  # noqa: TC001 - pydantic reads the annotation
from claimhooks.validation import explain

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MAX_SAMPLE_BYTES: Final = 1024 * 1024


class Sample(Exchange):
    """An exchange to try hooks on."""

    name: Text = ""
    expect: Expect | None = Field(default=None)


@dataclass(frozen=True, slots=True)
class Written:
    """A sample as it is written: not yet looked into."""

    data: bytes
    name: str
    """What it is called if it does not say."""
    file: str
    """As the operator named it, or ``<stdin>``."""
    line: int | None
    """Of a file with a sample a line; None: the sample is the whole file."""

    @property
    def expectation_line(self) -> int:
        """The line of what the sample expects; of the sample, if it expects nothing."""
        return self.line or jsontext.line_of(self.data.decode(), ["expect"])

    def parsed(self) -> Sample:
        """The sample. Raises :class:`~claimhooks.errors.SampleError` with all its problems."""
        shown, line = self.file, self.line
        try:
            parsed = strictjson.read(self.data)
        except strictjson.Unreadable as error:
            problem = Problem("sample_malformed", shown, str(error), line or error.line)
            raise SampleError([problem]) from None
        if not isinstance(parsed, dict):
            reason = "a sample is a JSON object; several go one a line into a .jsonl file"
            raise SampleError([Problem("sample_invalid", shown, reason, line)])
        try:
            return Sample.model_validate({"name": self.name, **parsed})
        except ValidationError as error:
            text = self.data.decode()
            problems = [
                Problem("sample_invalid", shown, reason, line or jsontext.line_of(text, location))
                for location, reason in explain(error, Sample)
            ]
            raise SampleError(problems) from None


def read(places: Iterable[str]) -> Iterator[Sample]:
    """The samples in `places`: JSON files, JSONL files, folders of them, or ``-``.

    Read one at a time, so that a long file needs no memory. Raises
    :class:`~claimhooks.errors.SampleError`, once all that can be read has been yielded.
    """
    problems: list[Problem] = []
    for written in find(places, problems):
        try:
            yield written.parsed()
        except SampleError as error:
            problems.extend(error.problems)
    if problems:
        raise SampleError(problems)


def find(places: Iterable[str], problems: list[Problem]) -> Iterator[Written]:
    """The samples in `places`, as they are written; what cannot be read goes to `problems`."""
    for place in places:
        for source in _sources(place, problems):
            yield from source


def _sources(place: str, problems: list[Problem]) -> Iterator[Iterator[Written]]:
    if place == "-":
        yield _stream(sys.stdin.buffer, "<stdin>", problems)
        return
    path = Path(place)
    try:
        if path.is_dir():
            files = sorted(f for f in path.iterdir() if f.suffix in {".json", ".jsonl"})
            if not files:
                reason = "there is no .json or .jsonl file in this folder"
                problems.append(Problem("sample_missing", place, reason))
        else:
            files = [path]
    except OSError as error:
        problems.append(_unreadable(path, error))
        return
    for file in files:
        yield _file(file, problems)


def _file(path: Path, problems: list[Problem]) -> Iterator[Written]:
    try:
        with path.open("rb") as file:
            if path.suffix == ".jsonl":
                yield from _lines(file, str(path), problems)
            else:
                data, name = file.read(MAX_SAMPLE_BYTES + 1), utf8_text(path.stem)
                yield from _document(data, str(path), name, problems)
    except OSError as error:
        problems.append(_unreadable(path, error))


def _stream(file: IO[bytes], shown: str, problems: list[Problem]) -> Iterator[Written]:
    """Either a sample a line, or one sample over several lines."""
    first = file.readline(MAX_SAMPLE_BYTES + 1)
    try:
        json.loads(first)
    except (ValueError, RecursionError):
        yield from _document(first + file.read(MAX_SAMPLE_BYTES), shown, "stdin", problems)
    else:
        yield Written(first, f"{shown}:1", shown, 1)
        yield from _lines(file, shown, problems, after=1)


def _lines(
    file: IO[bytes], shown: str, problems: list[Problem], after: int = 0
) -> Iterator[Written]:
    number = after
    while line := file.readline(MAX_SAMPLE_BYTES + 1):
        number += 1
        if len(line) > MAX_SAMPLE_BYTES:
            problems.append(_too_large(shown, number))
            return
        if not line.isspace():
            name = f"{utf8_text(Path(shown).name)}:{number}"
            yield Written(line, name, shown, number)
    if number == 0:
        problems.append(Problem("sample_malformed", shown, "the file is empty"))


def _document(data: bytes, shown: str, name: str, problems: list[Problem]) -> Iterator[Written]:
    if len(data) > MAX_SAMPLE_BYTES:
        problems.append(_too_large(shown, None))
    elif not data.strip():
        problems.append(Problem("sample_malformed", shown, "the file is empty"))
    else:
        yield Written(data, name, shown, None)


def _unreadable(path: Path, error: OSError) -> Problem:
    return Problem("sample_unreadable", str(path), f"cannot be read: {error.strerror}")


def _too_large(shown: str, line: int | None) -> Problem:
    reason = "a sample larger than 1 MiB"
    return Problem("sample_malformed", shown, reason, line, remedy="make it smaller")
