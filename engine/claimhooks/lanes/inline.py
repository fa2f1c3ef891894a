"""The inline lane: hooks run in this process and thread. Fast, and no security boundary."""

from __future__ import annotations

from asyncio import CancelledError, current_task
from typing import TYPE_CHECKING, cast

from claimhooks.calling import Calls
from claimhooks.interrupt import is_interrupt
from claimhooks.lanes.loop import LoopThread
from claimhooks.lanes.state import Isolation, LaneState
from claimhooks.loading import LoadedGeneration
from claimhooks.pipeline import chain

if TYPE_CHECKING:
    from collections.abc import Awaitable, Generator

    from claimhooks.exchange import Exchange, Outcome
    from claimhooks.generation import Generation, Plan


class InlineLane:
    """Drives the chain. ``async def`` hooks are awaited in the caller's loop, or in one of ours."""

    def __init__(self) -> None:
        self._loop = LoopThread()

    def load(self, plan: Plan) -> LoadedGeneration:
        """Load `plan` into this process. Raises :class:`~claimhooks.errors.LoadError`."""
        return LoadedGeneration.load(plan)

    def run(self, generation: Generation, exchange: Exchange) -> Outcome:
        """The outcome of `exchange`; blocks, also inside a running event loop."""
        steps = _chain(generation, exchange)
        try:
            pending = next(steps)
            while True:
                answer, error = self._loop.run(_settled(pending))
                pending = steps.send(answer) if error is None else steps.throw(error)
        except StopIteration as end:
            outcome: Outcome = end.value
            return outcome

    async def arun(self, generation: Generation, exchange: Exchange) -> Outcome:
        """The outcome of `exchange`. A hook that is not ``async def`` blocks the event loop."""
        steps = _chain(generation, exchange)
        try:
            pending = next(steps)
            while True:
                answer, error = await _settled(pending)
                pending = steps.send(answer) if error is None else steps.throw(error)
        except StopIteration as end:
            outcome: Outcome = end.value
            return outcome

    def state(self, generation: Generation) -> LaneState:  # noqa: ARG002
        """Nothing is kept apart here."""
        return LaneState("inline", Isolation("none"))

    def close(self) -> None:
        """Stop what still runs in the event loop of the lane, if it ever needed one."""
        self._loop.close()


def _chain(
    generation: Generation, exchange: Exchange
) -> Generator[Awaitable[object], object, Outcome]:
    calls = Calls(cast("LoadedGeneration", generation), exchange)
    return chain(generation, exchange, calls.ask)


async def _settled(pending: Awaitable[object]) -> tuple[object, BaseException | None]:
    # Not only Exceptions: a SystemExit or the like, raised in a task, would end the event loop.
    try:
        return await pending, None
    except BaseException as error:
        if is_interrupt(error) or (isinstance(error, CancelledError) and _is_cancelled()):
            raise
        return None, error


def _is_cancelled() -> bool:
    """Whether it is the exchange that has been cancelled: a hook may await what has been."""
    task = current_task()
    return task is not None and task.cancelling() > 0
