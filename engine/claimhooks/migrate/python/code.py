"""Python expressions, as text that knows how tightly it binds."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Final

from claimhooks.migrate.kinds import BOOL, INT, NULL, TEXT, Type

if TYPE_CHECKING:
    from collections.abc import Iterable


class Rank(IntEnum):
    """How tightly an expression binds, from loose to tight (Python's table of precedence)."""

    LAMBDA = 0
    TERNARY = 1
    OR = 2
    AND = 3
    NOT = 4
    COMPARISON = 5
    SUM = 6
    PRODUCT = 7
    SIGN = 8
    POWER = 9
    AWAIT = 10
    ATOM = 11
    """Names, literals, calls, subscripts, and whatever has brackets around it."""


@dataclass(frozen=True, slots=True)
class Code:
    """A Python expression, on one line."""

    text: str
    type: Type
    rank: Rank = Rank.ATOM
    constant: str | int | float | None = None
    """Its value, where that is known."""
    prefix: str = ""
    """What its value, a text, begins with for certain."""
    opposite: str = ""
    """Of a comparison: its negation."""
    getter: str = ""
    """Of a call of `get`: all but the last bracket, before which a default may stand."""
    unique: str = ""
    """Of a set: the list of its items."""
    iterable: str = ""
    """What a `for` can go through instead, such as a dict instead of the list of its keys."""

    def at(self, rank: Rank) -> str:
        """Its text where something of `rank` or tighter is needed."""
        return self.text if self.rank >= rank else f"({self.text})"

    @property
    def is_text_literal(self) -> bool:
        """Whether it is a text in quotes."""
        return isinstance(self.constant, str) and self.text == quoted(self.constant)

    @property
    def beginning(self) -> str:
        """What its value begins with, if it is a text of which that is known."""
        return self.constant if isinstance(self.constant, str) else self.prefix

    @property
    def source(self) -> str:
        """What follows `in` where a `for` goes through it."""
        return self.iterable or self.at(Rank.OR)

    @property
    def starred(self) -> str:
        """It, spread into a list."""
        return f"*{self.iterable or self.at(Rank.SUM)}"

    @property
    def is_simple(self) -> bool:
        """Whether it may be evaluated twice: a name, or members of one."""
        return self.text.replace(".", "").replace("_", "").isalnum() and self.rank is Rank.ATOM


NONE: Final = Code("None", NULL)

_NAMED: Final = {"\n": "\\n", "\r": "\\r", "\t": "\\t", "\\": "\\\\"}


def quoted(value: str) -> str:
    """The literal of a text, as ruff would write it."""
    quote = "'" if value.count('"') > value.count("'") else '"'
    return quote + escaped(value, quote) + quote


def escaped(value: str, quote: str = '"') -> str:
    """What stands between the quotes of a text's literal."""
    return "".join(
        _NAMED.get(c) or (f"\\{c}" if c == quote else c if c.isprintable() else ascii(c)[1:-1])
        for c in value
    )


def text_code(value: str) -> Code:
    """The literal of a text."""
    return Code(quoted(value), TEXT, constant=value)


def int_code(value: int) -> Code:
    """The literal of an integer."""
    return Code(str(value), INT, Rank.ATOM if value >= 0 else Rank.SIGN, value)


def comparison(left: str, sign: str, right: str) -> Code:
    """A comparison, which knows its negation."""
    if sign in {"is", "is not"} and _LITERAL.fullmatch(left):
        # Python warns of it; what is compared is None or a boolean, and a literal is neither.
        return Code(str(sign == "is not"), BOOL)
    texts = [f"{left} {each} {right}" for each in (sign, _OPPOSITES[sign])]
    return Code(texts[0], BOOL, Rank.COMPARISON, opposite=texts[1])


_LITERAL: Final = re.compile(r"""[-\d.]+|"[^"]*"|'[^']*'""")
_SIGNS: Final = (("==", "!="), ("is", "is not"), ("in", "not in"))
_OPPOSITES: Final = {a: b for pair in _SIGNS for a, b in (pair, pair[::-1])}


def call(name: str, arguments: Iterable[str], returns: Type) -> Code:
    """A call."""
    return Code(f"{name}({', '.join(arguments)})", returns)


def listing(items: Iterable[str], brackets: str, *, exploded: bool = False) -> str:
    """Items between brackets; a comma at the end lets the layout give each a line of its own."""
    inner = ", ".join(items)
    return f"{brackets[0]}{inner}{',' if exploded and inner else ''}{brackets[1]}"
