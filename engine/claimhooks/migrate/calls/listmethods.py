"""Methods of arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from claimhooks.migrate import kinds, review
from claimhooks.migrate.calls import handed, local, textmethods
from claimhooks.migrate.effects import Untranslatable
from claimhooks.migrate.kinds import NUMBER, Kind, Shape, Type, either, list_of
from claimhooks.migrate.python.code import Code, Rank, call, text_code
from claimhooks.migrate.python.lines import Line
from claimhooks.migrate.script import tree
from claimhooks.migrate.values.coercion import as_list, as_text, item_text
from claimhooks.migrate.values.searches import contains
from claimhooks.migrate.values.truth import truth

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
    owner = _named(t, owner, function)
    given = [owner.type.items, kinds.INT]
    names, result = handed.applied(t, function, given, is_test=is_test)
    if len(names) > 2:
        raise Untranslatable("a function that is given the whole array has no translation")
    if len(names) == 2:
        target = f"({names[0]})" if "," in names[0] else names[0]
        return f"for {names[1]}, {target} in enumerate({owner.source})", result, names
    return f"for {names[0]} in {owner.source}", result, names


def _named(t: Translator, owner: Code, node: Node) -> Code:
    """`owner`, given a name before if a comprehension cannot have it."""
    owner = as_list(t, owner)
    if ":=" not in owner.source:
        return owner
    name = t.name_for(node, "items")
    t.effects.before.append(Line(f"{name} = {owner.source}"))
    return Code(name, owner.type)


def _item(names: list[str]) -> str:
    """The item itself, which may have been taken apart."""
    return f"[{names[0]}]" if "," in names[0] else names[0]


def _filter(t: Translator, owner: Code, given: list[Node]) -> Code:
    loop, result, names = _through(t, owner, given[0])
    text = f"[{_item(names)} {loop} if {truth(t, result).at(Rank.OR)}]"
    kind = owner.type.items
    if result.text == names[0]:
        kind = kind.something()
    return Code(text, list_of(kind))


def _map(t: Translator, owner: Code, given: list[Node]) -> Code:
    loop, result, names = _through(t, owner, given[0], is_test=False)
    if result.text == names[0] and len(names) == 1:
        return call("list", [owner.source], list_of(result.type))
    # An item that is undefined is null in JSON.
    return Code(f"[{result.text} {loop}]", list_of(result.type))


def _flat_map(t: Translator, owner: Code, given: list[Node]) -> Code:
    loop, result, _names = _through(t, owner, given[0], is_test=False)
    if not result.type.is_only(Kind.LIST):
        raise Untranslatable("flatMap without lists has no translation")
    return Code(f"[item {loop} for item in {result.at(Rank.OR)}]", list_of(result.type.items))


def _some(t: Translator, owner: Code, given: list[Node]) -> Code:
    loop, result, _names = _through(t, owner, given[0])
    return _quantified("any", truth(t, result), loop)


def _every(t: Translator, owner: Code, given: list[Node]) -> Code:
    loop, result, _names = _through(t, owner, given[0])
    return _quantified("all", truth(t, result), loop)


def _quantified(name: str, test: Code, loop: str) -> Code:
    # A generator cannot await.
    inner = f"{test.text} {loop}"
    return call(name, [f"[{inner}]" if "await " in inner else inner], kinds.BOOL)


def _find(t: Translator, owner: Code, given: list[Node]) -> Code:
    loop, result, names = _through(t, owner, given[0])
    text = f"next(({_item(names)} {loop} if {truth(t, result).at(Rank.OR)}), None)"
    return Code(text, owner.type.items.or_undefined())


def _find_index(t: Translator, owner: Code, given: list[Node]) -> Code:
    owner = _named(t, owner, given[0])
    names, result = handed.applied(t, given[0], [owner.type.items, kinds.INT])
    index = names[1] if len(names) > 1 else "index"
    test = truth(t, result).at(Rank.OR)
    text = f"next(({index} for {index}, {names[0]} in enumerate({owner.source}) if {test}), -1)"
    return Code(text, kinds.INT)


def _reduce(t: Translator, owner: Code, given: list[Node]) -> Code:
    if len(given) != 2:
        raise Untranslatable("reduce without a start has no translation")
    owner, start = as_list(t, owner), t.expression(given[1])
    function = tree.bare(given[0])
    for parameter, kind in zip(
        tree.parameters(function) if function.type in tree.LITERAL_FUNCTIONS else [],
        (_grown(start.type), owner.type.items),
        strict=False,
    ):
        if (binding := t.bindings.of(parameter)) is not None:
            t.types.give(binding, kind)
    count = len(tree.parameters(function)) if function.type in tree.LITERAL_FUNCTIONS else 2
    if count != 2:
        raise Untranslatable("reduce with an index has no translation")
    t.imported("import functools")
    folded = t.expression(function)
    kind = _grown(start.type)
    return call("functools.reduce", [folded.text, owner.source, start.text], kind)


def _grown(start: Type) -> Type:
    """What may become of a start value that is a list or table."""
    if start.is_only(Kind.LIST | Kind.TABLE):
        return Type(start.kinds, None if start.of is kinds.NEVER else start.of)
    return Type(start.kinds | (NUMBER.kinds if start.may_be(Kind.NUMBER) else start.kinds))


# Changing the list


def _push(t: Translator, owner: Code, given: list[Node]) -> Code:
    codes = [t.expression(one) for one in given if one.type != "spread_element"]
    for node, code in zip(given, codes, strict=False):
        if owner.type.shape is Shape.SCOPE or owner.text.endswith('["scope"]'):
            review.review_scope(t, node, code)
    target = owner.at(Rank.ATOM)
    if len(given) == 1 and given[0].type != "spread_element":
        return call(f"{target}.append", [codes[0].text], kinds.INT)
    if len(given) == 1:
        return call(f"{target}.extend", [t.expression(tree.children(given[0])[0]).text], kinds.INT)
    texts = ", ".join(local.spread_text(t, one) for one in given)
    return call(f"{target}.extend", [f"[{texts}]"], kinds.INT)


def _unshift(t: Translator, owner: Code, given: list[Node]) -> Code:
    if len(given) != 1 or given[0].type == "spread_element":
        raise Untranslatable("unshift with more than one item has no translation")
    return call(f"{owner.at(Rank.ATOM)}.insert", ["0", t.expression(given[0]).text], kinds.INT)


def _taken(place: str) -> Method:
    def method(_t: Translator, owner: Code, _given: list[Node]) -> Code:
        taken = f"{owner.at(Rank.ATOM)}.pop({place})"
        text = f"{taken} if {owner.at(Rank.OR)} else None"
        return Code(text, owner.type.items.or_undefined(), Rank.TERNARY)

    return method


def _splice(t: Translator, owner: Code, given: list[Node]) -> Code:
    texts = [owner.text, *(local.spread_text(t, one) for one in given)]
    return call(t.need("js_splice"), texts, list_of(owner.type.items))


def _sort(t: Translator, owner: Code, given: list[Node]) -> Code:
    texts = [owner.text]
    if given:
        function = tree.bare(given[0])
        if function.type in tree.LITERAL_FUNCTIONS:
            for parameter in tree.parameters(function):
                if (binding := t.bindings.of(parameter)) is not None:
                    t.types.give(binding, owner.type.items)
        texts.append(t.expression(function).text)
    return call(t.need("js_sort"), texts, Type(Kind.LIST, owner.type.of))


def _reverse(t: Translator, owner: Code, _given: list[Node]) -> Code:
    return call(t.need("js_reverse"), [owner.text], Type(Kind.LIST, owner.type.of))


# Other lists


def _concat(t: Translator, owner: Code, given: list[Node]) -> Code:
    if not owner.type.may_be(Kind.LIST):
        raise Untranslatable("concat of this has no translation")
    codes = [t.expression(one) for one in given]
    is_list = owner.type.is_only(Kind.LIST | Kind.UNDEFINED)
    if not is_list or not all(code.type.is_only(Kind.LIST) or _is_item(code) for code in codes):
        texts = [owner.text, *(code.text for code in codes)]
        return call(t.need("js_concat"), texts, Type(Kind.LIST))
    parts = [owner.at(Rank.SUM)]
    for node, code in zip(given, codes, strict=True):
        if owner.type.shape is Shape.SCOPE:
            _review_added(t, node, code)
        is_list = code.type.may_be(Kind.LIST)
        parts.append(code.at(Rank.PRODUCT) if is_list else f"[{code.text}]")
    items = [code.type.items if code.type.may_be(Kind.LIST) else code.type for code in codes]
    return Code(" + ".join(parts), list_of(either([owner.type.items, *items])), Rank.SUM)


def _is_item(code: Code) -> bool:
    return not code.type.may_be(Kind.LIST)


def _review_added(t: Translator, node: Node, code: Code) -> None:
    if tree.bare(node).type == "array":
        for child in tree.children(tree.bare(node)):
            with t.silently():
                item = t.expression(child)
            review.review_scope(t, child, item)
    else:
        review.review_scope(t, node, code)


def _includes(t: Translator, owner: Code, given: list[Node]) -> Code:
    return contains(t, owner, t.expression(given[0]))


def _index_of(t: Translator, owner: Code, given: list[Node]) -> Code:
    return call(t.need("js_index_of"), [owner.text, t.expression(given[0]).text], kinds.INT)


def _join(t: Translator, owner: Code, given: list[Node]) -> Code:
    owner = as_list(t, owner)
    separator = as_text(t, t.expression(given[0])) if given else text_code(",")
    if owner.type.items.may_be(~Kind.TEXT):
        return call(t.need("js_join"), [owner.text, separator.text], kinds.TEXT)
    return call(f"{separator.at(Rank.ATOM)}.join", [item_text(t, owner)], kinds.TEXT)


def _flat(t: Translator, owner: Code, _given: list[Node]) -> Code:
    return call(t.need("js_concat"), ["[]", f"*{owner.at(Rank.OR)}"], Type(Kind.LIST))


def _keys(_t: Translator, owner: Code, _given: list[Node]) -> Code:
    return Code(f"range(len({owner.text}))", list_of(kinds.INT))


METHODS: Final[Mapping[str, Method]] = {
    "filter": _filter,
    "map": _map,
    "flatMap": _flat_map,
    "some": _some,
    "every": _every,
    "find": _find,
    "findIndex": _find_index,
    "reduce": _reduce,
    "push": _push,
    "unshift": _unshift,
    "pop": _taken(""),
    "shift": _taken("0"),
    "splice": _splice,
    "sort": _sort,
    "reverse": _reverse,
    "concat": _concat,
    "includes": _includes,
    "indexOf": _index_of,
    "join": _join,
    "slice": textmethods.METHODS["slice"],
    "flat": _flat,
    "keys": _keys,
}
