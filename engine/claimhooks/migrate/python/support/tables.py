"""Properties of objects, and of what may be none."""

# Of a value of JavaScript nothing is known, on purpose.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from typing import TYPE_CHECKING

from claimhooks.migrate.python.support.values import js_text

if TYPE_CHECKING:
    from claimhooks.migrate.python.support import Value


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


def js_length(value: Value) -> Value:
    """`value.length`."""
    return js_get(value, "length")


def js_defined(table: dict[str, Value]) -> dict[str, Value]:
    """`table` without what is undefined, which JSON leaves out."""
    return {name: value for name, value in table.items() if value is not None}


def js_put(table: dict[str, Value], name: str, value: Value) -> None:
    """Set a property; one that is undefined is not in the JSON."""
    if value is None:
        table.pop(name, None)
    else:
        table[name] = value
