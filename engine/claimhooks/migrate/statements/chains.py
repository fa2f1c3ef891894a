"""Chains of `then` and `catch`, as statements that follow each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from claimhooks.migrate import kinds
from claimhooks.migrate.calls import functions, handed, local, promises
from claimhooks.migrate.effects import Untranslatable
from claimhooks.migrate.flow import Flow, Returns
from claimhooks.migrate.python.code import Code, call
from claimhooks.migrate.python.lines import Block, Line, suite
from claimhooks.migrate.script import tree
from claimhooks.migrate.script.callbacks import CHAINED, Ends, is_chain
from claimhooks.migrate.statements import continuations, patterns, tries

if TYPE_CHECKING:
    from tree_sitter import Node

    from claimhooks.migrate.kinds import Type
    from claimhooks.migrate.translator import Translator


@dataclass(frozen=True, slots=True)
class _Chain:
    """A promise, and what is done with it."""

    base: Node
    steps: list[Node]
    failed: Node | None
    finally_: Node | None


def statement(t: Translator, node: Node) -> Block:
    """A chain whose last value is of no interest, or is what the function returns."""
    chain = _taken_apart(node)
    if chain.steps or chain.failed is not None or chain.base.type != "call_expression":
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
    name = (
        patterns.assigned(t, target, kinds.ANY)
        if target.type == "identifier"
        else t.name_for(target, "found")
    )
    block = _written(t, _taken_apart(value), Flow(Returns.STEP, is_last=True, target=name))
    lines = block.lines
    if target.type != "identifier":
        lines = [*lines, *patterns.taken_apart(t, target, Code(name, kinds.ANY))]
    return lines


def returned_promise(t: Translator, node: Node) -> Block | None:
    """`return new Promise(executor)`: what the executor does is what the function does."""
    given = tree.arguments(node)
    if not given or not t.callbacks.is_inlined(given[0]):
        return None
    block = functions.inlined(t, given[0], Flow(Returns.NOTHING))
    if not block.completes:
        return block
    t.decide(node, "the promise may stay unsettled, so that nothing ever came of it")
    line = node.start_point.row + 1
    return Block([*block.lines, Line(f"{t.need('js_todo')}({line})")], completes=False)


def _taken_apart(node: Node) -> _Chain:
    steps: list[Node] = []
    failed = finally_ = None
    while node.type == "call_expression":
        callee = tree.bare(tree.field(node, "function"))
        if callee.type != "member_expression":
            break
        method = tree.text(tree.field(callee, "property"))
        if method not in CHAINED:
            break
        given = tree.arguments(node)
        if method == "then":
            if len(given) > 1 and (steps or failed is not None):
                raise Untranslatable("a second function of then has no translation here")
            failed = given[1] if len(given) > 1 else failed
            steps.extend(given[:1])
        elif steps or failed is not None or not given:
            raise Untranslatable("a chain that goes on after catch has no translation")
        elif method == "catch":
            failed = given[0]
        else:
            finally_ = given[0]
        node = tree.bare(tree.field(callee, "object"))
    return _Chain(node, steps[::-1], failed, finally_)


def _is_raised_anyway(t: Translator, failed: Node | None) -> bool:
    """Whether what fails is only given to the callback, as Python's exceptions are."""
    callback = None if failed is None else t.callbacks.of(failed)
    return callback is not None and callback.ends in {Ends.HOOK, Ends.REJECT}


def _written(t: Translator, chain: _Chain, flow: Flow) -> Block:
    outer = t.facts
    body = t.gathered(lambda: _steps(t, chain, flow))
    if _is_raised_anyway(t, chain.failed):
        chain = _Chain(chain.base, chain.steps, None, chain.finally_)
    if chain.failed is None and chain.finally_ is None:
        return body
    lines = suite("try", body)
    completes = body.completes
    if chain.failed is not None:
        t.facts = outer
        parameters = (
            tree.parameters(chain.failed) if chain.failed.type in tree.LITERAL_FUNCTIONS else []
        )
        parameter = parameters[0] if parameters else None
        inner = tree.maybe(chain.failed, "body") or chain.failed
        lines.extend(tries.passing(t, [chain.base, *chain.steps], body, inner, parameter))
        handler = t.gathered(lambda: _failed(t, chain.failed, parameter, flow))
        lines.extend(handler.lines)
        completes = completes or handler.completes
    if chain.finally_ is not None:
        last = functions.inlined(t, chain.finally_, Flow(Returns.STEP))
        lines.extend(suite("finally", last))
    t.facts = outer
    return Block(lines, completes)


