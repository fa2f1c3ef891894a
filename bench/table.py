"""The rows of the table: a figure, what was measured, what it should be."""

from __future__ import annotations

Row = tuple[str, str, str, str]


def row(
    figure: str, measured: float, unit: str, limit: float | None = None, *, least: bool = False
) -> Row:
    if limit is None:
        return figure, f"{measured:,.2f}{unit}", "", ""
    is_met = measured >= limit if least else measured <= limit
    sign = "≥" if least else "≤"
    return figure, f"{measured:,.2f}{unit}", f"{sign} {limit:,}{unit}", "ok" if is_met else "missed"
