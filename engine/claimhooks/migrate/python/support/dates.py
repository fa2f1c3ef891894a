"""Dates."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from claimhooks.migrate.python.support import Value


def js_date(value: Value) -> datetime:
    """A date from milliseconds or ISO 8601; in UTC if it names no time zone."""
    if isinstance(value, (int, float)):
        return datetime.fromtimestamp(value / 1000, UTC)
    date = datetime.fromisoformat(value)
    return date.replace(tzinfo=UTC) if date.tzinfo is None else date.astimezone(UTC)


def js_time(date: datetime) -> int:
    """A date in milliseconds."""
    return math.floor(date.timestamp() * 1000)


def js_iso(date: datetime) -> str:
    """A date as `toISOString` writes it."""
    text = date.astimezone(UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")
