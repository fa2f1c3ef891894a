"""Numbers, what is reckoned with as one, and dates."""

from __future__ import annotations

import datetime
import math
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from claimhooks.migrate.python.support import Value


def js_number(value: Value) -> Value:
    """`value` as a number; NaN if it is none."""
    if isinstance(value, (list, dict)):
        raise TypeError("a list or dict is no number")
    if isinstance(value, str):
        decimal = r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)?\s*"
        found = re.fullmatch(decimal, value, re.ASCII)
        if re.match(r"\s*([+-]?Infinity|0[xXoObB])", value):
            raise ValueError(f"{value} is a number in JavaScript alone")
        value = float(found[1] or 0) if found else math.nan
    if value is None or not math.isfinite(value):
        return math.nan if value is None else value
    return int(value) if value == int(value) else value


def js_parse_int(value: Value) -> Value:
    """The whole number that a text begins with; NaN if there is none."""
    if isinstance(value, (list, dict)):
        raise TypeError("a list or dict is no number")
    found = re.match(r"\s*([+-]?\d+)", str(value), re.ASCII)
    return int(found[1]) if found else math.nan


def js_divide(left: Value, right: Value) -> Value:
    """`left / right`: by 0 too."""
    if right == 0:
        is_nothing = left == 0 or math.isnan(left)
        return math.nan if is_nothing else math.copysign(math.inf, left)
    return js_number(left / right)


def js_floor(number: Value) -> Value:
    """`Math.floor(number)`."""
    return math.floor(number) if math.isfinite(number) else number


def js_date(value: Value) -> datetime.datetime:
    """A date from milliseconds or ISO 8601; in UTC if it names no time zone."""
    if isinstance(value, (int, float)):
        return datetime.datetime.fromtimestamp(value / 1000, datetime.UTC)
    date = datetime.datetime.fromisoformat(value)
    if date.tzinfo is None:
        return date.replace(tzinfo=datetime.UTC)
    return date.astimezone(datetime.UTC)


def js_time(date: datetime.datetime) -> int:
    """A date in milliseconds."""
    return math.floor(date.timestamp() * 1000)


def js_iso(date: datetime.datetime) -> str:
    """A date as `toISOString` writes it."""
    text = date.astimezone(datetime.UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")
