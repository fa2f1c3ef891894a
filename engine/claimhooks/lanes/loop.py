"""An event loop in a thread of its own, for callers that have none."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Coroutine

    Result = TypeVar("Result")

DRAIN: Final = 5.0
"""Seconds that closing waits for what is under way."""


class LoopThread:
    """Starts its loop when it is first needed."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()

    def run(self, coroutine: Coroutine[Any, Any, Result]) -> Result:
        """The result of `coroutine`; blocks, also inside another running event loop."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._running()).result()

    def close(self) -> None:
        """Stop the loop, and what still runs in it."""
        with self._starting:
            if self._loop is not None and self._thread is not None:
                if self._thread.is_alive():
                    asyncio.run_coroutine_threadsafe(_drain(), self._loop).result()
                    self._loop.call_soon_threadsafe(self._loop.stop)
                    self._thread.join()
                # After a fork it only seems to be running, and is the parent's.
                if not self._loop.is_running():
                    self._loop.close()
            self._loop = self._thread = None

    def _running(self) -> asyncio.AbstractEventLoop:
        with self._starting:
            # After a fork the thread is gone, and the loop with it.
            if self._loop is None or self._thread is None or not self._thread.is_alive():
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(
                    target=self._loop.run_forever, name="claimhooks-loop", daemon=True
                )
                self._thread.start()
            return self._loop


async def _drain() -> None:
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    if tasks:
        _, late = await asyncio.wait(tasks, timeout=DRAIN)
        for task in late:
            task.cancel()
