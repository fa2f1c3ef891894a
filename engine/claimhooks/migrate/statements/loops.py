"""Loops, and `forEach`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from claimhooks.migrate import facts, kinds
from claimhooks.migrate.calls import functions, handed, objectmethods
from claimhooks.migrate.effects import Untranslatable
from claimhooks.migrate.flow import Flow, Jumps, Returns
from claimhooks.migrate.kinds import Kind, Shape, Type
from claimhooks.migrate.python.code import Code, Rank, call
from claimhooks.migrate.python.lines import Block, Line, suite
from claimhooks.migrate.script import tree
from claimhooks.migrate.statements import patterns
from claimhooks.migrate.values.coercion import as_list
from claimhooks.migrate.values.truth import negated, truth

if TYPE_CHECKING:
    from tree_sitter import Node

    from claimhooks.migrate.translator import Translator


def iterated(t: Translator, node: Node) -> Code:
    """What a `for` goes through: the items of a list, text or set, or the entries of a map.

    The type of the code is that of a list of the items.
    """
    code = t.expression(node)
    if code.type.shape is Shape.MAP:
        return call(f"{code.at(Rank.ATOM)}.items", [], kinds.list_of(patterns.pair_of(kinds.ANY)))
    if code.type.is_only(Kind.TEXT):
        return Code(code.text, kinds.list_of(kinds.TEXT), code.rank)
    if code.iterable or code.type.shape is Shape.SET:
        return Code(code.source, kinds.list_of(code.type.items), code.rank)
    return Code(code.text, Type(code.type.kinds, code.type.of), code.rank)


def for_in(t: Translator, node: Node) -> Block:
    """`for (… of …)` and `for (… in …)`."""
    left, right, body = (tree.field(node, name) for name in ("left", "right", "body"))
    changed = facts.changed_in(t, body)
    entry = facts.without(t.facts, changed)
    if tree.text(tree.field(node, "operator")) == "of":
        items = iterated(t, right)
        present = _counted_keys(right, items)
    else:
        items, present = _keys(t, tree.bare(right))
    source = items.text
    if _is_changed(t, items, body) and items.type.items.is_only(Kind.TEXT):
        source = f"list({items.text})"
    t.facts = entry
    target = _target(t, node, left, items)
    if present is not None:
        t.facts |= {f"{present}[{target[0]}]"}
    with t.flowing(t.flow.within_loop()), t.jumping(Jumps(is_loop=True)):
        block = t.block(body)
    t.facts = entry
    opening = target[1]
    return Block(suite(f"for {target[0]} in {source}", Block([*opening, *block.lines])))


def _counted_keys(node: Node, items: Code) -> str | None:
    """The table whose keys `Object.keys` gives, if `node` is a call of that."""
    node = tree.bare(node)
    if node.type != "call_expression" or tree.text(tree.field(node, "function")) != "Object.keys":
        return None
    return items.at(Rank.ATOM).removesuffix(".keys()")


def _is_changed(t: Translator, items: Code, body: Node) -> bool:
    """Whether the loop over `items` assigns to them, or to members of them."""
    root = items.text.partition(".")[0].partition("[")[0]
    return root in facts.assigned_in(t, body)


def _keys(t: Translator, right: Node) -> tuple[Code, str | None]:
    code = t.expression(right)
    if code.type.is_only(Kind.LIST | Kind.UNDEFINED):
        return Code(f"range(len({code.text}))", kinds.list_of(kinds.INT)), code.text
    objectmethods.check_table(code)
    return objectmethods.keys_of(code), code.at(Rank.ATOM)


def _target(t: Translator, node: Node, left: Node, items: Code) -> tuple[str, list[Line]]:
    """What follows `for`, and the lines that take the item further apart."""
    if tree.maybe(node, "kind") is None:
        if left.type != "identifier":
            raise Untranslatable("a loop can only assign to a variable in Python")
        return patterns.assigned(t, left, items.type.items), []
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
    items = as_list(t, iterated(t, tree.field(callee, "object")))
    function = tree.bare(given[0])
    if function.type not in tree.LITERAL_FUNCTIONS:
        names, code = handed.applied(t, function, [items.type.items, kinds.INT])
        return Block(suite(f"for {names[0]} in {items.text}", Block([Line(code.text)])))
    return _for_each_written(t, callee, items, function)


def _for_each_written(t: Translator, callee: Node, items: Code, function: Node) -> Block:
    parameters = tree.parameters(function)
    changed = facts.changed_in(t, function)
    entry = facts.without(t.facts, changed)
    t.facts = entry
    opening: list[Line] = []
    target = "_"
    if items.type.shape is Shape.MAP or len(parameters) > 2:
        raise Untranslatable("this forEach has no translation")
    if parameters:
        target = patterns.loop_target(t, parameters[0], items.type.items)
        if not target:
            target = t.name_for(parameters[0], "item")
            item = Code(target, items.type.items)
            opening = patterns.taken_apart(t, parameters[0], item)
    head = f"for {target} in {items.text}"
    if _is_changed(t, items, function) and items.type.items.is_only(Kind.TEXT):
        head = f"for {target} in list({items.text})"
    if len(parameters) == 2:
        index = patterns.assigned(t, parameters[1], kinds.INT)
        head = f"for {index}, {target} in enumerate({items.text})"
    present = _counted_keys(tree.field(callee, "object"), items)
    if present is not None:
        t.facts |= {f"{present}[{target}]"}
    with t.jumping(Jumps(is_loop=True)):
        block = functions.inlined(t, function, Flow(Returns.NEXT, is_last=False))
    t.facts = entry
    lines = [*opening, *block.lines]
    while lines and lines[-1] == Line("continue"):
        lines.pop()
    return Block(suite(head, Block(lines)))


def while_loop(t: Translator, node: Node) -> Block:
    """`while`."""
    t.facts = facts.without(t.facts, facts.changed_in(t, node))
    entry = t.facts
    condition = tree.field(node, "condition")
    test = truth(t, t.expression(condition))
    t.facts |= facts.learned(t, condition, outcome=True)
    with t.flowing(t.flow.within_loop()), t.jumping(Jumps(is_loop=True)):
        block = t.block(tree.field(node, "body"))
    t.facts = entry
    return Block(suite(f"while {test.text}", block))


def do_loop(t: Translator, node: Node) -> Block:
    """`do … while`."""
    t.facts = entry = facts.without(t.facts, facts.changed_in(t, node))
    with t.flowing(t.flow.within_loop()), t.jumping(Jumps(is_loop=True)):
        block = t.block(tree.field(node, "body"))
    test = negated(truth(t, t.expression(tree.field(node, "condition"))))
    t.facts = entry
    ending = suite(f"if {test.text}", Block([Line("break")]))
    return Block(suite("while True", Block([*block.lines, *ending])))


def for_loop(t: Translator, node: Node) -> Block:
    """`for (…; …; …)`: over a range where it is one, else as `while`."""
    t.facts = entry = facts.without(t.facts, facts.changed_in(t, node))
    block = _counting(t, node) or _general(t, node)
    t.facts = entry
    return block


def _counting(t: Translator, node: Node) -> Block | None:
    counted = _Counted.of(t, node)
    if counted is None:
        return None
    body = tree.field(node, "body")
    name = patterns.assigned(t, counted.name, kinds.INT)
    if counted.items is not None:
        t.facts |= {f"{counted.items}[{name}]"}
    with t.flowing(t.flow.within_loop()), t.jumping(Jumps(is_loop=True)):
        block = t.block(body)
    return Block(suite(f"for {name} in {counted.text}", block))


class _Counted:
    """`for (let i = start; i < end; i++)`, as a range."""

    def __init__(self, name: Node, text: str, items: str | None) -> None:
        self.name = name
        self.text = text
        self.items = items
        """The list whose items are counted, if it does not change."""

    @classmethod
    def of(cls, t: Translator, node: Node) -> _Counted | None:
        """`node` as a range, if it is one."""
        first, test, step = (tree.maybe(node, name) for name in _PARTS)
        if first is None or test is None or step is None or len(tree.children(first)) != 1:
            return None
        declarator, test, step = tree.children(first)[0], tree.bare(test), tree.bare(step)
        if declarator.type != "variable_declarator" or test.type != "binary_expression":
            return None
        name, start = tree.field(declarator, "name"), tree.maybe(declarator, "value")
        binding = t.bindings.of(name)
        if start is None or binding is None or step.type != "update_expression":
            return None
        body = tree.field(node, "body")
        is_used_after = not all(tree.is_within(one, node) for one in binding.references)
        if binding.python in facts.assigned_in(t, body) or is_used_after:
            return None
        counts = [tree.field(test, "left"), tree.field(step, "argument")]
        if any(tree.text(one) != tree.text(name) for one in counts):
            return None
        sign, by = tree.text(tree.field(test, "operator")), tree.text(tree.field(step, "operator"))
        return cls._made(t, name, start, tree.bare(tree.field(test, "right")), sign + by, body)

    @classmethod
    def _made(
        cls, t: Translator, name: Node, start: Node, end: Node, signs: str, body: Node
    ) -> _Counted | None:
        first, last = t.expression(start), t.expression(end)
        if not first.type.is_only(Kind.INT) or not last.type.is_only(Kind.INT):
            return None
        if signs == ">=--":
            stop = "-1" if last.text == "0" else f"{last.at(Rank.SUM)} - 1"
            return cls(name, f"range({first.text}, {stop}, -1)", None)
        if signs not in {"<++", "<=++"} or not _is_still(t, end, body):
            return None
        stop = last.text if signs == "<++" else f"{last.at(Rank.SUM)} + 1"
        whole = first.text == "0"
        items = last.text[4:-1] if last.text.startswith("len(") and signs == "<++" else None
        return cls(name, f"range({stop})" if whole else f"range({first.text}, {stop})", items)


_PARTS: Final = ("initializer", "condition", "increment")
_CHANGING: Final = frozenset({"push", "pop", "shift", "unshift", "splice"})


def _is_still(t: Translator, end: Node, body: Node) -> bool:
    """Whether the end of a range stays the same while the loop runs."""
    roots = {tree.text(one) for one in tree.walk(end) if one.type in tree.NAMES}
    pythons = {
        binding.python
        for one in tree.walk(end)
        if one.type in tree.NAMES and (binding := t.bindings.of(one)) is not None
    }
    if pythons & facts.assigned_in(t, body):
        return False
    for each in tree.walk(body):
        if each.type != "member_expression" or tree.text(tree.field(each, "property")) not in (
            _CHANGING
        ):
            continue
        if roots & {tree.text(one) for one in tree.walk(each) if one.type in tree.NAMES}:
            return False
    return True


def _general(t: Translator, node: Node) -> Block:
    first, test_node, step = (tree.maybe(node, name) for name in _PARTS)
    lines: list[Line] = []
    if first is not None and first.type != "empty_statement":
        opening = (
            t.statement(first)
            if "declaration" in first.type or (first.type == "expression_statement")
            else t.effect(first)
        )
        lines.extend(opening.lines)
    test = "True"
    if test_node is not None and test_node.type != "empty_statement":
        inner = (
            tree.children(test_node)[0] if test_node.type == "expression_statement" else test_node
        )
        test = truth(t, t.expression(inner)).text
    ending = [] if step is None else t.effect(step).lines
    with t.flowing(t.flow.within_loop()), t.jumping(Jumps(is_loop=True, before_next=tuple(ending))):
        block = t.block(tree.field(node, "body"))
    tail = ending if block.completes else []
    return Block([*lines, *suite(f"while {test}", Block([*block.lines, *tail]))])


STATEMENTS: Final = {
    "for_in_statement": for_in,
    "while_statement": while_loop,
    "do_statement": do_loop,
    "for_statement": for_loop,
}
