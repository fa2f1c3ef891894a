"""What came of replayed exchanges, counted."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final

from claimhooks.replay.clock import Clock
from claimhooks.replay.groups import Group
from claimhooks.replay.times import Times

MAX_NAMED: Final = 20
"""As many of the lines that cannot be run are named."""


@dataclass(frozen=True, slots=True)
class Unread:
    """A line that cannot be run, and why."""

    file: str
    line: int
    reason: str


@dataclass(slots=True)
class Tally:
    """Counts of some lines that follow each other, be it in one file or in several."""

    lines: int = 0
    """Of the last file, so far."""
    before: dict[str, int] = field(default_factory=dict[str, int])
    """Exchanges that have an outcome to compare with, by its status."""
    after: dict[str, int] = field(default_factory=dict[str, int])
    """Exchanges by the status of the outcome that the hooks now give them."""
    recorded: Group = field(default_factory=Group)
    """Exchanges with a recorded outcome, by the generation that it is of."""
    changes: Group = field(default_factory=Group)
    """Exchanges of which something changes, by what; see :mod:`claimhooks.replay.changes`."""
    hidden: Group = field(default_factory=Group)
    """Exchanges with a claim of which the recording hides the value, by its name."""
    denials: Group = field(default_factory=Group)
    """Exchanges that are denied, by hook, error and description."""
    faults: Group = field(default_factory=Group)
    """Exchanges with a fault, by hook, code and reason."""
    skipped: Group = field(default_factory=Group)
    """Exchanges that a hook was left out of because it failed, likewise."""
    hooks: dict[str, Times] = field(default_factory=dict[str, Times])
    unread: int = 0
    """Lines that cannot be run."""
    unread_first: list[Unread] = field(default_factory=list[Unread])
    clock: Clock = field(default_factory=Clock)
    """When the recorded exchanges took place."""

    @property
    def exchanges(self) -> int:
        """How many have been run."""
        return sum(self.after.values())

    def unreadable(self, file: str, line: int, reason: str) -> None:
        """Count a line that cannot be run."""
        self.unread += 1
        if len(self.unread_first) < MAX_NAMED:
            self.unread_first.append(Unread(file, line, reason))

    def follow(self, other: Tally, *, begins_file: bool) -> None:
        """Count what `other` has counted in the lines that come next."""
        above = 0 if begins_file else self.lines
        self.lines = above + other.lines
        for mine, others in ((self.before, other.before), (self.after, other.after)):
            for status, count in others.items():
                mine[status] = mine.get(status, 0) + count
        for group, followed_by in zip(self._groups(), other._groups(), strict=True):
            group.merge(followed_by, above)
        for hook, times in other.hooks.items():
            self.hooks.setdefault(hook, Times()).merge(times)
        self.unread += other.unread
        for unread in other.unread_first[: MAX_NAMED - len(self.unread_first)]:
            self.unread_first.append(replace(unread, line=unread.line + above))
        self.clock.follow(other.clock, above, begins_file=begins_file)

    def _groups(self) -> tuple[Group, ...]:
        return (
            self.recorded, self.changes, self.hidden, self.denials, self.faults, self.skipped,
        )  # fmt: skip
