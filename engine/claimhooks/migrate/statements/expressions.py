"""Expressions for what they do, their values being of no interest."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from claimhooks.migrate.python.code import Block, Line, Rank, suite
from claimhooks.migrate.script import tree
from claimhooks.migrate.script.callbacks import is_chain
from claimhooks.migrate.statements import answers, assignments, chains, continuations, loops
from claimhooks.migrate.values import logic
from claimhooks.migrate.values.coercion import negated, truth

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tree_sitter import Node

    from claimhooks.migrate.translator import Translator


def expression_statement(t: Translator, node: Node) -> Block:
    """An expression for what it does."""
    inner = tree.children(node)[0]
    if inner.type == "string":
        return Block([])  # "use strict"
    return effect(t, inner)


def effect(t: Translator, node: Node) -> Block:
    """What an expression does, its value being of no interest."""
    node = tree.bare(node)
    rule = _EFFECTS.get(node.type)
    if rule is not None:
        return rule(t, node)
    found = assignments.assigned(t, node) or special_call(t, node)
    if found is not None:
        return found
    code = t.expression(node)
    if code.rank is Rank.AWAIT:
        continuations.warn_of_order(t, node)
    return Block([] if code.text == "None" else [Line(code.text)])


def _awaited(t: Translator, node: Node) -> Block:
    return effect(t, tree.children(node)[0])


def _ternary(t: Translator, node: Node) -> Block:
    names = ("condition", "consequence", "alternative")
    return _branched(t, *(tree.field(node, name) for name in names))


def _logical(t: Translator, node: Node) -> Block:
    sign = tree.text(tree.field(node, "operator"))
    left, right = tree.field(node, "left"), tree.field(node, "right")
    if sign == "&&":
        return _branched(t, left, right, None)
    if sign == "||":
        return _branched(t, left, None, right)
    return Block([Line(t.expression(node).text)])


_EFFECTS: Final[Mapping[str, Callable[[Translator, Node], Block]]] = {
    "await_expression": _awaited,
    "ternary_expression": _ternary,
    "binary_expression": _logical,
}


def special_call(t: Translator, node: Node) -> Block | None:
    """A call that is more than an expression: of a callback, or with one."""
    if node.type == "await_expression":
        node = tree.bare(tree.children(node)[0])
    if node.type != "call_expression":
        return None
    callee = tree.bare(tree.field(node, "function"))
    callback = t.callbacks.of(callee)
    if callback is not None:
        return answers.answered(t, node, callback)
    if t.callbacks.takes_callback(node):
        return continuations.continued(t, node)
    if t.callbacks.is_called_by(node):
        return continuations.propagated(t, node)
    return chains.statement(t, node) if is_chain(node) else loops.for_each(t, node)


def _branched(t: Translator, condition: Node, then: Node | None, other: Node | None) -> Block:
    """`if`, with expressions as branches."""
    test = truth(t, t.expression(condition))
    outcome = then is not None
    branches = [(f"if {(test if outcome else negated(test)).text}", then or other, outcome)]
    if then is not None and other is not None:
        branches.append(("else", other, not outcome))
    lines: list[Line] = []
    completes = len(branches) == 1
    for head, node, holds in branches:
        if node is not None:
            with logic.given(t, condition, holds):
                block = t.gathered(partial(effect, t, node))
            completes = completes or block.completes
            lines.extend(suite(head, block))
    return Block(lines, completes)
