"""Python being written: expressions that know how tightly they bind, and lines of statements."""

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
    AWAIT = 9
    ATOM = 10
    """Names, literals, calls, subscripts, and whatever has brackets around it."""


@dataclass(frozen=True, slots=True)
class Code:
    """A Python expression. It is on one line, but for comments within its brackets."""

    text: str
    type: Type
    rank: Rank = Rank.ATOM
    constant: str | int | float | None = None
    """Its value, where that is known."""
    opposite: str = ""
    """Of a comparison: its negation."""
    getter: str = ""
    """Of a call of `get`: all but the last bracket, before which a default may stand."""
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
    def source(self) -> str:
        """What follows `in` where a `for` goes through it."""
        return self.iterable or self.at(Rank.OR)

    @property
    def is_simple(self) -> bool:
        """Whether it may be evaluated twice: a name, or members of one."""
        return self.text.replace(".", "").replace("_", "").isalnum() and self.rank is Rank.ATOM


NONE: Final = Code("None", NULL)

_NAMED: Final = {"\n": "\\n", "\r": "\\r", "\t": "\\t", "\\": "\\\\"}


def quoted(value: str) -> str:
    """The literal of a text."""
    return f'"{escaped(value)}"'


def escaped(value: str) -> str:
    """What stands between the double quotes of a text's literal."""
    return "".join(
        _NAMED.get(c) or ('\\"' if c == '"' else c if c.isprintable() else ascii(c)[1:-1])
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


_LITERAL: Final = re.compile(r"""[-+*/ ()\d.]+|"[^"]*"|\[\]|\{\}""")
_SIGNS: Final = (("==", "!="), ("is", "is not"), ("in", "not in"))
_OPPOSITES: Final = {a: b for pair in _SIGNS for a, b in (pair, pair[::-1])}


def call(name: str, arguments: Iterable[str], returns: Type) -> Code:
    """A call."""
    return Code(f"{name}({', '.join(arguments)})", returns)


def listing(items: Iterable[str], brackets: str, *, exploded: bool = False) -> str:
    """Items between brackets; a comma at the end has the formatter give each a line of its own."""
    inner = ", ".join(items)
    return f"{brackets[0]}{inner}{',' if exploded and inner else ''}{brackets[1]}"


@dataclass(frozen=True, slots=True)
class Line:
    """One logical line of Python; the layout may break it into several."""

    text: str
    depth: int = 0
    comment: str = ""


@dataclass(slots=True)
class Block:
    """Lines of Python, and whether what comes after them is reached."""

    lines: list[Line]
    completes: bool = True


def deeper(lines: Iterable[Line]) -> list[Line]:
    """`lines`, one level further in."""
    return [Line(line.text, line.depth + 1, line.comment) for line in lines]


def suite(head: str, body: Block) -> list[Line]:
    """A compound statement: `head`, with a colon, and what belongs to it."""
    has_code = any(line.text and not line.text.startswith("#") for line in body.lines)
    lines = body.lines if has_code else [*body.lines, Line("pass")]
    return [Line(f"{head}:"), *deeper(lines)]
