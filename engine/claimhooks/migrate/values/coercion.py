"""Values as text and as numbers, where JavaScript makes them so by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from claimhooks.migrate import kinds
from claimhooks.migrate.effects import Untranslatable
from claimhooks.migrate.kinds import Kind, Shape, Type
from claimhooks.migrate.python.code import Code, call, text_code

if TYPE_CHECKING:
    from claimhooks.migrate.translator import Translator


_ODD: Final = frozenset(
    {
        *(Shape.SET, Shape.MAP, Shape.DATE, Shape.PATTERN),
        *(Shape.CLIENT, Shape.CONTEXT, Shape.WEBTASK, Shape.SECRETS),
    }
)
"""What JavaScript writes in ways of its own, which `js_text` does not know."""


def as_text(t: Translator, code: Code) -> Code:
    """`code` as JavaScript writes it into a text."""
    kind = code.type
    if kind.is_only(Kind.TEXT):
        return code
    if isinstance(code.constant, int) and kind.is_only(Kind.INT):
        return text_code(str(code.constant))
    if kind.shape in _ODD:
        raise Untranslatable("this has no text of its own in Python")
    if kind.is_only(Kind.INT) or kind.shape is Shape.ERROR:
        return call("str", [code.text], kinds.TEXT)
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
    is_list = code.type.is_only(Kind.LIST | Kind.NOTHING) or code.type.shape is Shape.SET
    if is_list or code.iterable:
        return code
    return call(t.need("js_list"), [code.text], Type(Kind.LIST, code.type.of))


def item_text(t: Translator, code: Code) -> str:
    """What writes an item of the list `code` into a text, as an iterable of texts."""
    if code.type.items.is_only(Kind.TEXT):
        return code.text
    return f"map({t.need('js_text')}, {code.text})"
