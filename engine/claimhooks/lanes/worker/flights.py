"""Round trips that an event loop waits for. All of this runs in the thread of that loop."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future
from dataclasses import replace
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Final, Literal

from claimhooks.lanes import wire
from claimhooks.lanes.worker.crew import LOOK, WAIT
from claimhooks.lanes.worker.deadlines import Deadlines
from claimhooks.lanes.worker.trips import Lost

if TYPE_CHECKING:
    from claimhooks.lanes.worker.crew import Coming, Crew
    from claimhooks.lanes.worker.handle import Worker
    from claimhooks.lanes.worker.trips import Trip

CHUNK: Final = 64 * 1024
STATUS: Final = 1.0
"""Seconds to wait for the wait status of a worker that has ended."""


async def fly(trip: Trip) -> wire.Reply | Lost:
    """Send `trip` on its way; returns what became of it."""
    loop = asyncio.get_running_loop()
    crew = trip.leg.crew
    while True:
        lent = crew.acquire(loop, is_alone=trip.is_alone)
        worker = await _arrival(lent, crew) if isinstance(lent, Future) else lent
        if worker is None:
            return Lost("unavailable", WAIT)
        # Others that this loop has on it may have cost it since.
        if not worker.is_lost:
            return await Flight(trip, worker, loop).ending


async def _arrival(coming: Coming, crew: Crew) -> Worker | None:
    arriving = asyncio.wrap_future(coming)
    until = monotonic() + WAIT
    try:
        while (left := until - monotonic()) > 0:
            done, _ = await asyncio.wait([arriving], timeout=min(left, LOOK))
            if done:
                return arriving.result()
            crew.look_for_abandoned()
    except asyncio.CancelledError:
        crew.decline(coming)
        raise
    crew.decline(coming)
    return None


class Flight:
    """One round trip under way. It goes on, and gives its worker back, if nobody waits any more."""

    def __init__(self, trip: Trip, worker: Worker, loop: asyncio.AbstractEventLoop) -> None:
        self.ending: Final[asyncio.Future[wire.Reply | Lost]] = loop.create_future()
        self.trip: Final = trip
        self.number: Final = worker.next_number()
        self.began = 0.0
        """When it was sent; 0: it has not been."""
        self.due = 0.0
        """When it is to be asked what keeps it."""
        if not worker.flights:
            crew = trip.leg.crew
            if worker.deadlines is None or worker.deadlines.loop is not loop:
                crash = partial(_crash, worker, crew, loop, "deadline")
                worker.deadlines = Deadlines(worker, loop, crash, is_async=crew.is_async)
            worker.since = monotonic()
            loop.add_reader(worker.connection, _read, worker, crew, loop)
        worker.flights[self.number] = self
        worker.unsent.append(self)
        if len(worker.unsent) == 1 and not worker.rest:
            # Soon, together with those of others that come in the same turn.
            loop.call_soon(_send, worker, loop)

    def land(self, ending: wire.Reply | Lost) -> None:
        """This has become of it."""
        # Unless nobody waits any more.
        if not self.ending.done():
            self.ending.set_result(ending)


def _send(worker: Worker, loop: asyncio.AbstractEventLoop) -> None:
    """Send what there is to be sent."""
    unsent, deadlines = worker.unsent, worker.deadlines
    if deadlines is None or not (unsent or worker.rest):
        return
    now = monotonic()
    if len(unsent) == len(worker.flights):
        worker.since = now
    frames = [worker.rest]
    for flight in unsent:
        # Not before: the event loop may have had much else to do in its turn.
        flight.began = now
        deadlines.watch(flight)
        frames.append(wire.frame(flight.number, flight.trip.body))
    unsent.clear()
    data = b"".join(frames)
    try:
        sent = worker.connection.send(data)
    except BlockingIOError:
        sent = 0
    except OSError:
        # It has ended: reading says so as well.
        sent = len(data)
    worker.rest = data[sent:]
    if worker.rest:
        # More than the socket takes at once.
        loop.add_writer(worker.connection, _send_rest, worker, loop)


def _send_rest(worker: Worker, loop: asyncio.AbstractEventLoop) -> None:
    loop.remove_writer(worker.connection)
    _send(worker, loop)


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
    flights, is_worn = worker.flights, False
    try:
        frames = worker.inbox.add(data)
        if not frames:
            return
        if worker.is_asked:
            worker.forget_where()
        now = monotonic()
        since, worker.since = worker.since, now
        for number, body in frames:
            flight = flights.get(number)
            if flight is None or not flight.began:
                raise wire.Garbled("a reply to nothing")
            reply = flight.trip.reply(body)
            del flights[number]
            if crew.is_async:
                reply.seconds = now - flight.began
            else:
                crew.paced(reply.seconds)
                # One by one, the time of those before it is none of its own. Those that come
                # together say themselves how much of it was theirs.
                most = now - max(flight.began, since)
                reply.seconds = min(most, reply.seconds) if len(frames) > 1 else most
            flight.land(reply)
            is_worn = is_worn or reply.is_worn
        if not flights and (worker.rest or worker.inbox.rest):
            raise wire.Garbled("more than was asked for")
    except wire.Garbled:
        _crash(worker, crew, loop, "garbled")
        return
    if is_worn:
        # What others still wait for is run again elsewhere.
        _crash(worker, crew, loop, "worn")
        return
    if not flights:
        loop.remove_reader(worker.connection)
    crew.release(worker, len(frames))


def _crash(
    worker: Worker,
    crew: Crew,
    loop: asyncio.AbstractEventLoop,
    reason: Literal["deadline", "died", "garbled", "worn"],
    culprit: Flight | None = None,
) -> None:
    """Give up `worker`, and all that is under way on it."""
    loop.remove_reader(worker.connection)
    loop.remove_writer(worker.connection)
    flights, report, now = [*worker.flights.values()], worker.report, monotonic()
    if culprit is None and reason != "worn":
        if len(flights) == 1:
            (culprit,) = flights
        elif reason == "died":
            culprit = worker.flights.get(worker.mark.number)
    worker.flights.clear()
    worker.unsent.clear()
    worker.rest = b""
    endings: list[tuple[Flight, Lost]] = []
    for flight in flights:
        place = worker.hook_of(flight.number)
        is_ours = flight is culprit or (culprit is None and reason == "died" and place is None)
        why = reason if is_ours and reason != "worn" else "elsewhere"
        began = flight.began if crew.is_async else max(flight.began, worker.since)
        endings.append((flight, Lost(why, now - began, place, report)))
    if reason == "deadline" and culprit is not None:
        crew.paced(culprit.trip.limit)
    buried = crew.lose(worker, reason)
    for flight, lost in endings:
        if lost.reason == "died" and lost.place is not None:
            _tell_how(flight, lost, buried, loop)
        else:
            flight.land(lost)


def _tell_how(
    flight: Flight, lost: Lost, buried: Future[int | None], loop: asyncio.AbstractEventLoop
) -> None:
    """Let `flight` end once it is known how its worker has."""
    # Unless the keeper of the workers has more to do than can be waited for.
    late = loop.call_later(STATUS, flight.land, lost)

    def end(status: int | None) -> None:
        late.cancel()
        flight.land(replace(lost, status=status))

    def tell(done: Future[int | None]) -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(end, done.result())

    buried.add_done_callback(tell)
