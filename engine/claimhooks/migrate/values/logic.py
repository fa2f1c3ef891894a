"""`&&`, `||`, `??`, `!` and `a ? b : c`."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from claimhooks.migrate import facts, kinds
from claimhooks.migrate.kinds import Kind, Shape, Type, either
from claimhooks.migrate.python.code import Code, Rank, call
from claimhooks.migrate.script import tree
from claimhooks.migrate.values.coercion import (
    ALIKE,
    as_value,
    boolean,
    is_alike,
    is_condition,
    negated,
    truth,
)

if TYPE_CHECKING:
    from collections.abc import Generator

    from tree_sitter import Node

    from claimhooks.migrate.translator import Translator

_HARMLESS: Final = {"js_text", "str", "client.metadata.get", "dict", "list"}
"""What may be called without need."""
_AS_TRUE: Final = kinds.BOOL.or_undefined()
_FALSY: Final = Kind.TEXT | Kind.NUMBER | Kind.NAN | Kind.BOOL | Kind.NOTHING


@contextmanager
def given(t: Translator, condition: Node, outcome: bool) -> Generator[None]:
    """Within it, what is known is also what `condition` tells where it came out as `outcome`."""
    known = t.facts
    t.facts = known | facts.learned(t, condition, outcome)
    try:
        yield
    finally:
        t.facts = known


def combined(t: Translator, sign: str, left_node: Node, right_node: Node) -> Code:
    """The value of `a || b`, `a && b` or `a ?? b`."""
    left = t.expression(left_node)
    if left.type.shape is Shape.MIXED:
        left = as_value(left)
    if sign == "??":
        return unless_nothing(t, left, t.expression(right_node))
    with given(t, left_node, sign == "&&"):
        right = t.expression(right_node)
    if left.type.shape is not Shape.SCOPE:
        right = as_value(right)
    return _and(t, left, right) if sign == "&&" else _or(t, left, right)


def logical(t: Translator, node: Node, sign: str) -> Code:
    """`&&`, `||` or `??`."""
    left_node, right_node = tree.field(node, "left"), tree.field(node, "right")
    if sign != "??" and is_condition(node):
        left = t.expression(left_node)
        with given(t, left_node, sign == "&&"):
            right = t.expression(right_node)
        word, rank = ("and", Rank.AND) if sign == "&&" else ("or", Rank.OR)
        if _is_always(left):
            return truth(t, right) if sign == "&&" else truth(t, left)
        if sign == "||" and _is_never(t, left_node):
            return truth(t, right)
        sides = [truth(t, left), truth(t, right)]
        # Its value is no boolean for certain, but as true or false as it was.
        kind = kinds.BOOL if all(one.type == kinds.BOOL for one in sides) else _AS_TRUE
        return Code(f" {word} ".join(one.at(rank) for one in sides), kind, rank)
    return combined(t, sign, left_node, right_node)


def _is_always(code: Code) -> bool:
    """Whether JavaScript takes `code` for true, whatever it is."""
    certain = Kind.LIST | Kind.TABLE | Kind.OBJECT
    is_true = code.type.is_only(certain) and code.type.shape is not Shape.SCOPE
    return is_true and _is_harmless(code)


def _is_never(t: Translator, node: Node) -> bool:
    """Whether `node` is the negation of something that is always true."""
    node = tree.bare(node)
    if node.type != "unary_expression" or tree.text(tree.field(node, "operator")) != "!":
        return False
    with t.silently():
        return _is_always(t.expression(tree.field(node, "argument")))


def _or(t: Translator, left: Code, right: Code) -> Code:
    kind = either([left.type.something(), right.type])
    if _is_always(left):
        return left
    if left.type.shape is Shape.SCOPE:
        left = Code(left.text, kinds.TEXTS, left.rank)
        if right.text == "[]":
            return left
        kind = either([left.type, right.type])
        return Code(f"{left.at(Rank.OR)} or {right.at(Rank.OR)}", kind, Rank.OR)
    empty = {"{}": Kind.TABLE, "[]": Kind.LIST}.get(right.text, Kind(0))
    if is_alike(left) or left.type.is_only(empty | ALIKE & ~Kind.OBJECT):
        text = f"{left.at(Rank.OR)} or {right.at(Rank.OR)}"
        return Code(text, kind, Rank.OR)
    return _chosen(t, left, right, kind)


def _and(t: Translator, left: Code, right: Code) -> Code:
    falsy = Type(left.type.kinds & _FALSY)
    kind = either([falsy, right.type])
    if _is_always(left):
        return right
    if left.type.shape is Shape.SCOPE:
        text = f"{right.at(Rank.OR)} if {left.at(Rank.OR)} else None"
        return Code(text, right.type.or_undefined(), Rank.TERNARY)
    if is_alike(left):
        if left.type.is_only(Kind.OBJECT | Kind.NOTHING):
            kind = either([Type(left.type.kinds & Kind.NOTHING), right.type])
        return Code(f"{left.at(Rank.AND)} and {right.at(Rank.AND)}", kind, Rank.AND)
    if left.type.is_only(Kind.LIST | Kind.TABLE | Kind.OBJECT | Kind.NOTHING):
        text = f"{right.at(Rank.OR)} if {left.at(Rank.SUM)} is not None else None"
        return Code(text, kind, Rank.TERNARY)
    if left.is_simple:
        text = f"{right.at(Rank.OR)} if {truth(t, left).text} else {left.text}"
    else:
        name = t.need("js_true")
        text = f"{right.at(Rank.OR)} if {name}(this := {left.text}) else this"
    return Code(text, kind, Rank.TERNARY)


def _chosen(t: Translator, left: Code, right: Code, kind: Type) -> Code:
    if left.type.is_only(Kind.LIST | Kind.TABLE | Kind.OBJECT | Kind.NOTHING):
        return unless_nothing(t, left, right)
    if left.is_simple:
        text = f"{left.text} if {truth(t, left).text} else {right.at(Rank.TERNARY)}"
    elif _is_harmless(right):
        return call(t.need("js_or"), [left.text, right.text], kind)
    else:
        text = f"this if {t.need('js_true')}(this := {left.text}) else {right.at(Rank.TERNARY)}"
    return Code(text, kind, Rank.TERNARY)


def _is_harmless(code: Code) -> bool:
    """Whether it makes no difference if `code` is evaluated without need."""
    if re.search(r"\bawait\b|:=|\w\[", code.text):
        return False
    return set(re.findall(r"[\w.]+(?=\()", code.text)) <= _HARMLESS


def unless_nothing(t: Translator, left: Code, right: Code) -> Code:
    """`a ?? b`."""
    kind = either([left.type.something(), right.type])
    if not left.type.may_be(Kind.NOTHING):
        return left
    if left.type.shape is Shape.SCOPE:
        return _or(t, left, right)
    if left.getter and not left.type.may_be(Kind.NULL) and _is_harmless(right):
        return Code(f"{left.getter}, {right.text})", kind)
    if not left.is_simple and _is_harmless(right):
        return call(t.need("js_default"), [left.text, right.text], kind)
    name = left.text if left.is_simple else "this"
    asked = left.text if left.is_simple else f"(this := {left.text})"
    text = f"{name} if {asked} is not None else {right.at(Rank.TERNARY)}"
    return Code(text, kind, Rank.TERNARY)


def inverted(t: Translator, node: Node) -> Code:
    """`!a`."""
    inner = tree.bare(tree.field(node, "argument"))
    if inner.type == "unary_expression" and tree.text(tree.field(inner, "operator")) == "!":
        return boolean(t, t.expression(tree.field(inner, "argument")))
    return negated(truth(t, t.expression(inner)))


def ternary(t: Translator, node: Node) -> Code:
    """`a ? b : c`."""
    condition = tree.field(node, "condition")
    test = truth(t, t.expression(condition))
    with given(t, condition, outcome=True):
        chosen = t.expression(tree.field(node, "consequence"))
    with given(t, condition, outcome=False):
        other = t.expression(tree.field(node, "alternative"))
    text = f"{chosen.at(Rank.OR)} if {test.at(Rank.OR)} else {other.at(Rank.TERNARY)}"
    return Code(text, either([chosen.type, other.type]), Rank.TERNARY)
