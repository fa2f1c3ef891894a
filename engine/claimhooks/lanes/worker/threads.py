"""Round trips that a thread waits for: the shortest way to a worker and back."""

from __future__ import annotations

import time
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from claimhooks.lanes import wire
from claimhooks.lanes.worker.clock import Clock
from claimhooks.lanes.worker.crew import WAIT
from claimhooks.lanes.worker.handle import DUMP_SECONDS
from claimhooks.lanes.worker.trips import Lost

if TYPE_CHECKING:
    from claimhooks.lanes.worker.handle import Worker
    from claimhooks.lanes.worker.trips import Reason, Trip

CHUNK: Final = 64 * 1024
SPINS: Final = 40
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
    connection, number = worker.connection, worker.next_number()
    clock = Clock(trip, worker, number)
    try:
        connection.settimeout(trip.leg.limit)
        connection.sendall(wire.frame(number, trip.body))
        spins = SPINS if trip.leg.crew.lent == 1 else 0
        while (left := clock.next_look()) > 0:
            # Most replies come within the time that going to sleep and waking up takes.
            connection.settimeout(0 if spins > 0 else left)
            try:
                data = connection.recv(CHUNK)
            except TimeoutError:
                continue
            except BlockingIOError:
                spins -= 1
                continue
            if not data:
                return _lost("died", worker, clock, number)
            if frames := worker.inbox.add(data):
                ((replied, body),) = frames
                if replied != number:
                    return _lost("garbled", worker, clock, number)
                return trip.reply(body)
    except TimeoutError:
        # It has not even taken what there was to be sent.
        return _lost("deadline", worker, clock, number)
    except (wire.Garbled, ValueError):
        return _lost("garbled", worker, clock, number)
    except OSError:
        return _lost("died", worker, clock, number)
    worker.ask_where()
    time.sleep(DUMP_SECONDS)
    return _lost("deadline", worker, clock, number)


def _lost(reason: Reason, worker: Worker, clock: Clock, number: int) -> Lost:
    return Lost(reason, clock.seconds, number, worker.mark, worker.report)
