"""The workers of one generation: lent to exchanges, and replaced when they die."""

from __future__ import annotations

import logging
import threading
from collections import Counter, deque
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from functools import partial
from operator import attrgetter
from time import monotonic
from typing import TYPE_CHECKING, Final, TypeAlias

from claimhooks.errors import LoadError, Problem
from claimhooks.lanes.worker.nursery import Nursery
from claimhooks.lanes.worker.zygote import ZygoteFailed

if TYPE_CHECKING:
    import asyncio

    from claimhooks.generation import Plan
    from claimhooks.lanes import wire
    from claimhooks.lanes.worker.handle import Worker
    from claimhooks.lanes.worker.keeper import Keeper
    from claimhooks.lanes.worker.zygote import Zygote

WAIT: Final = 5.0
"""Seconds that an exchange waits for a worker. It waits only if all are busy or have died."""
SHARE: Final = 64
"""How many exchanges a worker is given at a time, if there are ``async def`` hooks."""
QUEUE: Final = 16
"""How many otherwise: it runs them one by one."""
SOON: Final = 0.0003
"""Seconds to line up for rather than have one more worker wake up, which takes as long."""
QUICK: Final = 0.002
"""Seconds. Where exchanges take longer nobody lines up, but waits for the first worker."""
SILENCE: Final = 0.02
"""Seconds without a reply, after which nobody lines up at a worker."""
PAST: Final = 0.9
"""What `Crew.pace` keeps of the past with each exchange."""
LOOK: Final = 0.25
"""Seconds between looks of those who wait at whether workers have been abandoned."""
RETRY: Final = 1.0
"""Seconds until the next try where no worker can be started."""

Coming: TypeAlias = "Future[Worker | None]"
"""What will have a worker, or None where there will be none any more."""

_load: Final = attrgetter("load")
_log: Final = logging.getLogger(__name__)


