"""TOML that a person wrote → a model, or every mistake in it with its line."""

from __future__ import annotations

import json
import re
import tomllib
from typing import TYPE_CHECKING, Final, TypeVar

from pydantic import BaseModel, ValidationError

from claimhooks.errors import LoadError, Problem
from claimhooks.validation import explain

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

Model = TypeVar("Model", bound=BaseModel)

MAX_LOCATED: Final = 100
"""Of how many problems the lines are told: each costs a search of the file."""

_KEY: Final = r"""(?:"(?:[^"\\\n]|\\.)*"|'[^'\n]*'|[A-Za-z0-9_-]+)"""
_KEYS: Final = rf"{_KEY}(?:[ \t]*\.[ \t]*{_KEY})*"
_LINE: Final = re.compile(
    rf"^[ \t]*(?:(?P<opens>\[\[?)[ \t]*(?P<table>{_KEYS})[ \t]*\]|(?P<keys>{_KEYS})[ \t]*=)",
    re.MULTILINE,
)


def read(path: Path, kind: str, max_bytes: int) -> str:
    """The text of a file. `kind` is what it holds: ``settings`` or ``registry``.

    Raises :class:`LoadError`, ``{kind}_unreadable`` or ``{kind}_malformed``.
    """
    try:
        with path.open("rb") as file:
            data = file.read(max_bytes + 1)
    except OSError as error:
        reason = f"cannot be read: {error.strerror}"
        raise LoadError([Problem(f"{kind}_unreadable", str(path), reason)]) from None
    if len(data) > max_bytes:
        reason = f"larger than {max_bytes // 2**20} MiB"
        raise LoadError([Problem(f"{kind}_malformed", str(path), reason)])
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise LoadError([Problem(f"{kind}_malformed", str(path), "not UTF-8", line)]) from None


def load(text: str, model: type[Model], file: str, kind: str) -> Model:
    """The `model` that is written in `text`.

    Raises :class:`LoadError`, ``{kind}_malformed`` or ``{kind}_invalid``, with every problem.
    """
    try:
        return model.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"at line (\d+)", str(error))
        line = int(found[1]) if found else None
        problems = [Problem(f"{kind}_malformed", file, str(error), line)]
    except RecursionError:
        problems = [Problem(f"{kind}_malformed", file, "nested too deeply")]
    except ValidationError as error:
        problems = located(explain(error, model), f"{kind}_invalid", file, text)
    raise LoadError(problems)


def located(
    found: Iterable[tuple[Sequence[int | str], str]], code: str, file: str, text: str
) -> list[Problem]:
    """A problem for each location and reason: the first of them with their lines in `text`."""
    return [
        Problem(code, file, reason, line_of(location, text) if number < MAX_LOCATED else None)
        for number, (location, reason) in enumerate(found)
    ]


def line_of(location: Sequence[int | str], text: str) -> int | None:
    """The line of a key, or of the nearest one around it. tomllib tells none, so search."""
    table: list[int | str] = []
    counts: dict[str, int] = {}
    nearest, place = 0, None
    for found in _LINE.finditer(text):
        if found["opens"]:
            table = list(_split(found["table"]))
            if found["opens"] == "[[":
                array = found["table"]
                counts[array] = counts.get(array, -1) + 1
                table.append(counts[array])
            elif table[0] in counts:
                table.insert(1, counts[str(table[0])])
            path = table
        else:
            path = [*table, *_split(found["keys"])]
        length = min(len(path), len(location))
        if length > nearest and path[:length] == list(location[:length]):
            nearest, place = length, found.end()
    return None if place is None else text.count("\n", 0, place) + 1


def _split(keys: str) -> list[str]:
    """The parts of a dotted key."""
    parts: list[str] = re.findall(_KEY, keys)
    return [_unquoted(part) for part in parts]


def _unquoted(key: str) -> str:
    if key[0] == '"':
        try:
            return str(json.loads(key))
        except ValueError:
            return key[1:-1]  # an escape that JSON does not have
    return key.strip("'")
