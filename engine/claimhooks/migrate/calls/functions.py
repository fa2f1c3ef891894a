"""Functions of the script: as `def`, or put where they are called."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from claimhooks.migrate.calls import local
from claimhooks.migrate.effects import Untranslatable
from claimhooks.migrate.facts import NO_FACTS
from claimhooks.migrate.flow import Flow, Frame, Jumps, Returns
from claimhooks.migrate.python.code import Code
from claimhooks.migrate.python.lines import Block, Line, suite
from claimhooks.migrate.script import tree
from claimhooks.migrate.statements import patterns
from claimhooks.migrate.values import variables

if TYPE_CHECKING:
    from tree_sitter import Node

    from claimhooks.migrate.script.bindings import Binding
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
    if tree.has_token(function, "*"):
        raise Untranslatable("generators have no translation")
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
    for parameter, name in zip(tree.parameters(function), variables.ARGUMENTS, strict=False):
        is_optional = parameter.type == "assignment_pattern"
        target = tree.field(parameter, "left") if is_optional else parameter
        if target.type != "identifier":
            t.effects.arguments.add(name)
            opening.append((target, Code(name, variables.ARGUMENTS[name])))
    body = written(t, function, opening)
    last = body.lines[-1].text if body.lines else ""
    if body.completes and not last.startswith("js_todo("):
        ending = t.gathered(lambda: _unanswered(t, function))
        body = Block([*body.lines, *ending.lines], completes=False)
    names = [name for name in variables.ARGUMENTS if name in t.effects.arguments]
    word = "async def" if local.is_async(t, function) else "def"
    head = f"{word} credentials_exchange({', '.join(names)})"
    return [Line("@hookimpl"), *suite(head, body)]


def _unanswered(t: Translator, function: Node) -> Block:
    message = "the hook can end here without having called its callback: it never answered then"
    end = tree.field(function, "body").children[-1:] or [function]
    t.decide(end[0], message)
    line = function.end_point.row + 1
    return Block([Line(f"{t.need('js_todo')}({line})")], completes=False)


def written(t: Translator, function: Node, opening: list[tuple[Node, Code]]) -> Block:
    """The body of a function, in a frame of its own; `opening` is what it takes apart first."""
    frame, known, guards = t.frame, t.facts, t.guards
    t.frame, t.facts, t.guards = Frame(function), NO_FACTS, []
    try:
        with t.flowing(Flow(_returns(t, function))), t.jumping(Jumps()):
            return t.gathered(lambda: _body(t, function, opening))
    finally:
        t.frame, t.facts, t.guards = frame, known, guards


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
    lines = [Line(f"{binding.python} = None") for binding in _hoisted(t, function)]
    body = tree.field(function, "body")
    with t.flowing(flow):
        if body.type == "statement_block":
            block = t.body(body.named_children)
        else:
            block = t.gathered(lambda: t.returned(body, body))
    return Block([*lines, *block.lines], block.completes)


def _hoisted(t: Translator, function: Node) -> list[Binding]:
    """The `var`s of a function that are used outside of the block in which they are declared."""
    found: list[Binding] = []
    for binding in t.bindings.scope_of(function).names.values():
        declarator = binding.declaration.parent
        if declarator is None or declarator.type != "variable_declarator":
            continue
        block = declarator.parent
        while block is not None and block.type not in {"statement_block", *tree.FUNCTIONS}:
            block = block.parent
        if block is None or block.parent is None or block.parent.id == function.id:
            continue
        if not all(tree.is_within(one, block) for one in binding.references):
            found.append(binding)
    return found


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
            rest = tree.children(target)[0]
            texts.append(f"*{python_name(t, rest)}")
            opening.append((rest, Code(f"list({texts[-1][1:]})", t.types.of_name(rest))))
            continue
        is_name = target.type == "identifier"
        name = python_name(t, target) if is_name else t.name_for(target, "given")
        texts.append(name + default)
        if parameter is not target or not is_name:
            opening.append((parameter, Code(name, t.types.of_parameter(parameter))))
    if len({*texts}) < len(texts):
        raise Untranslatable("two parameters of this function have the same name")
    return texts, opening


def python_name(t: Translator, name: Node) -> str:
    """The name that a parameter has in Python."""
    binding = t.bindings.of(name)
    return tree.text(name) if binding is None else binding.python


STATEMENTS: Final = {"function_declaration": declaration}
