"""Statements that follow each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from claimhooks.migrate import comments
from claimhooks.migrate.python.code import Block, Line
from claimhooks.migrate.script import tree
from claimhooks.migrate.state import Flow

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tree_sitter import Node

    from claimhooks.migrate.translator import Translator


_HARMLESS: Final = frozenset(
    {"return_statement", "break_statement", "empty_statement", "function_declaration"}
)


def body(t: Translator, nodes: Sequence[Node]) -> Block:
    """Statements that follow each other, with the comments and blank lines among them."""
    if t.frame.node.id != t.program.id:
        nodes = _in_order(nodes)
    flow, completes = t.flow, True
    lines: list[Line] = []
    previous: Node | None = None
    for index, node in enumerate(nodes):
        if node.type == "comment":
            _add_comment(t, lines, previous, node)
        elif not completes:
            _tell_of_unreached(t, node)
            break
        else:
            _add_gap(lines, previous, node)
            is_last = flow.is_last and _is_nothing(nodes[index + 1 :])
            with t.within(Flow(flow.returns, is_last, flow.target)):
                block = t.statement(node)
            lines.extend(block.lines)
            completes = block.completes
        previous = node
    return Block(lines, completes)


def _in_order(nodes: Sequence[Node]) -> list[Node]:
    """`nodes` of a function, with functions put first, which may be called above them."""
    first: list[Node] = []
    rest: list[Node] = []
    above: list[Node] = []
    home, row = rest, -1
    for node in nodes:
        if node.type == "comment":
            (above if node.start_point.row > row else home).append(node)
            continue
        home = first if node.type == "function_declaration" else rest
        home.extend([*above, node])
        above, row = [], node.end_point.row
    return [*first, *rest, *above]


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


def _tell_of_unreached(t: Translator, node: Node) -> None:
    if node.type not in _HARMLESS:
        t.remark(node, "this comes after the answer or the end of a function, and is left out")
