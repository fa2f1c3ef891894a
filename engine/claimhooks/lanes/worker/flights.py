"""Round trips that an event loop waits for. All of this runs in the thread of that loop."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Final

from claimhooks.lanes import wire
from claimhooks.lanes.worker.crew import WAIT
from claimhooks.lanes.worker.deadlines import Deadlines
from claimhooks.lanes.worker.trips import Lost

if TYPE_CHECKING:
    from collections.abc import Callable

    from claimhooks.lanes.worker.crew import Coming, Crew
    from claimhooks.lanes.worker.handle import Worker
    from claimhooks.lanes.worker.trips import Reason, Trip

CHUNK: Final = 64 * 1024
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
        self.began: Final = monotonic()
        self.due = 0.0
        """When it is to be asked what keeps it."""
        self.is_warned = False
        self._worker = worker
        self._number = number = worker.next_number()
        crew = trip.leg.crew
        if not worker.flights:
            loop.add_reader(worker.connection, _read, worker, crew, loop)
            worker.since = self.began
        worker.flights[number] = self
        if worker.deadlines is None or worker.deadlines.loop is not loop:
            crash = partial(_crash, worker, crew, loop, "deadline")
            worker.deadlines = Deadlines(worker, loop, crash, is_async=crew.is_async)
        worker.deadlines.watch(self)
        worker.unsent.append(wire.frame(number, trip.body))
        if len(worker.unsent) == 1:
            # Soon, together with those of others that come in the same turn.
            loop.call_soon(_send, worker, loop)

    def landed(self, reply: wire.Reply, seconds: float) -> None:
        """There is a reply, after so many seconds that it had the worker."""
        reply.seconds = seconds
        self._finish(reply)

    def crashed(self, reason: Reason, report: str) -> Callable[[int | None], None]:
        """There will be no reply; returns what to call with the wait status of the worker."""
        seconds, place = monotonic() - self.began, self._worker.hook_of(self._number)

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
    is_worn, now = False, monotonic()
    since, worker.since = worker.since, now
    try:
        for number, body in worker.inbox.add(data):
            if (flight := worker.flights.get(number)) is None:
                raise wire.Garbled("a reply to nothing")
            reply = flight.trip.reply(body)
            del worker.flights[number]
            if crew.is_async:
                seconds = now - flight.began
            else:
                # One by one, the time of those before it is none of its own.
                seconds = now - max(flight.began, since)
                crew.paced(reply.seconds)
            flight.landed(reply, seconds)
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


def _send(worker: Worker, loop: asyncio.AbstractEventLoop) -> None:
    """Send what there is to be sent."""
    unsent = worker.unsent
    if not (data := b"".join(unsent)):
        return
    unsent.clear()
    try:
        sent = worker.connection.send(data)
    except BlockingIOError:
        sent = 0
    except OSError:
        # It has ended: reading says so as well.
        sent = len(data)
    if sent < len(data):
        # More than the socket takes at once.
        unsent.append(data[sent:])
        loop.add_writer(worker.connection, _send_rest, worker, loop)


def _send_rest(worker: Worker, loop: asyncio.AbstractEventLoop) -> None:
    loop.remove_writer(worker.connection)
    _send(worker, loop)
