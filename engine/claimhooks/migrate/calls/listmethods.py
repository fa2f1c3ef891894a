"""Methods of arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from claimhooks.migrate import kinds, review
from claimhooks.migrate.calls import functions, local, textmethods
from claimhooks.migrate.kinds import NUMBER, Kind, Shape, Type, either, list_of
from claimhooks.migrate.python.code import Code, Line, Rank, call, text_code
from claimhooks.migrate.script import tree
from claimhooks.migrate.state import Untranslatable
from claimhooks.migrate.values.arrays_and_objects import stored
from claimhooks.migrate.values.coercion import as_list, as_text, truth
from claimhooks.migrate.values.equality import contains

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tree_sitter import Node

    from claimhooks.migrate.translator import Translator

    Method = Callable[[Translator, Code, list[Node]], Code]


# Going through the items


def _through(
    t: Translator, owner: Code, function: Node, *, is_test: bool = True
) -> tuple[str, Code, list[str]]:
    """The `for` of a comprehension, what the function gives for each item, and its names."""
    owner = as_list(t, owner)
    if ":=" in owner.source:
        # A comprehension cannot have it.
        name = t.name_for(function, "items")
        t.effects.before.append(Line(f"{name} = {owner.source}"))
        owner = Code(name, owner.type)
    given = [owner.type.items, kinds.INT]
    names, result = functions.applied(t, function, given, is_test=is_test)
    if len(names) == 2:
        target = f"({names[0]})" if "," in names[0] else names[0]
        return f"for {names[1]}, {target} in enumerate({owner.source})", result, names
    return f"for {names[0]} in {owner.source}", result, names


def _item(names: list[str]) -> str:
    """The item itself, which may have been taken apart."""
    return f"[{names[0]}]" if "," in names[0] else names[0]


def _filter(t: Translator, owner: Code, given: list[Node]) -> Code:
    loop, result, names = _through(t, owner, given[0])
    text = f"[{_item(names)} {loop} if {truth(t, result).at(Rank.OR)}]"
    kind = owner.type.items
    return Code(text, list_of(kind.something() if result.text == names[0] else kind))


def _map(t: Translator, owner: Code, given: list[Node]) -> Code:
    loop, result, _names = _through(t, owner, given[0], is_test=False)
    # An item that is undefined is null in JSON.
    result = stored(result)
    return Code(f"[{result.text} {loop}]", list_of(result.type))


def _quantified(name: str) -> Method:
    def method(t: Translator, owner: Code, given: list[Node]) -> Code:
        loop, result, _names = _through(t, owner, given[0])
        inner = f"{truth(t, result).text} {loop}"
        # A generator cannot await.
        return call(name, [f"[{inner}]" if "await " in inner else inner], kinds.BOOL)

    return method


def _find(t: Translator, owner: Code, given: list[Node]) -> Code:
    loop, result, names = _through(t, owner, given[0])
    text = f"next(({_item(names)} {loop} if {truth(t, result).at(Rank.OR)}), None)"
    return Code(text, owner.type.items.or_undefined())


def _reduce(t: Translator, owner: Code, given: list[Node]) -> Code:
    function, start_node = given
    owner, start = as_list(t, owner), t.expression(start_node)
    kind = start.type
    if kind.is_only(Kind.LIST | Kind.TABLE):
        kind = Type(kind.kinds, None if kind.of is kinds.NEVER else kind.of)
    elif kind.may_be(Kind.NUMBER):
        kind = Type(kind.kinds | NUMBER.kinds)
    if function.type not in tree.LITERAL_FUNCTIONS or len(tree.parameters(function)) != 2:
        raise Untranslatable("reduce is translated with a function of two parameters only")
    for parameter, given_kind in zip(
        tree.parameters(function), (kind, owner.type.items), strict=True
    ):
        if (binding := t.bindings.of(parameter)) is not None:
            t.types.give(binding, given_kind)
    t.imported("import functools")
    texts = [t.expression(function).text, owner.source, start.text]
    return call("functools.reduce", texts, kind)


# Changing the list


def _push(t: Translator, owner: Code, given: list[Node]) -> Code:
    codes = [stored(t.expression(one)) for one in given if one.type != "spread_element"]
    for node, code in zip(given, codes, strict=False):
        if owner.type.shape is Shape.SCOPE or owner.text.endswith('["scope"]'):
            review.review_scope(t, node, code)
    target = owner.at(Rank.ATOM)
    if len(given) == 1 and codes:
        return call(f"{target}.append", [codes[0].text], kinds.INT)
    if len(given) == 1:
        return call(f"{target}.extend", [t.expression(tree.children(given[0])[0]).text], kinds.INT)
    texts = ", ".join(local.spread_text(t, one) for one in given)
    return call(f"{target}.extend", [f"[{texts}]"], kinds.INT)


def _sort(t: Translator, owner: Code, given: list[Node]) -> Code:
    if given or not owner.type.items.is_only(Kind.TEXT):
        raise Untranslatable("sort is translated for texts without a function only")
    return call(t.need("js_sort"), [owner.text], Type(Kind.LIST, owner.type.of))


# Other lists


def _concat(t: Translator, owner: Code, given: list[Node]) -> Code:
    codes = [t.expression(one) for one in given]
    is_list = owner.type.is_only(Kind.LIST | Kind.UNDEFINED)
    if not is_list or not all(
        code.type.is_only(Kind.LIST) or not code.type.may_be(Kind.LIST) for code in codes
    ):
        texts = [owner.text, *(code.text for code in codes)]
        return call(t.need("js_concat"), texts, Type(Kind.LIST))
    parts, items = [owner.at(Rank.SUM)], [owner.type.items]
    for code in codes:
        is_list = code.type.may_be(Kind.LIST)
        parts.append(code.at(Rank.PRODUCT) if is_list else f"[{code.text}]")
        items.append(code.type.items if is_list else stored(code).type)
    return Code(" + ".join(parts), list_of(either(items)), Rank.SUM)


def _join(t: Translator, owner: Code, given: list[Node]) -> Code:
    owner = as_list(t, owner)
    separator = as_text(t, t.expression(given[0])) if given else text_code(",")
    items = owner.text
    if owner.type.items.may_be(~Kind.TEXT):
        items = f'{t.need("js_text")}(item, "") for item in {owner.source}'
    return call(f"{separator.at(Rank.ATOM)}.join", [items], kinds.TEXT)


METHODS: Final[Mapping[str, Method]] = {
    "filter": _filter,
    "map": _map,
    "some": _quantified("any"),
    "every": _quantified("all"),
    "find": _find,
    "reduce": _reduce,
    "push": _push,
    "sort": _sort,
    "concat": _concat,
    "includes": lambda t, owner, given: contains(t, owner, t.expression(given[0])),
    "join": _join,
    "slice": textmethods.METHODS["slice"],
}
