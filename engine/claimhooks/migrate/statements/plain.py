"""`if`, `return`, `throw` and other plain statements, and where the rules for the rest are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from claimhooks.migrate import facts
from claimhooks.migrate.python.code import NONE, Block, Line, suite
from claimhooks.migrate.script import tree
from claimhooks.migrate.state import Flow, Returns, Untranslatable
from claimhooks.migrate.statements import (
    answers,
    assignments,
    expressions,
    tries,
)
from claimhooks.migrate.values.coercion import truth

if TYPE_CHECKING:
    from tree_sitter import Node

    from claimhooks.migrate.translator import Translator


def if_statement(t: Translator, node: Node) -> Block:
    """`if`, `else if` and `else`."""
    lines: list[Line] = []
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
        t.facts = outside | facts.learned(t, condition, outcome=False)
        alternative = tree.maybe(current, "alternative")
        current = None if alternative is None else tree.children(alternative)[0]
        word = "elif"
    if current is None:
        ends.append(t.facts)
    else:
        block = t.block(current)
        lines.extend(suite("else", block))
        if block.completes:
            ends.append(t.facts)
    t.facts = facts.common(ends, entry)
    return Block(lines, bool(ends))


def throw_statement(t: Translator, node: Node) -> Block:
    """`throw`."""
    value = tree.bare(tree.children(node)[0])
    line = answers.raised(t, value)
    if any(line.text.startswith(f"raise {name}(") for name in answers.OAUTH):
        t.remark(node, "where nothing caught this, the old system crashed; now the hook denies")
    return Block([line], completes=False)


def plain_block(t: Translator, node: Node) -> Block:
    """A block by itself."""
    return t.body(node.named_children)


def empty_statement(_t: Translator, _node: Node) -> Block:
    """`;`."""
    return Block([])


def break_statement(t: Translator, _node: Node) -> Block:
    """`break`, out of a loop."""
    if t.jumps.is_switch or not t.jumps.is_loop:
        raise Untranslatable("this leaves a switch from within")
    return Block([Line("break")], completes=False)


def continue_statement(t: Translator, _node: Node) -> Block:
    """`continue`."""
    if not t.jumps.is_loop:
        raise Untranslatable("there is no loop around this")
    return Block([Line("continue")], completes=False)


def return_statement(t: Translator, node: Node) -> Block:
    """`return`, with or without a value."""
    values = tree.children(node)
    return returned(t, node, values[0] if values else None)


def returned(t: Translator, node: Node, value: Node | None) -> Block:
    """What `return value` does where it stands."""
    found = None if value is None else _returned_effect(t, node, tree.bare(value))
    if found is not None:
        return found
    if t.flow.returns is Returns.VALUE:
        text = "return" if value is None else f"return {t.expression(value).text}"
        return Block([Line(text)], completes=False)
    if t.flow.returns is Returns.STEP:
        return _handed_on(t, value)
    done = Block([]) if value is None or not _does_something(value) else t.effect(value)
    return _ended_after(t, node, done)


def _handed_on(t: Translator, value: Node | None) -> Block:
    """The end of a step of a chain of promises."""
    flow = t.flow
    if not flow.is_last:
        raise Untranslatable("this returns early from a step of a chain of promises")
    code = NONE if value is None else t.expression(value)
    if flow.target:
        return Block([Line(f"{flow.target} = {code.text}")])
    return Block([] if value is None else [Line(code.text)])


def _returned_effect(t: Translator, node: Node, value: Node) -> Block | None:
    """`return cb(…)` and the like: what is called decides how the function ends."""
    if value.type in {"ternary_expression", "binary_expression"} and _calls_back(t, value):
        return _ended_after(t, node, t.effect(value))
    if value.type not in {"call_expression", "await_expression"}:
        return None
    flow = t.flow
    with t.within(Flow(flow.returns, is_last=True, target=flow.target)):
        block = expressions.special_call(t, value)
    if block is None:
        return None
    return _ended_after(t, node, block)


def _calls_back(t: Translator, node: Node) -> bool:
    return any(
        each.type == "call_expression" and t.callbacks.is_called_by(each)
        for each in tree.walk(node, within_functions=False)
    )


def _ended_after(t: Translator, node: Node, block: Block) -> Block:
    """`block`, and then the end of the function."""
    flow = t.flow
    if not block.completes or flow.returns in {Returns.STEP, Returns.VALUE}:
        return block
    if flow.returns is Returns.NEXT:
        return Block([*block.lines, Line("continue")], completes=False)
    if flow.returns is Returns.BARRED:
        raise Untranslatable("this leaves a loop within the function that is called for each item")
    return Block([*block.lines, *ended(t, node).lines], completes=False)


def _does_something(node: Node) -> bool:
    """Whether evaluating `node` may change anything."""
    does = {"call_expression", "new_expression", "assignment_expression", "update_expression"}
    return any(each.type in does for each in tree.walk(node))


def ended(t: Translator, node: Node) -> Block:
    """The end of a function that should have called its callback."""
    function = t.frame.node
    if function.id != t.hook.id and t.callbacks.is_answering(function):
        t.effects.falling.add(function.id)
        return Block([Line("return None")], completes=False)
    return t.never(node, "the callback is not called on this way, so that no answer ever came")


STATEMENTS: Final = {
    "expression_statement": expressions.expression_statement,
    "lexical_declaration": assignments.declared,
    "variable_declaration": assignments.declared,
    "if_statement": if_statement,
    "return_statement": return_statement,
    "throw_statement": throw_statement,
    "try_statement": tries.try_statement,
    "statement_block": plain_block,
    "empty_statement": empty_statement,
    "break_statement": break_statement,
    "continue_statement": continue_statement,
}
