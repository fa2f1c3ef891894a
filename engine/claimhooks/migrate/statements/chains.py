"""Chains of `then` and `catch`, as statements that follow each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from claimhooks.migrate import kinds
from claimhooks.migrate.calls import functions, local
from claimhooks.migrate.calls.local import settled
from claimhooks.migrate.python.code import Block, Code, Line, call, suite
from claimhooks.migrate.script import tree
from claimhooks.migrate.script.callbacks import CHAINED, Ends, is_chain
from claimhooks.migrate.state import Flow, Returns, Untranslatable
from claimhooks.migrate.statements import continuations, patterns, tries

if TYPE_CHECKING:
    from tree_sitter import Node

    from claimhooks.migrate.translator import Translator


class _Chain(NamedTuple):
    """A promise, and what is done with it."""

    base: Node
    steps: list[Node]
    failed: Node | None


def statement(t: Translator, node: Node) -> Block:
    """A chain whose last value is of no interest, or is what the function returns."""
    chain = _taken_apart(node)
    if chain.steps or chain.failed is not None:
        continuations.warn_of_order(t, node)
    if t.flow.returns is Returns.VALUE:
        flow = Flow(Returns.VALUE) if _is_returned(node) else Flow(Returns.STEP)
    elif t.flow.returns is Returns.STEP and _is_returned(node):
        flow = t.flow
    else:
        flow = Flow(Returns.NOTHING if t.flow.is_last else Returns.STEP, t.flow.is_last)
    return _written(t, chain, flow)


def _is_returned(node: Node) -> bool:
    parent = node.parent
    while parent is not None and parent.type in {"parenthesized_expression", "await_expression"}:
        node, parent = parent, parent.parent
    return parent is not None and parent.type in {"return_statement", "arrow_function"}


def assigned(t: Translator, target: Node, value: Node) -> list[Line] | None:
    """`x = await chain` as statements, if that is what it is."""
    if value.type == "await_expression":
        value = tree.bare(tree.children(value)[0])
    if not is_chain(value):
        return None
    is_name = target.type == "identifier"
    name = patterns.assigned(t, target, kinds.ANY) if is_name else t.name_for(target, "found")
    lines = _written(t, _taken_apart(value), Flow(Returns.STEP, target=name)).lines
    if is_name:
        return lines
    return [*lines, *patterns.taken_apart(t, target, Code(name, kinds.ANY))]


def _taken_apart(node: Node) -> _Chain:
    steps: list[Node] = []
    failed: Node | None = None
    while node.type == "call_expression":
        callee = tree.bare(tree.field(node, "function"))
        method = "" if callee.type != "member_expression" else tree.member_name(callee)
        if method not in CHAINED:
            break
        given = tree.arguments(node)
        if len(given) != 1 or method == "finally":
            raise Untranslatable(f"this {method} has no translation")
        if method == "then":
            steps.insert(0, given[0])
        elif steps or failed is not None:
            raise Untranslatable("a chain that goes on after catch has no translation")
        else:
            failed = given[0]
        node = tree.bare(tree.field(callee, "object"))
    return _Chain(node, steps, failed)


def _written(t: Translator, chain: _Chain, flow: Flow) -> Block:
    outer = t.facts
    body = t.gathered(lambda: _steps(t, chain, flow))
    failed = chain.failed
    callback = None if failed is None else t.callbacks.of(failed)
    if failed is None or (callback and callback.ends is Ends.HOOK):
        # What fails is given to the callback, as Python's exceptions are by themselves.
        return body
    if failed.type not in tree.LITERAL_FUNCTIONS:
        raise Untranslatable("what is done with this failure cannot be seen here")
    t.facts = outer
    parameter = next(iter(tree.parameters(failed)), None)
    lines = suite("try", body)
    inner = tree.field(failed, "body")
    lines.extend(tries.passing(t, [chain.base, *chain.steps], body, inner, parameter))
    head, opening = tries.caught(t, parameter)
    handler = t.gathered(lambda: functions.inlined(t, failed, flow))
    lines.extend(suite(head, Block([*opening, *handler.lines])))
    t.facts = outer
    return Block(lines, body.completes or handler.completes)


def _steps(t: Translator, chain: _Chain, flow: Flow) -> Block:
    lines: list[Line] = []
    base, steps = tree.bare(chain.base), chain.steps
    callee = tree.maybe(base, "function") if base.type == "call_expression" else None
    if callee is not None and tree.bare(callee).type in tree.LITERAL_FUNCTIONS:
        # A function that is called where it is written.
        if steps or tree.arguments(base):
            raise Untranslatable("this chain of promises has no translation")
        return functions.inlined(t, tree.bare(callee), flow)
    value = settled(t.expression(base))
    if not steps:
        return Block([_final(value, flow)], completes=flow.returns is not Returns.VALUE)
    for step in steps[:-1]:
        block, value = _step(t, step, value)
        lines.extend(block.lines)
        if not block.completes:
            return Block(lines, completes=False)
    block = _last_step(t, steps[-1], value, flow)
    return Block([*lines, *block.lines], block.completes)


def _final(value: Code, flow: Flow) -> Line:
    if flow.returns is Returns.VALUE:
        return Line(f"return {value.text}")
    return Line(f"{flow.target} = {value.text}" if flow.target else value.text)


def _last_step(t: Translator, function: Node, value: Code, flow: Flow) -> Block:
    if function.type not in tree.LITERAL_FUNCTIONS:
        return Block([_final(_of_named(t, function, value), flow)])
    lines = _given(t, function, value)
    body = functions.inlined(t, function, flow)
    return Block([*lines, *body.lines], body.completes)


def _step(t: Translator, function: Node, value: Code) -> tuple[Block, Code]:
    """One step of a chain, and what it hands on to the next."""
    if function.type not in tree.LITERAL_FUNCTIONS:
        return Block([]), _of_named(t, function, value)
    inner = functions.single_value(function)
    if inner is not None and not is_chain(tree.bare(inner)):
        lines = _given(t, function, value)
        return Block(lines), settled(t.expression(inner))
    body = [*tree.walk(tree.field(function, "body"), within_functions=False)]
    has_value = any(node.type == "return_statement" for node in body)
    calls_back = any(
        node.type == "call_expression" and t.callbacks.is_called_by(node) for node in body
    )
    if has_value and not calls_back:
        for parameter in tree.parameters(function)[:1]:
            t.types.know(parameter, value.type)
        name = functions.defined(t, function, "step")
        made = call(name, [value.text], local.return_type(t, function))
        return Block([]), settled(local.awaited_call(t, made, function))
    name = t.name_for(function, "found")
    lines = _given(t, function, value)
    block = functions.inlined(t, function, Flow(Returns.STEP, target=name if has_value else ""))
    result = Code(name, local.return_type(t, function)) if has_value else Code("None", kinds.NULL)
    return Block([*lines, *block.lines], block.completes), settled(result)


def _given(t: Translator, function: Node, value: Code) -> list[Line]:
    """The lines that give a step what came before it."""
    parameters = tree.parameters(function)
    if parameters:
        return patterns.taken_apart(t, parameters[0], value)
    return [] if value.is_simple else [Line(value.text)]


def _of_named(t: Translator, function: Node, value: Code) -> Code:
    """What a step gives that is a function of the script."""
    found = t.callbacks.function_of(function)
    if found is None or t.callbacks.is_answering(found[1]):
        raise Untranslatable("this step of a chain of promises cannot be seen here")
    binding, called = found
    made = call(binding.python, [value.text], local.return_type(t, called))
    return settled(local.awaited_call(t, made, called))
