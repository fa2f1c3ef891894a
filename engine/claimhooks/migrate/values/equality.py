"""`===`, `==`, `typeof`, `instanceof` and `in`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from claimhooks.migrate import kinds
from claimhooks.migrate.effects import Untranslatable
from claimhooks.migrate.kinds import Kind, Shape
from claimhooks.migrate.python.code import Code, Rank, call, comparison, quoted
from claimhooks.migrate.script import tree
from claimhooks.migrate.statements.answers import EXCEPTIONS
from claimhooks.migrate.values import members
from claimhooks.migrate.values.searches import index_found
from claimhooks.migrate.values.truth import negated

if TYPE_CHECKING:
    from tree_sitter import Node

    from claimhooks.migrate.translator import Translator

_NOTHING: Final = frozenset({"null", "undefined"})
_OBJECTS: Final = Kind.LIST | Kind.TABLE | Kind.OBJECT


def equality(t: Translator, node: Node, sign: str) -> Code:
    """Whether two values are the same, or (``!=``, ``!==``) are not."""
    left, right = (tree.bare(tree.field(node, side)) for side in ("left", "right"))
    if left.type in {*_NOTHING, "string", "number", "true", "false"}:
        left, right = right, left
    found = index_found(t, left, sign, right)
    if found is not None:
        return found
    code = _equal(t, left, right, is_strict=len(sign) == 3)
    return negated(code) if sign[0] == "!" else code


def _equal(t: Translator, left: Node, right: Node, *, is_strict: bool) -> Code:
    if _is_typeof(left) and right.type == "string":
        return _of_type(t, tree.field(left, "argument"), tree.string_value(right))
    if right.type in _NOTHING:
        return _is_nothing(t, left, right, is_strict=is_strict)
    a, b = t.expression(left), t.expression(right)
    if right.type in {"true", "false"} and is_strict:
        return comparison(a.at(Rank.SUM), "is", b.text)
    if a.type.shape is Shape.DATE or b.type.shape is Shape.DATE:
        raise Untranslatable("dates are the same object here or not; compare their getTime()")
    if _is_plain(a, b, is_strict=is_strict):
        return comparison(a.at(Rank.SUM), "==", b.at(Rank.SUM))
    name = t.need("js_same" if is_strict else "js_equal")
    return call(name, [a.text, b.text], kinds.BOOL)


_SORTS: Final = (Kind.TEXT, Kind.NUMBER | Kind.NAN, Kind.BOOL, _OBJECTS)


def _is_plain(a: Code, b: Code, *, is_strict: bool) -> bool:
    """Whether Python's == says the same."""
    if a.type.may_be(_OBJECTS) and b.type.may_be(_OBJECTS):
        return False
    for one, other in ((a.type, b.type), (b.type, a.type)):
        if one.may_be(Kind.BOOL) and other.may_be(Kind.NUMBER):
            return False
    both = a.type.kinds | b.type.kinds
    return is_strict or sum(bool(both & sort) for sort in _SORTS) <= 1


def _is_nothing(t: Translator, left: Node, nothing: Node, *, is_strict: bool) -> Code:
    sought = Kind.NULL if nothing.type == "null" else Kind.UNDEFINED
    table = members.table_of(t, left)
    if is_strict and table is not None:
        owner, key = table
        if sought is Kind.UNDEFINED:
            return comparison(key.at(Rank.SUM), "not in", owner.at(Rank.SUM))
        with_other = f"{owner.at(Rank.ATOM)}.get({key.text}, ...)"
        return comparison(with_other, "is", "None")
    code = t.expression(left)
    if code.type.shape is Shape.SCOPE:
        return _is_empty(code)
    if code.constant is not None:
        return Code("False", kinds.BOOL)
    other = Kind.NOTHING & ~sought
    if is_strict and code.type.may_be(other):
        if not code.type.may_be(sought):
            return Code("False", kinds.BOOL)
        t.decide(
            left,
            "Python has one None for null and undefined: is this right where the value is "
            f"{'undefined' if other is Kind.UNDEFINED else 'null'}?",
        )
    return comparison(code.at(Rank.SUM), "is", "None")


# typeof


def _is_typeof(node: Node) -> bool:
    return node.type == "unary_expression" and (tree.text(tree.field(node, "operator")) == "typeof")


def _of_type(t: Translator, node: Node, name: str) -> Code:
    code = t.expression(node)
    if name == "undefined":
        return _is_undefined(t, node, code)
    if name == "number":
        return comparison(f"type({code.text})", "in", "(int, float)")
    if name == "function":
        return call("callable", [code.text], kinds.BOOL)
    if name in _CLASSES:
        return call("isinstance", [code.text, _CLASSES[name]], kinds.BOOL)
    return comparison(f"{t.need('js_typeof')}({code.text})", "==", quoted(name))


def _is_undefined(t: Translator, node: Node, code: Code) -> Code:
    if code.type.shape is Shape.SCOPE:
        return _is_empty(code)
    table = members.table_of(t, node) if code.type.may_be(Kind.NULL) else None
    if table is None:
        return comparison(code.at(Rank.SUM), "is", "None")
    owner, key = table
    return comparison(key.at(Rank.SUM), "not in", owner.at(Rank.SUM))


def _is_empty(scope: Code) -> Code:
    # Where there are no scopes, the old system gave undefined and Python has [].
    return Code(f"not {scope.at(Rank.NOT)}", kinds.BOOL, Rank.NOT, opposite=scope.text)


_CLASSES: Final = {"string": "str", "boolean": "bool"}


def type_name(t: Translator, node: Node) -> Code:
    """`typeof` as a text."""
    code = t.expression(tree.field(node, "argument"))
    return call(t.need("js_typeof"), [code.text], kinds.TEXT)


# instanceof and in


def instance(t: Translator, node: Node) -> Code:
    """`a instanceof b`."""
    code, of = t.expression(tree.field(node, "left")), tree.text(tree.field(node, "right"))
    if of in EXCEPTIONS:
        name = EXCEPTIONS[of]
        if name != "RuntimeError":
            t.effects.names.add(name)
        return call("isinstance", [code.text, name if of != "Error" else "Exception"], kinds.BOOL)
    if of == "Array":
        return call("isinstance", [code.text, "list"], kinds.BOOL)
    raise Untranslatable(f"there is no {of} in Python to be an instance of")


def contained(t: Translator, node: Node) -> Code:
    """`a in b`."""
    key, owner = t.expression(tree.field(node, "left")), t.expression(tree.field(node, "right"))
    if not owner.type.may_be(Kind.TABLE):
        raise Untranslatable("'in' looks for a property, which this may not have in Python")
    return comparison(key.at(Rank.SUM), "in", owner.at(Rank.SUM))
