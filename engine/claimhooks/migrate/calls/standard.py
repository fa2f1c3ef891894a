"""What JavaScript brings: `JSON`, `Object`, `Math`, `Date`, `console`, `parseInt` and so on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from claimhooks.migrate import kinds
from claimhooks.migrate.calls import http
from claimhooks.migrate.calls.local import spread_text
from claimhooks.migrate.calls.objectmethods import OF_OBJECT
from claimhooks.migrate.kinds import DATE, INT, TABLES, TEXT, Kind, Shape, Type, list_of
from claimhooks.migrate.python.code import Code, Rank, call
from claimhooks.migrate.script import tree
from claimhooks.migrate.state import Untranslatable
from claimhooks.migrate.values.coercion import (
    CONVERSIONS,
    as_number,
    as_text,
    as_value,
    is_condition,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tree_sitter import Node

    from claimhooks.migrate.translator import Translator

    Method = Callable[[Translator, Node], Code]


def function(t: Translator, node: Node, name: str) -> Code:
    """A call of a function that is there without being declared."""
    given = tree.arguments(node)
    if name == "fetch":
        return http.request(t, node, "node-fetch")
    if name == "parseInt" and len(given) > 1 and tree.text(given[1]) != "10":
        raise Untranslatable("parseInt to another base than 10 has no translation")
    if not given or name not in CONVERSIONS:
        raise Untranslatable(f"nothing declares {name}, or it has no translation")
    return CONVERSIONS[name](t, t.expression(given[0]))


def method(t: Translator, node: Node, owner: str, name: str) -> Code:
    """A call of a method of an object that is there without being declared."""
    if owner == "Object" and name in OF_OBJECT:
        return OF_OBJECT[name](t, tree.arguments(node))
    if owner == "console":
        return _printed(t, name, tree.arguments(node))
    if owner == "Number" and name in {"parseInt", "isNaN"}:
        return function(t, node, name)
    if (owner, name) not in _METHODS:
        raise Untranslatable(f"{owner}.{name} has no translation")
    return _METHODS[owner, name](t, node)


def _printed(t: Translator, name: str, given: list[Node]) -> Code:
    texts = [spread_text(t, one) for one in given]
    if name in {"error", "warn"}:
        t.imported("import sys")
        texts.append("file=sys.stderr")
    return call("print", texts, kinds.UNDEFINED)


def _first(t: Translator, node: Node) -> Code:
    return t.expression(tree.arguments(node)[0])


# JSON


def _parse(t: Translator, node: Node) -> Code:
    t.imported("import json")
    code = _first(t, node)
    # Without its argument, it is given "undefined", which is no JSON.
    text = as_text(t, code).text if code.getter else code.text
    return call("json.loads", [text], kinds.JSON)


def _stringify(t: Translator, node: Node) -> Code:
    code = as_value(_first(t, node))
    if code.type.shape not in TABLES:
        raise Untranslatable("Python cannot write this as JSON by itself")
    kind = TEXT.or_undefined() if code.type.may_be(Kind.NOTHING) else TEXT
    indent = [t.expression(one).text for one in tree.arguments(node)[2:]]
    return call(t.need("js_json"), [code.text, *indent], kind)


# Math


def _floored(t: Translator, node: Node, half: str) -> Code:
    number = as_number(t, _first(t, node))
    text = f"{number.at(Rank.SUM)}{half}"
    if not number.type.is_only(Kind.NUMBER):
        return call(t.need("js_floor"), [text], kinds.MAYBE_NAN)
    t.imported("import math")
    return call("math.floor", [text], INT)


# Lists


def _is_array(t: Translator, node: Node) -> Code:
    code = _first(t, node)
    if code.type.shape is Shape.SCOPE:
        return code if is_condition(node) else call("bool", [code.text], kinds.BOOL)
    return call("isinstance", [code.text, "list"], kinds.BOOL)


def _array_from(t: Translator, node: Node) -> Code:
    (given,) = tree.arguments(node)
    code = t.expression(given)
    kind = TEXT if code.type.is_only(Kind.TEXT) else code.type.items
    return call("list", [code.source], list_of(kind))


# Time


def now(t: Translator) -> Code:
    """The time of the exchange, or outside of the hook that of the clock."""
    if t.is_within_hook:
        return Code(f"{t.argument('context')}.now", DATE)
    t.imported("import datetime")
    return call("datetime.datetime.now", ["datetime.UTC"], DATE)


def _date(t: Translator, given: list[Node]) -> Code:
    if not given:
        return now(t)
    (value,) = given
    code = t.expression(value)
    if code.type.shape is Shape.DATE:
        return code
    t.remark(value, "what is no date is an error here; there it was an invalid date")
    return call(t.need("js_date"), [code.text], DATE)


_METHODS: Final[Mapping[tuple[str, str], Method]] = {
    ("JSON", "parse"): _parse,
    ("JSON", "stringify"): _stringify,
    ("Math", "floor"): lambda t, node: _floored(t, node, ""),
    ("Math", "round"): lambda t, node: _floored(t, node, " + 0.5"),
    ("Array", "isArray"): _is_array,
    ("Array", "from"): _array_from,
    ("Date", "now"): lambda t, _: call(t.need("js_time"), [now(t).text], INT),
}


# new


def made(t: Translator, name: str, given: list[Node]) -> Code | None:
    """`new name(…)`."""
    if name == "Date":
        return _date(t, given)
    if name == "Set":
        code = t.expression(given[0]) if given else Code("[]", list_of(kinds.NEVER))
        is_plain = code.type.items.is_only(Kind.TEXT)
        text = f"list(dict.fromkeys({code.source}))" if is_plain else f"js_unique({code.source})"
        if not is_plain:
            t.need("js_unique")
        return Code(text, Type(Kind.LIST, code.type.of, Shape.SET))
    return None
