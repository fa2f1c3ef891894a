"""What is done with plain objects, dates, patterns and sets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from claimhooks.migrate import kinds
from claimhooks.migrate.kinds import TABLES, TEXTS, Kind, Shape, Type, either, list_of
from claimhooks.migrate.python.code import Code, Rank, call, comparison, listing
from claimhooks.migrate.state import Untranslatable
from claimhooks.migrate.statements import patterns
from claimhooks.migrate.values.arrays_and_objects import spread
from claimhooks.migrate.values.coercion import as_text
from claimhooks.migrate.values.equality import contains

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tree_sitter import Node

    from claimhooks.migrate.translator import Translator


# Plain objects


def as_table(code: Code) -> Code:
    """`code`, which has to be a dict in Python. Raises if it is none."""
    if not code.type.may_be(Kind.TABLE) or code.type.shape not in TABLES:
        raise Untranslatable("this is no dict in Python")
    return code


def has_own_property(t: Translator, owner: Code, given: list[Node]) -> Code:
    """`owner.hasOwnProperty(key)`."""
    key = as_text(t, t.expression(given[0]))
    return comparison(key.at(Rank.SUM), "in", as_table(owner).at(Rank.SUM))


def keys_of(table: Code) -> Code:
    """What a `for` goes through to see the keys of what is taken for a dict, and is checked."""
    if table.type.is_only(Kind.TABLE | Kind.NOTHING):
        return Code(table.text, TEXTS, table.rank)
    return call(f"{table.at(Rank.ATOM)}.keys", [], TEXTS)


def _keys(t: Translator, given: list[Node]) -> Code:
    keys = keys_of(as_table(t.expression(given[0])))
    return Code(f"list({keys.text})", TEXTS, iterable=keys.at(Rank.OR))


def _values(t: Translator, given: list[Node]) -> Code:
    table = as_table(t.expression(given[0]))
    source = f"{table.at(Rank.ATOM)}.values()"
    return Code(f"list({source})", list_of(table.type.items), iterable=source)


def _entries(t: Translator, given: list[Node]) -> Code:
    table = as_table(t.expression(given[0]))
    source = f"{table.at(Rank.ATOM)}.items()"
    kind = list_of(patterns.pair_of(table.type.items))
    return Code(f"[[*pair] for pair in {source}]", kind, iterable=source)


def _assign(t: Translator, given: list[Node]) -> Code:
    first, *codes = [t.expression(one) for one in given]
    parts = [f"**{spread(code)}" for code in codes]
    if first.text != "{}":
        call_node = given[0].parent and given[0].parent.parent
        if call_node and call_node.parent and call_node.parent.type != "expression_statement":
            raise Untranslatable("the value of this Object.assign has no translation")
        # What is undefined there takes away what is here; so does None in Python's place.
        if any(code.type.items.may_be(Kind.NOTHING) for code in codes):
            t.forget(f"{first.text}[")
        return call(f"{as_table(first).at(Rank.ATOM)}.update", [listing(parts, "{}")], first.type)
    if len(codes) == 1 and given[1].type == "object":
        return codes[0]
    fields = {name: kind for code in codes for name, kind in code.type.fields.items()}
    kind = Type(Kind.TABLE, either([code.type.items for code in codes]), fields=fields)
    return Code(listing(parts, "{}"), kind)


OF_OBJECT: Final[Mapping[str, Callable[[Translator, list[Node]], Code]]] = {
    "keys": _keys,
    "values": _values,
    "entries": _entries,
    "assign": _assign,
    "freeze": lambda t, given: t.expression(given[0]),
}


# Objects of other kinds


def of_shape(t: Translator, owner: Code, name: str, given: list[Node]) -> Code:
    """A method of a date, pattern or set."""
    rule = None if owner.type.shape is None else SHAPES[owner.type.shape].get(name)
    if rule is None:
        raise Untranslatable(f"the method {name} has no translation here")
    return rule(t, owner, [t.expression(one) for one in given])


def _test(t: Translator, owner: Code, given: list[Code]) -> Code:
    found = call(f"{owner.at(Rank.ATOM)}.search", [as_text(t, given[0]).text], kinds.BOOL)
    return comparison(found.text, "is not", "None")


SHAPES: Final[Mapping[Shape, Mapping[str, Callable[[Translator, Code, list[Code]], Code]]]] = {
    Shape.DATE: {
        "getTime": lambda t, owner, _: call(t.need("js_time"), [owner.text], kinds.INT),
        "toISOString": lambda t, owner, _: call(t.need("js_iso"), [owner.text], kinds.TEXT),
    },
    Shape.PATTERN: {"test": _test},
    Shape.SET: {
        "has": lambda t, owner, given: contains(t, owner, given[0]),
        "add": lambda t, owner, given: call(
            t.need("js_add"), [owner.text, given[0].text], owner.type
        ),
    },
}
