"""Waiting, and no longer than so."""

from __future__ import annotations

import asyncio
from time import monotonic
from types import coroutine
from typing import TYPE_CHECKING, Any, TypeVar, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Generator

    Result = TypeVar("Result")


@coroutine
def within(seconds: float, work: Coroutine[Any, Any, Result]) -> Generator[Any, Any, Result]:
    """The result of `work`. Raises TimeoutError if there is none in time; it is cancelled then.

    What `asyncio.timeout` does, without a timer for work that need not wait at all: that alone
    takes as long as three hooks.
    """
    began = monotonic()
    try:
        pending = work.send(None)
    except StopIteration as end:
        result: Result = end.value
        return result
    task = cast("asyncio.Task[Result]", asyncio.current_task())
    before, is_late = task.cancelling(), False

    def end_it() -> None:
        nonlocal is_late
        is_late = True
        task.cancel()

    # What has not waited has taken its time, too.
    timer = task.get_loop().call_later(began + seconds - monotonic(), end_it)
    try:
        return (yield from _rest(work, pending))
    except asyncio.CancelledError:
        # Whoever else wants the task to end is not kept waiting.
        if is_late and task.cancelling() == before + 1:
            raise TimeoutError from None
        raise
    finally:
        timer.cancel()
        if is_late:
            task.uncancel()


def _rest(work: Coroutine[Any, Any, Result], pending: object) -> Generator[Any, Any, Result]:
    """``yield from``, for a coroutine that has already begun to wait for `pending`."""
    while True:
        resume: Callable[[Any], Any] = work.send
        try:
            value = yield pending
        except BaseException as error:  # noqa: BLE001 - it is for `work`
            resume, value = work.throw, error
        try:
            pending = resume(value)
        except StopIteration as end:
            result: Result = end.value
            return result
