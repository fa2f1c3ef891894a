"""Calls of functions of the script."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from claimhooks.migrate import kinds
from claimhooks.migrate.kinds import Type, either, promise_of
from claimhooks.migrate.python.code import Code, Rank, call
from claimhooks.migrate.script import tree
from claimhooks.migrate.script.callbacks import is_chain
from claimhooks.migrate.state import Untranslatable

if TYPE_CHECKING:
    from tree_sitter import Node

    from claimhooks.migrate.script.scopes import Binding
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


def local_call(t: Translator, node: Node, binding: Binding, function: Node) -> Code:
    """A call of a function of the script where its value is used."""
    if t.callbacks.is_answering(function) or t.callbacks.results_of(function) is not None:
        raise Untranslatable("this calls a callback, and stands where only a value can")
    return called(t, node, binding.python, function)


def called(t: Translator, node: Node, name: str, function: Node) -> Code:
    """A call of `function`, which has this name in Python."""
    given, parameters = tree.arguments(node), tree.parameters(function)
    if len(given) > len(parameters) or any(one.type == "spread_element" for one in given):
        raise Untranslatable("a function is given more arguments than it takes")
    texts: list[str] = []
    for index in kept_parameters(t, function):
        if index < len(given):
            texts.append(t.expression(given[index]).text)
        elif parameters[index].type != "assignment_pattern":
            texts.append("None")
    return awaited_call(t, call(name, texts, return_type(t, function)), function)


def awaited_call(t: Translator, code: Code, function: Node) -> Code:
    """A call of `function`, awaited at once if its Python is `async`."""
    if not is_async(t, function):
        kind = promise_of(code.type) if gives_promise(t, function) else code.type
        return Code(code.text, kind)
    if t.frame.node.id == t.program.id:
        raise Untranslatable("nothing can be awaited while a hook file is loaded")
    t.awaits()
    return Code(f"await {code.text}", promise_of(code.type), Rank.AWAIT)


def settled(code: Code) -> Code:
    """`code`, whose value has been awaited if it is a promise."""
    return replace(code, type=kinds.awaited(code.type))


def await_expression(t: Translator, node: Node) -> Code:
    """`await`: whatever is a promise has been awaited where it was made."""
    inner = tree.bare(tree.children(node)[0])
    if is_chain(inner):
        raise Untranslatable("this chain of promises stands where only a value can")
    return settled(t.expression(inner))


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
    values: list[Node | None] = [body]
    if body.type == "statement_block":
        returns = [
            node
            for node in tree.walk(body, within_functions=False)
            if node.type == "return_statement"
        ]
        values = [next(iter(tree.children(node)), None) for node in returns]
        last = tree.children(body)[-1:]
        if not last or last[0].type not in {"return_statement", "throw_statement"}:
            # Its end seems to be reached.
            values.append(None)
    with t.silently():
        found = [kinds.UNDEFINED if one is None else t.expression(one).type for one in values]
    kind = either([kinds.awaited(one) for one in found])
    t.types.returned[function.id] = kind
    return kind


EXPRESSIONS: Final = {"await_expression": await_expression}
