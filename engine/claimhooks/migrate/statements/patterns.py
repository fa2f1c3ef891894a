"""Destructuring: `const { tier = "free" } = client.metadata`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from claimhooks.migrate import kinds
from claimhooks.migrate.effects import Untranslatable
from claimhooks.migrate.kinds import Kind, Type
from claimhooks.migrate.python.code import Code, Rank, quoted, text_code
from claimhooks.migrate.python.lines import Line
from claimhooks.migrate.script import tree
from claimhooks.migrate.values import logic, members

if TYPE_CHECKING:
    from collections.abc import Iterator

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
    if pattern.type in {"member_expression", "subscript_expression"}:
        owner, key = t.expression(tree.field(pattern, "object")), members.key_of(t, pattern)
        return [Line(f"{owner.at(Rank.ATOM)}[{key.text}] = {code.text}")]
    if pattern.type == "array_pattern":
        return _list_taken_apart(t, pattern, code)
    if pattern.type != "object_pattern":
        raise Untranslatable("this pattern has no translation")
    lines: list[Line] = []
    parts = tree.children(pattern)
    if len(parts) > 1 and not code.is_simple:
        name = t.name_for(pattern, "found")
        lines.append(Line(f"{name} = {code.text}"))
        code = Code(name, code.type)
    for part in parts:
        lines.extend(_part(t, pattern, part, code))
    return lines


def _part(t: Translator, pattern: Node, part: Node, owner: Code) -> list[Line]:
    if part.type == "rest_pattern":
        names = [tree.text(one) for one in tree.children(pattern) if one.id != part.id]
        if any(not name.isidentifier() for name in names):
            raise Untranslatable("this pattern has no translation")
        taken = ", ".join(map(quoted, names)) + ("," if len(names) == 1 else "")
        text = f"{{k: v for k, v in {owner.at(Rank.ATOM)}.items() if k not in ({taken})}}"
        rest = Code(text, Type(Kind.TABLE, owner.type.of))
        return taken_apart(t, tree.children(part)[0], rest)
    if part.type == "pair_pattern":
        key = tree.key_name(tree.field(part, "key"))
        target = tree.field(part, "value")
    elif part.type == "object_assignment_pattern":
        key, target = tree.text(tree.field(part, "left")), part
    else:
        key, target = tree.text(part), part
    if key is None:
        raise Untranslatable("this pattern has no translation")
    must_be = target.type in {"object_pattern", "array_pattern"}
    return taken_apart(t, target, _member(t, part, owner, key, must_be))


def _member(t: Translator, part: Node, owner: Code, key: str, must_be: bool) -> Code:
    return members.property_of(t, part, owner, text_code(key), must_be=must_be)


def _list_taken_apart(t: Translator, pattern: Node, code: Code) -> list[Line]:
    parts = tree.children(pattern)
    if tree.has_holes(pattern):
        raise Untranslatable("a pattern with holes has no translation")
    if not parts:
        return []
    if any(part.type not in tree.NAMES for part in parts):
        lines: list[Line] = []
        name = code.text
        if not code.is_simple:
            name = t.name_for(pattern, "found")
            lines.append(Line(f"{name} = {code.text}"))
        for index, part in enumerate(parts):
            if part.type == "rest_pattern":
                rest = Code(f"{name}[{index}:]", code.type)
                lines.extend(taken_apart(t, tree.children(part)[0], rest))
            else:
                text = f"{t.need('js_get')}({name}, {index})"
                item = Code(text, code.type.items.or_undefined())
                lines.extend(taken_apart(t, part, item))
        return lines
    fields = code.type.fields
    is_certain = len(fields) >= len(parts)
    sides = [fields.get(str(index), code.type.items.or_undefined()) for index in range(len(parts))]
    names = ", ".join(assigned(t, part, side) for part, side in zip(parts, sides, strict=True))
    if is_certain and len(fields) == len(parts):
        return [Line(f"{names} = {code.text}")]
    missing = ", ".join(["None"] * len(parts))
    return [Line(f"{names}, *_ = [{code.starred}, {missing}]")]


def assigned(t: Translator, name: Node, kind: Type) -> str:
    """The Python name of a variable that is assigned something of type `kind`."""
    binding = t.bindings.of(name)
    if binding is None:
        raise Untranslatable(f"nothing declares {tree.text(name)}")
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
    if pattern.type == "array_pattern" and kind.fields:
        parts = tree.children(pattern)
        if all(part.type == "identifier" for part in parts):
            return ", ".join(_pair_targets(t, parts, kind))
    return ""


def _pair_targets(t: Translator, parts: list[Node], kind: Type) -> Iterator[str]:
    """For the pairs of a table: a name for the key and one for the value."""
    for part, side in zip(parts, ("0", "1"), strict=False):
        yield assigned(t, part, kind.fields[side])
    if len(parts) == 1:
        yield "_"


def pair_of(value: Type) -> Type:
    """What `Object.entries` gives for a table with such values."""
    return Type(Kind.LIST, kinds.ANY, fields={"0": kinds.TEXT, "1": value})