def _failed(t: Translator, function: Node | None, parameter: Node | None, flow: Flow) -> Block:
    if function is None:
        return Block([])
    if function.type in tree.LITERAL_FUNCTIONS:
        head, opening = tries.caught(t, parameter)
        inner = functions.inlined(t, function, flow)
        return Block(suite(head, Block([*opening, *inner.lines])), inner.completes)
    raise Untranslatable("what is done with this failure cannot be seen here")


def _steps(t: Translator, chain: _Chain, flow: Flow) -> Block:
    lines: list[Line] = []
    base, steps = tree.bare(chain.base), chain.steps
    if base.type == "call_expression" and _is_written_out(base):
        function = tree.bare(tree.field(base, "function"))
        if not steps:
            return functions.inlined(t, function, flow)
        value = Code(handed.defined(t, function, "step"), kinds.OBJECT)
        made = call(value.text, [], local.return_type(t, function))
        value = local.awaited_call(t, made, function)
    elif base.type == "new_expression":
        value = promises.new_promise(t, base)
    else:
        value = t.expression(base)
    value = Code(value.text, kinds.awaited(value.type), value.rank)
    if not steps:
        return Block([_final(value, flow)], completes=flow.returns is not Returns.VALUE)
    for index, step in enumerate(steps):
        is_final = index == len(steps) - 1
        block, value = _step(t, step, value, flow if is_final else None)
        lines.extend(block.lines)
        if not block.completes:
            return Block(lines, completes=False)
    return Block(lines)


def _final(value: Code, flow: Flow) -> Line:
    if flow.returns is Returns.VALUE:
        return Line(f"return {value.text}")
    return Line(f"{flow.target} = {value.text}" if flow.target else value.text)


def _is_written_out(base: Node) -> bool:
    function = tree.bare(tree.field(base, "function"))
    return function.type in tree.LITERAL_FUNCTIONS and not tree.arguments(base)


def _step(t: Translator, function: Node, value: Code, flow: Flow | None) -> tuple[Block, Code]:
    """One step of a chain; without `flow` its value is handed on to the next."""
    function = tree.bare(function)
    if function.type not in tree.LITERAL_FUNCTIONS:
        return _named_step(t, function, value, flow)
    parameters = tree.parameters(function)
    lines = patterns.taken_apart(t, parameters[0], value) if parameters else []
    if not parameters and not value.is_simple:
        lines = [Line(value.text)]
    if flow is not None:
        body = functions.inlined(t, function, flow)
        return Block([*lines, *body.lines], body.completes), value
    inner = handed.single_value(function)
    if inner is not None and not is_chain(tree.bare(inner)):
        code = t.expression(inner)
        return Block(lines), Code(code.text, kinds.awaited(code.type), code.rank)
    if _returns_early(function) and not _calls_back(t, function):
        python = handed.defined(t, function, "step")
        made = call(python, [value.text], local.return_type(t, function))
        code = local.awaited_call(t, made, function)
        return Block([]), Code(code.text, kinds.awaited(code.type), code.rank)
    if not handed.single_value(function) and not _has_value(function):
        body = functions.inlined(t, function, Flow(Returns.STEP))
        return Block([*lines, *body.lines], body.completes), Code("None", kinds.UNDEFINED)
    name = t.name_for(function, "found")
    body = functions.inlined(t, function, Flow(Returns.STEP, is_last=True, target=name))
    kind = _settled_type(t, function)
    return Block([*lines, *body.lines], body.completes), Code(name, kind)


def _returns_early(function: Node) -> bool:
    body = tree.field(function, "body")
    last = tree.children(body)[-1:]
    returns = [
        node for node in tree.walk(body, within_functions=False) if node.type == "return_statement"
    ]
    return any(one.id != last[0].id for one in returns)


def _has_value(function: Node) -> bool:
    body = tree.field(function, "body")
    return any(node.type == "return_statement" for node in tree.walk(body, within_functions=False))


def _calls_back(t: Translator, function: Node) -> bool:
    return any(
        node.type == "call_expression" and t.callbacks.is_called_by(node)
        for node in tree.walk(function)
    )


def _settled_type(t: Translator, function: Node) -> Type:
    return kinds.awaited(local.return_type(t, function))


def _named_step(
    t: Translator, function: Node, value: Code, flow: Flow | None
) -> tuple[Block, Code]:
    callback = t.callbacks.of(function)
    if callback is not None and callback.ends is Ends.RESOLVE:
        return Block([Line(f"return {value.text}")], completes=False), value
    binding = t.callbacks.function_of(function)
    if binding is None or binding.function is None or t.callbacks.is_answering(binding.function):
        raise Untranslatable("this step of a chain of promises cannot be seen here")
    made = call(binding.python, [value.text], local.return_type(t, binding.function))
    code = local.awaited_call(t, made, binding.function)
    code = Code(code.text, kinds.awaited(code.type), code.rank)
    return Block([] if flow is None else [_final(code, flow)]), code
