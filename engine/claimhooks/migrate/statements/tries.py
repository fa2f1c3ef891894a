"""`try`, `catch` and `finally`, and what must not be caught."""

from __future__ import annotations

from typing import TYPE_CHECKING

from claimhooks.migrate import facts, kinds
from claimhooks.migrate.python.code import Block, Code, Line, suite
from claimhooks.migrate.script import tree
from claimhooks.migrate.script.callbacks import Ends
from claimhooks.migrate.state import Untranslatable
from claimhooks.migrate.statements import answers, patterns

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tree_sitter import Node

    from claimhooks.migrate.translator import Translator


def try_statement(t: Translator, node: Node) -> Block:
    """`try`."""
    handler, finalizer = tree.maybe(node, "handler"), tree.maybe(node, "finalizer")
    if handler is None and finalizer is None:
        raise Untranslatable("a try without catch or finally is no JavaScript")
    entry = facts.without(t.facts, facts.changed_in(t, node))
    tried = tree.field(node, "body")
    body = t.block(tried)
    lines = suite("try", body)
    ends = [t.facts] if body.completes else []
    if handler is not None:
        t.facts = entry
        parameter, inner = tree.maybe(handler, "parameter"), tree.field(handler, "body")
        lines.extend(passing(t, [tried], body, inner, parameter))
        head, opening = caught(t, parameter)
        block = t.block(inner)
        lines.extend(suite(head, Block([*opening, *block.lines])))
        ends += [t.facts] if block.completes else []
    completes = bool(ends)
    t.facts = facts.common(ends, entry)
    if finalizer is not None:
        last = t.block(tree.field(finalizer, "body"))
        lines.extend(suite("finally", last))
        completes = completes and last.completes
    return Block(lines, completes)


def caught(t: Translator, parameter: Node | None) -> tuple[str, list[Line]]:
    """The `except` that catches what JavaScript catches, and what opens its body."""
    binding = None if parameter is None else t.bindings.of(parameter)
    if parameter is None or (binding is not None and not binding.references):
        return "except Exception", []
    if parameter.type == "identifier":
        return f"except Exception as {patterns.assigned(t, parameter, kinds.ERROR)}", []
    name = t.name_for(parameter, "error")
    opening = patterns.taken_apart(t, parameter, Code(name, kinds.ERROR))
    return f"except Exception as {name}", opening


def passing(
    t: Translator, tried: Sequence[Node], body: Block, handler: Node, parameter: Node | None
) -> list[Line]:
    """The `except` clauses for what JavaScript would not have caught in `tried`.

    A callback that is called with an error throws nothing, while `raise` does.
    """
    names: list[str] = []
    if any("js_todo(" in line.text for line in body.lines):
        names.append("NotImplementedError")
    denials = {one.id: one for node in tried for one in _denials(t, node, set())}
    if denials and not _only_answers(t, handler, parameter):
        t.effects.names.add("OAuthError")
        names.insert(0, "OAuthError")
        for denial in denials.values():
            is_direct = t.callbacks.of(tree.bare(tree.field(denial, "function"))) is not None
            if is_direct and not _is_oauth(t, next(iter(tree.arguments(denial)), denial)):
                t.decide(denial, "this error would be caught below, where cb(error) was not")
        for node in tried:
            for thrown in tree.walk(node, within_functions=False):
                if thrown.type == "throw_statement" and _is_oauth(t, tree.children(thrown)[0]):
                    t.decide(thrown, "this error was caught below, and is not here")
    if not names:
        return []
    listed = names[0] if len(names) == 1 else f"({', '.join(names)})"
    return suite(f"except {listed}", Block([Line("raise")]))


def _denials(t: Translator, node: Node, seen: set[int]) -> Iterator[Node]:
    """The calls of a callback with an error in the function of `node`, or in one that it calls."""
    home = t.callbacks.home(node).id
    for each in tree.walk(node):
        if each.type != "call_expression" or t.callbacks.home(each).id != home or each.id in seen:
            continue
        seen.add(each.id)
        callee, given = tree.bare(tree.field(each, "function")), tree.arguments(each)
        callback, found = t.callbacks.of(callee), t.callbacks.function_of(callee)
        if found is not None and t.callbacks.is_answering(found[1]):
            yield each
            yield from _denials(t, tree.field(found[1], "body"), seen)
        elif (
            callback is not None
            and callback.ends is Ends.HOOK
            and given
            and not tree.is_nothing(given[0])
        ):
            yield each


def _only_answers(t: Translator, handler: Node, parameter: Node | None) -> bool:
    """Whether a handler does nothing but call the callback with what it has caught."""
    statements = tree.children(handler) if handler.type == "statement_block" else [handler]
    if parameter is None or len(statements) != 1:
        return False
    call = next(iter(tree.children(statements[0])), statements[0])
    call = statements[0] if statements[0].type == "call_expression" else call
    if call.type != "call_expression" or t.callbacks.of(tree.field(call, "function")) is None:
        return False
    return [tree.text(one) for one in tree.arguments(call)] == [tree.text(parameter)]


def _is_oauth(t: Translator, error: Node) -> bool:
    """Whether `error` makes an error that denies."""
    name = answers.exception_name(t, tree.bare(error))
    return bool(name) and answers.EXCEPTIONS[name] in answers.OAUTH
