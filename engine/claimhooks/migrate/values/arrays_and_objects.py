"""Array and object literals. Comments in them stay where they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from claimhooks.migrate import comments, kinds
from claimhooks.migrate.effects import Untranslatable
from claimhooks.migrate.kinds import Kind, Shape, Type, either, stored
from claimhooks.migrate.python.code import Code, Rank, listing, text_code
from claimhooks.migrate.script import tree
from claimhooks.migrate.values.coercion import as_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tree_sitter import Node

    from claimhooks.migrate.translator import Translator


def array(t: Translator, node: Node) -> Code:
    """An array literal."""
    if tree.has_holes(node):
        raise Untranslatable("an array with holes has no translation")
    items: list[str] = []
    found: list[Type] = []
    for child in tree.children(node):
        if child.type == "spread_element":
            code = t.expression(tree.children(child)[0])
            if code.unique and len(tree.children(node)) == 1:
                return unique(t, code)
            text, kind = code.starred, _spread_items(code)
        else:
            code = t.expression(child)
            text, kind = code.text, code.type
        items.append(comments.with_comments(t, node, child, text))
        found.append(kind)
    text = listing(items, "[]", exploded=_is_exploded(node))
    is_counted = all(child.type != "spread_element" for child in tree.children(node))
    fields = {str(index): kind for index, kind in enumerate(found)} if is_counted else {}
    return Code(text, Type(Kind.LIST, either(found) if found else kinds.NEVER, fields=fields))


def unique(t: Translator, items: Code) -> Code:
    """The list of the items of a set."""
    if items.unique.startswith("js_unique"):
        t.need("js_unique")
    return Code(items.unique, Type(Kind.LIST, items.type.of))


def _spread_items(code: Code) -> Type:
    return kinds.TEXT if code.type.is_only(Kind.TEXT) else code.type.items


def _is_exploded(node: Node) -> bool:
    """Whether a literal has a line for each item, as it had in the script."""
    first = next(iter(node.named_children), None)
    return first is not None and (
        first.start_point.row > node.start_point.row or bool(tree.comments(node))
    )


@dataclass(slots=True)
class _Entry:
    """One entry of a dict: a key and a value, or what is spread into it."""

    text: str
    key: Code | None
    value: Type

    @property
    def may_be_missing(self) -> bool:
        return self.key is not None and self.value.may_be(Kind.UNDEFINED)


def table(t: Translator, node: Node) -> Code:
    """An object literal. What is undefined is left out of it, as JSON leaves it out."""
    children = _counting(tree.children(node))
    entries = [_entry(t, node, child) for child in children]
    fields = {
        entry.key.constant: entry.value
        for entry in entries
        if entry.key is not None
        and isinstance(entry.key.constant, str)
        and not entry.may_be_missing
    }
    for child in tree.children(node):
        if child.type == "spread_element":
            with t.silently():
                fields |= t.expression(tree.children(child)[0]).type.fields
    kind = Type(
        Kind.TABLE,
        either([entry.value for entry in entries]) if entries else kinds.NEVER,
        fields=fields,
    )
    is_exploded = _is_exploded(node)
    missing = [entry for entry in entries if entry.may_be_missing]
    is_whole = all(entry.key is not None and not _may_be_null(entry) for entry in entries)
    if not missing:
        text = listing([entry.text for entry in entries], "{}", exploded=is_exploded)
    elif is_whole:
        inner = listing([entry.text for entry in entries], "{}", exploded=is_exploded)
        text = f"{t.need('js_defined')}({inner})"
    else:
        text = listing(_in_groups(t, entries), "{}", exploded=is_exploded)
    return Code(text, kind)


def _may_be_null(entry: _Entry) -> bool:
    return entry.value.may_be(Kind.NULL) and not entry.may_be_missing


def _in_groups(t: Translator, entries: list[_Entry]) -> Iterator[str]:
    group: list[str] = []
    for entry in entries:
        if entry.may_be_missing:
            group.append(entry.text)
            continue
        if group:
            yield f"**{t.need('js_defined')}({{{', '.join(group)}}})"
            group = []
        yield entry.text
    if group:
        yield f"**{t.need('js_defined')}({{{', '.join(group)}}})"


def _entry(t: Translator, node: Node, child: Node) -> _Entry:
    if child.type == "spread_element":
        code = t.expression(tree.children(child)[0])
        text = f"**{spread(t, code)}"
        return _Entry(comments.with_comments(t, node, child, text), None, code.type.items)
    if child.type == "pair":
        key, value = key_code(t, tree.field(child, "key")), t.expression(tree.field(child, "value"))
    elif child.type == "shorthand_property_identifier":
        key, value = text_code(tree.text(child)), t.expression(child)
    else:
        raise Untranslatable("methods of objects have no translation")
    text = comments.with_comments(t, node, child, f"{key.text}: {value.at(Rank.TERNARY)}")
    return _Entry(text, key, stored(value.type))


def _counting(children: list[Node]) -> list[Node]:
    """The entries of a literal without those whose key comes again: the last one counts."""
    last = {name: child for child in children if (name := _name_of(child)) is not None}
    repeated = [child for child in children if last.get(_name_of(child) or "", child) is not child]
    for child in repeated:
        if tree.has_effects(child):
            raise Untranslatable(f"the key {_name_of(child)} is there twice")
    return [child for child in children if child not in repeated]


def _name_of(child: Node) -> str | None:
    """The key of an entry, unless it is computed."""
    if child.type == "shorthand_property_identifier":
        return tree.text(child)
    return tree.key_name(tree.field(child, "key")) if child.type == "pair" else None


def spread(t: Translator, code: Code) -> str:
    """What follows `**` to spread `code` into a dict."""
    if code.type.shape in {Shape.CLIENT, Shape.CONTEXT, Shape.SECRETS, Shape.WEBTASK}:
        raise Untranslatable("this is no dict in Python, so that it cannot be spread")
    if code.text in t.known.missing:
        return f"{t.need('js_defined')}({code.text})"
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
