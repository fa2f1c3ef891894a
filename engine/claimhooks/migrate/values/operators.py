"""Operators: from the sign to the rule for it, and those that reckon and compare by size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from claimhooks.migrate import kinds
from claimhooks.migrate.kinds import Kind, Shape, Type
from claimhooks.migrate.python.code import Code, Rank, call, int_code
from claimhooks.migrate.script import tree
from claimhooks.migrate.state import Untranslatable
from claimhooks.migrate.values import equality, logic
from claimhooks.migrate.values.coercion import as_number, as_text
from claimhooks.migrate.values.equality import index_found
from claimhooks.migrate.values.literals import joined

if TYPE_CHECKING:
    from tree_sitter import Node

    from claimhooks.migrate.translator import Translator

_NUMERIC: Final = Kind.NUMBER | Kind.NAN
_COUNTED: Final = _NUMERIC | Kind.BOOL | Kind.NOTHING
_RANKS: Final = {"-": Rank.SUM, "*": Rank.PRODUCT}


def added(t: Translator, left: Code, right: Code) -> Code:
    """`a + b`: texts joined, or numbers added."""
    if left.type.is_only(Kind.TEXT) or right.type.is_only(Kind.TEXT):
        a, b = as_text(t, left), as_text(t, right)
        if a.is_text_literal and b.is_text_literal:
            return joined([a, b])
        constant = None
        if isinstance(a.constant, str) and isinstance(b.constant, str):
            constant = a.constant + b.constant
        text = f"{a.at(Rank.SUM)} + {b.at(Rank.PRODUCT)}"
        return Code(text, kinds.TEXT, Rank.SUM, constant)
    if left.type.is_only(_COUNTED) and right.type.is_only(_COUNTED):
        a, b = as_number(t, left), as_number(t, right)
        return Code(f"{a.at(Rank.SUM)} + {b.at(Rank.PRODUCT)}", _result(a, b), Rank.SUM)
    sums = kinds.Type(Kind.TEXT | _NUMERIC)
    return call(t.need("js_plus"), [left.text, right.text], sums)


def _result(a: Code, b: Code) -> Type:
    return Type((a.type.kinds | b.type.kinds) & _NUMERIC)


def arithmetic(t: Translator, sign: str, left: Code, right: Code) -> Code:
    """`a - b` and so on."""
    a, b = as_number(t, left), as_number(t, right)
    if sign in _RANKS:
        rank = _RANKS[sign]
        return Code(f"{a.at(rank)} {sign} {b.at(Rank(rank + 1))}", _result(a, b), rank)
    return call(t.need("js_divide"), [a.text, b.text], kinds.MAYBE_NAN)


def compared(t: Translator, node: Node, sign: str) -> Code:
    """`a < b` and so on."""
    left_node, right_node = (tree.bare(tree.field(node, side)) for side in ("left", "right"))
    found = index_found(t, left_node, sign, right_node)
    if found is not None:
        return found
    left, right = t.expression(left_node), t.expression(right_node)
    dates = (left.type.shape is Shape.DATE, right.type.shape is Shape.DATE)
    texts = (left.type.is_only(Kind.TEXT), right.type.is_only(Kind.TEXT))
    if not all(dates) and not all(texts):
        numbers = [code.type.is_only(_COUNTED) for code in (left, right)]
        if not any(numbers) and not any(dates):
            raise Untranslatable("numbers are compared by their value and texts by their letters")
        left, right = as_number(t, left), as_number(t, right)
    text = f"{left.at(Rank.SUM)} {sign} {right.at(Rank.SUM)}"
    return Code(text, kinds.BOOL, Rank.COMPARISON)


def signed(t: Translator, node: Node, sign: str) -> Code:
    """`-a` or `+a`."""
    code = as_number(t, t.expression(tree.field(node, "argument")))
    if sign == "+":
        return code
    if isinstance(code.constant, int):
        return int_code(-code.constant)
    return Code(f"-{code.at(Rank.SIGN)}", code.type, Rank.SIGN)


_ARITHMETIC: Final = frozenset({"-", "*", "/"})


def binary(t: Translator, node: Node) -> Code:
    """An operator between two operands."""
    sign = tree.text(tree.field(node, "operator"))
    if sign in {"&&", "||", "??"}:
        return logic.logical(t, node, sign)
    if sign in {"===", "!==", "==", "!="}:
        return equality.equality(t, node, sign)
    if sign in {"<", "<=", ">", ">="}:
        return compared(t, node, sign)
    if sign == "instanceof":
        return equality.instance(t, node)
    if sign == "in":
        return equality.contained(t, node)
    left, right = t.expression(tree.field(node, "left")), t.expression(tree.field(node, "right"))
    return applied(t, sign, left, right)


def applied(t: Translator, sign: str, left: Code, right: Code) -> Code:
    """An operator that reckons."""
    if sign == "+":
        return added(t, left, right)
    if sign in _ARITHMETIC:
        return arithmetic(t, sign, left, right)
    raise Untranslatable(f"the operator {sign} has no translation")


def unary(t: Translator, node: Node) -> Code:
    """An operator before its operand."""
    sign = tree.text(tree.field(node, "operator"))
    if sign == "!":
        return logic.inverted(t, node)
    if sign in {"-", "+"}:
        return signed(t, node, sign)
    raise Untranslatable(f"the operator {sign} has no translation here")


EXPRESSIONS: Final = {
    "binary_expression": binary,
    "unary_expression": unary,
    "ternary_expression": logic.ternary,
}
