"""Which values are the same, and which is less."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from claimhooks.migrate.python.support.numbers import js_number
from claimhooks.migrate.python.support.values import js_text

if TYPE_CHECKING:
    from claimhooks.migrate.python.support import Value


def js_plain(value: Value) -> Value:
    """`value`, or the text in place of a list or dict."""
    return js_text(value) if isinstance(value, (list, dict)) else value


def js_compare(left: Value, right: Value) -> Value:
    """Below 0, 0 or above 0, as `left` is to `right`; NaN if they cannot be compared."""
    left, right = js_plain(left), js_plain(right)
    if not isinstance(left, str) or not isinstance(right, str):
        left, right = js_number(left), js_number(right)
        if math.isnan(left) or math.isnan(right):
            return math.nan
    return (left > right) - (left < right)


def js_same(left: Value, right: Value) -> bool:
    """`left === right`: no two lists or dicts are the same, nor is 1 the same as true."""
    if isinstance(left, (list, dict)) or isinstance(right, (list, dict)):
        return left is right
    return isinstance(left, bool) == isinstance(right, bool) and bool(left == right)


def js_equal(left: Value, right: Value) -> bool:
    """`left == right`: a text, a number and a boolean are compared as numbers."""
    objects = isinstance(left, (list, dict)) and isinstance(right, (list, dict))
    if left is None or right is None or objects:
        return left is right
    left, right = js_plain(left), js_plain(right)
    if isinstance(left, str) and isinstance(right, str):
        return left == right
    return bool(js_number(left) == js_number(right))
