"""The worker lane: hooks run in processes that hold nothing worth taking."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import time
import weakref
from collections import Counter
from time import monotonic
from typing import TYPE_CHECKING, Final, cast

from claimhooks.errors import ClaimhooksError, LoadError, Problem
from claimhooks.lanes.inside import confine
from claimhooks.lanes.loop import DRAIN, LoopThread
from claimhooks.lanes.state import LaneState
from claimhooks.lanes.worker.crew import Crew
from claimhooks.lanes.worker.flights import fly
from claimhooks.lanes.worker.keeper import Keeper
from claimhooks.lanes.worker.remote import WorkerGeneration
from claimhooks.lanes.worker.threads import call
from claimhooks.lanes.worker.trips import RemoteCalls
from claimhooks.lanes.worker.zygote import Zygote, ZygoteFailed
from claimhooks.pipeline import chain

if TYPE_CHECKING:
    from collections.abc import Iterable

    from claimhooks.exchange import Exchange, Outcome
    from claimhooks.generation import Generation, Plan
    from claimhooks.lanes.state import Isolation
    from claimhooks.settings import Settings

QUIET: Final = 2
"""Looks in a row at which nothing is under way, before closing."""

_log: Final = logging.getLogger(__name__)


class WorkerLane:
    """Sends each chain to a worker and judges what comes back. Raises :class:`LoadError`.

    The memory of this process is hidden from others of the same user, workers among them: no
    debugger or profiler of an ordinary user can attach to it any more.
    """

    def __init__(self, settings: Settings) -> None:
        if sys.platform != "linux":
            raise _unavailable(settings, f"the worker lane needs Linux, this is {sys.platform}")
        confine.hide_memory()
        self._forks = _forks
        self._is_closed = False
        self._kills: Counter[str] = Counter()
        self._loop = LoopThread()
        try:
            self._zygote = Zygote()
        except ZygoteFailed as error:
            raise _unavailable(settings, str(error)) from None
        self._keeper = Keeper()
        self._end = weakref.finalize(self, _end, self._keeper, self._zygote, _forks)
        self._tested: dict[bool, Isolation] = {}
        self._crews: weakref.WeakSet[Crew] = weakref.WeakSet()
        try:
            self._isolation = self._test(settings)
        except BaseException:
            self._end()
            raise

    def load(self, plan: Plan) -> WorkerGeneration:
        """Start the workers of `plan`, and wait until they are ready. Raises :class:`LoadError`."""
        self._isolation = self._test(plan.settings)
        crews: dict[bool, Crew] = {}
        found = None
        try:
            for network in sorted({plan.settings.of_hook(name).network for name in plan.names}):
                crew = Crew(plan, self._zygote, self._keeper, self._kills, network=network)
                crews[network] = crew
                self._crews.add(crew)
                found = crew.start()
            # Workers tell of these together with their own, but need not be believed.
            plan.check(())
            generation = WorkerGeneration(plan, found or [], crews)
        except BaseException:
            _close(crews.values(), _forks)
            raise
        weakref.finalize(generation, _close, [*crews.values()], _forks).atexit = False
        return generation

    def run(self, generation: Generation, exchange: Exchange) -> Outcome:
        """The outcome of `exchange`; blocks, also inside a running event loop."""
        self._check()
        own = cast("WorkerGeneration", generation)
        if own.is_shared:
            return self._loop.run(self.arun(own, exchange))
        steps = chain(own, exchange, RemoteCalls(own, exchange).ask)
        try:
            trip = next(steps)
            while True:
                trip = steps.send(call(trip))
        except StopIteration as end:
            outcome: Outcome = end.value
            return outcome

    async def arun(self, generation: Generation, exchange: Exchange) -> Outcome:
        """The outcome of `exchange`. No hook blocks the event loop."""
        self._check()
        own = cast("WorkerGeneration", generation)
        steps = chain(own, exchange, RemoteCalls(own, exchange).ask)
        try:
            trip = next(steps)
            while True:
                trip = steps.send(await fly(trip))
        except StopIteration as end:
            outcome: Outcome = end.value
            return outcome

    def state(self, generation: Generation) -> LaneState:
        """How the workers of `generation` fare."""
        own = cast("WorkerGeneration", generation)
        workers = sum(len(crew.pids) for crew in own.crews.values())
        kills, suspended = dict(self._kills), own.breakers.suspended
        return LaneState("worker", self._isolation, workers, kills, suspended)

    def close(self) -> None:
        """End all workers. What threads are waiting for is waited for; so is what event loops wait
        for, unless this is called in the loop itself. In a fork of the process nothing ends."""
        self._is_closed = True
        if self._forks is not _forks:
            return
        self._loop.close()
        crews = [*self._crews]
        own = asyncio._get_running_loop()  # noqa: SLF001 - None where there is none
        until = monotonic() + DRAIN
        quiet = 0
        # Twice, for what is between one crew and the next.
        while quiet < QUIET and monotonic() < until:
            quiet = 0 if any(crew.is_busy(own) for crew in crews) else quiet + 1
            time.sleep(0.002)
        _close(crews, _forks)
        self._keeper.end()
        self._keeper.join()
        self._end()

    def _check(self) -> None:
        if self._is_closed:
            raise ClaimhooksError("the runtime has been closed")
        if self._forks is not _forks:
            raise ClaimhooksError(
                "this runtime was made before the process was forked: make one in each process"
            )

    def _test(self, settings: Settings) -> Isolation:
        worker = settings.worker
        is_sandboxed = worker.sandbox != "off"
        if is_sandboxed not in self._tested:
            try:
                self._tested[is_sandboxed] = self._zygote.probe(
                    worker.memory, is_sandboxed=is_sandboxed
                )
            except ZygoteFailed as error:
                raise _unavailable(settings, str(error)) from None
            _log.info("isolation of hooks: %s", self._tested[is_sandboxed])
        isolation = self._tested[is_sandboxed]
        if worker.sandbox == "required" and isolation.level != "sandbox":
            reason = f'sandbox = "required", but the isolation reached is {isolation}'
            raise LoadError([Problem("sandbox_missing", settings.file, reason)])
        return isolation


_forks = object()
"""Another one in each process: asking for its number would be a system call for each exchange."""


def _forked() -> None:
    global _forks  # noqa: PLW0603
    _forks = object()


os.register_at_fork(after_in_child=_forked)


# A fork that forgets what it has inherited leaves the workers of its parent alone.


def _end(keeper: Keeper, zygote: Zygote, forks: object) -> None:
    if forks is _forks:
        keeper.end()
        zygote.close()


def _close(crews: Iterable[Crew], forks: object) -> None:
    if forks is _forks:
        for crew in crews:
            crew.close()


def _unavailable(settings: Settings, reason: str) -> LoadError:
    return LoadError([Problem("lane_unavailable", settings.file, reason)])
