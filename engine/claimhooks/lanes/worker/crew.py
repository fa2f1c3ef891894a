"""The workers of one generation: started together, lent to exchanges, replaced when they die."""

from __future__ import annotations

import asyncio
import logging
import pickle
import threading
import time
from collections import Counter, deque
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Final, TypeAlias

from pydantic import ValidationError

from claimhooks.errors import LoadError, Problem
from claimhooks.lanes import wire
from claimhooks.lanes.state import LAYERS
from claimhooks.lanes.worker.zygote import ZygoteFailed

if TYPE_CHECKING:
    from claimhooks.generation import Plan
    from claimhooks.lanes.worker.handle import Worker
    from claimhooks.lanes.worker.keeper import Keeper
    from claimhooks.lanes.worker.zygote import Zygote

LOAD: Final = 10.0
"""Seconds that the hooks of a generation may take to be loaded."""
WAIT: Final = 5.0
"""Seconds that an exchange waits for a worker. It waits only if all are busy or have died."""
SHARE: Final = 64
"""How many exchanges a worker is given at a time, if there are ``async def`` hooks."""
RETRY: Final = 1.0
"""Seconds until the next try where no worker can be started."""

Coming: TypeAlias = "Future[Worker | None]"
"""What will have a worker, or None where there will be none any more."""

_log: Final = logging.getLogger(__name__)


