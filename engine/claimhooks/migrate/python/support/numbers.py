"""Numbers, and what is reckoned with as one."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from claimhooks.migrate.python.support.values import js_text

if TYPE_CHECKING:
    from claimhooks.migrate.python.support import Value


def js_number(value: Value) -> Value:
    """`value` as a number; NaN if it is none."""
    if isinstance(value, (bool, int)):
        return int(value)
    if isinstance(value, list):
        value = js_text(value)
    if isinstance(value, str):
        value = js_parsed(value.strip())
    if not isinstance(value, float):
        return math.nan
    return int(value) if value.is_integer() else value


def js_parsed(text: str) -> float:
    """The number that `text` is; NaN if it is none."""
    if re.fullmatch(r"0[xX][0-9a-fA-F]+|0[oO][0-7]+|0[bB][01]+", text):
        return float(int(text, 0))
    decimal = r"[+-]?(Infinity|(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?)"
    if re.fullmatch(decimal, text, re.ASCII):
        return float(text)
    return math.nan if text else 0.0


def js_parse_int(value: Value) -> Value:
    """The whole number that a text begins with; NaN if there is none."""
    found = re.match(r"\s*([+-]?\d+)", js_text(value), re.ASCII)
    return int(found[1]) if found else math.nan


def js_parse_float(value: Value) -> Value:
    """The number that a text begins with; NaN if there is none."""
    pattern = r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)"
    found = re.match(pattern, js_text(value), re.ASCII)
    return js_number(found[1]) if found else math.nan


def js_plus(left: Value, right: Value) -> Value:
    """`left + right`: texts and whatever is no number are joined as texts."""
    if any(isinstance(side, (str, list, dict)) for side in (left, right)):
        return js_text(left) + js_text(right)
    return js_number(left) + js_number(right)


def js_divide(left: Value, right: Value) -> Value:
    """`left / right`: by 0 too."""
    if right == 0:
        is_nothing = left == 0 or math.isnan(left)
        return math.nan if is_nothing else math.copysign(math.inf, left)
    return js_number(left / right)


def js_remainder(left: Value, right: Value) -> Value:
    """`left % right`, which has the sign of `left`."""
    if right == 0 or not math.isfinite(left):
        return math.nan
    return js_number(math.fmod(left, right))


def js_power(left: Value, right: Value) -> Value:
    """`left ** right`."""
    return js_number(float(left) ** float(right))


def js_floor(number: Value) -> Value:
    """`Math.floor(number)`."""
    return math.floor(number) if math.isfinite(number) else number


def js_ceil(number: Value) -> Value:
    """`Math.ceil(number)`."""
    return math.ceil(number) if math.isfinite(number) else number


def js_trunc(number: Value) -> Value:
    """`Math.trunc(number)`."""
    return math.trunc(number) if math.isfinite(number) else number


def js_max(*values: Value) -> Value:
    """`Math.max(…values)`."""
    numbers = [js_number(value) for value in values]
    if any(map(math.isnan, numbers)):
        return math.nan
    return max(numbers, default=-math.inf)


def js_min(*values: Value) -> Value:
    """`Math.min(…values)`."""
    numbers = [js_number(value) for value in values]
    if any(map(math.isnan, numbers)):
        return math.nan
    return min(numbers, default=math.inf)
