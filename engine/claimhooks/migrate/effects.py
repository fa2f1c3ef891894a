"""What a translation brings with it besides the code itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tree_sitter import Node

    from claimhooks.migrate.kinds import Type
    from claimhooks.migrate.python.lines import Line


class Untranslatable(Exception):
    """There is no Python for a part of the script; the text says why."""


@dataclass(frozen=True, slots=True)
class Note:
    """Something that a person should know about the translation of one place."""

    line: int
    column: int
    message: str
    decide: bool
    """Whether the person must decide something; else the translation is complete."""


@dataclass(slots=True)
class Effects:
    """What has come up so far."""

    notes: list[Note] = field(default_factory=list[Note])
    before: list[Line] = field(default_factory=list["Line"])
    """What has to stand before the statement that is being translated."""
    support: set[str] = field(default_factory=set[str])
    imports: set[str] = field(default_factory=set[str])
    names: set[str] = field(default_factory=set[str])
    """What is used of claimhooks."""
    arguments: set[str] = field(default_factory=set[str])
    """What the hook takes."""
    secrets: dict[str, None] = field(default_factory=dict[str, None])
    network: bool = False
    awaiting: set[int] = field(default_factory=set[int])
    """The functions in whose Python something is awaited."""
    falling: set[int] = field(default_factory=set[int])
    """The functions that may end without calling the callback that they should call."""
    missing: set[str] = field(default_factory=set[str])
    """The tables in which a property may be None because it is undefined."""
    types: dict[int, Type] = field(default_factory=dict[int, "Type"])
    """What is known of variables from where they are declared, by the id of that node."""
    said: set[int] = field(default_factory=set[int])
    """The comments that have been written."""
    added_scopes: dict[str, Node] = field(default_factory=dict[str, "Node"])

    def is_like(self, other: Effects) -> bool:
        """Whether a translation that knows `other` beforehand knows this."""
        return (self.awaiting, self.falling, self.missing) == (
            other.awaiting,
            other.falling,
            other.missing,
        )
