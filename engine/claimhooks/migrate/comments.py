"""Comments, which stay beside the code that they are about."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from claimhooks.migrate.python.code import Line
from claimhooks.migrate.script import tree

if TYPE_CHECKING:
    from tree_sitter import Node

    from claimhooks.migrate.translator import Translator


def lines_of(comment: Node) -> list[str]:
    """A comment in Python, line by line."""
    source = tree.text(comment)
    if source.startswith("//"):
        lines = [source[2:]]
    else:
        inner = source.removeprefix("/*").removeprefix("*").removesuffix("*/")
        lines = [re.sub(r"^\s*\* ?", "", line).rstrip() for line in inner.strip().splitlines()]
    return [_commented(_clean(line)) for line in lines]


def _commented(line: str) -> str:
    return f"#{line}".rstrip() if line.startswith((" ", "\t")) else f"# {line}".rstrip()


def _clean(line: str) -> str:
    # No control characters.
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
    is_last = item.id == tree.children(outer)[-1].id
    above: list[str] = []
    after: list[str] = []
    for comment in tree.comments(outer):
        is_after = comment.start_byte > item.end_byte
        is_beside = is_after and comment.start_point.row == item.end_point.row
        if is_beside or is_last or not is_after:
            lines = [line.text for line in said(t, comment)]
            (after if is_beside else above).extend(lines)
    head = "".join(f"\n{line}\n" for line in above)
    return f"{head}{text}" + (f"  {'  '.join(after)}\n" if after else "")
