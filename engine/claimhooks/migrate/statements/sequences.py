"""Statements that follow each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from claimhooks.migrate import comments
from claimhooks.migrate.flow import Flow
from claimhooks.migrate.python.lines import Block, Line
from claimhooks.migrate.script import tree

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tree_sitter import Node

    from claimhooks.migrate.translator import Translator


_ENDS: Final = frozenset({"return_statement", "break_statement"})


def body(t: Translator, nodes: Sequence[Node]) -> Block:
    """Statements that follow each other, with the comments and blank lines among them."""
    nodes = _in_order(t, nodes)
    flow, completes = t.flow, True
    lines: list[Line] = []
    previous: Node | None = None
    for index, node in enumerate(nodes):
        if node.type == "comment":
            _add_comment(t, lines, previous, node)
        elif not completes:
            _tell_of_unreached(t, nodes[index - 1], node)
            break
        else:
            _add_gap(lines, previous, node)
            is_last = flow.is_last and _is_nothing(nodes[index + 1 :])
            with t.flowing(Flow(flow.returns, is_last, flow.target)):
                block = t.statement(node)
            lines.extend(block.lines)
            completes = block.completes
        previous = node
    return Block(lines, completes)


def _in_order(t: Translator, nodes: Sequence[Node]) -> list[Node]:
    """`nodes`, with functions that may be called before they are declared put first."""
    early = _early_functions(t, nodes)
    first: list[Node] = []
    rest: list[Node] = []
    for index, node in enumerate(nodes):
        if node not in early:
            rest.append(node)
            continue
        start = index
        while start and _is_right_above(nodes[start - 1], nodes[start]):
            start -= 1
        first.extend(nodes[start : index + 1])
        del rest[len(rest) - (index - start) :]
    return first + rest


def _early_functions(t: Translator, nodes: Sequence[Node]) -> list[Node]:
    """The functions that are mentioned above their declaration, and those that they mention."""
    declared = [
        (node, binding)
        for node in nodes
        if node.type == "function_declaration"
        and node.parent is not None
        and node.parent.type != "program"
        and (binding := t.bindings.of(tree.field(node, "name"))) is not None
    ]
    early: list[Node] = []
    count = -1
    while count != len(early):
        count = len(early)
        early = [
            node
            for node, binding in declared
            if any(
                one.start_byte < node.start_byte or any(tree.is_within(one, f) for f in early)
                for one in binding.references
            )
        ]
    return early


def _is_right_above(comment: Node, node: Node) -> bool:
    is_near = comment.end_point.row + 1 >= node.start_point.row
    return comment.type == "comment" and is_near


def _is_nothing(nodes: Sequence[Node]) -> bool:
    """Whether nothing of `nodes` does anything."""
    for node in nodes:
        if node.type == "return_statement":
            return not tree.children(node)
        if node.type not in {"comment", "empty_statement", "function_declaration"}:
            return False
    return True


def _add_comment(t: Translator, lines: list[Line], previous: Node | None, node: Node) -> None:
    is_beside = previous is not None and previous.end_point.row == node.start_point.row
    if is_beside and lines and lines[-1].text and not lines[-1].comment:
        text = comments.beside(t, node)
        if text is not None:
            last = lines.pop()
            lines.append(Line(last.text, last.depth, text))
            return
    _add_gap(lines, previous, node)
    lines.extend(comments.said(t, node))


def _add_gap(lines: list[Line], previous: Node | None, node: Node) -> None:
    if not lines or previous is None or previous.parent != node.parent:
        return
    if node.start_point.row > previous.end_point.row + 1:
        lines.append(Line(""))


def _tell_of_unreached(t: Translator, previous: Node, node: Node) -> None:
    if node.type not in _ENDS and node.type not in {"empty_statement", "function_declaration"}:
        if previous.type in {"return_statement", "throw_statement"}:
            t.remark(node, "this is never reached, and left out")
        else:
            t.remark(node, "the hook went on after it had answered; here it ends, without this")