class Crew:
    """Safe to share between threads."""

    def __init__(
        self, plan: Plan, zygote: Zygote, keeper: Keeper, kills: Counter[str], *, network: bool
    ) -> None:
        """`kills` counts, by reason, the workers that had to be killed."""
        self._plan = plan
        self._package = wire.frame(0, pickle.dumps(plan))
        self._zygote = zygote
        self._keeper = keeper
        self._kills = kills
        self._network = network
        self._share = 1
        self.lent = 0
        """How many exchanges have a worker."""
        self._lock = threading.Lock()
        self._free: list[Worker] = []
        self._members: set[Worker] = set()
        self._loading: set[Worker] = set()
        self._waiting: deque[tuple[Coming, asyncio.AbstractEventLoop | None]] = deque()
        self._is_closed = False

    def start(self) -> list[wire.FoundHook]:
        """Start all workers and wait until they have loaded; returns the hooks that they found.

        Raises :class:`LoadError`.
        """
        workers: list[Worker] = []
        try:
            # One more than may be needed at a time stands by.
            workers.extend(self._begin() for _ in range(self._plan.settings.worker.processes + 1))
            found = [self._loaded(worker) for worker in workers]
        except BaseException as error:
            for worker in workers:
                self._end(worker)
            if isinstance(error, ZygoteFailed):
                problem = Problem("lane_unavailable", self._plan.settings.file, str(error))
                raise LoadError([problem]) from None
            raise
        self._share = SHARE if any(hook.is_async for hook in found[0]) else 1
        self._members.update(workers)
        self._free.extend(workers)
        return found[0]

    @property
    def is_shared(self) -> bool:
        """Whether a worker is given several exchanges at a time."""
        return self._share > 1

    @property
    def pids(self) -> list[int]:
        """The processes of the workers there are."""
        return [worker.pid for worker in [*self._members]]

    # Lending

    def acquire(self, loop: asyncio.AbstractEventLoop | None) -> Worker | Coming:
        """A worker for one exchange, which `loop` or else the calling thread reads from.

        If none is free, what will have one, unless that is cancelled.
        """
        with self._lock:
            if self._is_closed:
                none: Coming = Future()
                none.set_result(None)
                return none
            if self._free:
                worker = self._free.pop()
            elif loop is None or not (shared := self._shared_by(loop)):
                self._lose_the_abandoned()
                coming: Coming = Future()
                self._waiting.append((coming, loop))
                return coming
            else:
                worker = min(shared, key=lambda one: one.load)
            worker.load += 1
            worker.loop = loop
            self.lent += 1
            return worker

    def wait(self, coming: Coming) -> Worker | None:
        """The worker that is coming, for a thread; None if there is none in time."""
        try:
            return coming.result(WAIT)
        except FutureTimeout:
            self.decline(coming)
            return None

    def decline(self, coming: Coming) -> None:
        """Wait no longer."""
        if not coming.cancel() and (worker := coming.result()) is not None:
            self.release(worker)

    def release(self, worker: Worker) -> None:
        """Give back a worker whose exchange has ended."""
        with self._lock:
            worker.load -= 1
            self.lent -= 1
            if not self._hand_on(worker) and worker.load == 0:
                worker.loop = None
                self._free.append(worker)

    def lose(self, worker: Worker, reason: str) -> Future[int | None]:
        """Kill a worker and have it replaced; returns what will have its wait status."""
        with self._lock:
            if worker not in self._members:
                done: Future[int | None] = Future()
                done.set_result(None)
                return done
            self._leave(worker)
            self._kills[reason] += 1
        buried = self._end(worker)
        self._keeper.do(self._replace)
        return buried

    def drain(self, until: float) -> None:
        """Wait for the exchanges under way, no longer than `until` (of the monotonic clock).

        Those that a running event loop of this thread waits for cannot end meanwhile.
        """
        own = asyncio._get_running_loop()  # noqa: SLF001 - None where there is none
        while monotonic() < until:
            with self._lock:
                self._lose_the_abandoned()
                if not any(
                    one.load and (one.loop is None or one.loop is not own) for one in self._members
                ):
                    return
            time.sleep(0.005)

    def close(self) -> None:
        """End all workers. Called by a finalizer too, so it takes no lock."""
        self._is_closed = True
        while self._waiting:
            coming, _ = self._waiting.pop()
            if coming.set_running_or_notify_cancel():
                coming.set_result(None)
        members = [*self._members]
        self._members.clear()
        self._free.clear()
        for worker in members:
            self._end(worker)
        # Whoever waits for these to be ready sees them end, and buries them.
        for worker in [*self._loading]:
            worker.kill()

    def _leave(self, worker: Worker) -> None:
        self._members.discard(worker)
        self.lent -= worker.load
        worker.load = 0

    def _shared_by(self, loop: asyncio.AbstractEventLoop) -> list[Worker]:
        if self._share == 1:
            return []
        return [one for one in self._members if one.loop is loop and one.load < self._share]

    def _hand_on(self, worker: Worker) -> bool:
        """Give `worker` to the first that waits and can have it."""
        for waiting in [*self._waiting]:
            coming, loop = waiting
            if worker.load and (loop is None or loop is not worker.loop):
                continue
            self._waiting.remove(waiting)
            if coming.set_running_or_notify_cancel():
                worker.load += 1
                worker.loop = loop
                self.lent += 1
                coming.set_result(worker)
                return True
        return False

    def _lose_the_abandoned(self) -> None:
        """Let those be replaced whose event loop was closed in the middle of an exchange."""
        for worker in [one for one in self._members if one.loop and one.loop.is_closed()]:
            self._leave(worker)
            self._end(worker)
            self._keeper.do(self._replace)

    # Starting and ending

    def _begin(self) -> Worker:
        settings = self._plan.settings.worker
        worker = self._zygote.fork(
            settings.memory, is_sandboxed=settings.sandbox != "off", network=self._network
        )
        self._loading.add(worker)
        worker.connection.settimeout(LOAD)
        try:
            worker.connection.sendall(self._package)
        except OSError:
            # It has ended already; what it says, or does not, tells more.
            return worker
        return worker

    def _loaded(self, worker: Worker) -> list[wire.FoundHook]:
        """What `worker` has found, once it is ready. Raises :class:`LoadError`."""
        until = monotonic() + LOAD
        begun: str | None = None
        try:
            while True:
                worker.connection.settimeout(max(0.001, until - monotonic()))
                data = worker.connection.recv(wire.MAX_REPLY)
                if not data:
                    worker.kill()
                    status = self._zygote.bury(worker)
                    reason = f"loading it {how_it_ended(status)}"
                    raise self._failure("load_ended_process", begun, reason)
                for _, body in worker.inbox.add(data):
                    report = wire.LOADING.validate_json(body, strict=True)
                    begun = report.begun or begun
                    if report.layers is not None:
                        self._check_layers(report.layers)
                    if report.problems is not None:
                        raise LoadError(
                            [
                                Problem(p.code, p.file, p.reason, p.line, p.remedy)
                                for p in report.problems
                            ]
                        )
                    if report.hooks is not None:
                        self._check_names(report.hooks)
                        worker.connection.setblocking(False)
                        self._loading.discard(worker)
                        return report.hooks
        except TimeoutError:
            raise self._failure(
                "load_timed_out", begun, f"not loaded within {LOAD:.0f} s"
            ) from None
        except (ValidationError, wire.Garbled, OSError):
            reason = "what it sent while loading is not what a worker sends"
            raise self._failure("load_ended_process", begun, reason) from None

    def _failure(self, code: str, begun: str | None, reason: str) -> LoadError:
        snapshot = self._plan.snapshot
        file = snapshot.shown(f"{begun}.py") if begun in self._plan.names else str(snapshot.root)
        return LoadError([Problem(code, file, reason)])

    def _check_layers(self, layers: list[str]) -> None:
        settings = self._plan.settings
        if settings.worker.sandbox == "required" and tuple(layers) != LAYERS:
            reason = f"a worker has {', '.join(layers) or 'none'} of {', '.join(LAYERS)}"
            raise LoadError([Problem("sandbox_missing", settings.file, reason)])

    def _check_names(self, hooks: list[wire.FoundHook]) -> None:
        if sorted(hook.name for hook in hooks) != sorted(self._plan.names):
            raise wire.Garbled("other hooks than those of the plan")

    def _replace(self) -> None:
        if self._is_closed:
            return
        try:
            worker = self._begin()
            try:
                self._loaded(worker)
            except BaseException:
                worker.kill()
                self._bury(worker)
                raise
        except (LoadError, ZygoteFailed) as error:
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
                if not self._hand_on(worker):
                    self._free.append(worker)
                return
        worker.kill()
        self._bury(worker)

    def _end(self, worker: Worker) -> Future[int | None]:
        worker.kill()
        return self._keeper.do(partial(self._bury, worker))

    def _bury(self, worker: Worker) -> int | None:
        self._loading.discard(worker)
        status = self._zygote.bury(worker)
        if worker.load == 0:
            # Else the runtime has been closed under somebody who still reads from it.
            worker.close()
        return status


def how_it_ended(status: int | None) -> str:
    """A wait status (see waitpid(2)) in words that go after a subject."""
    import signal  # noqa: PLC0415 - seldom needed
    from os import WEXITSTATUS, WIFSIGNALED, WTERMSIG  # noqa: PLC0415

    if status is None:
        return "ended its process"
    if WIFSIGNALED(status):
        return f"ended its process by {signal.Signals(WTERMSIG(status)).name}"
    return f"ended its process with exit status {WEXITSTATUS(status)}"
