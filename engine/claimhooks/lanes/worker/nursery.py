"""Starting workers: forked, sent their generation, and waited for until they have loaded it."""

from __future__ import annotations

import pickle
from time import monotonic
from typing import TYPE_CHECKING, Final

from pydantic import ValidationError

from claimhooks.errors import PROBLEMS, LoadError, Problem
from claimhooks.lanes import wire
from claimhooks.lanes.state import LAYERS
from claimhooks.lanes.worker.endings import how_it_ended
from claimhooks.lanes.worker.zygote import ZygoteFailed

if TYPE_CHECKING:
    from claimhooks.generation import Plan
    from claimhooks.lanes.worker.handle import Worker
    from claimhooks.lanes.worker.zygote import Zygote

LOAD: Final = 10.0
"""Seconds that the hooks of a generation may take to be loaded."""


class Nursery:
    """Starts the workers of one generation that have, or have not, the network."""

    def __init__(self, plan: Plan, zygote: Zygote, *, network: bool) -> None:
        self._plan = plan
        self._package = wire.frame(0, pickle.dumps(plan))
        self._zygote = zygote
        self._network = network
        self._begun: set[Worker] = set()

    def begin(self) -> Worker:
        """A worker that is about to load. Raises ZygoteFailed."""
        settings = self._plan.settings.worker
        worker = self._zygote.fork(
            settings.memory, is_sandboxed=settings.sandbox != "off", network=self._network
        )
        self._begun.add(worker)
        worker.connection.settimeout(LOAD)
        try:
            worker.connection.sendall(self._package)
        except OSError:
            # It has ended already; what it says, or does not, tells more.
            return worker
        return worker

    def finish(self, worker: Worker) -> list[wire.FoundHook]:
        """What `worker` has found, once it is ready.

        Raises :class:`LoadError`, and ZygoteFailed if it has ended with its zygote.
        """
        until = monotonic() + LOAD
        begun: str | None = None
        try:
            while True:
                worker.connection.settimeout(max(0.001, until - monotonic()))
                data = worker.connection.recv(wire.MAX_REPLY)
                if not data:
                    raise self._ended(worker, begun)
                for _, body in worker.inbox.add(data):
                    report = wire.LOADING.validate_json(body, strict=True)
                    begun = report.begun or begun
                    if report.layers is not None:
                        self._check_layers(report.layers)
                    if report.problems is not None:
                        raise LoadError([*map(_problem, report.problems)])
                    if report.hooks is not None:
                        self._check_names(report.hooks)
                        worker.connection.setblocking(False)
                        self._begun.discard(worker)
                        return report.hooks
        except TimeoutError:
            reason = f"not loaded within {LOAD:.0f} s"
            raise self._failure("load_timed_out", begun, reason) from None
        except (ValidationError, wire.Garbled, OSError):
            reason = "what it sent while loading is not what a worker sends"
            raise self._failure("load_ended_process", begun, reason) from None

    def give_up(self) -> None:
        """End those that are still loading: whoever waits for them sees that, and buries them."""
        for worker in [*self._begun]:
            worker.kill()

    def forget(self, worker: Worker) -> None:
        """It has been buried."""
        self._begun.discard(worker)

    def _ended(self, worker: Worker, begun: str | None) -> LoadError | ZygoteFailed:
        worker.kill()
        status = worker.bury(self._zygote.status_of)
        if status is None:
            return ZygoteFailed("the zygote has ended while hooks were being loaded")
        return self._failure("load_ended_process", begun, f"loading it {how_it_ended(status)}")

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


def _problem(found: wire.FoundProblem) -> Problem:
    if found.code not in PROBLEMS:
        raise wire.Garbled("a problem that does not exist")
    return Problem(found.code, found.file, found.reason, found.line, found.remedy)
