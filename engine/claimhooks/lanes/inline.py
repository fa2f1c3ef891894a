"""The inline lane: hooks run in this process and thread. Fast, and no security boundary."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Final, cast

from claimhooks.calling import Calls
from claimhooks.loading import LoadedGeneration
from claimhooks.pipeline import chain

if TYPE_CHECKING:
    from collections.abc import Awaitable, Generator

    from claimhooks.exchange import Exchange, Outcome
    from claimhooks.generation import Generation, Plan

DRAIN: Final = 5.0
"""Seconds that closing waits for ``async def`` hooks under way."""


class InlineLane:
    """Drives the chain. ``async def`` hooks are awaited in the caller's loop, or in one of ours."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()

    def load(self, plan: Plan) -> LoadedGeneration:
        """Load `plan` into this process. Raises :class:`~claimhooks.errors.LoadError`."""
        return LoadedGeneration.load(plan)

    def run(self, generation: Generation, exchange: Exchange) -> Outcome:
        """The outcome of `exchange`; blocks, also inside a running event loop."""
        steps = _chain(generation, exchange)
        try:
            pending = next(steps)
            while True:
                coming = asyncio.run_coroutine_threadsafe(_settled(pending), self._running_loop())
                answer, error = coming.result()
                pending = steps.send(answer) if error is None else steps.throw(error)
        except StopIteration as end:
            return cast("Outcome", end.value)

    async def arun(self, generation: Generation, exchange: Exchange) -> Outcome:
        """The outcome of `exchange`. A hook that is not ``async def`` blocks the event loop."""
        steps = _chain(generation, exchange)
        try:
            pending = next(steps)
            while True:
                answer, error = await _settled(pending)
                pending = steps.send(answer) if error is None else steps.throw(error)
        except StopIteration as end:
            return cast("Outcome", end.value)

    def close(self) -> None:
        """Stop the event loop of the lane, if it ever needed one, and what still runs in it."""
        with self._starting:
            if self._loop is not None and self._thread is not None:
                if self._thread.is_alive():
                    asyncio.run_coroutine_threadsafe(_drain(), self._loop).result()
                    self._loop.call_soon_threadsafe(self._loop.stop)
                    self._thread.join()
                self._loop.close()
            self._loop = self._thread = None

    def _running_loop(self) -> asyncio.AbstractEventLoop:
        with self._starting:
            # After a fork the thread is gone, and the loop with it.
            if self._loop is None or self._thread is None or not self._thread.is_alive():
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(
                    target=self._loop.run_forever, name="claimhooks-async-hooks", daemon=True
                )
                self._thread.start()
            return self._loop


def _chain(
    generation: Generation, exchange: Exchange
) -> Generator[Awaitable[object], object, Outcome]:
    calls = Calls(cast("LoadedGeneration", generation), exchange)
    return chain(generation, exchange, calls.ask)


async def _settled(pending: Awaitable[object]) -> tuple[object, BaseException | None]:
    # SystemExit as well: raised in a task, it would end the event loop.
    try:
        return await pending, None
    except (Exception, SystemExit) as error:  # noqa: BLE001 - the chain judges it
        return None, error


async def _drain() -> None:
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    if tasks:
        _, late = await asyncio.wait(tasks, timeout=DRAIN)
        for task in late:
            task.cancel()
