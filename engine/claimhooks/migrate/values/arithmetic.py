"""`+`, `-`, `*`, `/`, `%`, `**`, `<`, `>` and their like."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from claimhooks.migrate import kinds
from claimhooks.migrate.kinds import Kind, Shape, Type
from claimhooks.migrate.python.code import Code, Rank, call, int_code
from claimhooks.migrate.script import tree
from claimhooks.migrate.values.coercion import as_number, as_text
from claimhooks.migrate.values.literals import joined
from claimhooks.migrate.values.searches import index_found

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
        return Code(text, kinds.TEXT, Rank.SUM, constant, prefix=a.beginning)
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
    if isinstance(a.constant, int) and isinstance(b.constant, int) and sign in {"*", "-"}:
        value = a.constant * b.constant if sign == "*" else a.constant - b.constant
        text = f"{a.at(_RANKS[sign])} {sign} {b.at(Rank(_RANKS[sign] + 1))}"
        return Code(text, kinds.INT, _RANKS[sign], value)
    if sign in _RANKS:
        rank = _RANKS[sign]
        return Code(f"{a.at(rank)} {sign} {b.at(Rank(rank + 1))}", _result(a, b), rank)
    name = {"/": "js_divide", "%": "js_remainder", "**": "js_power"}[sign]
    return call(t.need(name), [a.text, b.text], kinds.MAYBE_NAN)


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
            text = f"{t.need('js_compare')}({left.text}, {right.text}) {sign} 0"
            return Code(text, kinds.BOOL, Rank.COMPARISON)
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
