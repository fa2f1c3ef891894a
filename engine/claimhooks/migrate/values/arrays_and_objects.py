"""Array and object literals. Comments in them stay where they are."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from claimhooks.migrate import comments, kinds
from claimhooks.migrate.kinds import TABLES, Kind, Shape, Type, either
from claimhooks.migrate.python.code import Code, Rank, listing, text_code
from claimhooks.migrate.script import tree
from claimhooks.migrate.state import Untranslatable
from claimhooks.migrate.values.coercion import as_text, as_value

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tree_sitter import Node

    from claimhooks.migrate.translator import Translator

_WITHOUT_JSON: Final = {
    Shape.DATE: "a date is written with toISOString() in JSON",
    Shape.SET: "a Set is {} in JSON; spread it into an array",
    Shape.ERROR: "an error is {} in JSON; take its message",
}


def stored(code: Code, name: object = None) -> Code:
    """A value as it is put into a list, or into a table under `name`.

    Raises for one that JSON writes otherwise.
    """
    if code.type.shape in _WITHOUT_JSON:
        raise Untranslatable(_WITHOUT_JSON[code.type.shape])
    if name == "scope":
        return replace(code, type=kinds.stored(code.type, "scope"))
    return as_value(code)


def array(t: Translator, node: Node) -> Code:
    """An array literal."""
    if tree.has_holes(node):
        raise Untranslatable("an array with holes has no translation")
    children = tree.children(node)
    items: list[str] = []
    found: list[Type] = []
    for child in children:
        if child.type == "spread_element":
            code = t.expression(tree.children(child)[0])
            if code.type.shape is Shape.SET and len(children) == 1 and not code.is_simple:
                return Code(code.text, kinds.list_of(code.type.items), code.rank)
            text = f"*{code.iterable or code.at(Rank.SUM)}"
            kind = kinds.TEXT if code.type.is_only(Kind.TEXT) else code.type.items
        else:
            code = stored(t.expression(child))
            text, kind = code.text, code.type
        items.append(comments.with_comments(t, node, child, text))
        found.append(kind)
    text = listing(items, "[]", exploded=_is_exploded(node))
    is_counted = all(child.type != "spread_element" for child in children)
    fields = {str(index): kind for index, kind in enumerate(found)} if is_counted else {}
    return Code(text, Type(Kind.LIST, either(found), fields=fields))


def _is_exploded(node: Node) -> bool:
    """Whether a literal has a line for each item, as it had in the script."""
    first = next(iter(node.named_children), None)
    return first is not None and first.start_point.row > node.start_point.row


@dataclass(slots=True)
class _Entry:
    """One entry of a dict: a key and a value, or what is spread into it."""

    node: Node
    text: str
    key: Code | None
    value: Type
    fields: Mapping[str, Type] = field(default_factory=dict[str, "Type"])
    """Of what is spread: what is there for certain."""

    @property
    def may_be_missing(self) -> bool:
        return self.key is not None and self.value.may_be(Kind.UNDEFINED)


def table(t: Translator, node: Node) -> Code:
    """An object literal. What is undefined is left out of it, as JSON leaves it out."""
    entries = [_entry(t, node, child) for child in tree.children(node)]
    names = [entry.key.text for entry in entries if entry.key is not None]
    if len({*names}) < len(names):
        raise Untranslatable("a key is there twice")
    fields: dict[str, Type] = {}
    for entry in entries:
        if entry.key is None:
            fields |= entry.fields
        elif isinstance(entry.key.constant, str) and not entry.may_be_missing:
            fields[entry.key.constant] = entry.value
    missing = [entry for entry in entries if entry.may_be_missing]
    for entry in missing:
        t.leave_out(entry.node, entry.value)
    is_whole = bool(missing) and all(
        entry.key is not None and (entry.may_be_missing or not entry.value.may_be(Kind.NULL))
        for entry in entries
    )
    texts = [
        f"**{t.need('js_defined')}({{{entry.text}}})"
        if entry.may_be_missing and not is_whole
        else entry.text
        for entry in entries
    ]
    items = [
        comments.with_comments(t, node, entry.node, text)
        for entry, text in zip(entries, texts, strict=True)
    ]
    text = listing(items, "{}", exploded=_is_exploded(node))
    kind = Type(Kind.TABLE, either([entry.value for entry in entries]), fields=fields)
    return Code(f"{t.need('js_defined')}({text})" if is_whole else text, kind)


def _entry(t: Translator, node: Node, child: Node) -> _Entry:
    if child.type == "spread_element":
        code = t.expression(tree.children(child)[0])
        return _Entry(child, f"**{spread(code)}", None, code.type.items, code.type.fields)
    if child.type == "pair":
        key, value = key_code(t, tree.field(child, "key")), t.expression(tree.field(child, "value"))
    elif child.type == "shorthand_property_identifier":
        key, value = text_code(tree.text(child)), t.expression(child)
    else:
        raise Untranslatable("methods of objects have no translation")
    # As `scope` of what is within a claim, it is a claim like another.
    is_inner = node.parent is not None and node.parent.type in {"pair", "array"}
    value = stored(value, None if is_inner else key.constant)
    return _Entry(child, f"{key.text}: {value.at(Rank.TERNARY)}", key, value.type)


def spread(code: Code) -> str:
    """What follows `**` to spread `code` into a dict."""
    if code.type.shape not in TABLES:
        raise Untranslatable("this is no dict in Python, so that it cannot be spread")
    if code.type.is_only(Kind.TABLE):
        return code.at(Rank.SIGN)
    return f"({code.at(Rank.OR)} or {{}})"


def key_code(t: Translator, key: Node) -> Code:
    """The key of an entry."""
    name = tree.key_name(key)
    if name is not None:
        return text_code(name)
    return as_text(t, t.expression(tree.children(key)[0]))


EXPRESSIONS: Final = {"array": array, "object": table}
