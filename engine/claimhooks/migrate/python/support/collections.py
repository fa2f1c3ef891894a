"""Arrays, and properties of objects and of what may be none."""

# Of a value of JavaScript nothing is known, on purpose.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from typing import TYPE_CHECKING

from claimhooks.migrate.python.support.numbers import js_number
from claimhooks.migrate.python.support.values import js_same, js_text

if TYPE_CHECKING:
    from claimhooks.migrate.python.support import Value


def js_plus(left: Value, right: Value) -> Value:
    """`left + right`: texts and whatever is no number are joined as texts."""
    if any(isinstance(side, (str, list, dict)) for side in (left, right)):
        return js_text(left) + js_text(right)
    return js_number(left) + js_number(right)


def js_get(value: Value, key: Value) -> Value:
    """`value[key]`: None if it is not there."""
    if value is None:
        raise TypeError(f"{key} of undefined")
    if isinstance(value, dict):
        return value.get(js_text(key))
    if not isinstance(value, (list, str)):
        return None
    if isinstance(key, int) and not isinstance(key, bool):
        return value[key] if 0 <= key < len(value) else None
    return len(value) if key == "length" else None


def js_path(value: Value, *keys: Value) -> Value:
    """`value?.key?.key`: None as soon as something is not there."""
    for key in keys:
        value = None if value is None else js_get(value, key)
    return value


def js_defined(table: dict[str, Value]) -> dict[str, Value]:
    """`table` without what is undefined, which JSON leaves out."""
    return {name: value for name, value in table.items() if value is not None}


def js_put(table: dict[str, Value], name: str, value: Value) -> None:
    """Set a property; one that is undefined is not in the JSON."""
    if value is None:
        table.pop(name, None)
    else:
        table[name] = value


def js_list(value: Value) -> list[Value]:
    """`value`, which has to be an array."""
    if not isinstance(value, list):
        raise TypeError(f"{js_text(value)} is no array")
    return value


def js_includes(items: Value, sought: Value) -> bool:
    """`items.includes(sought)`."""
    if isinstance(items, str):
        return js_text(sought) in items
    return any(js_same(item, sought) for item in js_list(items))


def js_unique(items: Value) -> list[Value]:
    """The items of `new Set(items)`, in their order."""
    items = list(items)
    return [item for i, item in enumerate(items) if not js_includes(items[:i], item)]


def js_add(items: list[Value], item: Value) -> list[Value]:
    """`items.add(item)`, of a set."""
    if not js_includes(items, item):
        items.append(item)
    return items


def js_concat(items: Value, *more: Value) -> Value:
    """`items.concat(…more)`."""
    if isinstance(items, str):
        return items + "".join(map(js_text, more))
    result = list(js_list(items))
    for one in more:
        result.extend(one if isinstance(one, list) else [one])
    return result


def js_sort(items: list[str]) -> list[str]:
    """`items.sort()`, of texts."""
    items.sort()
    return items
