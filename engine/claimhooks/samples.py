"""Sample exchanges: read from files, run by the dry run, compared with what they expect."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from claimhooks import strictjson
from claimhooks.errors import Problem, SampleError
from claimhooks.exchange import Exchange, Scopes
from claimhooks.validation import explain

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from claimhooks.exchange import Outcome

MAX_SAMPLE_BYTES: Final = 1024 * 1024


class ExpectedError(BaseModel):
    """The error response that a sample expects."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    error: str
    error_description: str | None = None


class Expect(BaseModel):
    """What a sample expects; what it leaves out may be anything."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    status: Literal["granted", "denied", "fault"] | None = None
    scope: Scopes | None = None
    """Exactly these, in this order."""
    claims: dict[str, JsonValue] | None = None
    """Exactly these custom claims."""
    expires_in: int | None = None
    error: str | ExpectedError | None = None
    """The OAuth error code, or code and description."""

    def differences(self, outcome: Outcome) -> list[str]:
        """In what `outcome` is not as expected, a sentence each."""
        found: dict[str, JsonValue] = {
            "status": outcome.status,
            "scope": [*outcome.scope],
            "claims": outcome.claims,
            "expires_in": outcome.expires_in,
        }
        wanted = self.model_dump(mode="json", exclude_unset=True)
        if error := wanted.pop("error", None):
            if isinstance(error, str):
                error = {"error": error}
            wanted |= error
            denial = outcome.error
            found["error"] = denial.error if denial else None
            found["error_description"] = denial.error_description if denial else None
        return [
            f"{name}: expected {_shown(value)}, got {_shown(found[name])}"
            for name, value in wanted.items()
            if _shown(value) != _shown(found[name])
        ]


class Sample(Exchange):
    """An exchange to try hooks on."""

    name: str = ""
    expect: Expect | None = Field(default=None)


def read(places: Iterable[str]) -> Iterator[Sample]:
    """The samples in `places`: JSON files, JSONL files, folders of them, or ``-``.

    Read one at a time, so that a long file needs no memory. Raises
    :class:`~claimhooks.errors.SampleError`, once all that can be read has been yielded.
    """
    problems: list[Problem] = []
    for place in places:
        for source in _sources(place, problems):
            yield from source
    if problems:
        raise SampleError(problems)


def _sources(place: str, problems: list[Problem]) -> Iterator[Iterator[Sample]]:
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


def _file(path: Path, problems: list[Problem]) -> Iterator[Sample]:
    try:
        with path.open("rb") as file:
            if path.suffix == ".jsonl":
                yield from _lines(file, str(path), problems)
            else:
                yield from _document(
                    file.read(MAX_SAMPLE_BYTES + 1), str(path), path.stem, problems
                )
    except OSError as error:
        problems.append(_unreadable(path, error))


def _stream(file: IO[bytes], shown: str, problems: list[Problem]) -> Iterator[Sample]:
    """Either a sample a line, or one sample over several lines."""
    first = file.readline(MAX_SAMPLE_BYTES + 1)
    try:
        json.loads(first)
    except (ValueError, RecursionError):
        yield from _document(first + file.read(MAX_SAMPLE_BYTES), shown, "stdin", problems)
    else:
        yield from _sample(first, f"{shown}:1", 1, shown, problems)
        yield from _lines(file, shown, problems, after=1)


def _lines(
    file: IO[bytes], shown: str, problems: list[Problem], after: int = 0
) -> Iterator[Sample]:
    number = after
    while line := file.readline(MAX_SAMPLE_BYTES + 1):
        number += 1
        if len(line) > MAX_SAMPLE_BYTES:
            problems.append(_too_large(shown, number))
            return
        if not line.isspace():
            yield from _sample(line, f"{Path(shown).name}:{number}", number, shown, problems)
    if number == 0:
        problems.append(Problem("sample_malformed", shown, "the file is empty"))


def _document(data: bytes, shown: str, name: str, problems: list[Problem]) -> Iterator[Sample]:
    if len(data) > MAX_SAMPLE_BYTES:
        problems.append(_too_large(shown, None))
    elif not data.strip():
        problems.append(Problem("sample_malformed", shown, "the file is empty"))
    else:
        yield from _sample(data, name, None, shown, problems)


def _sample(
    data: bytes, name: str, line: int | None, shown: str, problems: list[Problem]
) -> Iterator[Sample]:
    try:
        parsed: object = strictjson.decode(data.decode())
        if not isinstance(parsed, dict):
            reason = "a sample is a JSON object; several go one a line into a .jsonl file"
            problems.append(Problem("sample_invalid", shown, reason, line))
            return
        sample = Sample.model_validate({"name": name, **parsed})
    except UnicodeDecodeError as error:
        line = line or data.count(b"\n", 0, error.start) + 1
        reason = f"byte 0x{data[error.start]:02x} is not UTF-8"
        problems.append(Problem("sample_malformed", shown, reason, line))
    except json.JSONDecodeError as error:
        reason = f"not JSON: {error.msg} (column {error.colno})"
        problems.append(Problem("sample_malformed", shown, reason, line or error.lineno))
    except RecursionError:
        problems.append(Problem("sample_malformed", shown, "nested too deeply", line))
    except ValidationError as error:
        problems.extend(
            Problem("sample_invalid", shown, reason, line) for _, reason in explain(error, Sample)
        )
    except strictjson.Unclear as error:
        problems.append(Problem("sample_malformed", shown, str(error), line))
    else:
        yield sample


def _unreadable(path: Path, error: OSError) -> Problem:
    return Problem("sample_unreadable", str(path), f"cannot be read: {error.strerror}")


def _too_large(shown: str, line: int | None) -> Problem:
    reason = "a sample larger than 1 MiB"
    return Problem("sample_malformed", shown, reason, line, remedy="make it smaller")


def _shown(value: JsonValue) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)
