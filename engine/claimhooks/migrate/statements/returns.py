"""`return`, and the end of a function."""

from __future__ import annotations

from typing import TYPE_CHECKING

from claimhooks.migrate.effects import Untranslatable
from claimhooks.migrate.flow import Flow, Returns
from claimhooks.migrate.python.code import NONE
from claimhooks.migrate.python.lines import Block, Line
from claimhooks.migrate.script import tree
from claimhooks.migrate.statements import chains, expressions

if TYPE_CHECKING:
    from tree_sitter import Node

    from claimhooks.migrate.translator import Translator


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
    if value.type == "new_expression":
        return chains.returned_promise(t, value)
    if value.type not in {"call_expression", "await_expression"}:
        return None
    flow = t.flow
    with t.flowing(Flow(flow.returns, is_last=True, target=flow.target)):
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
    t.decide(node, "the callback is not called on this way, so that no answer ever came")
    line = node.start_point.row + 1
    return Block([Line(f"{t.need('js_todo')}({line})")], completes=False)
