"""What a condition tells about values that may be undefined.

A fact is the text of a variable, or of a subscript such as ``client.metadata["tier"]``, whose value
is neither null nor undefined.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from claimhooks.migrate.kinds import Kind, Shape
from claimhooks.migrate.script import tree
from claimhooks.migrate.script.bindings import targets
from claimhooks.migrate.values import members

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tree_sitter import Node

    from claimhooks.migrate.translator import Translator

Facts = frozenset[str]
NO_FACTS: Final[Facts] = frozenset()
_EQUAL: Final = {"==": True, "===": True, "!=": False, "!==": False}


def learned(t: Translator, condition: Node, outcome: bool) -> Facts:
    """What is known where `condition` came out as `outcome`."""
    node = tree.bare(condition)
    if node.type == "unary_expression" and tree.text(tree.field(node, "operator")) == "!":
        return learned(t, tree.field(node, "argument"), not outcome)
    if node.type == "binary_expression":
        return _of_binary(t, node, outcome)
    return _of_value(t, node) if outcome else NO_FACTS


def _of_binary(t: Translator, node: Node, outcome: bool) -> Facts:
    sign = tree.text(tree.field(node, "operator"))
    left, right = tree.bare(tree.field(node, "left")), tree.bare(tree.field(node, "right"))
    if sign == ("&&" if outcome else "||"):
        known, t.facts = t.facts, t.facts | learned(t, left, outcome)
        try:
            return learned(t, left, outcome) | learned(t, right, outcome)
        finally:
            t.facts = known
    if sign == "in" and outcome:
        with t.silently():
            return frozenset({f"{t.expression(right).text}[{t.expression(left).text}]"})
    if sign not in _EQUAL:
        return NO_FACTS
    is_equal = outcome == _EQUAL[sign]
    if tree.is_nothing(left):
        left, right = right, left
    if tree.is_nothing(right):
        with t.silently():
            kind = t.expression(left).type
        other = Kind.UNDEFINED if right.type == "null" else Kind.NULL
        is_other = len(sign) == 3 and kind.may_be(other)
        return NO_FACTS if is_equal or is_other else _of_value(t, left)
    if left.type == "unary_expression" and right.type == "string":
        # typeof x === "…"
        said = tree.string_value(right)
        is_defined = (said != "undefined") == is_equal and said != "object"
        return _of_value(t, tree.field(left, "argument")) if is_defined else NO_FACTS
    is_literal = right.type in {"string", "number", "true", "false"}
    return _of_value(t, left) if is_equal and is_literal else NO_FACTS


def _of_value(t: Translator, node: Node) -> Facts:
    """What is known where the value of `node` is something."""
    node = tree.bare(node)
    if node.type == "identifier":
        binding = t.bindings.of(node)
        if binding is None or binding.is_set_elsewhere:
            return NO_FACTS
        return frozenset({binding.python})
    if node.type not in tree.MEMBERS:
        return NO_FACTS
    return frozenset({members.subscript_of(t, node)})


def common(ends: Sequence[Facts], otherwise: Facts) -> Facts:
    """What is known after branches that end so; `otherwise` where none of them is left."""
    return ends[0].intersection(*ends[1:]) if ends else otherwise


def without(facts: Facts, changed: Iterable[str]) -> Facts:
    """`facts` without those that say something of `changed`: variables, or subscripts."""
    for each in changed:
        if "[" in each:
            facts = frozenset(fact for fact in facts if not fact.startswith(each))
        else:
            mentions = re.compile(rf"\b{re.escape(each)}\b").search
            facts = frozenset(fact for fact in facts if not mentions(fact))
    return facts


def _targets(node: Node) -> Iterator[tuple[Node, Node]]:
    """What within `node` assigns or deletes, and what it does that to."""
    for each in tree.walk(node):
        if each.type in {"assignment_expression", "augmented_assignment_expression"}:
            yield each, tree.bare(tree.field(each, "left"))
        elif each.type == "update_expression" or tree.is_delete(each):
            yield each, tree.bare(tree.field(each, "argument"))


def changed_in(t: Translator, node: Node) -> set[str]:
    """The variables and members that may be nothing after something within `node`."""
    found: set[str] = set()
    for each, target in _targets(node):
        if each.type == "assignment_expression":
            with t.silently():
                kind = t.expression(tree.field(each, "right")).type
            is_pattern = target.type not in {"identifier", *tree.MEMBERS}
            if not is_pattern and (not kind.may_be(Kind.NOTHING) or kind.shape is Shape.SCOPE):
                continue
        if target.type in tree.MEMBERS:
            found.add(members.subscripts_like(t, target))
        else:
            found |= _names(t, target)
    return found


def assigned_in(t: Translator, node: Node) -> set[str]:
    """The variables that something within `node` assigns to, or to members of, or deletes from."""
    found: set[str] = set()
    for _, target in _targets(node):
        root = target
        while root.type in tree.MEMBERS:
            root = tree.bare(tree.field(root, "object"))
        found |= _names(t, root)
    return found


def _names(t: Translator, target: Node) -> set[str]:
    names = {t.bindings.of(one) for one in targets(target)}
    return {binding.python for binding in names if binding is not None}
