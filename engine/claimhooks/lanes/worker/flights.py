"""Round trips that an event loop waits for. All of this runs in the thread of that loop."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future
from time import monotonic
from typing import TYPE_CHECKING, Final

from claimhooks.lanes import wire
from claimhooks.lanes.worker.crew import WAIT
from claimhooks.lanes.worker.handle import DUMP_SECONDS
from claimhooks.lanes.worker.trips import Lost

if TYPE_CHECKING:
    from collections.abc import Callable

    from claimhooks.lanes.worker.crew import Coming, Crew
    from claimhooks.lanes.worker.handle import Worker
    from claimhooks.lanes.worker.trips import Reason, Trip

CHUNK: Final = 64 * 1024
GRACE: Final = 0.015
"""Seconds that a shared worker gets to end by itself what only waits, before it is killed."""
LAST_GRACE: Final = 0.05
"""Seconds that it gets once more, if it is idle: the hook may not want to be ended."""
STATUS: Final = 1.0
"""Seconds to wait for the wait status of a worker that has ended."""


async def fly(trip: Trip) -> wire.Reply | Lost:
    """Send `trip` on its way; returns what became of it."""
    loop = asyncio.get_running_loop()
    crew = trip.leg.crew
    lent = crew.acquire(loop, is_alone=trip.is_alone)
    worker = await _arrival(lent, crew) if isinstance(lent, Future) else lent
    if worker is None:
        return Lost("unavailable", WAIT)
    return await Flight(trip, worker, loop).ending


async def _arrival(coming: Coming, crew: Crew) -> Worker | None:
    try:
        return await asyncio.wait_for(asyncio.wrap_future(coming), WAIT)
    except TimeoutError:
        crew.decline(coming)
        return None
    except asyncio.CancelledError:
        crew.decline(coming)
        raise


class Flight:
    """One round trip under way. It goes on, and gives its worker back, if nobody waits any more."""

    def __init__(self, trip: Trip, worker: Worker, loop: asyncio.AbstractEventLoop) -> None:
        self.ending: Final[asyncio.Future[wire.Reply | Lost]] = loop.create_future()
        self.trip: Final = trip
        self._worker = worker
        self._loop = loop
        self._number = number = worker.next_number()
        self._began = monotonic()
        self._end = self._began + trip.limit + (GRACE if trip.leg.crew.is_shared else 0.0)
        self._is_warned = False
        if not worker.flights:
            loop.add_reader(worker.connection, _read, worker, trip.leg.crew, loop)
        worker.flights[number] = self
        self._timer = loop.call_later(self._end - self._began, self._look)
        worker.unsent.append(wire.frame(number, trip.body))
        if len(worker.unsent) == 1 and not _send_all(worker):
            # More than the socket takes at once.
            loop.add_writer(worker.connection, _send_more, worker, loop)

    def _look(self) -> None:
        """The time is up: find out whose fault it is, and wait for what is not ours."""
        worker, crew = self._worker, self.trip.leg.crew
        culprit, left = self, self._end - monotonic()
        if left <= 0 and crew.is_shared:
            mark = worker.mark
            running = worker.flights.get(mark.number)
            if running is not None and mark.hook is not None:
                # Nobody else gets on while one is running, and it may run for its whole time.
                culprit, left = running, mark.started + running.trip.limit - monotonic()
            elif not self._is_warned:
                self._is_warned, left = True, LAST_GRACE
        if left > 0:
            self._timer = self._loop.call_later(left, self._look)
            return
        worker.ask_where()
        self._timer = self._loop.call_later(DUMP_SECONDS, self._give_up, culprit)

    def _give_up(self, culprit: Flight) -> None:
        worker = self._worker
        if culprit in worker.flights.values():
            _crash(worker, self.trip.leg.crew, self._loop, "deadline", culprit)
        else:
            # It has just answered after all.
            self._look()

    def landed(self, reply: wire.Reply) -> None:
        """There is a reply."""
        self._timer.cancel()
        reply.seconds = monotonic() - self._began
        self._finish(reply)

    def crashed(self, reason: Reason, report: str) -> Callable[[int | None], None]:
        """There will be no reply; returns what to call with the wait status of the worker."""
        self._timer.cancel()
        seconds, place = monotonic() - self._began, self._worker.hook_of(self._number)

        def end(status: int | None) -> None:
            self._finish(Lost(reason, seconds, place, report, status))

        return end

    def _finish(self, ending: wire.Reply | Lost) -> None:
        # Unless nobody waits any more.
        if not self.ending.done():
            self.ending.set_result(ending)


def _read(worker: Worker, crew: Crew, loop: asyncio.AbstractEventLoop) -> None:
    try:
        data = worker.connection.recv(CHUNK)
    except BlockingIOError:
        return
    except OSError:
        data = b""
    if not data:
        _crash(worker, crew, loop, "died")
        return
    is_worn = False
    try:
        for number, body in worker.inbox.add(data):
            if (flight := worker.flights.get(number)) is None:
                raise wire.Garbled("a reply to nothing")
            reply = flight.trip.reply(body)
            del worker.flights[number]
            flight.landed(reply)
            is_worn = is_worn or reply.is_worn
            if not worker.flights:
                loop.remove_reader(worker.connection)
            if not is_worn:
                crew.release(worker)
    except wire.Garbled:
        _crash(worker, crew, loop, "garbled")
        return
    if is_worn:
        # What others still wait for is run again elsewhere.
        _crash(worker, crew, loop, "worn")


def _crash(
    worker: Worker,
    crew: Crew,
    loop: asyncio.AbstractEventLoop,
    reason: Reason,
    culprit: Flight | None = None,
) -> None:
    """Give up `worker`, and all that is under way on it."""
    loop.remove_reader(worker.connection)
    loop.remove_writer(worker.connection)
    worker.unsent.clear()
    report = worker.report
    if culprit is None and len(worker.flights) > 1 and reason == "died":
        culprit = worker.flights.get(worker.mark.number)
    ends = [
        flight.crashed(reason if culprit in {None, flight} else "elsewhere", report)
        for flight in worker.flights.values()
    ]
    worker.flights.clear()
    buried = crew.lose(worker, reason)

    def end_all(status: int | None) -> None:
        for end in ends:
            end(status)

    if reason != "died":
        end_all(None)
        return
    # Unless the keeper of the workers has more to do than can be waited for.
    late = loop.call_later(STATUS, end_all, None)

    def bury(status: int | None) -> None:
        late.cancel()
        end_all(status)

    def tell(done: Future[int | None]) -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(bury, done.result())

    buried.add_done_callback(tell)


def _send_all(worker: Worker) -> bool:
    """Send what there is to be sent; False if the socket takes no more for now."""
    unsent = worker.unsent
    try:
        while unsent:
            data = unsent[0]
            sent = worker.connection.send(data)
            if sent < len(data):
                unsent[0] = data[sent:]
                return False
            unsent.popleft()
    except BlockingIOError:
        return False
    except OSError:
        # It has ended: reading says so as well.
        unsent.clear()
    return True


def _send_more(worker: Worker, loop: asyncio.AbstractEventLoop) -> None:
    if _send_all(worker):
        loop.remove_writer(worker.connection)
