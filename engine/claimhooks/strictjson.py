"""JSON that all readers understand alike (RFC 7493 §2): no key twice, no NaN."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pydantic import JsonValue


class Unclear(ValueError):
    """JSON that readers understand in different ways; the text says what is unclear."""


class Unreadable(ValueError):
    """Bytes that are no JSON, or unclear; the text says why, `line` where, if that is known."""

    def __init__(self, reason: str, line: int | None = None) -> None:
        super().__init__(reason)
        self.line = line


def read(data: bytes) -> object:
    """The value in `data`. Raises :class:`Unreadable`, whatever is wrong with it."""
    try:
        return decode(data.decode())
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise Unreadable(f"byte 0x{data[error.start]:02x} is not UTF-8", line) from None
    except json.JSONDecodeError as error:
        reason = f"not JSON: {error.msg} (column {error.colno})"
        raise Unreadable(reason, error.lineno) from None
    except RecursionError:
        raise Unreadable("nested too deeply") from None
    except Unclear as error:
        raise Unreadable(str(error)) from None


def decode(text: str) -> object:
    """The value in `text`. Raises :class:`Unclear`, json.JSONDecodeError and RecursionError."""
    if text.startswith("\ufeff"):
        raise Unclear("it begins with a byte order mark: save it as UTF-8 without one")
    try:
        return _DECODER.decode(text)
    except (Unclear, json.JSONDecodeError):
        raise
    except ValueError:
        # Python refuses to read numbers of thousands of digits, which take long.
        raise Unclear("a number has too many digits") from None


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
