"""`String(x)`, `Number(x)`, `parseInt(x)` and their like."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from claimhooks.migrate import kinds
from claimhooks.migrate.effects import Untranslatable
from claimhooks.migrate.python.code import Code, call
from claimhooks.migrate.values.coercion import as_number, as_text
from claimhooks.migrate.values.truth import truth

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tree_sitter import Node

    from claimhooks.migrate.translator import Translator


def boolean(t: Translator, code: Code) -> Code:
    """`Boolean(x)`, or `!!x`."""
    test = truth(t, code)
    return test if test.type == kinds.BOOL else call("bool", [test.text], kinds.BOOL)


def _parse_float(t: Translator, code: Code) -> Code:
    return call(t.need("js_parse_float"), [code.text], kinds.MAYBE_NAN)


def _parse_int(t: Translator, code: Code) -> Code:
    return call(t.need("js_parse_int"), [code.text], kinds.MAYBE_NAN)


def _is_nan(t: Translator, code: Code) -> Code:
    t.imported("import math")
    return call("math.isnan", [as_number(t, code).text], kinds.BOOL)


def _encoded(t: Translator, code: Code) -> Code:
    t.imported("from urllib.parse import quote")
    return Code(f'quote({as_text(t, code).text}, safe="!*\'()")', kinds.TEXT)


def _decoded(t: Translator, code: Code) -> Code:
    t.imported("from urllib.parse import unquote")
    return call("unquote", [as_text(t, code).text], kinds.TEXT)


CONVERSIONS: Final[Mapping[str, Callable[[Translator, Code], Code]]] = {
    "String": as_text,
    "Boolean": boolean,
    "Number": as_number,
    "parseFloat": _parse_float,
    "parseInt": _parse_int,
    "isNaN": _is_nan,
    "encodeURIComponent": _encoded,
    "decodeURIComponent": _decoded,
}
"""Functions that are there without being declared, and convert one value."""


def to_text(t: Translator, owner: Code, given: list[Node]) -> Code:
    """`x.toString()`."""
    if given:
        raise Untranslatable("toString to another base than 10 has no translation")
    return as_text(t, Code(owner.text, owner.type.something(), owner.rank, owner.constant))


def to_fixed(t: Translator, owner: Code, given: list[Node]) -> Code:
    """`x.toFixed(digits)`."""
    digits = t.expression(given[0]).constant if given else 0
    if not isinstance(digits, int):
        raise Untranslatable("toFixed without a plain number has no translation")
    return call("format", [as_number(t, owner).text, f'".{digits}f"'], kinds.TEXT)
