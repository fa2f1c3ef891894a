"""Values as text, number, list or condition: made so by themselves, or by `String(x)` and so on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from claimhooks.migrate import kinds
from claimhooks.migrate.kinds import Kind, Shape, Type
from claimhooks.migrate.python.code import Code, Rank, call, comparison, text_code
from claimhooks.migrate.script import tree
from claimhooks.migrate.state import Untranslatable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tree_sitter import Node

    from claimhooks.migrate.translator import Translator

_ODD: Final = frozenset(
    {Shape.SET, Shape.DATE, Shape.PATTERN, Shape.CLIENT, Shape.CONTEXT, Shape.SECRETS}
)
"""What JavaScript writes in ways of its own, which `js_text` does not know."""


def as_text(t: Translator, code: Code) -> Code:
    """`code` as JavaScript writes it into a text."""
    kind = code.type
    if kind.is_only(Kind.TEXT):
        return code
    if isinstance(code.constant, int):
        return text_code(str(code.constant))
    if kind.shape in _ODD:
        raise Untranslatable("this has no text of its own in Python")
    if kind.shape is Shape.ERROR and not kind.may_be(Kind.NOTHING):
        return Code(f'"Error: " + str({code.text})', kinds.TEXT, Rank.SUM)
    if kind.shape in {Shape.SCOPE, Shape.MIXED}:
        return as_text(t, as_value(code))
    return call("str", [code.text], kinds.TEXT) if kind.is_only(Kind.INT) else _any_text(t, code)


def _any_text(t: Translator, code: Code) -> Code:
    kind = code.type
    for nothing, word in ((Kind.UNDEFINED, '"undefined"'), (Kind.NULL, '"null"')):
        if kind.is_only(Kind.TEXT | nothing):
            if code.getter:
                return Code(f"{code.getter}, {word})", kinds.TEXT)
            return call(t.need("js_default"), [code.text, word], kinds.TEXT)
    arguments = [code.text]
    if kind.may_be(Kind.NULL):
        if kind.may_be(Kind.UNDEFINED) and code.getter:
            arguments = [f'{code.getter}, "undefined")', '"null"']
        elif not kind.may_be(Kind.UNDEFINED):
            arguments = [code.text, '"null"']
    return call(t.need("js_text"), arguments, kinds.TEXT)


def as_value(code: Code) -> Code:
    """`code` as a value: None, and not [], where there are no scopes."""
    if code.type.shape is Shape.MIXED:
        raise Untranslatable(_CANNOT_BE_TOLD)
    if code.type.shape is not Shape.SCOPE:
        return code
    return Code(f"{code.at(Rank.OR)} or None", kinds.stored(code.type, None), Rank.OR)


_CANNOT_BE_TOLD: Final = "whether [] stands for no scopes, once undefined, cannot be told here"


def as_number(t: Translator, code: Code) -> Code:
    """`code` as JavaScript reckons with it."""
    if code.type.is_only(Kind.NUMBER | Kind.NAN):
        return code
    if code.type.shape is Shape.DATE:
        return call(t.need("js_time"), [code.text], kinds.INT)
    if code.type.is_only(Kind.NULL):
        return call("int", [], kinds.INT)
    return call(t.need("js_number"), [code.text], kinds.MAYBE_NAN)


def as_list(t: Translator, code: Code) -> Code:
    """`code`, where only an array will do."""
    if code.type.is_only(Kind.LIST | Kind.NOTHING) or code.iterable:
        return code
    return call(t.need("js_list"), [code.text], Type(Kind.LIST, code.type.of))


ALIKE: Final = Kind.TEXT | Kind.NUMBER | Kind.BOOL | Kind.NOTHING | Kind.OBJECT
"""What both languages take for true in the same cases."""


def is_alike(code: Code) -> bool:
    """Whether Python takes `code` for true exactly where JavaScript does."""
    # Where there are no scopes, the old system gave undefined and Python has [].
    return code.type.shape is Shape.SCOPE or code.type.is_only(ALIKE)


def truth(t: Translator, code: Code) -> Code:
    """A condition that holds where JavaScript takes the value of `code` for true."""
    if code.type.shape is Shape.MIXED:
        raise Untranslatable(_CANNOT_BE_TOLD)
    if is_alike(code):
        return code
    if code.type.is_only(Kind.LIST | Kind.TABLE | Kind.OBJECT | Kind.NOTHING):
        return comparison(code.at(Rank.SUM), "is not", "None")
    return Code(f"{t.need('js_true')}({code.text})", kinds.BOOL)


def negated(code: Code) -> Code:
    """A condition that holds where `code` does not."""
    if code.opposite:
        return Code(code.opposite, kinds.BOOL, code.rank, opposite=code.text)
    return Code(f"not {code.at(Rank.NOT)}", kinds.BOOL, Rank.NOT, opposite=code.text)


def is_condition(node: Node) -> bool:
    """Whether all that matters of an expression is whether it is true."""
    parent = node.parent
    while parent is not None and parent.type == "parenthesized_expression":
        node, parent = parent, parent.parent
    if parent is None:
        return False
    if parent.type == "if_statement":
        return True
    if parent.type == "ternary_expression":
        return tree.is_within(node, tree.field(parent, "condition"))
    if parent.type == "unary_expression":
        return tree.text(tree.field(parent, "operator")) == "!"
    if parent.type == "binary_expression":
        return tree.text(tree.field(parent, "operator")) in {"&&", "||"} and is_condition(parent)
    return False


def boolean(t: Translator, code: Code) -> Code:
    """`Boolean(x)`, or `!!x`."""
    test = truth(t, code)
    return test if test.type == kinds.BOOL else call("bool", [test.text], kinds.BOOL)


def _is_nan(t: Translator, code: Code) -> Code:
    t.imported("import math")
    return call("math.isnan", [as_number(t, code).text], kinds.BOOL)


def _encoded(t: Translator, code: Code) -> Code:
    t.imported("from urllib.parse import quote")
    return Code(f'quote({as_text(t, code).text}, safe="!*\'()")', kinds.TEXT)


CONVERSIONS: Final[Mapping[str, Callable[[Translator, Code], Code]]] = {
    "String": as_text,
    "Boolean": boolean,
    "Number": as_number,
    "parseInt": lambda t, code: call(t.need("js_parse_int"), [code.text], kinds.MAYBE_NAN),
    "isNaN": _is_nan,
    "encodeURIComponent": _encoded,
}
"""Functions that are there without being declared, and convert one value."""


def to_text(t: Translator, owner: Code, given: list[Node]) -> Code:
    """`x.toString()`."""
    if given:
        raise Untranslatable("toString to another base than 10 has no translation")
    return as_text(t, Code(owner.text, owner.type.something(), owner.rank, owner.constant))
