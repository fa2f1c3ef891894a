"""JSON as a person wrote it: on which line a value is, and setting one member, all else kept."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pydantic import JsonValue

WIDTH: Final = 100
"""Columns within which a value that was on one line stays on one."""

_DECODER: Final = json.JSONDecoder()
_SPACE: Final = re.compile(r"[ \t\r\n]*")
_EXPLODED: Final = re.compile(r"\s*[{\[][ \t]*\r?\n([ \t]*)")
"""An object or array of which each item has lines of its own."""


@dataclass(frozen=True, slots=True)
class _Item:
    """A member of an object, or an item of an array: its key, and where it is in the text."""

    step: str | int
    begin: int
    key_end: int
    value: int
    end: int


def line_of(text: str, path: Sequence[str | int]) -> int:
    """The line of the value at `path`, or of the nearest one around it. `text` is valid JSON."""
    place = _after_space(text, 0)
    try:
        for step in path:
            place = next(item.value for item in _items(text, place) if item.step == step)
    except (StopIteration, RecursionError):
        pass  # not there, or too deep to look for
    return text.count("\n", 0, place) + 1


def with_member(text: str, path: Sequence[str], value: JsonValue) -> str:
    """`text` with the member at `path` set to `value`; all else stays, byte for byte.

    A new member comes last. `text` is valid JSON, and there is an object around the member: else
    it raises KeyError.
    """
    place = _after_space(text, 0)
    for step in path[:-1]:
        (place,) = [item.value for item in _items(text, place) if item.step == step] or [-1]
        if place < 0:
            raise KeyError(step)
    items = [*_items(text, place)]
    for item in items:
        if item.step == path[-1]:
            return text[: item.value] + _replacement(text, item, value) + text[item.end :]
    key = json.dumps(path[-1], ensure_ascii=False)
    if not items:
        end = _DECODER.raw_decode(text, place)[1]
        return f"{text[:place]}{{{key}: {_on_one_line(value)}}}{text[end:]}"
    last = items[-1]
    colon = text[last.key_end : last.value]
    before = [text[len(text[: item.begin].rstrip()) : item.begin] for item in items]
    space = next(filter(_has_newline, reversed(before)), " " if colon.endswith(" ") else "")
    written = _on_one_line(value, is_spaced=colon.endswith(" "))
    if _has_newline(space):
        margin = space.rpartition("\n")[2]
        width = len(margin) + len(key) + len(colon) + len(written)
        if _EXPLODED.search(text) or width > WIDTH:
            written = _block(text, margin, value)
    return f"{text[: last.end]},{space}{key}{colon}{written}{text[last.end :]}"


def _items(text: str, place: int) -> Iterator[_Item]:
    """What is in the object or array that begins at `place`; nothing if a scalar does."""
    if text[place] not in "{[":
        return
    is_object = text[place] == "{"
    begin, number = _after_space(text, place + 1), 0
    while text[begin] not in "}]":
        step: str | int = number
        key_end = value = begin
        if is_object:
            step, key_end = _DECODER.raw_decode(text, begin)
            value = _after_space(text, _after_space(text, key_end) + 1)
        end = _DECODER.raw_decode(text, value)[1]
        yield _Item(step, begin, key_end, value, end)
        number += 1
        begin = _after_space(text, end)
        if text[begin] == ",":
            begin = _after_space(text, begin + 1)


def _after_space(text: str, place: int) -> int:
    found = _SPACE.match(text, place)
    return place if found is None else found.end()


def _has_newline(text: str) -> bool:
    return "\n" in text


def _replacement(text: str, item: _Item, value: JsonValue) -> str:
    old = text[item.value : item.end]
    is_spaced = item.key_end == item.value or text[item.value - 1].isspace()
    line = _on_one_line(value, is_spaced=is_spaced)
    if not _has_newline(text.strip()):
        return line
    start = text.rfind("\n", 0, item.begin) + 1
    if _has_newline(old) or item.value - start + len(line) > WIDTH:
        return _block(text, text[start : _after_space(text, start)], value)
    return line


def _on_one_line(value: JsonValue, *, is_spaced: bool = True) -> str:
    separators = (", ", ": ") if is_spaced else (",", ":")
    return json.dumps(value, ensure_ascii=False, separators=separators)


def _block(text: str, margin: str, value: JsonValue) -> str:
    """`value` over several lines, indented as `text` is, where a line begins with `margin`."""
    first = _EXPLODED.match(text)
    block = json.dumps(value, ensure_ascii=False, indent=first[1] if first and first[1] else 2)
    return block.replace("\n", ("\r\n" if "\r\n" in text else "\n") + margin)
