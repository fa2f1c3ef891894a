"""When the time of a round trip is up."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from claimhooks.lanes.worker.handle import Worker
    from claimhooks.lanes.worker.trips import Trip

GRACE: Final = 0.015
"""Seconds that a worker gets to end what only waits by itself, before it is killed."""


class Clock:
    """Of one round trip, from now on."""

    __slots__ = ("_end", "_number", "_own", "_worker", "began")

    def __init__(self, trip: Trip, worker: Worker, number: int) -> None:
        leg = trip.leg
        self.began = monotonic()
        self._end = self.began + leg.limit + (GRACE if leg.is_async else 0.0)
        self._own = leg.own
        self._worker = worker
        self._number = number

    @property
    def seconds(self) -> float:
        """Since the beginning."""
        return monotonic() - self.began

    def next_look(self) -> float:
        """Seconds until the time may be up; none are left when it is."""
        now = monotonic()
        left = self._end - now
        if not self._own:
            return left
        # A hook with a deadline of its own may be running already, or may start at once.
        mark = self._worker.mark
        if mark.number == self._number and mark.hook is not None and mark.hook in self._own:
            return min(left, mark.started + self._own[mark.hook] - now)
        return min(left, *self._own.values())
