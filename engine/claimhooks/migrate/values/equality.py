"""`===`, `==`, `typeof`, `instanceof`, `in`, and whether something is in a list or text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from claimhooks.migrate import kinds
from claimhooks.migrate.kinds import TABLES, Kind, Shape
from claimhooks.migrate.python.code import Code, Rank, call, comparison
from claimhooks.migrate.script import tree
from claimhooks.migrate.state import Untranslatable
from claimhooks.migrate.statements.answers import EXCEPTIONS, OAUTH
from claimhooks.migrate.values import members
from claimhooks.migrate.values.coercion import as_value, is_condition, negated

if TYPE_CHECKING:
    from tree_sitter import Node

    from claimhooks.migrate.translator import Translator

_OBJECTS: Final = Kind.LIST | Kind.TABLE | Kind.OBJECT


def equality(t: Translator, node: Node, sign: str) -> Code:
    """Whether two values are the same, or (``!=``, ``!==``) are not."""
    left, right = (tree.bare(tree.field(node, side)) for side in ("left", "right"))
    if tree.is_nothing(left) or left.type in {"string", "number", "true", "false"}:
        left, right = right, left
    found = index_found(t, left, sign, right)
    if found is not None:
        return found
    code = _equal(t, left, right, is_strict=len(sign) == 3)
    if sign[0] != "!":
        return code
    found = negated(code)
    # What "not" is taken from may be no boolean.
    is_bare = code.text.startswith("not ") and not is_condition(node)
    return call("bool", [found.text], kinds.BOOL) if is_bare else found


def _equal(t: Translator, left: Node, right: Node, *, is_strict: bool) -> Code:
    if _is_typeof(left) and right.type == "string":
        return _of_type(t, tree.field(left, "argument"), tree.string_value(right))
    if tree.is_nothing(right):
        return _is_nothing(t, left, right, is_strict=is_strict)
    a, b = t.expression(left), t.expression(right)
    if right.type in {"true", "false"} and is_strict:
        return comparison(a.at(Rank.SUM), "is", b.text)
    if a.type.shape is Shape.DATE or b.type.shape is Shape.DATE:
        raise Untranslatable("dates are the same object here or not; compare their getTime()")
    return same(t, a, b, is_strict=is_strict)


def same(t: Translator, a: Code, b: Code, *, is_strict: bool = True) -> Code:
    """`a === b`, or `a == b`."""
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
    if code.type.shape is Shape.SCOPE and (sought is Kind.UNDEFINED or not is_strict):
        return _is_empty(code)
    code = as_value(code)
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
        table = members.table_of(t, node) if code.type.may_be(Kind.NULL) else None
        if code.type.shape is Shape.SCOPE:
            return _is_empty(code)
        if table is None:
            return comparison(as_value(code).at(Rank.SUM), "is", "None")
        owner, key = table
        return comparison(key.at(Rank.SUM), "not in", owner.at(Rank.SUM))
    if name == "number":
        return comparison(f"type({code.text})", "in", "(int, float)")
    # typeof null is "object", too.
    is_unsure = name == "object" and (code.type.may_be(Kind.NULL | Kind.OBJECT) or code.type.shape)
    if name not in _CLASSES or is_unsure:
        raise Untranslatable(f"whether this is of type {name} has no translation")
    return call("isinstance", [code.text, _CLASSES[name]], kinds.BOOL)


def _is_empty(scope: Code) -> Code:
    # Where there are no scopes, the old system gave undefined and Python has [].
    return Code(f"not {scope.at(Rank.NOT)}", kinds.BOOL, Rank.NOT, opposite=scope.text)


_CLASSES: Final = {"string": "str", "boolean": "bool", "object": "(list, dict)"}


# instanceof and in


def instance(t: Translator, node: Node) -> Code:
    """`a instanceof b`, for kinds of errors."""
    code, of = t.expression(tree.field(node, "left")), tree.text(tree.field(node, "right"))
    if of not in EXCEPTIONS:
        raise Untranslatable(f"there is no {of} in Python to be an instance of")
    name = EXCEPTIONS[of]
    if name in OAUTH:
        t.effects.names.add(name)
    return call("isinstance", [code.text, name if of != "Error" else "Exception"], kinds.BOOL)


def contained(t: Translator, node: Node) -> Code:
    """`a in b`."""
    key, owner = t.expression(tree.field(node, "left")), t.expression(tree.field(node, "right"))
    if not owner.type.may_be(Kind.TABLE) or owner.type.shape not in TABLES:
        raise Untranslatable("'in' looks for a property, which this may not have in Python")
    return comparison(key.at(Rank.SUM), "in", owner.at(Rank.SUM))


_IS_FOUND: Final = {
    **dict.fromkeys(("> -1", ">= 0", "!== -1", "!= -1"), True),
    **dict.fromkeys(("< 0", "<= -1", "=== -1", "== -1"), False),
}
_IS_FIRST: Final = {"=== 0": True, "== 0": True, "!== 0": False, "!= 0": False}


def index_found(t: Translator, left: Node, sign: str, right: Node) -> Code | None:
    """The comparison of an `indexOf` with -1 or 0, if it is one, as `in` or `startswith`."""
    test = f"{sign} {tree.text(right)}"
    if test not in _IS_FOUND | _IS_FIRST or left.type != "call_expression":
        return None
    callee, given = tree.bare(tree.field(left, "function")), tree.arguments(left)
    if callee.type != "member_expression" or members.is_optional(callee) or len(given) != 1:
        return None
    if tree.text(tree.field(callee, "property")) != "indexOf":
        return None
    owner, item = t.expression(tree.field(callee, "object")), t.expression(given[0])
    if test in _IS_FOUND:
        found = contains(t, owner, item)
        return found if _IS_FOUND[test] else negated(found)
    if not owner.type.is_only(Kind.TEXT) or not item.type.is_only(Kind.TEXT):
        return None
    found = Code(f"{owner.at(Rank.ATOM)}.startswith({item.text})", kinds.BOOL)
    return found if _IS_FIRST[test] else negated(found)


def contains(t: Translator, owner: Code, item: Code) -> Code:
    """Whether `item` is in the list or text `owner`."""
    is_text = not owner.type.may_be(Kind.TEXT) or item.type.is_only(Kind.TEXT)
    is_scalar = not item.type.may_be(Kind.LIST | Kind.TABLE)
    is_alike = not item.type.may_be(Kind.BOOL | Kind.NUMBER) or owner.type.items.is_only(
        item.type.kinds
    )
    if not (is_text and is_scalar and is_alike and owner.type.may_be(Kind.LIST | Kind.TEXT)):
        return call(t.need("js_includes"), [owner.text, item.text], kinds.BOOL)
    return comparison(item.at(Rank.SUM), "in", owner.at(Rank.SUM))
