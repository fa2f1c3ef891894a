"""Destructuring: `const { tier = "free" } = client.metadata`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from claimhooks.migrate import kinds
from claimhooks.migrate.kinds import Kind, Type
from claimhooks.migrate.python.code import Code, Line, int_code, text_code
from claimhooks.migrate.script import tree
from claimhooks.migrate.state import Untranslatable
from claimhooks.migrate.values import logic, members

if TYPE_CHECKING:
    from tree_sitter import Node

    from claimhooks.migrate.translator import Translator


def taken_apart(t: Translator, pattern: Node, code: Code) -> list[Line]:
    """Lines that assign `code`, or parts of it, to the names of `pattern`."""
    if pattern.type in tree.NAMES:
        name = assigned(t, pattern, code.type)
        return [] if name == code.text else [Line(f"{name} = {code.text}")]
    if pattern.type in {"assignment_pattern", "object_assignment_pattern"}:
        default = t.expression(tree.field(pattern, "right"))
        return taken_apart(t, tree.field(pattern, "left"), logic.unless_nothing(t, code, default))
    if pattern.type not in {"array_pattern", "object_pattern"} or tree.has_holes(pattern):
        raise Untranslatable("this pattern has no translation")
    lines: list[Line] = []
    parts = tree.children(pattern)
    if len(parts) > 1 and not code.is_simple:
        name = t.name_for(pattern, "found")
        lines.append(Line(f"{name} = {code.text}"))
        code = Code(name, code.type)
    for index, part in enumerate(parts):
        key, target = _part(part) if pattern.type == "object_pattern" else (int_code(index), part)
        must_be = target.type in {"object_pattern", "array_pattern"}
        found = members.property_of(t, part, code, key, must_be=must_be)
        lines.extend(taken_apart(t, target, found))
    return lines


def _part(part: Node) -> tuple[Code, Node]:
    """The key of one part of an object pattern, and what it is assigned to."""
    name: str | None = tree.text(part)
    target = part
    if part.type == "pair_pattern":
        name, target = tree.key_name(tree.field(part, "key")), tree.field(part, "value")
    elif part.type == "object_assignment_pattern":
        name = tree.text(tree.field(part, "left"))
    if name is None or part.type == "rest_pattern":
        raise Untranslatable("this pattern has no translation")
    return text_code(name), target


def assigned(t: Translator, name: Node, kind: Type) -> str:
    """The Python name of a variable that is assigned something of type `kind`."""
    binding = t.binding(name)
    if binding.declaration.id == name.id:
        t.frame.declared.add(binding)
        if not binding.is_reassigned:
            t.types.give(binding, kind)
    else:
        t.frame.assigned.add(binding)
    t.forget(binding.python)
    return binding.python


def loop_target(t: Translator, pattern: Node, kind: Type) -> str:
    """What follows `for` to take an item apart, or nothing if Python cannot do it there."""
    if pattern.type == "identifier":
        return assigned(t, pattern, kind)
    parts = tree.children(pattern)
    is_pair = pattern.type == "array_pattern" and len(parts) == len(kind.fields) == 2
    if not is_pair or any(part.type != "identifier" for part in parts):
        return ""
    return ", ".join(
        assigned(t, part, side) for part, side in zip(parts, kind.fields.values(), strict=True)
    )


def pair_of(value: Type) -> Type:
    """What `Object.entries` gives for a table with such values."""
    return Type(Kind.LIST, kinds.ANY, fields={"0": kinds.TEXT, "1": value})
