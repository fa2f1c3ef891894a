"""Round trips that an event loop waits for. All of this runs in the thread of that loop."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future
from typing import TYPE_CHECKING, Final

from claimhooks.lanes import wire
from claimhooks.lanes.worker.clock import Clock
from claimhooks.lanes.worker.crew import WAIT
from claimhooks.lanes.worker.handle import DUMP_SECONDS
from claimhooks.lanes.worker.trips import Lost

if TYPE_CHECKING:
    from collections.abc import Callable

    from claimhooks.lanes.mark import Mark
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
    lent = crew.acquire(loop)
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
        self._trip = trip
        self._worker = worker
        self._loop = loop
        self._number = number = worker.next_number()
        self._clock = Clock(trip, worker, number)
        if not worker.flights:
            worker.connection.setblocking(False)
            loop.add_reader(worker.connection, self._on_readable, worker, trip.leg.crew, loop)
        worker.flights[number] = self
        self._timer = loop.call_later(self._clock.next_look(), self._look)
        self._send(wire.frame(number, trip.body))

    def _send(self, data: bytes) -> None:
        worker = self._worker
        worker.unsent.append(data)
        if len(worker.unsent) == 1 and not _send_all(worker):
            # More than the socket takes at once.
            self._loop.add_writer(worker.connection, _send_more, worker, self._loop)

    def _look(self) -> None:
        if (left := self._clock.next_look()) > 0:
            self._timer = self._loop.call_later(left, self._look)
        else:
            self._worker.ask_where()
            self._timer = self._loop.call_later(DUMP_SECONDS, self._overdue)

    def _overdue(self) -> None:
        # Unless the reply has come in the meantime, which has cancelled this.
        _crash(self._worker, self._trip.leg.crew, self._loop, "deadline")

    @staticmethod
    def _on_readable(worker: Worker, crew: Crew, loop: asyncio.AbstractEventLoop) -> None:
        try:
            data = worker.connection.recv(CHUNK)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            _crash(worker, crew, loop, "died")
            return
        try:
            for number, body in worker.inbox.add(data):
                flight = worker.flights.get(number)
                if flight is None:
                    raise wire.Garbled("a reply to nothing")
                flight._landed(flight._trip.reply(body))  # noqa: SLF001 - its own class
        except wire.Garbled:
            _crash(worker, crew, loop, "garbled")

    def _landed(self, reply: wire.Reply) -> None:
        worker, crew = self._worker, self._trip.leg.crew
        self._timer.cancel()
        del worker.flights[self._number]
        if reply.is_worn:
            # What others still wait for is run again elsewhere.
            _crash(worker, crew, self._loop, "worn")
        else:
            if not worker.flights:
                self._loop.remove_reader(worker.connection)
            crew.release(worker)
        self.end(reply)

    def crashed(self, reason: Reason, mark: Mark, report: str) -> Callable[[int | None], None]:
        """There will be no reply; returns what to call with the wait status of the worker."""
        self._timer.cancel()
        seconds = self._clock.seconds

        def end(status: int | None) -> None:
            self.end(Lost(reason, seconds, self._number, mark, report, status))

        return end

    def end(self, ending: wire.Reply | Lost) -> None:
        """Tell who waits, if anybody still does."""
        if not self.ending.done():
            self.ending.set_result(ending)


def _crash(worker: Worker, crew: Crew, loop: asyncio.AbstractEventLoop, reason: Reason) -> None:
    """Give up `worker`, and all that is under way on it."""
    loop.remove_reader(worker.connection)
    loop.remove_writer(worker.connection)
    worker.unsent.clear()
    mark, report = worker.mark, worker.report
    ends = [flight.crashed(reason, mark, report) for flight in worker.flights.values()]
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
