"""Truth, text, defaults."""

# Of a value of JavaScript nothing is known, on purpose.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from claimhooks.migrate.python.support import Value


def js_true(value: Value) -> bool:
    """Whether JavaScript takes `value` for true: [] and {} are, NaN is not."""
    if isinstance(value, float):
        return bool(value) and not math.isnan(value)
    return isinstance(value, (list, dict)) or bool(value)


def js_or(left: Value, right: Value) -> Value:
    """`left || right`."""
    return left if js_true(left) else right


def js_default(value: Value, default: Value) -> Value:
    """`value ?? default`."""
    return default if value is None else value


def js_text(value: Value, nothing: str = "undefined") -> str:
    """`value` as JavaScript writes it into a text; `nothing` in place of None."""
    if value is None:
        return nothing
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return js_number_text(value)
    if isinstance(value, list):
        return ",".join("" if item is None else js_text(item) for item in value)
    if isinstance(value, (str, int, BaseException)):
        return str(value)
    if isinstance(value, dict):
        return "[object Object]"
    raise TypeError(f"{type(value).__name__} has no text of its own")


def js_number_text(value: float) -> str:
    """A float as JavaScript writes it: 2, not 2.0."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    if value.is_integer() and abs(value) < 1e21:
        return str(int(value))
    digits, _, power = repr(value).partition("e")
    if power and (int(power) < -6 or value.is_integer()):
        return f"{digits}e{int(power):+d}"
    if power:
        sign = "-" if value < 0 else ""
        digits = digits.lstrip("-").replace(".", "")
        return f"{sign}0.{'0' * (-int(power) - 1)}{digits}"
    return digits


def js_typeof(value: Value) -> str:
    """`typeof value`."""
    kinds = {bool: "boolean", int: "number", float: "number", str: "string"}
    if value is None:
        return "undefined"
    return kinds.get(type(value), "function" if callable(value) else "object")


def js_substring(text: str, start: int, end: int | None = None) -> str:
    """`text.substring(start, end)`."""
    bounds = [max(start, 0), len(text) if end is None else max(end, 0)]
    return text[min(bounds) : max(bounds)]


def js_json(value: Value, indent: int | None = None) -> str:
    """`JSON.stringify(value)`."""
    separators = (",", ":") if indent is None else None
    return json.dumps(value, separators=separators, indent=indent, ensure_ascii=False)


def js_error(value: Value) -> BaseException:
    """`value` as something that can be raised."""
    return value if isinstance(value, BaseException) else RuntimeError(js_text(value))


def js_todo(line: int) -> NoReturn:
    """In place of what is not translated: the exchange fails."""
    raise NotImplementedError(f"line {line} of the script is not translated")
