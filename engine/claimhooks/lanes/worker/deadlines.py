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

GRACE: Final = 0.05
"""Seconds that an event loop in a worker gets to end by itself what only waits."""


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
        """Let `flight`, which has just been sent, have its time, and no more."""
        flight.due = flight.began + flight.trip.limit
        if self._timer is None or flight.due < self._next:
            self._wake_at(flight.due)

    def _wake_at(self, due: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._next = due
        self._timer = self.loop.call_later(max(0.0, due - monotonic()), self._look)

    def _look(self) -> None:
        self._timer = None
        worker = self._worker
        # Another loop may have the worker by now.
        if worker.deadlines is not self or self._is_asking:
            return
        now = monotonic()
        sent = [flight for flight in worker.flights.values() if flight.began]
        for flight in sent:
            if flight.due <= now:
                culprit, left = self._left(flight, now)
                if left <= 0:
                    self._is_asking = True
                    worker.ask_where()
                    self.loop.call_later(DUMP_SECONDS, self._end, culprit)
                    return
                flight.due = now + left
        if sent:
            self._wake_at(min(flight.due for flight in sent))

    def _left(self, flight: Flight, now: float) -> tuple[Flight, float]:
        """Whose fault it would be that `flight`, which is due, does not land, and from when on."""
        worker, mark = self._worker, self._worker.mark
        running = worker.flights.get(mark.number)
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
        # It may have begun late.
        limit = flight.trip.limit
        until = max(flight.began + limit, worker.waits_until(flight.number))
        return flight, min(limit, until + GRACE - now)

    def _end(self, culprit: Flight) -> None:
        self._is_asking = False
        if culprit in self._worker.flights.values():
            self._crash(culprit)
        else:
            # It has just landed after all.
            self._wake_at(monotonic())
