"""Which threads a piece of code starts: Python itself keeps no record of it."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from functools import cache, wraps
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Generator


class _Here(threading.local):
    started: set[threading.Thread] | None = None


_here: Final = _Here()


@contextmanager
def threads_started() -> Generator[set[threading.Thread]]:
    """The threads that the current thread starts meanwhile.

    Those that appear meanwhile would not do: a server's threads come and go as requests do.
    """
    _take_note()
    before, _here.started = _here.started, set()
    try:
        yield _here.started
    finally:
        _here.started = before


@cache
def _take_note() -> None:
    """Have every start of a thread pass here.

    For good: to take it back would undo what others have put around it meanwhile. The audit event
    would do without, but Python 3.11 raises none.
    """
    start = threading.Thread.start

    @wraps(start)
    def start_noted(thread: threading.Thread) -> None:
        start(thread)
        if _here.started is not None:
            _here.started.add(thread)

    threading.Thread.start = start_noted  # type: ignore[assignment, method-assign]
