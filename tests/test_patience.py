"""What has a deadline ends by it, and whoever waits for it can still be ended."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from typing import Any

import pytest

from claimhooks.serving.patience import within


def run(work: Coroutine[Any, Any, Any], seconds: float = 5) -> Any:
    async def main() -> Any:
        task = asyncio.current_task()
        assert task is not None
        try:
            return await within(seconds, work)
        finally:
            assert task.cancelling() == 0
            # The task goes on as if nothing had happened.
            await asyncio.sleep(0)

    return asyncio.run(main())


async def waited(value: int) -> int:
    for _ in range(3):
        await asyncio.sleep(0.001)
    return value


async def at_once(value: int) -> int:
    return value


@pytest.mark.parametrize("work", [at_once, waited])
def test_the_result_is_that_of_the_work(work: Any) -> None:
    assert run(work(7)) == 7


@pytest.mark.parametrize("waits", [True, False])
def test_what_the_work_raises_is_raised(waits: bool) -> None:
    async def fails() -> None:
        if waits:
            await waited(1)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run(fails())


def test_work_that_is_late_is_cancelled() -> None:
    seen: list[str] = []

    async def slow() -> None:
        try:
            await asyncio.sleep(10)
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise
        finally:
            await asyncio.sleep(0.001)
            seen.append("cleaned up")

    with pytest.raises(TimeoutError):
        run(slow(), 0.01)
    assert seen == ["cancelled", "cleaned up"]


def test_the_time_before_work_first_waits_counts() -> None:
    async def blocks() -> None:
        time.sleep(0.1)
        await asyncio.sleep(0.1)

    with pytest.raises(TimeoutError):
        run(blocks(), 0.15)


def test_work_that_ends_all_the_same_has_its_result() -> None:
    async def stubborn() -> int:
        try:
            await asyncio.sleep(10)
        except asyncio.CancelledError:
            return 7
        return 0

    assert run(stubborn(), 0.01) == 7


def test_one_deadline_within_another_is_kept() -> None:
    async def outer() -> str:
        try:
            await within(0.01, asyncio.sleep(10))
        except TimeoutError:
            await asyncio.sleep(0.01)
            return "the inner one"
        return ""

    assert run(outer()) == "the inner one"
    with pytest.raises(TimeoutError):
        run(within_later(), 0.01)


async def within_later() -> None:
    await within(5, asyncio.sleep(10))


def test_who_waits_can_be_cancelled() -> None:
    async def main() -> None:
        task = asyncio.create_task(within_later())
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
