"""A thread that does what no exchange should wait for: burying workers and replacing them."""

from __future__ import annotations

import logging
import threading
from concurrent.futures import Future
from queue import SimpleQueue
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

Result = TypeVar("Result")

_log: Final = logging.getLogger(__name__)


class Keeper:
    """Runs jobs one after the other."""

    def __init__(self) -> None:
        # One whose put() may be called by a finalizer, in the middle of anything.
        self._jobs: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="claimhooks-keeper", daemon=True)
        self._thread.start()

    def do(self, job: Callable[[], Result]) -> Future[Result]:
        """Run `job` soon; returns what will have its result."""
        done: Future[Result] = Future()

        def work() -> None:
            try:
                done.set_result(job())
            except Exception as error:  # noqa: BLE001 - told to who waits for it
                _log.exception("the keeper of the workers")
                done.set_exception(error)

        self._jobs.put(work)
        if not self._thread.is_alive():
            self._finish()
        return done

    def end(self) -> None:
        """End, once the jobs are done that there are. To be called by a finalizer, too."""
        self._jobs.put(None)

    def join(self) -> None:
        """Wait for the end."""
        self._thread.join()

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()
        self._finish()

    def _finish(self) -> None:
        """Do what has come in after the end."""
        while not self._jobs.empty():
            if (job := self._jobs.get()) is not None:
                job()
