"""Small questions about the nodes of a parsed script."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tree_sitter import Node

LITERAL_FUNCTIONS: Final = frozenset({"function_expression", "arrow_function"})
FUNCTIONS: Final = LITERAL_FUNCTIONS | {"function_declaration"}
NAMES: Final = frozenset(
    {"identifier", "shorthand_property_identifier", "shorthand_property_identifier_pattern"}
)
MEMBERS: Final = frozenset({"member_expression", "subscript_expression"})
_ESCAPES: Final = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "v": "\v", "0": "\0"}


def text(node: Node) -> str:
    """The source of `node`."""
    return (node.text or b"").decode()


def children(node: Node) -> list[Node]:
    """The named children of `node`, without comments."""
    return [child for child in node.named_children if child.type != "comment"]


def comments(node: Node) -> list[Node]:
    """The comments directly within `node`."""
    return [child for child in node.named_children if child.type == "comment"]


def maybe(node: Node, name: str) -> Node | None:
    """The field `name` of `node`, if it has one."""
    return node.child_by_field_name(name)


def field(node: Node, name: str) -> Node:
    """The field `name` of `node`, which the grammar says it has."""
    found = node.child_by_field_name(name)
    if found is None:
        raise LookupError(f"a node {node.type} without {name}")
    return found


def bare(node: Node) -> Node:
    """`node` without parentheses around it."""
    while node.type == "parenthesized_expression":
        node = children(node)[0]
    return node


def has_token(node: Node, token: str) -> bool:
    """Whether `token`, a keyword or sign, stands directly within `node`."""
    return any(child.type == token for child in node.children)


def walk(node: Node, *, within_functions: bool = True) -> Iterator[Node]:
    """`node` and everything below it; on request without what stands in functions below it."""
    yield node
    for child in node.named_children:
        if within_functions or child.type not in FUNCTIONS:
            yield from walk(child, within_functions=within_functions)


def is_nothing(node: Node) -> bool:
    """Whether `node` is `null` or `undefined`."""
    return bare(node).type in {"null", "undefined"}


def is_delete(node: Node) -> bool:
    """Whether `node` is a `delete`."""
    return node.type == "unary_expression" and text(field(node, "operator")) == "delete"


def is_within(node: Node, outer: Node) -> bool:
    """Whether `node` stands in `outer`, or is it."""
    return outer.start_byte <= node.start_byte and node.end_byte <= outer.end_byte


def place(node: Node, source: bytes) -> tuple[int, int]:
    """Line and column of `node` in `source`, both from 1; columns are characters."""
    start = node.start_byte - node.start_point.column
    column = len(source[start : node.start_byte].decode(errors="replace"))
    return node.start_point.row + 1, column + 1


def parameters(function: Node) -> list[Node]:
    """The parameters of a function, as patterns."""
    single = maybe(function, "parameter")
    return [single] if single is not None else children(field(function, "parameters"))


def arguments(call: Node) -> list[Node]:
    """What a call or `new` is given."""
    found = maybe(call, "arguments")
    return [] if found is None else children(found)


def string_value(node: Node) -> str:
    """The text that a string literal, or a fragment of a template, stands for."""
    parts = [
        unescaped(text(child)) if child.type == "escape_sequence" else text(child)
        for child in node.named_children
    ]
    # An escaped pair of surrogates is one character.
    return "".join(parts).encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")


def unescaped(sequence: str) -> str:
    r"""The character that an escape sequence such as ``\n`` stands for."""
    body = sequence[1:]
    if body[0] in "xu" and len(body) > 1:
        return chr(int(body[1:].strip("{}"), 16))
    if body[0] in "\r\n\u2028\u2029":
        return ""
    return _ESCAPES.get(body, body)


def member_name(member: Node) -> str | None:
    """The name of the property that a member is, unless it is computed."""
    if member.type == "member_expression":
        return text(field(member, "property"))
    index = bare(field(member, "index"))
    return string_value(index) if index.type == "string" else None


def has_holes(node: Node) -> bool:
    """Whether an array, or a pattern of one, leaves out items: ``[a, , b]``."""
    signs = [child.type for child in node.children if child.type != "comment"]
    return any(pair in {("[", ","), (",", ",")} for pair in pairwise(signs))


def key_name(key: Node) -> str | None:
    """The name that a key of an object or pattern has, unless it is computed."""
    if key.type == "string":
        return string_value(key)
    if key.type == "computed_property_name":
        return None
    return text(key)
