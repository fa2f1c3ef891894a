"""How many exchanges there were, by what became of them, and how long they took."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from claimhooks.serving.events import Event

BOUNDS: Final = tuple(int(factor * 10**power) for power in (3, 4, 5, 6) for factor in (0.5, 1, 2.5))
"""Microseconds: the times that are told apart."""
MAX_KINDS: Final = 1000
"""Of outcomes with their errors: a hook may derive errors with any code, one for each client."""


class Counts:
    """Of one process. For one event loop: without locks they take a fourth of the time."""

    def __init__(self) -> None:
        self.by_outcome: Final[dict[tuple[str, str | None], int]] = {}
        """Outcome and error → how many."""
        self.total: Final = Times()
        self.hooks: Final = Times()
        """Of all hooks of an exchange together."""

    def add(self, event: Event) -> None:
        """Count one exchange."""
        key, micros = (event.outcome, event.error), event.micros
        if key not in self.by_outcome and len(self.by_outcome) >= MAX_KINDS:
            key = event.outcome, "other"
        self.by_outcome[key] = self.by_outcome.get(key, 0) + 1
        self.total.add(micros["total"])
        if (hooks := micros.get("hooks")) is not None:
            self.hooks.add(hooks)


class Times:
    """How often something took how long."""

    def __init__(self) -> None:
        self.counts: Final = [0] * (len(BOUNDS) + 1)
        """For each of `BOUNDS`: of those that took no longer, but longer than the one before."""
        self.sum = 0.0
        """Microseconds."""

    def add(self, micros: float) -> None:
        """Count one that took so many microseconds."""
        self.counts[bisect_left(BOUNDS, micros)] += 1
        self.sum += micros
