"""`const`, `let` and `var`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from claimhooks.migrate import kinds
from claimhooks.migrate.calls import functions, http
from claimhooks.migrate.effects import Untranslatable
from claimhooks.migrate.kinds import Kind
from claimhooks.migrate.python.code import quoted
from claimhooks.migrate.python.lines import Block, Line
from claimhooks.migrate.script import modules, tree
from claimhooks.migrate.statements import chains, patterns
from claimhooks.migrate.statements.assignments import settled

if TYPE_CHECKING:
    from tree_sitter import Node

    from claimhooks.migrate.translator import Translator


def declared(t: Translator, node: Node) -> Block:
    """`const`, `let` and `var`."""
    lines: list[Line] = []
    for declarator in tree.children(node):
        lines.extend(_declarator(t, declarator))
    return Block(lines)


def _declarator(t: Translator, node: Node) -> list[Line]:
    target, value = tree.field(node, "name"), tree.maybe(node, "value")
    if value is None:
        return [Line(f"{_declared_empty(t, target)} = None")]
    if modules.module_of(value, t.bindings, t.modules) is not None or _is_options(t, target):
        return []
    value = tree.bare(value)
    binding = t.bindings.of(target)
    if value.type in tree.LITERAL_FUNCTIONS and binding is not None:
        t.frame.declared.add(binding)
        if binding.function is not None:
            return functions.definition(t, value, binding.python)
    return chains.assigned(t, target, value) or _with_value(t, target, value)


def _with_value(t: Translator, target: Node, value: Node) -> list[Line]:
    items = _listed(t, target, value) if target.type == "array_pattern" else None
    if items is not None:
        return [
            line
            for part, item in items
            for line in patterns.taken_apart(t, part, settled(t.expression(item)))
        ]
    code = settled(t.expression(value))
    if target.type != "identifier":
        return patterns.taken_apart(t, target, code)
    name = _declare(t, target)
    if not t.types.of_name(target).may_be(Kind.NOTHING):
        t.facts |= {name}
    # What a table has from the beginning.
    t.facts |= {f"{name}[{quoted(key)}]" for key in code.type.fields}
    return [Line(f"{name} = {code.text}")]


def _declared_empty(t: Translator, target: Node) -> str:
    binding = t.bindings.of(target)
    is_all = binding is not None and not binding.is_reassigned and not binding.writes
    return patterns.assigned(t, target, kinds.UNDEFINED) if is_all else _declare(t, target)


def _listed(t: Translator, target: Node, value: Node) -> list[tuple[Node, Node]] | None:
    """The names and values of `const [a, b] = await Promise.all([x, y])`, or without that."""
    if value.type == "await_expression":
        value = tree.bare(tree.children(value)[0])
    if value.type == "call_expression" and tree.text(tree.field(value, "function")) == (
        "Promise.all"
    ):
        value = next(iter(tree.arguments(value)), value)
    names, items = tree.children(target), tree.children(value)
    if value.type != "array" or len(names) != len(items):
        return None
    if any(one.type in {"spread_element", "rest_pattern"} for one in [*names, *items]):
        return None
    mentioned = {t.bindings.of(one) for item in items for one in tree.walk(item)}
    if any(t.bindings.of(name) in mentioned for name in names if name.type == "identifier"):
        return None
    return [*zip(names, items, strict=True)]


def _declare(t: Translator, target: Node) -> str:
    binding = t.bindings.of(target)
    if binding is None:
        raise Untranslatable(f"nothing declares {tree.text(target)}")
    t.frame.declared.add(binding)
    t.forget(binding.python)
    return binding.python


def _is_options(t: Translator, target: Node) -> bool:
    """Whether a variable only holds the options of HTTP requests, which are written there."""
    binding = t.bindings.of(target) if target.type == "identifier" else None
    if binding is None or not binding.references or len(binding.writes) != 1:
        return False
    if binding.members_written or tree.bare(binding.writes[0]).type != "object":
        return False
    return all(_is_given_to_request(t, one) for one in binding.references)


def _is_given_to_request(t: Translator, node: Node) -> bool:
    parent = node.parent
    call = parent.parent if parent is not None and parent.type == "arguments" else None
    if call is None or call.type != "call_expression":
        return False
    return http.module_called(t, tree.field(call, "function")) is not None
