"""Loops, and `forEach`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from claimhooks.migrate import facts, kinds
from claimhooks.migrate.calls import functions, objectmethods
from claimhooks.migrate.kinds import Kind, Type
from claimhooks.migrate.python.code import Block, Code, Line, Rank, suite
from claimhooks.migrate.script import tree
from claimhooks.migrate.state import Flow, Jumps, Returns, Untranslatable
from claimhooks.migrate.statements import patterns
from claimhooks.migrate.values.coercion import as_list

if TYPE_CHECKING:
    from tree_sitter import Node

    from claimhooks.migrate.script.scopes import Binding
    from claimhooks.migrate.translator import Translator


def _iterated(t: Translator, node: Node) -> Code:
    """What a `for` goes through: the items of a list or text, as the type of the code says."""
    code = t.expression(node)
    if code.type.is_only(Kind.TEXT):
        return Code(code.text, kinds.list_of(kinds.TEXT), code.rank)
    return Code(code.source, Type(code.type.kinds, code.type.of), iterable=code.iterable)


def _for(t: Translator, target: str, items: Code, body: Node, block: Block) -> Block:
    """The `for` of a loop, over a copy if the loop changes what it goes through."""
    root = items.text.partition(".")[0].partition("[")[0]
    is_changed = root in facts.assigned_in(t, body)
    source = f"list({items.text})" if is_changed else items.text
    return Block(suite(f"for {target} in {source}", block))


def for_in(t: Translator, node: Node) -> Block:
    """`for (… of …)` and `for (… in …)`."""
    if tree.has_token(node, "await"):
        raise Untranslatable("for await has no translation")
    left, right, body = (tree.field(node, name) for name in ("left", "right", "body"))
    t.facts = facts.without(t.facts, facts.changed_in(t, body))
    if tree.text(tree.field(node, "operator")) == "of":
        items, present = _iterated(t, right), _counted_keys(t, right)
    else:
        table = objectmethods.as_table(t.expression(right))
        items, present = objectmethods.keys_of(table), table.at(Rank.ATOM)
    entry = t.facts
    if tree.maybe(node, "kind") is None and left.type != "identifier":
        raise Untranslatable("a loop can only assign to a variable in Python")
    target, opening = _target(t, left, items)
    if present:
        t.facts |= {f"{present}[{target}]"}
    with t.within(t.flow.within_loop(), Jumps(is_loop=True)):
        block = t.block(body)
    t.facts = entry
    return _for(t, target, items, body, Block([*opening, *block.lines]))


def _counted_keys(t: Translator, node: Node) -> str:
    """The table whose keys `Object.keys` gives, if `node` is a call of that."""
    node = tree.bare(node)
    if node.type != "call_expression" or tree.text(tree.field(node, "function")) != "Object.keys":
        return ""
    with t.silently():
        return t.expression(tree.arguments(node)[0]).at(Rank.ATOM)


def _target(t: Translator, left: Node, items: Code) -> tuple[str, list[Line]]:
    """What follows `for`, and the lines that take the item further apart."""
    target = patterns.loop_target(t, left, items.type.items)
    if target:
        return target, []
    name = t.name_for(left, "item")
    return name, patterns.taken_apart(t, left, Code(name, items.type.items))


def for_each(t: Translator, node: Node) -> Block | None:
    """`items.forEach(function)`, if the call is one."""
    callee = tree.bare(tree.field(node, "function"))
    given = tree.arguments(node)
    if callee.type != "member_expression" or len(given) != 1:
        return None
    if tree.text(tree.field(callee, "property")) != "forEach":
        return None
    if tree.maybe(callee, "optional_chain") is not None:
        raise Untranslatable("forEach of what may be nothing has no translation")
    items = as_list(t, _iterated(t, tree.field(callee, "object")))
    function = tree.bare(given[0])
    if function.type not in tree.LITERAL_FUNCTIONS:
        names, code = functions.applied(t, function, [items.type.items])
        return _for(t, names[0], items, function, Block([Line(code.text)]))
    parameters = tree.parameters(function)
    functions.refuse_async(function)
    if len(parameters) not in {1, 2}:
        raise Untranslatable("forEach is translated with an item and its index only")
    t.facts = entry = facts.without(t.facts, facts.changed_in(t, function))
    target, opening = _target(t, parameters[0], items)
    if len(parameters) == 2:
        index = patterns.assigned(t, parameters[1], kinds.INT)
        target = f"{index}, {target}"
        items = Code(f"enumerate({items.text})", items.type)
    elif present := _counted_keys(t, tree.field(callee, "object")):
        t.facts |= {f"{present}[{target}]"}
    with t.within(t.flow, Jumps(is_loop=True)):
        block = functions.inlined(t, function, Flow(Returns.NEXT, is_last=False))
    t.facts = entry
    lines = [*opening, *block.lines]
    while lines and lines[-1] == Line("continue"):
        lines.pop()
    return _for(t, target, items, function, Block(lines))


def for_loop(t: Translator, node: Node) -> Block:
    """`for (let i = start; i < end; i++)`, or down from the end, over a range."""
    t.facts = entry = facts.without(t.facts, facts.changed_in(t, node))
    body = tree.field(node, "body")
    name, first, last, signs = _counted(t, node, body)
    start, end = t.expression(first), t.expression(last)
    if not start.type.is_only(Kind.INT) or not end.type.is_only(Kind.INT):
        raise Untranslatable(_ONLY_COUNTED)
    if signs == ">=--":
        stop = "-1" if end.text == "0" else f"{end.at(Rank.SUM)} - 1"
        counted = f"range({start.text}, {stop}, -1)"
    elif signs in {"<++", "<=++"} and _is_still(t, last, body):
        stop = end.text if signs == "<++" else f"{end.at(Rank.SUM)} + 1"
        counted = f"range({stop})" if start.text == "0" else f"range({start.text}, {stop})"
    else:
        raise Untranslatable(_ONLY_COUNTED)
    target = patterns.assigned(t, name, kinds.INT)
    if signs == "<++" and end.text.startswith("len("):
        t.facts |= {f"{end.text[4:-1]}[{target}]"}
    with t.within(t.flow.within_loop(), Jumps(is_loop=True)):
        block = t.block(body)
    t.facts = entry
    return Block(suite(f"for {target} in {counted}", block))


_ONLY_COUNTED: Final = "a loop with for is translated only if it counts by one to a fixed end"


def _counted(t: Translator, node: Node, body: Node) -> tuple[Node, Node, Node, str]:
    """The variable that is counted, from what, to what, and the signs of comparing and counting."""
    first, test, step = (tree.maybe(node, one) for one in _PARTS)
    if first is None or test is None or step is None:
        raise Untranslatable(_ONLY_COUNTED)
    test, step = tree.bare(test), tree.bare(step)
    if "declaration" in first.type and len(tree.children(first)) == 1:
        first = tree.children(first)[0]
    name = tree.maybe(first, "name") or tree.maybe(first, "left")
    start = tree.maybe(first, "value") or tree.maybe(first, "right")
    binding = None if name is None else t.bindings.of(name)
    if (
        name is None
        or start is None
        or binding is None
        or test.type != "binary_expression"
        or step.type != "update_expression"
    ):
        raise Untranslatable(_ONLY_COUNTED)
    counts = [tree.field(test, "left"), tree.field(step, "argument")]
    if (
        any(tree.text(one) != tree.text(name) for one in counts)
        or binding.python in facts.assigned_in(t, body)
        or not all(_is_counting(t, one, binding) for one in binding.references)
    ):
        raise Untranslatable(_ONLY_COUNTED)
    signs = tree.text(tree.field(test, "operator")) + tree.text(tree.field(step, "operator"))
    return name, start, tree.field(test, "right"), signs


_PARTS: Final = ("initializer", "condition", "increment")


def _is_counting(t: Translator, reference: Node, binding: Binding) -> bool:
    """Whether a variable is used within a `for` that sets it first."""
    node: Node | None = reference
    while node is not None:
        first = tree.maybe(node, "initializer") if node.type == "for_statement" else None
        if first is not None and any(t.bindings.of(one) is binding for one in tree.walk(first)):
            return True
        node = node.parent
    return False


_CHANGING: Final = frozenset({"push", "pop", "shift", "unshift", "splice"})


def _is_still(t: Translator, end: Node, body: Node) -> bool:
    """Whether the end of a range stays the same while the loop runs."""
    names = [one for one in tree.walk(end) if one.type in tree.NAMES]
    bindings = {binding for one in names if (binding := t.bindings.of(one)) is not None}
    if {binding.python for binding in bindings} & facts.assigned_in(t, body):
        return False
    return not any(
        each.type == "member_expression"
        and tree.text(tree.field(each, "property")) in _CHANGING
        and t.bindings.of(tree.bare(tree.field(each, "object"))) in bindings
        for each in tree.walk(body)
    )


STATEMENTS: Final = {
    "for_in_statement": for_in,
    "for_statement": for_loop,
}
