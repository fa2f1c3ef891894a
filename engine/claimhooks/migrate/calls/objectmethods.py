"""What is done with plain objects, dates, patterns, sets and maps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from claimhooks.migrate import kinds
from claimhooks.migrate.effects import Untranslatable
from claimhooks.migrate.kinds import BOOL, INT, TABLES, TEXTS, Kind, Shape, Type, either, list_of
from claimhooks.migrate.python.code import Code, Rank, call, comparison, listing
from claimhooks.migrate.statements import patterns
from claimhooks.migrate.values import arrays_and_objects
from claimhooks.migrate.values.coercion import as_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tree_sitter import Node

    from claimhooks.migrate.translator import Translator


def check_table(code: Code) -> None:
    """Raise if `code` is no dict in Python."""
    if not code.type.may_be(Kind.TABLE) or code.type.shape not in TABLES:
        raise Untranslatable("this is no dict in Python")


# Plain objects


def has_own_property(t: Translator, owner: Code, given: list[Node]) -> Code:
    """`owner.hasOwnProperty(key)`."""
    check_table(owner)
    key = as_text(t, t.expression(given[0]))
    return comparison(key.at(Rank.SUM), "in", owner.at(Rank.SUM))


def keys_of(table: Code) -> Code:
    """What a `for` goes through to see the keys of what is taken for a dict, and is checked."""
    if table.type.is_only(Kind.TABLE | Kind.NOTHING):
        return Code(table.text, TEXTS, table.rank)
    return call(f"{table.at(Rank.ATOM)}.keys", [], TEXTS)


def _keys(t: Translator, given: list[Node]) -> Code:
    table = _table(t, given)
    keys = keys_of(table)
    return Code(f"list({keys.text})", TEXTS, iterable=keys.at(Rank.OR))


def _values(t: Translator, given: list[Node]) -> Code:
    table = _table(t, given)
    source = f"{table.at(Rank.ATOM)}.values()"
    return Code(f"list({source})", list_of(table.type.items), iterable=source)


def _entries(t: Translator, given: list[Node]) -> Code:
    table = _table(t, given)
    source = f"{table.at(Rank.ATOM)}.items()"
    kind = list_of(patterns.pair_of(table.type.items))
    return Code(f"[[*pair] for pair in {source}]", kind, iterable=source)


def _table(t: Translator, given: list[Node]) -> Code:
    code = t.expression(given[0])
    check_table(code)
    return code


def _from_entries(t: Translator, given: list[Node]) -> Code:
    code = t.expression(given[0])
    items = code.type.items
    kind = items.fields.get("1", items.items) if items.may_be(Kind.LIST) else kinds.ANY
    return call("dict", [code.source], kinds.table_of(kind))


def _assign(t: Translator, given: list[Node]) -> Code:
    codes = [t.expression(one) for one in given]
    if not codes:
        raise Untranslatable("Object.assign of nothing has no translation")
    if codes[0].text != "{}":
        check_table(codes[0])
        changes = ", ".join(f"**{arrays_and_objects.spread(t, code)}" for code in codes[1:])
        if len(codes) == 2 and codes[1].type.is_only(Kind.TABLE):
            changes = codes[1].text
        else:
            changes = f"{{{changes}}}"
        if any(code.type.items.may_be(Kind.NOTHING) for code in codes[1:]):
            t.forget_below(f"{codes[0].text}[")
        return call(f"{codes[0].at(Rank.ATOM)}.update", [changes], codes[0].type)
    if len(codes) == 2 and given[1].type == "object":
        return codes[1]
    parts = [f"**{arrays_and_objects.spread(t, code)}" for code in codes[1:]]
    fields: dict[str, Type] = {}
    for code in codes[1:]:
        fields |= code.type.fields
    items = [code.type.items for code in codes[1:] if code.type.of is not kinds.NEVER]
    return Code(listing(parts, "{}"), Type(Kind.TABLE, either(items), fields=fields))


def _same(t: Translator, given: list[Node]) -> Code:
    return t.expression(given[0])


def _has_own(t: Translator, given: list[Node]) -> Code:
    return has_own_property(t, t.expression(given[0]), given[1:])


OF_OBJECT: Final[Mapping[str, Callable[[Translator, list[Node]], Code]]] = {
    "keys": _keys,
    "values": _values,
    "entries": _entries,
    "fromEntries": _from_entries,
    "assign": _assign,
    "freeze": _same,
    "seal": _same,
    "hasOwn": _has_own,
}


# Objects of other kinds


def of_shape(t: Translator, owner: Code, name: str, given: list[Node]) -> Code:
    """A method of a date, pattern, set or map."""
    shape = owner.type.shape
    rule = None if shape is None else SHAPES[shape].get(name)
    if rule is None:
        raise Untranslatable(f"the method {name} has no translation here")
    return rule(t, owner, [t.expression(one) for one in given])


def _parts(text: str, kind: Type = INT) -> Callable[[Translator, Code, list[Code]], Code]:
    def method(_t: Translator, owner: Code, _given: list[Code]) -> Code:
        rank = Rank.SUM if " - " in text or " % " in text else Rank.ATOM
        return Code(text.format(owner.at(Rank.ATOM)), kind, rank)

    return method


def _time(t: Translator, owner: Code, _given: list[Code]) -> Code:
    return call(t.need("js_time"), [owner.text], INT)


def _iso(t: Translator, owner: Code, _given: list[Code]) -> Code:
    return call(t.need("js_iso"), [owner.text], kinds.TEXT)


_DATE: Final = {
    "getTime": _time,
    "valueOf": _time,
    "toISOString": _iso,
    "toJSON": _iso,
    "getFullYear": _parts("{}.year"),
    "getUTCFullYear": _parts("{}.year"),
    "getMonth": _parts("{}.month - 1"),
    "getUTCMonth": _parts("{}.month - 1"),
    "getDate": _parts("{}.day"),
    "getUTCDate": _parts("{}.day"),
    "getDay": _parts("{}.isoweekday() % 7"),
    "getUTCDay": _parts("{}.isoweekday() % 7"),
    "getHours": _parts("{}.hour"),
    "getUTCHours": _parts("{}.hour"),
    "getMinutes": _parts("{}.minute"),
    "getUTCMinutes": _parts("{}.minute"),
    "getSeconds": _parts("{}.second"),
    "getUTCSeconds": _parts("{}.second"),
}


def _test(t: Translator, owner: Code, given: list[Code]) -> Code:
    found = call(f"{owner.at(Rank.ATOM)}.search", [as_text(t, given[0]).text], BOOL)
    return comparison(found.text, "is not", "None")


def _exec(t: Translator, owner: Code, given: list[Code]) -> Code:
    kind = Type(Kind.OBJECT | Kind.NULL, shape=Shape.MATCH)
    return call(f"{owner.at(Rank.ATOM)}.search", [as_text(t, given[0]).text], kind)


def _has(_t: Translator, owner: Code, given: list[Code]) -> Code:
    return comparison(given[0].at(Rank.SUM), "in", owner.at(Rank.SUM))


def _add(_t: Translator, owner: Code, given: list[Code]) -> Code:
    return call(f"{owner.at(Rank.ATOM)}.setdefault", [given[0].text], owner.type)


def _delete(_t: Translator, owner: Code, given: list[Code]) -> Code:
    return call(f"{owner.at(Rank.ATOM)}.pop", [given[0].text, "None"], BOOL)


def _get(_t: Translator, owner: Code, given: list[Code]) -> Code:
    return call(f"{owner.at(Rank.ATOM)}.get", [given[0].text], owner.type.items.or_undefined())


def _set(_t: Translator, owner: Code, given: list[Code]) -> Code:
    return call(f"{owner.at(Rank.ATOM)}.update", [f"{{{given[0].text}: {given[1].text}}}"], BOOL)


SHAPES: Final[Mapping[Shape, Mapping[str, Callable[[Translator, Code, list[Code]], Code]]]] = {
    Shape.DATE: _DATE,
    Shape.PATTERN: {"test": _test, "exec": _exec},
    Shape.SET: {"has": _has, "add": _add, "delete": _delete},
    Shape.MAP: {"has": _has, "get": _get, "set": _set, "delete": _delete},
}
