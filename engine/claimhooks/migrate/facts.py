"""What a condition tells about values that may be undefined.

A fact is the text of a variable, or of a subscript such as ``client.metadata["tier"]``, whose value
is neither null nor undefined.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from claimhooks.migrate.kinds import Kind, Shape
from claimhooks.migrate.python.code import quoted
from claimhooks.migrate.script import tree
from claimhooks.migrate.script.bindings import targets
from claimhooks.migrate.values import members

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tree_sitter import Node

    from claimhooks.migrate.translator import Translator

Facts = frozenset[str]
NO_FACTS: Final[Facts] = frozenset()
_NOTHING: Final = frozenset({"null", "undefined"})
_UNEQUAL: Final = frozenset({"!=", "!=="})


def learned(t: Translator, condition: Node, outcome: bool) -> Facts:
    """What is known where `condition` came out as `outcome`."""
    node = tree.bare(condition)
    if node.type == "unary_expression" and tree.text(tree.field(node, "operator")) == "!":
        return learned(t, tree.field(node, "argument"), not outcome)
    if node.type == "binary_expression":
        return _of_binary(t, node, outcome)
    if node.type == "call_expression" and outcome:
        return _of_call(t, node)
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
        return _subscript(t, right, left)
    if sign not in {"==", "===", *_UNEQUAL}:
        return NO_FACTS
    if left.type in _NOTHING:
        left, right = right, left
    is_equal = outcome != (sign in _UNEQUAL)
    if right.type in _NOTHING:
        return NO_FACTS if is_equal else _unlike(t, left, right.type, is_loose=len(sign) == 2)
    if left.type == "unary_expression" and right.type == "string":
        # typeof x === "…"
        said = tree.string_value(right)
        is_defined = (said != "undefined") == is_equal and said != "object"
        return _of_value(t, tree.field(left, "argument")) if is_defined else NO_FACTS
    is_literal = right.type in {"string", "number", "true", "false"}
    return _of_value(t, left) if is_equal and is_literal else NO_FACTS


def _unlike(t: Translator, node: Node, nothing: str, *, is_loose: bool) -> Facts:
    with t.silently():
        kind = t.expression(node).type
    other = Kind.UNDEFINED if nothing == "null" else Kind.NULL
    return NO_FACTS if kind.may_be(other) and not is_loose else _of_value(t, node)


def _of_call(t: Translator, node: Node) -> Facts:
    callee, given = tree.bare(tree.field(node, "function")), tree.arguments(node)
    if callee.type != "member_expression" or len(given) != 1:
        return NO_FACTS
    owner, method = tree.field(callee, "object"), tree.text(tree.field(callee, "property"))
    if method == "hasOwnProperty":
        return _subscript(t, owner, given[0])
    if tree.text(callee) == "Array.isArray":
        return _of_value(t, given[0])
    return NO_FACTS


def _of_value(t: Translator, node: Node) -> Facts:
    """What is known where the value of `node` is something."""
    node = tree.bare(node)
    if node.type == "identifier":
        binding = t.bindings.of(node)
        return NO_FACTS if binding is None else frozenset({binding.python})
    if node.type not in {"member_expression", "subscript_expression"}:
        return NO_FACTS
    return frozenset({members.subscript_of(t, node)})


def _subscript(t: Translator, owner: Node, key: Node) -> Facts:
    with t.silently():
        return frozenset({f"{t.expression(owner).text}[{t.expression(key).text}]"})


def common(ends: Sequence[Facts], otherwise: Facts) -> Facts:
    """What is known after branches that end so; `otherwise` where none of them is left."""
    if not ends:
        return otherwise
    found = ends[0]
    for end in ends[1:]:
        found &= end
    return found


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
            yield each, tree.field(each, "left")
        elif each.type == "update_expression" or _is_delete(each):
            yield each, tree.field(each, "argument")


def changed_in(t: Translator, node: Node) -> set[str]:
    """The variables and members that something within `node` is assigned to."""
    found: set[str] = set()
    for each, written in _targets(node):
        target = tree.bare(written)
        if target.type in {"member_expression", "subscript_expression"}:
            if not _is_something(t, each):
                found.add(_members_like(t, target))
        elif target.type != "identifier" or not _is_something(t, each):
            found.update(_names(t, target))
    return found


def assigned_in(t: Translator, node: Node) -> set[str]:
    """The variables that something within `node` assigns to, or to members of, or deletes from."""
    found: set[str] = set()
    for _, written in _targets(node):
        target = written
        while target.type in {"member_expression", "subscript_expression"}:
            target = tree.bare(tree.field(target, "object"))
        found |= _names(t, target)
    return found


def _names(t: Translator, target: Node) -> set[str]:
    names = {t.bindings.of(one) for one in targets(target)}
    return {binding.python for binding in names if binding is not None}


def _is_something(t: Translator, assignment: Node) -> bool:
    """Whether what is assigned is neither null nor undefined."""
    if assignment.type == "update_expression":
        return True
    if assignment.type != "assignment_expression":
        return False
    with t.silently():
        kind = t.expression(tree.field(assignment, "right")).type
    return not kind.may_be(Kind.NOTHING) or kind.shape is Shape.SCOPE


def _members_like(t: Translator, target: Node) -> str:
    """What the facts about a member begin with, or about any member if it cannot be told."""
    with t.silently():
        key = members.key_of(t, target)
    subscript = members.subscript_of(t, target)
    if key.constant is not None:
        return subscript
    start = quoted(key.prefix)[:-1] if key.prefix else ""
    return subscript.removesuffix(f"{key.text}]") + start


def _is_delete(node: Node) -> bool:
    return node.type == "unary_expression" and tree.text(tree.field(node, "operator")) == "delete"
