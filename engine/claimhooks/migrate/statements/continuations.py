"""Calls that are given what comes next: it comes next in Python by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from claimhooks.migrate import kinds
from claimhooks.migrate.calls import functions, http, local
from claimhooks.migrate.kinds import Type, either
from claimhooks.migrate.python.code import Block, Code, Line
from claimhooks.migrate.script import modules, tree
from claimhooks.migrate.state import Flow, Returns, Untranslatable
from claimhooks.migrate.statements import patterns

if TYPE_CHECKING:
    from tree_sitter import Node

    from claimhooks.migrate.script.scopes import Binding
    from claimhooks.migrate.translator import Translator


def continued(t: Translator, node: Node) -> Block:
    """A call of `request`, or of a function of the script, whose last argument is a callback."""
    following = tree.arguments(node)[-1:]
    if not following or following[0].type not in tree.LITERAL_FUNCTIONS:
        raise Untranslatable("the callback that this is given cannot be seen here")
    if t.frame.node.id == t.program.id:
        raise Untranslatable("nothing can be looked up while a hook file is loaded")
    module = modules.module_of(tree.field(node, "function"), t.bindings, t.modules)
    if module is not None:
        code, given = http.callback_request(t, node, module)
    else:
        code, given = _of_function(t, node)
    warn_of_order(t, node)
    flow = Flow(Returns.NOTHING, t.flow.is_last)
    lines = _received(t, following[0], code, given)
    body = functions.inlined(t, following[0], flow)
    return Block([*lines, *body.lines], body.completes)


def warn_of_order(t: Translator, node: Node) -> None:
    """Mark a call after which the script goes on, while what comes next is still to come."""
    is_awaited = node.parent is not None and node.parent.type == "await_expression"
    if not t.flow.is_last and not is_awaited:
        t.decide(node, "what follows ran before the answer to this came; here it runs after it")


def _of_function(t: Translator, node: Node) -> tuple[Code, list[Type]]:
    binding, function = _called(t, node)
    found = t.callbacks.results_of(function)
    if found is None or found[0] != len(tree.arguments(node)) - 1:
        raise Untranslatable("the callback that this is given cannot be seen here")
    index, callback = found
    code = local.called(t, node, binding.python, function)
    parameter = t.bindings.of(tree.parameters(function)[index])
    calls = [] if parameter is None else parameter.calls
    return code, [_given_type(t, calls, place) for place in range(callback.size)]


def _called(t: Translator, node: Node) -> tuple[Binding, Node]:
    found = t.callbacks.function_of(tree.bare(tree.field(node, "function")))
    if found is None:
        raise Untranslatable("what this calls cannot be seen here")
    return found


def _given_type(t: Translator, calls: list[Node], place: int) -> Type:
    """What the calls of a callback give to the parameter at `place`."""
    values = [tree.arguments(one)[place : place + 1] for one in calls]
    with t.silently():
        return either([t.expression(one[0]).type if one else kinds.UNDEFINED for one in values])


def _received(t: Translator, function: Node, code: Code, given: list[Type]) -> list[Line]:
    """The lines that give the parameters of a callback their values."""
    parameters = tree.parameters(function)
    names: list[str] = []
    opening: list[tuple[Node, Code]] = []
    for index, kind in enumerate(given):
        if index >= len(parameters):
            names.append("_")
        elif parameters[index].type == "identifier":
            names.append(patterns.assigned(t, parameters[index], kind))
        else:
            name = t.name_for(parameters[index], "given")
            names.append(name)
            opening.append((parameters[index], Code(name, kind)))
    text = f"{', '.join(names)} = {code.text}" if parameters else code.text
    lines = [Line(text)]
    for pattern, source in opening:
        lines.extend(patterns.taken_apart(t, pattern, source))
    return lines


def propagated(t: Translator, node: Node) -> Block:
    """A call of a function that may answer for the hook: its answer is handed on."""
    binding, function = _called(t, node)
    code = local.called(t, node, binding.python, function)
    if t.flow.is_last and function.id not in t.known.falling:
        return Block([Line(f"return {code.text}")], completes=False)
    lines = [Line(f"if (this := {code.text}) is not None:"), Line("return this", 1)]
    return Block(lines)
