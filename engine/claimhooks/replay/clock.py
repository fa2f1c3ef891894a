"""When the exchanges of a recording took place, by the clock of then."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from claimhooks.replay.groups import Example, Group

SLACK: Final = timedelta(seconds=1)
"""Exchanges of the same time may have been recorded in any order."""


@dataclass(slots=True)
class Clock:
    """The times of lines that follow each other."""

    earliest: datetime | None = None
    latest: datetime | None = None
    back: Group = field(default_factory=Group)
    """Lines of an earlier time than the line before them."""
    begin: tuple[datetime, Example] | None = None
    """The first line."""
    end: datetime | None = None
    """The time of the last line, of the last file."""

    def add(self, at: datetime, example: Example) -> None:
        """The next line is of this time."""
        before, self.end = self.end, at
        if self.earliest is None or self.latest is None:
            self.earliest = self.latest = at
            self.begin = at, example
        elif at > self.latest:
            self.latest = at
        elif before is not None and at < before:
            self.earliest = min(self.earliest, at)
            if before - at > SLACK:
                self.back.add(example)

    def follow(self, other: Clock, lines: int, *, begins_file: bool) -> None:
        """The next lines are those of `other`; their file has `lines` before them."""
        end = None if begins_file else self.end
        self.end = other.end or end
        if other.begin is None or other.earliest is None or other.latest is None:
            return
        at, example = other.begin[0], other.begin[1].below(lines)
        if end is not None and end - at > SLACK:
            self.back.add(example)
        self.back.merge(other.back, lines)
        self.begin = self.begin or (at, example)
        self.earliest = min(self.earliest or other.earliest, other.earliest)
        self.latest = max(self.latest or other.latest, other.latest)
