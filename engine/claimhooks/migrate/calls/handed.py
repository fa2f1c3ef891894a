"""Functions that are handed on: to a method of an array, or as a value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from claimhooks.migrate import kinds
from claimhooks.migrate.calls import conversions, functions, local
from claimhooks.migrate.effects import Untranslatable
from claimhooks.migrate.python.code import Code, Rank, call
from claimhooks.migrate.script import tree
from claimhooks.migrate.statements import patterns

if TYPE_CHECKING:
    from tree_sitter import Node

    from claimhooks.migrate.kinds import Type
    from claimhooks.migrate.translator import Translator


def value(t: Translator, node: Node) -> Code:
    """A function that is a value: a `lambda`, or the name of a `def` before the statement."""
    if t.callbacks.is_answering(node):
        raise Untranslatable("the callback is called by a function that is handed on")
    inner = single_value(node)
    parameters = tree.parameters(node)
    if inner is not None and all(one.type == "identifier" for one in parameters):
        code = t.expression(inner)
        if "await " not in code.text:
            names = ", ".join(functions.python_name(t, one) for one in parameters)
            head = f"lambda {names}" if names else "lambda"
            return Code(f"{head}: {code.at(Rank.TERNARY)}", kinds.OBJECT, Rank.LAMBDA)
    return Code(defined(t, node, "step"), kinds.OBJECT)


def defined(t: Translator, function: Node, name: str) -> str:
    """Put the `def` of a function before the statement; returns its name."""
    python = t.name_for(function, name)
    t.effects.before.extend(functions.definition(t, function, python))
    return python


def single_value(function: Node) -> Node | None:
    """What a function returns, if that is all that it does."""
    body = tree.field(function, "body")
    if body.type != "statement_block":
        return body
    inner = body.named_children
    if len(inner) == 1 and inner[0].type == "return_statement" and tree.children(inner[0]):
        return tree.children(inner[0])[0]
    return None


def applied(
    t: Translator, function: Node, given: list[Type], *, is_test: bool = False
) -> tuple[list[str], Code]:
    """A function that a method of an array calls: names for what it is given, and its result.

    `given` says what it is called with: item, index, … If `is_test`, all that matters of the
    result is whether it is true.
    """
    function = tree.bare(function)
    if function.type in tree.LITERAL_FUNCTIONS:
        return _applied_literal(t, function, given)
    name = t.name_for(function, "item")
    item = Code(name, given[0])
    if is_test and tree.text(function) == "Boolean":
        return [name], item
    conversion = conversions.CONVERSIONS.get(tree.text(function))
    if conversion is not None and t.bindings.of(function) is None:
        return [name], conversion(t, item)
    binding = t.callbacks.function_of(function)
    if binding is not None and binding.function is not None:
        if t.callbacks.is_answering(binding.function):
            raise Untranslatable("the callback is called by a function that is handed on")
        wanted = len(tree.parameters(binding.function))
        names = [name, f"{name}_index"][: max(min(wanted, len(given)), 1)]
        made = call(binding.python, names, local.return_type(t, binding.function))
        return names, local.awaited_call(t, made, binding.function)
    code = t.expression(function)
    return [name], call(code.at(Rank.ATOM), [name], kinds.ANY)


def _applied_literal(t: Translator, function: Node, given: list[Type]) -> tuple[list[str], Code]:
    parameters = tree.parameters(function)
    if t.callbacks.is_answering(function):
        raise Untranslatable("the callback is called by a function that is handed on")
    names: list[str] = []
    is_plain = True
    for parameter, kind in zip(parameters, given, strict=False):
        names.append(patterns.loop_target(t, parameter, kind))
        is_plain = is_plain and bool(names[-1])
    inner = single_value(function)
    if inner is not None and is_plain:
        return names or ["_"], t.expression(inner)
    name = defined(t, function, "step")
    names = [t.name_for(parameter, "item") for parameter in parameters[: len(given)]]
    made = call(name, names, local.return_type(t, function))
    return names or ["_"], local.awaited_call(t, made, function)


EXPRESSIONS: Final = {"arrow_function": value, "function_expression": value}
