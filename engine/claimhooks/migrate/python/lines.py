"""Lines of Python, before they are laid out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


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
