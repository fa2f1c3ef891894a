"""Comments, which stay beside the code that they are about."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from claimhooks.migrate.python.lines import Line
from claimhooks.migrate.script import tree

if TYPE_CHECKING:
    from tree_sitter import Node

    from claimhooks.migrate.translator import Translator

ABOVE: Final = "\ue000"
"""Begins a comment within brackets, which the layout gives a line of its own."""
BESIDE: Final = "\ue001"
"""Begins a comment within brackets, which the layout puts at the end of the line."""
END: Final = "\ue002"

_FOR_TOOLS: Final = re.compile(r"^\s*(eslint|jshint|jslint|global |prettier|istanbul|@ts-)")


def lines_of(comment: Node) -> list[str]:
    """A comment in Python, line by line."""
    source = tree.text(comment)
    if source.startswith("//"):
        lines = [source[2:]]
    else:
        inner = source.removeprefix("/*").removeprefix("*").removesuffix("*/")
        lines = [re.sub(r"^\s*\* ?", "", line) for line in inner.splitlines()]
        lines = [line if line.strip() else "" for line in lines]
        while lines and not lines[0]:
            del lines[0]
        while lines and not lines[-1]:
            del lines[-1]
    if lines and _FOR_TOOLS.match(lines[0]):
        return []
    return [_commented(_clean(line)) for line in lines]


def _commented(line: str) -> str:
    line = line.rstrip()
    if not line:
        return "#"
    return f"#{line}" if line.startswith((" ", "\t")) else f"# {line}"


def _clean(line: str) -> str:
    # No control characters, nor the marks of the layout.
    return "".join(c if c.isprintable() or c == "\t" else " " for c in line).expandtabs(4)


def said(t: Translator, comment: Node) -> list[Line]:
    """A comment as lines of its own, written once."""
    if comment.id in t.effects.said:
        return []
    t.effects.said.add(comment.id)
    return [Line(line) for line in lines_of(comment)]


def unsaid(t: Translator, node: Node) -> list[Line]:
    """The comments within a statement that its translation has no place for."""
    found = [child for child in tree.walk(node) if child.type == "comment"]
    return [line for comment in found for line in said(t, comment)]


def beside(t: Translator, comment: Node) -> str | None:
    """A comment that can stand at the end of a line."""
    lines = lines_of(comment)
    if comment.id in t.effects.said or len(lines) != 1:
        return None
    t.effects.said.add(comment.id)
    return lines[0]


def with_comments(t: Translator, outer: Node, item: Node, text: str) -> str:
    """`text`, the translation of `item` in a literal, with the comments above and beside it."""
    above: list[str] = []
    after: list[str] = []
    is_last = item.id == tree.children(outer)[-1].id
    for comment in tree.comments(outer):
        is_beside = (
            comment.start_byte > item.end_byte and comment.start_point.row == item.end_point.row
        )
        if comment.id in t.effects.said or not (
            is_beside or is_last or comment.start_byte < item.start_byte
        ):
            continue
        t.effects.said.add(comment.id)
        (after if is_beside else above).extend(lines_of(comment))
    marks = [f"{ABOVE}{line}{END}" for line in above]
    tail = f"{BESIDE}{'  '.join(after)}{END}" if after else ""
    return f"{''.join(marks)}{text}{tail}"
