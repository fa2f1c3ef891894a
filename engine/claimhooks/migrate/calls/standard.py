"""What JavaScript brings: `JSON`, `Object`, `Math`, `Date`, `console`, `parseInt` and so on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from claimhooks.migrate import kinds
from claimhooks.migrate.calls import http, promises
from claimhooks.migrate.calls.conversions import CONVERSIONS
from claimhooks.migrate.calls.local import spread_text
from claimhooks.migrate.calls.objectmethods import OF_OBJECT
from claimhooks.migrate.effects import Untranslatable
from claimhooks.migrate.kinds import DATE, INT, TEXT, Kind, Shape, Type, list_of
from claimhooks.migrate.python.code import Code, Rank, call
from claimhooks.migrate.script import modules, tree
from claimhooks.migrate.values import arrays_and_objects
from claimhooks.migrate.values.coercion import as_number
from claimhooks.migrate.values.truth import is_condition

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tree_sitter import Node

    from claimhooks.migrate.translator import Translator

    Method = Callable[[Translator, Node], Code]


def function(t: Translator, node: Node, name: str) -> Code:
    """A call of a function that is there without being declared."""
    given = tree.arguments(node)
    if name == "fetch":
        return http.request(t, node, next(iter(modules.FETCH)))
    if name == "parseInt" and len(given) > 1:
        radix = t.expression(given[1]).constant
        if radix != 10:
            raise Untranslatable("parseInt to another base than 10 has no translation")
    if not given or name not in CONVERSIONS:
        raise Untranslatable(f"nothing declares {name}, or it has no translation")
    return CONVERSIONS[name](t, t.expression(given[0]))


def method(t: Translator, node: Node, owner: str, name: str) -> Code | None:
    """A call of a method of an object that is there without being declared."""
    given = tree.arguments(node)
    if owner == "Object" and name in OF_OBJECT:
        return OF_OBJECT[name](t, given)
    if owner == "console":
        return _printed(t, name, given)
    if owner == "Number" and name in {"parseInt", "parseFloat", "isNaN"}:
        return function(t, node, name)
    rule = _METHODS.get((owner, name))
    if rule is None:
        if owner in _OWNERS:
            raise Untranslatable(f"{owner}.{name} has no translation")
        return None
    return rule(t, node)


def _printed(t: Translator, name: str, given: list[Node]) -> Code:
    texts = [spread_text(t, one) for one in given]
    if name in {"error", "warn"}:
        t.imported("import sys")
        texts.append("file=sys.stderr")
    return call("print", texts, kinds.UNDEFINED)


# JSON


def _parse(t: Translator, node: Node) -> Code:
    t.imported("import json")
    return call("json.loads", [t.expression(tree.arguments(node)[0]).text], kinds.JSON)


def _stringify(t: Translator, node: Node) -> Code:
    given = tree.arguments(node)
    code = t.expression(given[0])
    if code.type.may_be(Kind.OBJECT) and code.type.shape is not None:
        raise Untranslatable("Python cannot write this as JSON by itself")
    texts = [code.text]
    if len(given) > 2:
        texts.append(t.expression(given[2]).text)
    return call(t.need("js_json"), texts, TEXT)


# Math


def _rounded(python: str, helper: str) -> Method:
    def rule(t: Translator, node: Node) -> Code:
        number = as_number(t, t.expression(tree.arguments(node)[0]))
        if not number.type.is_only(Kind.NUMBER):
            return call(t.need(helper), [number.text], kinds.MAYBE_NAN)
        t.imported("import math")
        return call(python, [number.text], INT)

    return rule


def _round(t: Translator, node: Node) -> Code:
    number = as_number(t, t.expression(tree.arguments(node)[0]))
    half = f"{number.at(Rank.SUM)} + 0.5"
    if not number.type.is_only(Kind.NUMBER):
        return call(t.need("js_floor"), [half], kinds.MAYBE_NAN)
    t.imported("import math")
    return call("math.floor", [half], INT)


def _extreme(python: str) -> Method:
    def rule(t: Translator, node: Node) -> Code:
        given = tree.arguments(node)
        if len(given) == 1 and given[0].type == "spread_element":
            items = t.expression(tree.children(given[0])[0])
            return call(t.need(f"js_{python}"), [f"*{items.source}"], kinds.MAYBE_NAN)
        codes = [as_number(t, t.expression(one)) for one in given]
        if len(codes) < 2:
            raise Untranslatable("this has no translation")
        kind = kinds.either([code.type for code in codes])
        name = python if kind.is_only(Kind.NUMBER) else t.need(f"js_{python}")
        return call(name, [code.text for code in codes], kind)

    return rule


def _absolute(t: Translator, node: Node) -> Code:
    number = as_number(t, t.expression(tree.arguments(node)[0]))
    return call("abs", [number.text], number.type)


# Lists


def _is_array(t: Translator, node: Node) -> Code:
    code = t.expression(tree.arguments(node)[0])
    if code.type.shape is Shape.SCOPE:
        return code if is_condition(node) else call("bool", [code.text], kinds.BOOL)
    return call("isinstance", [code.text, "list"], kinds.BOOL)


def _array_from(t: Translator, node: Node) -> Code:
    given = tree.arguments(node)
    if len(given) != 1:
        raise Untranslatable("Array.from with a function has no translation")
    code = t.expression(given[0])
    if code.unique:
        return arrays_and_objects.unique(t, code)
    kind = TEXT if code.type.is_only(Kind.TEXT) else code.type.items
    return call("list", [code.source], list_of(kind))


# Time


def now(t: Translator) -> Code:
    """The time of the exchange, or outside of the hook that of the clock."""
    if t.is_within_hook:
        return Code(f"{t.argument('context')}.now", DATE)
    t.imported("from datetime import UTC, datetime")
    return call("datetime.now", ["UTC"], DATE)


def _milliseconds(t: Translator, _node: Node) -> Code:
    return call(t.need("js_time"), [now(t).text], INT)


def _parsed_time(t: Translator, node: Node) -> Code:
    code = _date(t, tree.arguments(node))
    return call(t.need("js_time"), [code.text], INT)


def _date(t: Translator, given: list[Node]) -> Code:
    if not given:
        return now(t)
    if len(given) > 1:
        raise Untranslatable("a date in parts has no translation")
    code = t.expression(given[0])
    if code.type.shape is Shape.DATE:
        return code
    t.remark(given[0], "what is no date is an error here; there it was an invalid date")
    return call(t.need("js_date"), [code.text], DATE)


_METHODS: Final[Mapping[tuple[str, str], Method]] = {
    ("JSON", "parse"): _parse,
    ("JSON", "stringify"): _stringify,
    ("Math", "floor"): _rounded("math.floor", "js_floor"),
    ("Math", "ceil"): _rounded("math.ceil", "js_ceil"),
    ("Math", "trunc"): _rounded("math.trunc", "js_trunc"),
    ("Math", "round"): _round,
    ("Math", "max"): _extreme("max"),
    ("Math", "min"): _extreme("min"),
    ("Math", "abs"): _absolute,
    ("Array", "isArray"): _is_array,
    ("Array", "from"): _array_from,
    ("Date", "now"): _milliseconds,
    ("Date", "parse"): _parsed_time,
    ("Promise", "all"): promises.all_of,
    ("Promise", "resolve"): promises.made_promise,
}
_OWNERS: Final = {owner for owner, _ in _METHODS} | {"Object", "Number", "String", "Reflect"}


# new


def made(t: Translator, name: str, given: list[Node]) -> Code | None:
    """`new name(…)`."""
    if name == "Date":
        return _date(t, given)
    if name == "Set":
        code = t.expression(given[0]) if given else Code("()", list_of(kinds.NEVER))
        keys = f"dict.fromkeys({code.source})"
        is_plain = code.type.items.is_only(Kind.TEXT)
        unique = f"list({keys})" if is_plain else f"js_unique({code.source})"
        return Code(keys, Type(Kind.OBJECT, code.type.of, Shape.SET), unique=unique)
    if name == "Map":
        code = t.expression(given[0]) if given else Code("{}", kinds.ANY)
        text = f"dict({code.source})" if given else "{}"
        return Code(text, Type(Kind.OBJECT, shape=Shape.MAP))
    if name in {"Array", "Object"} and not given:
        return Code(
            "[]" if name == "Array" else "{}",
            Type(Kind.LIST if name == "Array" else Kind.TABLE, kinds.NEVER),
        )
    if name == "RegExp" and given and isinstance(t.expression(given[0]).constant, str):
        raise Untranslatable("a pattern as text has no translation; write it as a literal")
    if name == "URLSearchParams" and given:
        code = t.expression(given[0])
        if code.type.is_only(Kind.TABLE):
            t.imported("from urllib.parse import urlencode")
            return call("urlencode", [code.text], TEXT)
    return None
