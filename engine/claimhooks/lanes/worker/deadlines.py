"""When the exchanges on one worker have had their time, and which of them is to blame."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Final

from claimhooks.lanes.worker.crew import SHARE
from claimhooks.lanes.worker.handle import DUMP_SECONDS

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from claimhooks.lanes.worker.flights import Flight
    from claimhooks.lanes.worker.handle import Worker

GRACE: Final = 0.015
"""Seconds that an event loop in a worker gets to end by itself what only waits."""
LAST_GRACE: Final = 0.05
"""Seconds that it gets once more, if it is idle: the hook may not want to be ended."""


class Deadlines:
    """One timer for all flights of a worker, as long as one event loop has it: most land early."""

    def __init__(
        self,
        worker: Worker,
        loop: asyncio.AbstractEventLoop,
        crash: Callable[[Flight], None],
        *,
        is_async: bool,
    ) -> None:
        """`crash` is called with the flight that is to blame."""
        self.loop: Final = loop
        self._worker = worker
        self._crash = crash
        self._is_async = is_async
        self._timer: asyncio.TimerHandle | None = None
        self._next = 0.0
        self._is_asking = False

    def watch(self, flight: Flight) -> None:
        """Let `flight` have its time, and no more."""
        flight.due = flight.began + flight.trip.limit + (GRACE if self._is_async else 0.0)
        if self._timer is None or flight.due < self._next:
            self._wake_at(flight.due)

    def _wake_at(self, due: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._next = due
        self._timer = self.loop.call_later(max(0.0, due - monotonic()), self._look)

    def _look(self) -> None:
        self._timer = None
        flights = self._worker.flights
        # Another loop may have the worker by now.
        if self._worker.deadlines is not self or self._is_asking or not flights:
            return
        now = monotonic()
        for flight in flights.values():
            if flight.due <= now:
                culprit, left = self._left(flight, now)
                if left <= 0:
                    self._is_asking = True
                    self._worker.ask_where()
                    self.loop.call_later(DUMP_SECONDS, self._end, culprit)
                    return
                flight.due = now + left
        self._wake_at(min(flight.due for flight in flights.values()))

    def _left(self, flight: Flight, now: float) -> tuple[Flight, float]:
        """Whose fault it would be that `flight`, which is due, does not land, and from when on."""
        worker = self._worker
        mark = worker.mark
        running = worker.flights.get(mark.number) if mark.hook is not None else None
        if not self._is_async:
            # They run one by one: what is there to blame has run since the last has landed.
            culprit = running or next(iter(worker.flights.values()))
            return culprit, worker.since + culprit.trip.limit - now
        # A hook can write what it likes into the mark: nobody waits for ever because of it.
        if now >= flight.began + SHARE * flight.trip.limit:
            return running or flight, 0.0
        if running is not None:
            # Nobody else gets on while one is running, and it may run for its whole time.
            limit = running.trip.limit
            return running, min(limit, mark.started + limit - now)
        if flight.is_warned:
            return flight, 0.0
        flight.is_warned = True
        return flight, LAST_GRACE

    def _end(self, culprit: Flight) -> None:
        self._is_asking = False
        if culprit in self._worker.flights.values():
            self._crash(culprit)
        else:
            # It has just landed after all.
            self._look()