class Crew:
    """Safe to share between threads."""

    def __init__(
        self, plan: Plan, zygote: Zygote, keeper: Keeper, kills: Counter[str], *, network: bool
    ) -> None:
        """`kills` counts, by reason, the workers that had to be killed."""
        self._plan = plan
        self._nursery = Nursery(plan, zygote, network=network)
        self._zygote = zygote
        self._keeper = keeper
        self._kills = kills
        self.is_async = False
        """Whether a worker has an event loop: with ``async def`` hooks."""
        self._share = 0
        self.pace = 1.0
        """Seconds that an exchange has lately kept a worker busy, as they say."""
        self.lent = 0
        """How many exchanges have a worker."""
        self._lock = threading.Lock()
        self._free: list[Worker] = []
        self._members: set[Worker] = set()
        self._waiting: deque[tuple[Coming, asyncio.AbstractEventLoop | None, bool]] = deque()
        self._is_closed = False

    def start(self) -> list[wire.FoundHook]:
        """Start all workers and wait until they have loaded; returns the hooks that they found.

        Raises :class:`LoadError`.
        """
        workers: list[Worker] = []
        try:
            # One more than may be needed at a time stands by.
            count = self._plan.settings.worker.processes + 1
            workers.extend(self._nursery.begin() for _ in range(count))
            found = [self._nursery.finish(worker) for worker in workers]
        except BaseException as error:
            for worker in workers:
                self._end(worker)
            if isinstance(error, ZygoteFailed):
                problem = Problem("lane_unavailable", self._plan.settings.file, str(error))
                raise LoadError([problem]) from None
            raise
        self.is_async = any(hook.is_async for hook in found[0])
        self._share = SHARE if self.is_async else QUEUE
        self._members.update(workers)
        self._free.extend(workers)
        return found[0]

    def paced(self, seconds: float) -> None:
        """Take note of how long an exchange has kept its worker busy."""
        self.pace = PAST * self.pace + (1 - PAST) * min(seconds, 1.0)

    @property
    def pids(self) -> list[int]:
        """The processes of the workers there are."""
        return [worker.pid for worker in [*self._members]]

    # Lending

    def acquire(
        self, loop: asyncio.AbstractEventLoop | None, *, is_alone: bool = False
    ) -> Worker | Coming:
        """A worker for one exchange, which `loop` or else the calling thread reads from.

        If none is free, what will have one, unless that is cancelled. `is_alone` is for an exchange
        that is to share its worker with no other.
        """
        with self._lock:
            if self._is_closed:
                none: Coming = Future()
                none.set_result(None)
                return none
            if loop is not None and not is_alone and (busy := self._shared_by(loop)):
                return self._lend(busy, loop, is_alone=False)
            if self._free:
                return self._lend(self._free.pop(), loop, is_alone=is_alone)
            self._lose_the_abandoned()
            coming: Coming = Future()
            self._waiting.append((coming, loop, is_alone))
            return coming

    def wait(self, coming: Coming) -> Worker | None:
        """The worker that is coming, for a thread; None if there is none in time."""
        until = monotonic() + WAIT
        while (left := until - monotonic()) > 0:
            try:
                return coming.result(min(left, LOOK))
            except FutureTimeout:
                self.look_for_abandoned()
        self.decline(coming)
        return None

    def look_for_abandoned(self) -> None:
        """Have those replaced whose event loop was closed in the middle of an exchange."""
        with self._lock:
            self._lose_the_abandoned()

    def decline(self, coming: Coming) -> None:
        """Wait no longer."""
        if not coming.cancel() and (worker := coming.result()) is not None:
            self.release(worker)

    def release(self, worker: Worker, ended: int = 1) -> None:
        """Give back a worker, of whose exchanges so many have ended."""
        with self._lock:
            if worker.is_lost:
                return
            worker.load -= ended
            if worker in self._members:
                self.lent -= ended
                worker.is_alone = False
                self._offer(worker)
                return
        worker.close_if_over()

    def lose(self, worker: Worker, reason: str) -> Future[int | None]:
        """Kill a worker and have it replaced; returns what will have its wait status."""
        with self._lock:
            is_member = worker in self._members
            self._leave(worker)
            if is_member:
                self._kills[reason] += 1
        if is_member:
            self._keeper.do(self._replace)
        return self._end(worker)

    def is_busy(self, own: asyncio.AbstractEventLoop | None) -> bool:
        """Whether exchanges are under way, or wait, but for those of the event loop `own`."""
        with self._lock:
            self._lose_the_abandoned()
            loops = [one.loop for one in self._members if one.load]
            loops += [loop for coming, loop, _ in self._waiting if not coming.done()]
            return any(loop is None or not (loop is own or loop.is_closed()) for loop in loops)

    def close(self) -> None:
        """End all workers. Called by a finalizer too, so it takes no lock."""
        self._is_closed = True
        while self._waiting:
            coming, _, _ = self._waiting.pop()
            if coming.set_running_or_notify_cancel():
                coming.set_result(None)
        # Others may be looking at them.
        members, self._members, self._free = self._members, set(), []
        for worker in members:
            if worker.loop is not None and worker.loop.is_closed():
                worker.load = 0
            self._end(worker)
        self._nursery.give_up()

    def _lend(
        self, worker: Worker, loop: asyncio.AbstractEventLoop | None, *, is_alone: bool
    ) -> Worker:
        worker.load += 1
        worker.loop = loop
        worker.is_alone = is_alone
        self.lent += 1
        return worker

    def _shared_by(self, loop: asyncio.AbstractEventLoop) -> Worker | None:
        """The worker of `loop` that one more exchange is to go to, if it is better than to wait."""
        # Whoever waits comes first: else one loop could keep all workers for ever.
        if not self.lent or self._waiting or not self._is_quick:
            return None
        latest = 0.0 if self.is_async else monotonic() - (SOON if self._free else SILENCE)
        shared = (
            one
            for one in self._members
            if one.loop is loop
            and one.load < self._share
            and not one.is_alone
            # What has not been sent keeps it waiting for us.
            and (one.since > latest or len(one.unsent) == len(one.flights))
        )
        least = min(shared, key=_load, default=None)
        if least is not None and self._free and least.load * self.pace > SOON:
            return None
        return least

    @property
    def _is_quick(self) -> bool:
        """Whether a worker is given exchanges beside those that it has."""
        return self.is_async or self.pace < QUICK

    def _offer(self, worker: Worker) -> None:
        """Give `worker` to whoever has waited longest, as far as it has room for them."""
        while self._waiting:
            coming, loop, is_alone = self._waiting[0]
            if worker.load and (
                loop is not worker.loop
                or loop is None
                or is_alone
                or worker.is_alone
                or worker.load >= self._share
                or not self._is_quick
            ):
                return
            self._waiting.popleft()
            if coming.set_running_or_notify_cancel():
                coming.set_result(self._lend(worker, loop, is_alone=is_alone))
        if worker.load == 0:
            worker.loop = None
            self._free.append(worker)

    def _leave(self, worker: Worker) -> None:
        if worker in self._members:
            self._members.discard(worker)
            self.lent -= worker.load
        worker.load, worker.is_lost = 0, True

    def _lose_the_abandoned(self) -> None:
        """Let those be replaced whose event loop was closed in the middle of an exchange."""
        for worker in [one for one in self._members if one.loop and one.loop.is_closed()]:
            self._leave(worker)
            self._end(worker)
            self._keeper.do(self._replace)

    # Ending and replacing

    def _replace(self) -> None:
        if self._is_closed:
            return
        worker: Worker | None = None
        try:
            worker = self._nursery.begin()
            self._nursery.finish(worker)
        except Exception as error:  # noqa: BLE001 - whatever it is, there must be workers
            if worker is not None:
                self._end(worker)
            if not self._is_closed:
                digest = self._plan.snapshot.digest[:12]
                _log.warning("generation %s: a worker cannot be replaced: %s", digest, error)
                again = threading.Timer(RETRY, self._keeper.do, [self._replace])
                again.daemon = True
                again.start()
            return
        with self._lock:
            if not self._is_closed:
                self._members.add(worker)
                self._offer(worker)
                return
        self._end(worker)

    def _end(self, worker: Worker) -> Future[int | None]:
        worker.kill()
        return self._keeper.do(partial(self._bury, worker))

    def _bury(self, worker: Worker) -> int | None:
        self._nursery.forget(worker)
        return worker.bury(self._zygote.status_of)
