"""Operators: from the sign to the rule for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from claimhooks.migrate.effects import Untranslatable
from claimhooks.migrate.python.code import NONE, Code
from claimhooks.migrate.script import tree
from claimhooks.migrate.values import arithmetic, equality, logic

if TYPE_CHECKING:
    from tree_sitter import Node

    from claimhooks.migrate.translator import Translator

_ARITHMETIC: Final = frozenset({"-", "*", "/", "%", "**"})


def binary(t: Translator, node: Node) -> Code:
    """An operator between two operands."""
    sign = tree.text(tree.field(node, "operator"))
    if sign in {"&&", "||", "??"}:
        return logic.logical(t, node, sign)
    if sign in {"===", "!==", "==", "!="}:
        return equality.equality(t, node, sign)
    if sign in {"<", "<=", ">", ">="}:
        return arithmetic.compared(t, node, sign)
    if sign == "instanceof":
        return equality.instance(t, node)
    if sign == "in":
        return equality.contained(t, node)
    left, right = t.expression(tree.field(node, "left")), t.expression(tree.field(node, "right"))
    return applied(t, sign, left, right)


def applied(t: Translator, sign: str, left: Code, right: Code) -> Code:
    """An operator that reckons."""
    if sign == "+":
        return arithmetic.added(t, left, right)
    if sign in _ARITHMETIC:
        return arithmetic.arithmetic(t, sign, left, right)
    raise Untranslatable(f"the operator {sign} has no translation")


def unary(t: Translator, node: Node) -> Code:
    """An operator before its operand."""
    sign = tree.text(tree.field(node, "operator"))
    if sign == "!":
        return logic.inverted(t, node)
    if sign in {"-", "+"}:
        return arithmetic.signed(t, node, sign)
    if sign == "typeof":
        return equality.type_name(t, node)
    if sign == "void":
        return NONE
    raise Untranslatable(f"the operator {sign} has no translation here")


EXPRESSIONS: Final = {
    "binary_expression": binary,
    "unary_expression": unary,
    "ternary_expression": logic.ternary,
}
