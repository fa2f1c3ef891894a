"""Calls of functions of the script."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from claimhooks.migrate import kinds
from claimhooks.migrate.effects import Untranslatable
from claimhooks.migrate.kinds import Type, either, list_of, promise_of
from claimhooks.migrate.python.code import Code, Rank, call
from claimhooks.migrate.script import tree

if TYPE_CHECKING:
    from tree_sitter import Node

    from claimhooks.migrate.script.bindings import Binding
    from claimhooks.migrate.translator import Translator


def is_async(t: Translator, function: Node) -> bool:
    """Whether the Python of a function awaits something."""
    return function.id in t.known.awaiting


def gives_promise(t: Translator, function: Node) -> bool:
    """Whether a call of a function gives a promise."""
    return tree.has_token(function, "async") or is_async(t, function)


def give_parameters(t: Translator, function: Node) -> None:
    """Say what the parameters of a function are, from the calls of it."""
    binding = t.callbacks.binding_of(function)
    if binding is None or not binding.is_only_called or not binding.calls:
        return
    for index, parameter in enumerate(tree.parameters(function)):
        if t.types.is_known(parameter):
            continue
        t.types.know(parameter, kinds.ANY)  # while it is being found out
        if parameter.type == "rest_pattern":
            given = [one for call in binding.calls for one in tree.arguments(call)[index:]]
            with t.silently():
                found = list_of(either([t.expression(one).type for one in given]))
            t.types.know(tree.children(parameter)[0], found)
            continue
        firsts = [tree.arguments(one)[index : index + 1] for one in binding.calls]
        with t.silently():
            types = [t.expression(one[0]).type if one else kinds.UNDEFINED for one in firsts]
        t.types.know(parameter, replace(either(types), fields={}))


def kept_parameters(t: Translator, function: Node) -> list[int]:
    """Which parameters a function has in Python: those that are no callbacks."""
    return [
        index
        for index, parameter in enumerate(tree.parameters(function))
        if t.callbacks.of(parameter) is None
    ]


def local_call(t: Translator, node: Node, binding: Binding) -> Code:
    """A call of a function of the script."""
    function = binding.function
    if function is None:
        raise LookupError(binding.name)
    if t.callbacks.is_answering(function) or t.callbacks.results_of(function) is not None:
        raise Untranslatable("this calls a callback, and stands where only a value can")
    return called(t, node, binding.python, function)


def called(t: Translator, node: Node, name: str, function: Node) -> Code:
    """A call of `function`, which has this name in Python."""
    given, wanted = tree.arguments(node), kept_parameters(t, function)
    texts: list[str] = []
    parameters = tree.parameters(function)
    for index in wanted:
        if parameters[index].type == "rest_pattern":
            texts.extend(spread_text(t, one) for one in given[index:])
        elif index < len(given):
            texts.append(spread_text(t, given[index]))
        elif parameters[index].type != "assignment_pattern":
            texts.append("None")
    if len(given) > len(parameters) and not _takes_rest(parameters):
        for extra in given[len(parameters) :]:
            _refuse_effects(t, extra)
    return awaited_call(t, call(name, texts, return_type(t, function)), function)


def _takes_rest(parameters: list[Node]) -> bool:
    return bool(parameters) and parameters[-1].type == "rest_pattern"


def _refuse_effects(t: Translator, extra: Node) -> None:
    """Refuse an argument that a function does not take, if it does something nevertheless."""
    if tree.has_effects(extra):
        raise Untranslatable("a function is given more arguments than it takes")
    t.expression(extra)


def awaited_call(t: Translator, code: Code, function: Node) -> Code:
    """A call of `function`, awaited at once if its Python is `async`."""
    if not is_async(t, function):
        kind = promise_of(code.type) if gives_promise(t, function) else code.type
        return Code(code.text, kind)
    if t.frame.node.id == t.program.id:
        raise Untranslatable("nothing can be awaited while a hook file is loaded")
    t.awaits()
    return Code(f"await {code.text}", promise_of(code.type), Rank.AWAIT)


def spread_text(t: Translator, argument: Node) -> str:
    """An argument, spread if it is."""
    if argument.type == "spread_element":
        return f"*{t.expression(tree.children(argument)[0]).at(Rank.TERNARY)}"
    return t.expression(argument).text


def return_type(t: Translator, function: Node) -> Type:
    """What a function returns."""
    known = t.types.returned.get(function.id)
    if known is not None:
        return known
    t.types.returned[function.id] = kinds.NEVER  # while it is being found out
    give_parameters(t, function)
    body = tree.field(function, "body")
    with t.silently():
        if body.type != "statement_block":
            found = [t.expression(body).type]
        else:
            returns = [
                node
                for node in tree.walk(body, within_functions=False)
                if node.type == "return_statement"
            ]
            values = [tree.children(node)[:1] for node in returns]
            found = [t.expression(value[0]).type if value else kinds.UNDEFINED for value in values]
            if _may_fall_off(body):
                found.append(kinds.UNDEFINED)
    kind = either([kinds.awaited(one) for one in found])
    t.types.returned[function.id] = kind
    return kind


def _may_fall_off(body: Node) -> bool:
    """Whether the end of a function's body seems to be reached."""
    last = tree.children(body)[-1:]
    return not last or last[0].type not in {"return_statement", "throw_statement"}
