"""Mistakes that JavaScript refuses a script for, though its grammar allows them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from claimhooks.errors import Problem, ScriptError
from claimhooks.migrate.script import tree

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tree_sitter import Node

    from claimhooks.migrate.script.bindings import Binding, Bindings


def refuse_mistakes(program: Node, bindings: Bindings, source: str, file: str) -> None:
    """Raise :class:`ScriptError`, ``javascript_malformed``, with the first mistake."""
    found = [*_in_names(bindings), *_in_places(program)]
    if found:
        node, reason = min(found, key=lambda mistake: mistake[0].start_byte)
        line, column = tree.place(node, source.encode())
        reason = f"column {column}: {reason}"
        raise ScriptError([Problem("javascript_malformed", file, reason, line)])


def _in_names(bindings: Bindings) -> Iterator[tuple[Node, str]]:
    for binding in bindings.all():
        second = _second_declaration(binding)
        if second is not None:
            yield second, f"{binding.name} is declared a second time"


def _second_declaration(binding: Binding) -> Node | None:
    declarations = [node for node in binding.declarations if _is_of_scope(node, binding)]
    if len(declarations) < 2:
        return None
    parameters = [node for node in declarations if _is_parameter(node, binding.scope.node)]
    if any(map(_is_lexical, declarations)) or (
        len(parameters) > 1 and not _may_repeat(binding.scope.node)
    ):
        return declarations[1]
    return None


def _is_of_scope(name: Node, binding: Binding) -> bool:
    """Whether JavaScript, too, takes it for a name of this scope."""
    parent = name.parent
    if parent is None or parent.type == "function_expression":
        return False
    if parent.type != "function_declaration":
        return True
    # A function in a block is one of the block.
    block = parent.parent
    outer = binding.scope.node
    body = tree.maybe(outer, "body") if outer.type in tree.FUNCTIONS else outer
    return block is not None and body is not None and block.id == body.id


def _is_lexical(name: Node) -> bool:
    """Whether `let`, `const` or `class` declares it."""
    return tree.declaring_keyword(name) in {"let", "const", "class"}


def _is_parameter(name: Node, function: Node) -> bool:
    return function.type in tree.FUNCTIONS and any(
        tree.is_within(name, parameter) for parameter in tree.parameters(function)
    )


def _may_repeat(function: Node) -> bool:
    """Whether parameters of a function may have the same name."""
    is_plain = all(parameter.type == "identifier" for parameter in tree.parameters(function))
    return is_plain and function.type != "arrow_function"


def _in_places(program: Node) -> Iterator[tuple[Node, str]]:
    for node in tree.walk(program):
        if node.type == "expression_statement":
            first = _first_within(node)
            if first is not None:
                yield first, "a statement cannot begin with an object"
        elif _awaits(node) and not _is_in_async(node):
            yield node, "await outside of an async function"


def _first_within(statement: Node) -> Node | None:
    """The object that an expression begins with, as a statement cannot."""
    node: Node | None = statement
    while node is not None:
        if node.type in {"object", "object_pattern"}:
            return node
        node = node.children[0] if node.children else None
    return None


def _awaits(node: Node) -> bool:
    return node.type == "await_expression" or (
        node.type == "for_in_statement" and tree.has_token(node, "await")
    )


def _is_in_async(node: Node) -> bool:
    outer = node.parent
    while outer is not None and outer.type not in {*tree.FUNCTIONS, "method_definition"}:
        outer = outer.parent
    return outer is not None and tree.has_token(outer, "async")
