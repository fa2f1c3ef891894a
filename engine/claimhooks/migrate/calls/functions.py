"""Functions of the script: as `def`, put where they are called, or handed on as a value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from claimhooks.migrate import kinds
from claimhooks.migrate.calls import local
from claimhooks.migrate.facts import NO_FACTS
from claimhooks.migrate.python.code import Block, Code, Line, Rank, call, suite
from claimhooks.migrate.script import tree
from claimhooks.migrate.state import Flow, Frame, Jumps, Returns, Untranslatable
from claimhooks.migrate.statements import patterns
from claimhooks.migrate.values import members
from claimhooks.migrate.values.coercion import CONVERSIONS

if TYPE_CHECKING:
    from tree_sitter import Node

    from claimhooks.migrate.kinds import Type
    from claimhooks.migrate.translator import Translator


def declaration(t: Translator, node: Node) -> Block:
    """`function name() {}`."""
    binding = t.bindings.of(tree.field(node, "name"))
    if binding is None or binding.function is None:
        raise Untranslatable("this function is declared more than once, or assigned to")
    return Block(definition(t, node, binding.python))


def definition(t: Translator, function: Node, name: str) -> list[Line]:
    """A function as `def`."""
    if function.id == t.hook.id:
        return hook_definition(t, function)
    local.give_parameters(t, function)
    texts, opening = _parameters(t, function)
    body = written(t, function, opening)
    if body.completes and t.callbacks.is_answering(function):
        t.effects.falling.add(function.id)
    word = "async def" if local.is_async(t, function) else "def"
    return suite(f"{word} {name}({', '.join(texts)})", body)


def hook_definition(t: Translator, function: Node) -> list[Line]:
    """The hook, which takes what it uses."""
    opening: list[tuple[Node, Code]] = []
    for parameter, name in zip(tree.parameters(function), members.ARGUMENTS, strict=False):
        is_optional = parameter.type == "assignment_pattern"
        target = tree.field(parameter, "left") if is_optional else parameter
        if target.type != "identifier":
            t.effects.arguments.add(name)
            opening.append((target, Code(name, members.ARGUMENTS[name])))
    body = written(t, function, opening)
    last = body.lines[-1].text if body.lines else ""
    if body.completes and not last.startswith("js_todo("):
        end = (tree.field(function, "body").children or [function])[-1]
        said = "the hook can end here without having called its callback: it never answered then"
        ending = t.gathered(lambda: t.never(end, said))
        body = Block([*body.lines, *ending.lines], completes=False)
    names = [name for name in members.ARGUMENTS if name in t.effects.arguments]
    word = "async def" if local.is_async(t, function) else "def"
    head = f"{word} credentials_exchange({', '.join(names)})"
    return [Line("@hookimpl"), *suite(head, body)]


def written(t: Translator, function: Node, opening: list[tuple[Node, Code]]) -> Block:
    """The body of a function, in a frame of its own; `opening` is what it takes apart first."""
    frame, known = t.frame, t.facts
    t.frame, t.facts = Frame(function), NO_FACTS
    try:
        with t.within(Flow(_returns(t, function)), Jumps()):
            return t.gathered(lambda: _body(t, function, opening))
    finally:
        t.frame, t.facts = frame, known


def _body(t: Translator, function: Node, opening: list[tuple[Node, Code]]) -> Block:
    lines = [line for pattern, code in opening for line in patterns.taken_apart(t, pattern, code)]
    body = inlined(t, function, t.flow)
    return Block([*_outer_names(t.frame), *lines, *body.lines], body.completes)


def _returns(t: Translator, function: Node) -> Returns:
    calls_back = t.callbacks.results_of(function) is not None
    if function.id == t.hook.id or t.callbacks.is_answering(function) or calls_back:
        return Returns.NOTHING
    return Returns.VALUE


def _outer_names(frame: Frame) -> list[Line]:
    names: dict[str, set[str]] = {"global": set(), "nonlocal": set()}
    for binding in frame.assigned - frame.declared:
        home = binding.scope.function
        if home.node.id != frame.node.id:
            word = "global" if home.outer is None else "nonlocal"
            names[word].add(binding.python)
    return [Line(f"{word} {', '.join(sorted(each))}") for word, each in names.items() if each]


def inlined(t: Translator, function: Node, flow: Flow) -> Block:
    """The statements of a function, for where it is called."""
    names = t.bindings.scope_of(function).names.values()
    lines = [Line(f"{binding.python} = None") for binding in names if binding.outlives_its_block]
    body = tree.field(function, "body")
    with t.within(flow):
        if body.type == "statement_block":
            block = t.body(body.named_children)
        else:
            block = t.gathered(lambda: t.returned(body, body))
    return Block([*lines, *block.lines], block.completes)


# Parameters


def _parameters(t: Translator, function: Node) -> tuple[list[str], list[tuple[Node, Code]]]:
    texts: list[str] = []
    opening: list[tuple[Node, Code]] = []
    given = tree.parameters(function)
    default = ""
    for index in local.kept_parameters(t, function):
        parameter = target = given[index]
        if parameter.type == "assignment_pattern":
            # As in JavaScript, a default is made anew for each call.
            default, target = "=None", tree.field(parameter, "left")
        if target.type == "rest_pattern":
            raise Untranslatable("a function of any number of arguments has no translation")
        is_name = target.type == "identifier"
        name = python_name(t, target) if is_name else t.name_for(target, "given")
        texts.append(name + default)
        if parameter is not target or not is_name:
            opening.append((parameter, Code(name, t.types.of_parameter(parameter))))
    return texts, opening


def python_name(t: Translator, name: Node) -> str:
    """The name that a parameter has in Python."""
    binding = t.bindings.of(name)
    return tree.text(name) if binding is None else binding.python


STATEMENTS: Final = {"function_declaration": declaration}


def value(t: Translator, node: Node) -> Code:
    """A function that is a value: a `lambda`, or the name of a `def` before the statement."""
    if t.callbacks.is_answering(node):
        raise Untranslatable("the callback is called by a function that is handed on")
    if _keeps_loop(t, node):
        raise Untranslatable("a function that keeps a variable of a loop would see its last value")
    inner = single_value(node)
    parameters = tree.parameters(node)
    if inner is not None and all(one.type == "identifier" for one in parameters):
        code = t.expression(inner)
        if "await " not in code.text:
            names = ", ".join(python_name(t, one) for one in parameters)
            head = f"lambda {names}" if names else "lambda"
            return Code(f"{head}: {code.at(Rank.TERNARY)}", kinds.OBJECT, Rank.LAMBDA)
    return Code(defined(t, node, "step"), kinds.OBJECT)


def _keeps_loop(t: Translator, function: Node) -> bool:
    """Whether a function uses a variable of a loop around it: JavaScript has one for each turn."""
    found = {t.bindings.of(one) for one in tree.walk(function) if one.type in tree.NAMES}
    loop = function.parent
    while loop is not None and loop.type not in tree.FUNCTIONS:
        if loop.type in {"for_statement", "for_in_statement"} and any(
            tree.is_within(binding.declaration, loop)
            and not tree.is_within(binding.declaration, function)
            for binding in found
            if binding is not None
        ):
            return True
        loop = loop.parent
    return False


def defined(t: Translator, function: Node, name: str) -> str:
    """Put the `def` of a function before the statement; returns its name."""
    python = t.name_for(function, name)
    t.effects.before.extend(definition(t, function, python))
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
    named = tree.text(function) if t.bindings.of(function) is None else ""
    if is_test and named == "Boolean":
        return [name], item
    if named in {"String", "Number", "Boolean"}:
        return [name], CONVERSIONS[named](t, item)
    found = t.callbacks.function_of(function)
    if found is None or t.callbacks.is_answering(found[1]):
        raise Untranslatable("what this calls for each item cannot be seen here")
    binding, called = found
    names = [name, f"{name}_index"][: max(len(tree.parameters(called)), 1)]
    made = call(binding.python, names, local.return_type(t, called))
    return names, local.awaited_call(t, made, called)


def refuse_async(function: Node) -> None:
    """Raise for a function that is called for each item, but not waited for."""
    if tree.has_token(function, "async"):
        raise Untranslatable("JavaScript did not wait for this async function")


def _applied_literal(t: Translator, function: Node, given: list[Type]) -> tuple[list[str], Code]:
    parameters = tree.parameters(function)
    if t.callbacks.is_answering(function):
        raise Untranslatable("the callback is called by a function that is handed on")
    refuse_async(function)
    if len(parameters) > len(given):
        raise Untranslatable("a function that is given the whole array has no translation")
    pairs = zip(parameters, given, strict=False)
    names = [patterns.loop_target(t, parameter, kind) for parameter, kind in pairs]
    inner = single_value(function)
    if inner is not None and all(names):
        return names or ["_"], t.expression(inner)
    name = defined(t, function, "step")
    names = [t.name_for(parameter, "item") for parameter in parameters]
    made = call(name, names, local.return_type(t, function))
    return names or ["_"], local.awaited_call(t, made, function)


EXPRESSIONS: Final = {"arrow_function": value, "function_expression": value}
