"""From the text of a script to its tree."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final

from claimhooks.errors import Problem, ScriptError
from claimhooks.migrate.script import tree

if TYPE_CHECKING:
    from tree_sitter import Language, Node

NO_STATE: Final = 65_535
"""How the parser writes that there is none."""


def parse(source: str, file: str) -> Node:
    """The tree of a JavaScript program.

    Raises :class:`ScriptError`: ``migrate_missing`` without the parser, ``javascript_malformed``
    with the first mistake.
    """
    try:
        # Not at the top: only this command needs them, and they may not be installed.
        import tree_sitter_javascript  # noqa: PLC0415
        from tree_sitter import Language, Parser  # noqa: PLC0415
    except ImportError as error:
        reason = f"the parser is not installed: {error}"
        raise ScriptError([Problem("migrate_missing", file, reason)]) from None
    language = Language(tree_sitter_javascript.language())
    data = source.encode()
    program = Parser(language).parse(data).root_node
    if program.has_error:
        mistake = _first_mistake(program, language)
        line, column = tree.place(mistake, data)
        reason = f"column {column}: {_what_is_wrong(mistake)}"
        raise ScriptError([Problem("javascript_malformed", file, reason, line)])
    return program


def _first_mistake(node: Node, language: Language) -> Node:
    while not (node.is_error or node.is_missing):
        node = next(child for child in node.children if child.has_error or child.is_missing)
    children = node.children
    for before, child in pairwise(children):
        # What follows a node without a state of the parser cannot be judged.
        state = before.next_parse_state
        expected = language.lookahead_iterator(state) if 0 < state < NO_STATE else None
        if expected is not None and child.type not in set(expected.names()):
            return child
    return node


def _what_is_wrong(mistake: Node) -> str:
    if mistake.is_missing:
        return f"{mistake.type} is missing"
    words = tree.text(mistake).split()
    return f"unexpected {words[0][:40]}" if words else "unexpected end"
