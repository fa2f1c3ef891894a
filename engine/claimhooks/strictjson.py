"""JSON that all readers understand alike (RFC 7493 §2): no key twice, no NaN."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pydantic import JsonValue


class Unclear(ValueError):
    """JSON that readers understand in different ways; the text says what is unclear."""


def decode(text: str) -> object:
    """The value in `text`. Raises :class:`Unclear`, json.JSONDecodeError and RecursionError."""
    return _DECODER.decode(text)


def _object(pairs: list[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
    table = dict(pairs)
    if len(table) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise Unclear(f"the key {twice!r} is there twice")
    return table


def _constant(name: str) -> float:
    raise Unclear(f"{name} is not JSON")


_DECODER: Final = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_constant)
