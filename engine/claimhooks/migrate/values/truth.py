"""What JavaScript takes for true, in Python."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from claimhooks.migrate import kinds
from claimhooks.migrate.kinds import Kind, Shape
from claimhooks.migrate.python.code import Code, Rank, comparison
from claimhooks.migrate.script import tree

if TYPE_CHECKING:
    from tree_sitter import Node

    from claimhooks.migrate.translator import Translator

ALIKE: Final = Kind.TEXT | Kind.NUMBER | Kind.BOOL | Kind.NOTHING | Kind.OBJECT
"""What both languages take for true in the same cases."""


def is_alike(code: Code) -> bool:
    """Whether Python takes `code` for true exactly where JavaScript does."""
    # Where there are no scopes, the old system gave undefined and Python has [].
    return code.type.shape is Shape.SCOPE or code.type.is_only(ALIKE)


def truth(t: Translator, code: Code) -> Code:
    """A condition that holds where JavaScript takes the value of `code` for true."""
    if is_alike(code):
        return code
    if code.type.is_only(Kind.LIST | Kind.TABLE | Kind.OBJECT | Kind.NOTHING):
        return comparison(code.at(Rank.SUM), "is not", "None")
    return Code(f"{t.need('js_true')}({code.text})", kinds.BOOL)


def negated(code: Code) -> Code:
    """A condition that holds where `code` does not."""
    if code.opposite:
        return Code(code.opposite, kinds.BOOL, code.rank, opposite=code.text)
    return Code(f"not {code.at(Rank.NOT)}", kinds.BOOL, Rank.NOT, opposite=code.text)


def is_condition(node: Node) -> bool:
    """Whether all that matters of an expression is whether it is true."""
    parent = node.parent
    while parent is not None and parent.type == "parenthesized_expression":
        node, parent = parent, parent.parent
    if parent is None:
        return False
    if parent.type in {"if_statement", "while_statement", "do_statement"}:
        return True
    if parent.type in {"for_statement", "ternary_expression"}:
        return _is_field(node, parent, "condition")
    if parent.type == "unary_expression":
        return tree.text(tree.field(parent, "operator")) == "!"
    if parent.type == "binary_expression":
        return tree.text(tree.field(parent, "operator")) in {"&&", "||"} and is_condition(parent)
    return False


def _is_field(node: Node, parent: Node, name: str) -> bool:
    field = tree.maybe(parent, name)
    return field is not None and tree.is_within(node, field)
