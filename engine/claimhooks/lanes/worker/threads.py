"""Round trips that a thread waits for: the shortest way to a worker and back."""

from __future__ import annotations

import select
import time
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import replace
from time import monotonic
from typing import TYPE_CHECKING, Final

from claimhooks.lanes import wire
from claimhooks.lanes.worker.crew import WAIT
from claimhooks.lanes.worker.handle import DUMP_SECONDS
from claimhooks.lanes.worker.trips import Lost

if TYPE_CHECKING:
    from claimhooks.lanes.worker.handle import Worker
    from claimhooks.lanes.worker.trips import Reason, Trip

CHUNK: Final = 64 * 1024
SPINS: Final = 100
"""How often to look for a reply before sleeping, where no other exchange wants the processor."""
STATUS: Final = 1.0
"""Seconds to wait for the wait status of a worker that has ended."""


def call(trip: Trip) -> wire.Reply | Lost:
    """Make `trip`, and wait for it to end."""
    crew = trip.leg.crew
    lent = crew.acquire(None)
    worker = crew.wait(lent) if isinstance(lent, Future) else lent
    if worker is None:
        return Lost("unavailable", WAIT)
    try:
        ending = _exchange(trip, worker)
    except BaseException:
        # Somebody has interrupted the wait: there would be a reply to nothing.
        crew.lose(worker, "interrupted")
        raise
    if isinstance(ending, Lost):
        buried = crew.lose(worker, ending.reason)
        if ending.reason == "died":
            return replace(ending, status=_status(buried))
    elif ending.is_worn:
        crew.lose(worker, "worn")
    else:
        crew.release(worker)
    return ending


def _status(buried: Future[int | None]) -> int | None:
    try:
        return buried.result(STATUS)
    except FutureTimeout:
        return None


def _exchange(  # noqa: PLR0911 - each its own ending
    trip: Trip, worker: Worker
) -> wire.Reply | Lost:
    number, began = worker.next_number(), monotonic()
    until = began + trip.limit
    receive, wait = worker.connection.recv, worker.poll.poll
    # Most replies come within the time that going to sleep and waking up takes.
    spins = SPINS if trip.leg.crew.lent == 1 else 0
    try:
        if not _send(wire.frame(number, trip.body), worker, until):
            return _lost("deadline", worker, began, number)
        while (left := until - monotonic()) > 0:
            while not (is_ready := wait(0)) and spins > 0:
                spins -= 1
            if is_ready or wait(left * 1000):
                if not (data := receive(CHUNK)):
                    return _lost("died", worker, began, number)
                if frames := worker.inbox.add(data):
                    ((replied, body),) = frames
                    if replied != number or worker.inbox.rest:
                        return _lost("garbled", worker, began, number)
                    reply = trip.reply(body)
                    reply.seconds = monotonic() - began
                    return reply
    except (wire.Garbled, ValueError):
        return _lost("garbled", worker, began, number)
    except OSError:
        return _lost("died", worker, began, number)
    worker.ask_where()
    time.sleep(DUMP_SECONDS)
    return _lost("deadline", worker, began, number)


def _send(data: bytes, worker: Worker, until: float) -> bool:
    """Send all of `data`; False if the worker has not taken it in time."""
    sent = worker.connection.send(data)
    while data := data[sent:]:
        # More than the socket takes at once.
        if (left := until - monotonic()) <= 0:
            return False
        room = select.poll()
        room.register(worker.connection, select.POLLOUT)
        room.poll(left * 1000)
        try:
            sent = worker.connection.send(data)
        except BlockingIOError:
            sent = 0
    return True


def _lost(reason: Reason, worker: Worker, began: float, number: int) -> Lost:
    return Lost(reason, monotonic() - began, worker.hook_of(number), worker.report)
