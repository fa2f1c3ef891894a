"""Where the translation of a script stands, and what it brings with it besides the code itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tree_sitter import Node

    from claimhooks.migrate.kinds import Type
    from claimhooks.migrate.python.code import Line
    from claimhooks.migrate.script.scopes import Binding


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
    types: dict[int, Type] = field(default_factory=dict[int, "Type"])
    """What is known of variables from where they are declared, by the id of that node."""
    said: set[int] = field(default_factory=set[int])
    """The comments that have been written."""
    added_scopes: dict[str, Node] = field(default_factory=dict[str, "Node"])
    loses_null: Node | None = None
    """Where first something is left out, since it is None, that may be null."""

    def is_like(self, other: Effects) -> bool:
        """Whether a translation that knows `other` beforehand knows this."""
        return (self.awaiting, self.falling) == (other.awaiting, other.falling)


class Returns(Enum):
    """What a `return` of JavaScript does where it stands."""

    VALUE = auto()
    """It returns its value."""
    NOTHING = auto()
    """It ends a function that should have called a callback before."""
    NEXT = auto()
    """It goes on with the next item of a loop."""
    BARRED = auto()
    """The same, from within another loop: Python has no word for it."""
    STEP = auto()
    """Its value is what the next step of a chain of promises is given."""


@dataclass(frozen=True, slots=True)
class Flow:
    """What happens after the statement that is being translated."""

    returns: Returns
    is_last: bool = True
    """Whether nothing comes after it in the function."""
    target: str = ""
    """What a step assigns its value to."""

    def within_loop(self) -> Flow:
        """What happens after a statement in a loop."""
        is_barred = self.returns is Returns.NEXT
        return Flow(Returns.BARRED if is_barred else self.returns, is_last=False)


@dataclass(frozen=True, slots=True)
class Jumps:
    """What `break` and `continue` do."""

    is_loop: bool = False
    """Whether they are those of a loop, or of one around a `switch`."""
    is_switch: bool = False
    """Whether `break` leaves a `switch`."""


@dataclass(eq=False, slots=True)
class Frame:
    """The Python function that is being written."""

    node: Node
    declared: set[Binding] = field(default_factory=set["Binding"])
    assigned: set[Binding] = field(default_factory=set["Binding"])
