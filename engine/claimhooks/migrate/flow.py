"""Where the translation stands: in which function, and what comes after a statement."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tree_sitter import Node

    from claimhooks.migrate.python.lines import Line
    from claimhooks.migrate.script.bindings import Binding


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
    before_next: tuple[Line, ...] = ()
    """What `continue` has to do first."""


@dataclass(eq=False, slots=True)
class Frame:
    """The Python function that is being written."""

    node: Node
    declared: set[Binding] = field(default_factory=set["Binding"])
    assigned: set[Binding] = field(default_factory=set["Binding"])
