"""`try`, `catch` and `finally`, and what must not be caught."""

from __future__ import annotations

from typing import TYPE_CHECKING

from claimhooks.migrate import facts, kinds
from claimhooks.migrate.effects import Untranslatable
from claimhooks.migrate.python.code import Code
from claimhooks.migrate.python.lines import Block, Line, suite
from claimhooks.migrate.script import tree
from claimhooks.migrate.script.callbacks import Ends, is_chained
from claimhooks.migrate.statements import answers, patterns

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tree_sitter import Node

    from claimhooks.migrate.translator import Translator


def try_statement(t: Translator, node: Node) -> Block:
    """`try`."""
    if tree.maybe(node, "handler") is None and tree.maybe(node, "finalizer") is None:
        raise Untranslatable("a try without catch or finally is no JavaScript")
    entry = facts.without(t.facts, facts.changed_in(t, node))
    ends: list[facts.Facts] = []
    tried = tree.field(node, "body")
    body = t.block(tried)
    handler, finalizer = tree.maybe(node, "handler"), tree.maybe(node, "finalizer")
    lines = suite("try", body)
    completes = body.completes
    if completes:
        ends.append(t.facts)
    if handler is not None:
        t.facts = entry
        parameter = tree.maybe(handler, "parameter")
        inner = tree.field(handler, "body")
        lines.extend(passing(t, [tried], body, inner, parameter))
        head, opening = caught(t, parameter)
        caught_block = t.block(inner)
        lines.extend(suite(head, Block([*opening, *caught_block.lines])))
        completes = completes or caught_block.completes
        if caught_block.completes:
            ends.append(t.facts)
    t.facts = facts.common(ends, entry)
    if finalizer is not None:
        last = t.block(tree.field(finalizer, "body"))
        lines.extend(suite("finally", last))
        completes = completes and last.completes
    return Block(lines, completes)


def caught(t: Translator, parameter: Node | None) -> tuple[str, list[Line]]:
    """The `except` that catches what JavaScript catches, and what opens its body."""
    if parameter is None:
        return "except Exception", []
    if parameter.type == "identifier":
        return f"except Exception as {patterns.assigned(t, parameter, kinds.ERROR)}", []
    name = t.name_for(parameter, "error")
    return f"except Exception as {name}", patterns.taken_apart(
        t, parameter, Code(name, kinds.ERROR)
    )


def passing(
    t: Translator, tried: Sequence[Node], body: Block, handler: Node, parameter: Node | None
) -> list[Line]:
    """The `except` clauses for what JavaScript would not have caught in `tried`.

    A callback that is called with an error throws nothing, while `raise` does.
    """
    names: list[str] = []
    if any("js_todo(" in line.text for line in body.lines):
        names.append("NotImplementedError")
    denials = [one for node in tried for one in _denials(t, node)]
    if denials and not _only_answers(t, handler, parameter):
        t.effects.names.add("OAuthError")
        names.insert(0, "OAuthError")
        for denial in denials:
            if not _is_denial(t, denial):
                t.decide(denial, "this error would be caught below, where cb(error) was not")
        for node in tried:
            for thrown in tree.walk(node, within_functions=False):
                if thrown.type == "throw_statement" and _throws_denial(t, thrown):
                    t.decide(thrown, "this error was caught below, and is not here")
    if not names:
        return []
    listed = names[0] if len(names) == 1 else f"({', '.join(names)})"
    return suite(f"except {listed}", Block([Line("raise")]))


def _denials(t: Translator, node: Node) -> Iterator[Node]:
    """The calls of the hook's callback with an error, in the same function as `node`."""
    home = t.callbacks.home(node).id
    for each in tree.walk(node):
        if each.type != "call_expression" or t.callbacks.home(each).id != home:
            continue
        callback = t.callbacks.of(tree.bare(tree.field(each, "function")))
        if callback is None:
            if t.callbacks.is_called_by(each):
                yield each
        elif callback.ends in {Ends.HOOK, Ends.REJECT} and _fails(each, callback.ends):
            yield each


def _fails(call: Node, ends: Ends) -> bool:
    given = tree.arguments(call)
    if ends is Ends.REJECT:
        return True
    return bool(given) and given[0].type not in {"null", "undefined"}


def _is_denial(t: Translator, call: Node) -> bool:
    given = tree.arguments(call)
    if not given or not answers.is_exception(t, given[0]):
        return (
            t.callbacks.is_called_by(call)
            and t.callbacks.of(tree.bare(tree.field(call, "function"))) is None
        )
    return answers.EXCEPTIONS[tree.text(tree.field(given[0], "constructor"))] in answers.OAUTH


def _throws_denial(t: Translator, thrown: Node) -> bool:
    value = tree.bare(tree.children(thrown)[0])
    if not answers.is_exception(t, value) or value.type != "new_expression":
        return False
    return answers.EXCEPTIONS[tree.text(tree.field(value, "constructor"))] in answers.OAUTH


def _only_answers(t: Translator, handler: Node, parameter: Node | None) -> bool:
    """Whether a handler does nothing but call the callback with what it has caught."""
    if handler.type == "identifier":
        return t.callbacks.of(handler) is not None
    inner = handler
    if handler.type == "statement_block":
        whole = tree.children(handler)
        if len(whole) != 1:
            return False
        inner = next(iter(tree.children(whole[0])), whole[0])
    inner = tree.bare(inner)
    if inner.type != "call_expression" or parameter is None:
        return False
    if t.callbacks.of(tree.bare(tree.field(inner, "function"))) is None:
        return False
    given = tree.arguments(inner)
    return len(given) == 1 and tree.text(given[0]) == tree.text(parameter)


def is_caught(t: Translator, node: Node) -> bool:
    """Whether something in the same function catches what is thrown at `node`."""
    home = t.callbacks.home(node)
    outer = node.parent
    while outer is not None and outer.id != home.id:
        if outer.type == "call_expression" and is_chained(outer):
            return True
        if outer.type == "try_statement" and tree.maybe(outer, "handler") is not None:
            return tree.is_within(node, tree.field(outer, "body"))
        outer = outer.parent
    # A function that is called may be called within a `try`.
    return home.id != t.hook.id
