"""Replaying on all cores of this machine: a process each, which are handed piece after piece."""

from __future__ import annotations

import os
import sys
from itertools import chain, islice
from multiprocessing.connection import wait
from typing import TYPE_CHECKING

from claimhooks.replay.process import Process, Stopped

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator

    from claimhooks.replay.evaluation import Job
    from claimhooks.replay.pieces import Piece
    from claimhooks.replay.tally import Tally

    Done = tuple[int, Piece, Tally | Stopped]


def in_processes(job: Job, pieces: Iterator[Piece]) -> Generator[tuple[Piece, Tally]]:
    """Each of `pieces` with its tally, in their order.

    Raises :class:`~claimhooks.errors.ProblemsError` if hooks or files cannot be used; and
    :class:`Stopped`, once everything before has been yielded, if a process ends, or on ^C.
    """
    first = [*islice(pieces, _cores())]
    crew: list[Process] = []
    try:
        for _ in first:
            crew.append(Process(job))  # noqa: PERF401 - those that have started are to be ended
        yield from in_order(_results(crew, enumerate(chain(first, pieces))))
    except KeyboardInterrupt:
        busy = [(*one.task, one.line.value) for one in crew if one.task is not None]
        if not busy:
            raise
        _, piece, line = min(busy, key=lambda task: task[0])
        raise Stopped("replay_interrupted", piece, line, "interrupted") from None
    finally:
        for one in crew:
            one.end()


def in_order(results: Iterable[Done]) -> Generator[tuple[Piece, Tally]]:
    """The results in the order of their numbers. Raises one that is :class:`Stopped`."""
    waiting: dict[int, tuple[Piece, Tally | Stopped]] = {}
    following = 0
    for number, piece, result in results:
        waiting[number] = piece, result
        while (found := waiting.pop(following, None)) is not None:
            following += 1
            if isinstance(found[1], Stopped):
                raise found[1]
            yield found[0], found[1]


def _results(crew: list[Process], tasks: Iterator[tuple[int, Piece]]) -> Iterator[Done]:
    """What becomes of the tasks, as they are done. None is begun once a process has ended."""
    active = crew.copy()
    upcoming = next(tasks, None)
    while active:
        heard = wait([one.connection for one in active])
        for one in [one for one in active if one.connection in heard]:
            task, result = one.task, one.result()
            if isinstance(result, Stopped):
                upcoming = None
            if upcoming is None:
                active.remove(one)
            else:
                one.begin(*upcoming)
                upcoming = next(tasks, None)
            if task is not None and result is not None:
                yield (*task, result)


def _cores() -> int:
    """How many processors this process may use."""
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
