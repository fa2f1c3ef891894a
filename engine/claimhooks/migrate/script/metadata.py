"""Which entries of the client's metadata a script takes for more than text.

In the old system all of them were text; claimhooks keeps any JSON there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from claimhooks.migrate.script import tree
from claimhooks.migrate.script.bindings import targets

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tree_sitter import Node

    from claimhooks.migrate.script.bindings import Bindings

_OF_ARRAYS: Final = frozenset(
    {"concat", "every", "filter", "find", "findIndex", "flat", "flatMap", "forEach", "join", "map"}
    | {"pop", "push", "reduce", "reverse", "shift", "some", "sort", "splice", "unshift"}
)
_TAKING_OBJECTS: Final = frozenset(
    {"Array.isArray", "Object.keys", "Object.values", "Object.entries", "Object.assign"}
)
_OBJECTS: Final = frozenset({"array", "object"})


def structured_entries(program: Node, bindings: Bindings) -> frozenset[str]:
    """The names of the entries that are used as arrays or objects."""
    return frozenset(
        name
        for name, node in _entries(program)
        if any(_is_structured(use) for use in _uses(node, bindings))
    )


def _entries(program: Node) -> Iterator[tuple[str, Node]]:
    """The entries that a script mentions, each with the node that stands for it."""
    for node in tree.walk(program):
        if node.type in {"member_expression", "subscript_expression"}:
            name = tree.member_name(node)
            if name is not None and _is_metadata(tree.field(node, "object")):
                yield name, node
        elif node.type == "variable_declarator":
            value, target = tree.maybe(node, "value"), tree.field(node, "name")
            if value is not None and target.type == "object_pattern" and _is_metadata(value):
                for each in targets(target):
                    yield tree.text(each), each


def _is_metadata(node: Node) -> bool:
    node = tree.bare(node)
    if node.type == "member_expression":
        return tree.text(tree.field(node, "property")) == "metadata"
    return node.type == "identifier" and tree.text(node) == "metadata"


def _uses(node: Node, bindings: Bindings) -> Iterator[Node]:
    """`node`, and what it becomes: with a default, and in a variable."""
    yield node
    binding = bindings.of(node) if node.type in tree.NAMES else None
    parent = node.parent
    if binding is not None and binding.declaration.id == node.id:
        yield from binding.references
    elif parent is not None and parent.type in {"binary_expression", "parenthesized_expression"}:
        yield from _uses(parent, bindings)
    elif parent is not None and parent.type == "variable_declarator":
        target = tree.field(parent, "name")
        declared = bindings.of(target) if target.type == "identifier" else None
        yield from [] if declared is None else declared.references


def _is_structured(node: Node) -> bool:
    parent = node.parent
    if parent is None:
        return False
    if parent.type == "member_expression" and tree.field(parent, "object").id == node.id:
        return _is_member_of_object(parent)
    if parent.type == "binary_expression":
        return tree.bare(tree.field(parent, "right")).type in _OBJECTS
    if parent.type == "for_in_statement":
        return tree.field(parent, "right").id == node.id
    if parent.type == "arguments" and parent.parent is not None:
        callee = tree.maybe(parent.parent, "function")
        return callee is not None and tree.text(callee) in _TAKING_OBJECTS
    return parent.type == "spread_element"


def _is_member_of_object(member: Node) -> bool:
    """Whether a text would have no such member."""
    name = tree.text(tree.field(member, "property"))
    is_called = member.parent is not None and member.parent.type == "call_expression"
    return name in _OF_ARRAYS if is_called else name != "length"
