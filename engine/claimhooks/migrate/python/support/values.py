"""Truth, text, defaults, sameness."""

# Of a value of JavaScript nothing is known, on purpose.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, NoReturn

from claimhooks.migrate.python.support.numbers import js_number

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
        return ",".join(js_text(item, "") for item in value)
    if isinstance(value, dict):
        return "[object Object]"
    if isinstance(value, (str, int, BaseException)):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no text of its own")


def js_number_text(value: float) -> str:
    """A float as JavaScript writes it: 2, not 2.0."""
    if math.isnan(value):
        return "NaN"
    if value.is_integer() and abs(value) < 1e21:
        return str(int(value))
    text = repr(value)
    if text.strip("-.0123456789"):
        raise ValueError(f"JavaScript writes {text} otherwise")
    return text


def js_same(left: Value, right: Value) -> bool:
    """`left === right`: no two lists or dicts are the same, nor is 1 the same as true."""
    if isinstance(left, (list, dict)) or isinstance(right, (list, dict)):
        return left is right
    return isinstance(left, bool) == isinstance(right, bool) and bool(left == right)


def js_equal(left: Value, right: Value) -> bool:
    """`left == right`: a text, a number and a boolean are compared as numbers."""
    kinds = type(left), type(right)
    if left is None or right is None or (kinds[0] in (list, dict) and kinds[1] in (list, dict)):
        return left is right
    left, right = (js_text(one) if isinstance(one, (list, dict)) else one for one in (left, right))
    if isinstance(left, str) and isinstance(right, str):
        return left == right
    return bool(js_number(left) == js_number(right))


def js_json(value: Value, indent: int | None = None) -> str | None:
    """`JSON.stringify(value)`, which is undefined for what is undefined."""
    if value is None:
        return None
    encoder = json.JSONEncoder(
        ensure_ascii=False,
        allow_nan=False,
        indent=indent,
        separators=(",", ":") if indent is None else None,
    )
    return encoder.encode(value)


def js_error(value: Value) -> BaseException:
    """`value` as something that can be raised."""
    return value if isinstance(value, BaseException) else RuntimeError(js_text(value))


def js_todo(line: int) -> NoReturn:
    """In place of what is not translated: the exchange fails."""
    raise NotImplementedError(f"line {line} of the script is not translated")
