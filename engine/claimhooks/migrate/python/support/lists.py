"""Arrays."""

# Of a value of JavaScript nothing is known, on purpose.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import functools
from collections.abc import Callable

from claimhooks.migrate.python.support import Value
from claimhooks.migrate.python.support.comparison import js_same
from claimhooks.migrate.python.support.values import js_text

Compare = Callable[[Value, Value], Value]


def js_list(value: Value) -> list[Value]:
    """`value`, which has to be an array."""
    if not isinstance(value, list):
        raise TypeError(f"{js_text(value)} is no array")
    return value


def js_includes(items: Value, sought: Value) -> bool:
    """`items.includes(sought)`."""
    if isinstance(items, str):
        return js_text(sought) in items
    return any(js_same(item, sought) for item in items)


def js_index_of(items: Value, sought: Value) -> int:
    """`items.indexOf(sought)`."""
    if isinstance(items, str):
        return items.find(js_text(sought))
    return next((i for i, item in enumerate(items) if js_same(item, sought)), -1)


def js_unique(items: Value) -> list[Value]:
    """`[...new Set(items)]`."""
    items = list(items)
    return [item for i, item in enumerate(items) if not js_includes(items[:i], item)]


def js_join(items: list[Value], separator: str) -> str:
    """`items.join(separator)`: nothing in place of what is null or undefined."""
    return separator.join("" if item is None else js_text(item) for item in items)


def js_concat(items: Value, *more: Value) -> Value:
    """`items.concat(…more)`."""
    if isinstance(items, str):
        return items + "".join(map(js_text, more))
    result = list(items)
    for one in more:
        result.extend(one if isinstance(one, list) else [one])
    return result


def js_splice(items: list[Value], start: int, count: int = -1, *new: Value) -> list[Value]:
    """`items.splice(start, count, …new)`: takes items out and returns them."""
    start = max(len(items) + start, 0) if start < 0 else start
    end = len(items) if count < 0 else start + count
    taken = items[start:end]
    items[start:end] = new
    return taken


def js_sort(items: list[Value], compare: Compare | None = None) -> list[Value]:
    """`items.sort(compare)`: as texts, without `compare`."""
    if compare is None:
        items.sort(key=lambda item: (item is None, js_text(item)))
    else:
        items.sort(key=functools.cmp_to_key(compare))
    return items


def js_reverse(items: list[Value]) -> list[Value]:
    """`items.reverse()`."""
    items.reverse()
    return items
