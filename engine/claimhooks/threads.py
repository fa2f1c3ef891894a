"""Which threads a piece of code starts: Python itself keeps no record of it."""

from __future__ import annotations

from contextlib import contextmanager
from functools import wraps
from threading import Thread, current_thread
from typing import TYPE_CHECKING, Final
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from collections.abc import Generator

_noting: Final[WeakKeyDictionary[Thread, set[Thread]]] = WeakKeyDictionary()
"""Threads whose starts of others are noted → where."""


@contextmanager
def threads_started() -> Generator[set[Thread]]:
    """The threads that the current thread starts meanwhile, and those that these start.

    Those that appear meanwhile would not do: a server's threads come and go as requests do.
    """
    _take_note()
    here, started = current_thread(), set[Thread]()
    before, _noting[here] = _noting.get(here), started
    try:
        yield started
    finally:
        del _noting[here]
        if before is not None:
            _noting[here] = before


def _take_note() -> None:
    """Have every start of a thread pass here.

    For good: to take it back would undo what others have put around it meanwhile. The audit event
    would do without, but Python 3.11 raises none.
    """
    start = Thread.start
    if hasattr(start, "takes_note"):
        return

    @wraps(start)
    def start_noted(thread: Thread) -> None:
        if (started := _noting.get(current_thread())) is not None:
            _noting[thread] = started
            started.add(thread)
        start(thread)

    start_noted.takes_note = True  # type: ignore[attr-defined]
    Thread.start = start_noted  # type: ignore[assignment, method-assign]
