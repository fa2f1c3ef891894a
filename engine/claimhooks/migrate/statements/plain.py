"""Plain statements, and where the rules for the others are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from claimhooks.migrate import facts
from claimhooks.migrate.effects import Untranslatable
from claimhooks.migrate.python.lines import Block, Line, suite
from claimhooks.migrate.script import tree
from claimhooks.migrate.statements import (
    answers,
    declarations,
    expressions,
    returns,
    tries,
)
from claimhooks.migrate.values.truth import truth

if TYPE_CHECKING:
    from tree_sitter import Node

    from claimhooks.migrate.translator import Translator


def if_statement(t: Translator, node: Node) -> Block:
    """`if`, `else if` and `else`."""
    lines: list[Line] = []
    completes = False
    word, entry = "if", t.facts
    ends: list[facts.Facts] = []
    current: Node | None = node
    while current is not None and current.type == "if_statement":
        condition = tree.field(current, "condition")
        test = truth(t, t.expression(condition))
        outside = t.facts
        t.facts = outside | facts.learned(t, condition, outcome=True)
        block = t.block(tree.field(current, "consequence"))
        if block.completes:
            ends.append(t.facts)
        lines.extend(suite(f"{word} {test.text}", block))
        completes = completes or block.completes
        t.facts = outside | facts.learned(t, condition, outcome=False)
        alternative = tree.maybe(current, "alternative")
        current = None if alternative is None else tree.children(alternative)[0]
        word = "elif"
    if current is None:
        ends.append(t.facts)
        completes = True
    else:
        block = t.block(current)
        lines.extend(suite("else", block))
        if block.completes:
            ends.append(t.facts)
            completes = True
    t.facts = facts.common(ends, entry)
    return Block(lines, completes)


def throw_statement(t: Translator, node: Node) -> Block:
    """`throw`."""
    value = tree.bare(tree.children(node)[0])
    line = answers.raised(t, value)
    is_denial = any(line.text.startswith(f"raise {name}(") for name in answers.OAUTH)
    if is_denial and not tries.is_caught(t, node):
        t.remark(node, "the old system crashed here; now the hook denies, with this text")
    return Block([line], completes=False)


def plain_block(t: Translator, node: Node) -> Block:
    """A block by itself."""
    return t.body(node.named_children)


def empty_statement(_t: Translator, _node: Node) -> Block:
    """`;`."""
    return Block([])


def _unlabelled(node: Node) -> None:
    if tree.maybe(node, "label") is not None:
        raise Untranslatable("labels have no translation")


def break_statement(t: Translator, node: Node) -> Block:
    """`break`, out of a loop."""
    _unlabelled(node)
    if t.jumps.is_switch or not t.jumps.is_loop:
        raise Untranslatable("this leaves a switch from within")
    return Block([Line("break")], completes=False)


def continue_statement(t: Translator, node: Node) -> Block:
    """`continue`."""
    _unlabelled(node)
    if not t.jumps.is_loop:
        raise Untranslatable("there is no loop around this")
    return Block([*t.jumps.before_next, Line("continue")], completes=False)


STATEMENTS: Final = {
    "expression_statement": expressions.expression_statement,
    "lexical_declaration": declarations.declared,
    "variable_declaration": declarations.declared,
    "if_statement": if_statement,
    "return_statement": returns.return_statement,
    "throw_statement": throw_statement,
    "try_statement": tries.try_statement,
    "statement_block": plain_block,
    "empty_statement": empty_statement,
    "break_statement": break_statement,
    "continue_statement": continue_statement,
}
