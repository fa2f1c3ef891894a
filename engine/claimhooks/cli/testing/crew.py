"""Samples tried by many processes at a time, what came of them in the order of the samples."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain, islice, tee
from multiprocessing import resource_tracker
from multiprocessing.connection import wait
from typing import TYPE_CHECKING, Final, Self

from claimhooks.cli.testing.verdict import Tester, Verdict
from claimhooks.errors import ClaimhooksError, LoadError, Problem, ProblemsError, SampleError
from claimhooks.runtime import Runtime

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.connection import Connection
    from multiprocessing.process import BaseProcess
    from types import TracebackType

    from claimhooks.cli.testing.verdict import Job
    from claimhooks.samples import Written

    Part = list[Written]

Found = Verdict | Sequence[Problem] | None
"""What came of a sample, or why it could not be tried; None if it was not to be."""

ALONE: Final = 0.5
"""Seconds of work after which a crew is started.

Starting one takes 0.25 s on an idle machine, and more on a busy one: so nobody waits for much more
than twice what the better choice would have taken, whatever is to come.
"""
PART: Final = 0.05
"""Seconds of work that a process is given at a time."""
MOST: Final = 500
"""Samples that it is given at a time, at most."""
MEMBERS: Final = 8
"""Processes of a crew, at most."""


def tried(
    samples: Iterator[Written], job: Job, runtime: Runtime, *, is_alone: bool
) -> Iterator[tuple[Written, Found]]:
    """Every sample and what came of it: tried in this process, and in others if there is much.

    Samples that are run more than once are run in several processes, unless `is_alone`: a set of
    text has another order in each.
    """
    began, count, each = time.perf_counter(), 0, PART
    is_alone = is_alone or (cores() == 1 and job.times == 1)
    if is_alone or job.times == 1:
        tester = Tester(job, runtime)
        for written in samples:
            yield written, _found(tester, written, job.times)
            count += 1
            each = (time.perf_counter() - began) / count
            if each * count > ALONE and not is_alone:
                break
    if (first := next(samples, None)) is not None:
        with _Crew(job) as crew:
            yield from crew.tried(chain([first], samples), max(1, min(MOST, int(PART / each))))


def cores() -> int:
    """How many processes can run at a time."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _found(tester: Tester, written: Written, times: int) -> Found:
    try:
        return tester.verdict(written, times)
    except SampleError as error:
        return error.problems


@dataclass(frozen=True, slots=True)
class _Member:
    """A process, and its part of the runs of each sample."""

    process: BaseProcess
    connection: Connection
    group: int


class _Crew:
    """Processes that try samples. Those of one group share the samples; each group gets them all.

    There is one group, or where samples are run more than once, as many as there are processes.
    """

    def __init__(self, job: Job) -> None:
        # Not forked: a copy of this process would have its threads' locks, and its hash seed.
        spawning = multiprocessing.get_context("spawn")
        # Each group runs a sample twice if it can: a hook may remember what it gave before.
        count = min(MEMBERS, cores() if job.times == 1 else max(2, job.times // 2))
        self._groups = 1 if job.times == 1 else count
        self._times = job.times
        self._members: list[_Member] = []
        # Members never hear of ^C, which all processes of a terminal are told. What Python starts
        # beside them comes first: it would end the blocking.
        resource_tracker.ensure_running()
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            for number in range(count):
                ours, theirs = spawning.Pipe()
                process = spawning.Process(target=_work, args=(theirs, job), daemon=True)
                process.start()
                theirs.close()
                self._members.append(_Member(process, ours, number % self._groups))
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        for member in self._members:
            member.connection.close()
            if kind is None:
                member.process.join(1)
            member.process.kill()
            member.process.join()

    def tried(self, samples: Iterator[Written], size: int) -> Iterator[tuple[Written, Found]]:
        """`samples` in parts of so many, and what came of each, in order."""
        parts = enumerate(iter(lambda: [*islice(samples, size)], []))
        queues = tee(parts, self._groups)
        at_work: list[Connection] = []
        given: dict[int, Part] = {}
        done: dict[int, list[list[Found]]] = {}
        number = 0

        def give(member: _Member) -> None:
            # One part at a time: with a second on its way both sides could wait for the other.
            for index, part in islice(queues[member.group], 1):
                given[index] = part
                at_work.append(member.connection)
                with suppress(BrokenPipeError, ConnectionResetError):  # it has told why, or not
                    member.connection.send((index, self._times_of(member.group), part))

        for member in self._members:
            give(member)
        while at_work:
            ready = wait(at_work)
            for member in [one for one in self._members if one.connection in ready]:
                index, found = _received(member)
                at_work.remove(member.connection)
                give(member)
                done.setdefault(index, []).append(found)
            while len(done.get(number, ())) == self._groups:
                yield from zip(given.pop(number), _merged(done.pop(number)), strict=True)
                number += 1

    def _times_of(self, group: int) -> int:
        return self._times // self._groups + (group < self._times % self._groups)


def _received(member: _Member) -> tuple[int, list[Found]]:
    try:
        message: tuple[int, list[Found]] | LoadProblems = member.connection.recv()
    except (EOFError, ConnectionResetError):
        member.process.join()
        raise ClaimhooksError(
            f"a process that ran samples ended with exit status {member.process.exitcode}; "
            "with --lane worker that is a fault of the sample whose hook did it"
        ) from None
    if isinstance(message, LoadProblems):
        raise LoadError(message.problems)
    return message


def _merged(found: list[list[Found]]) -> list[Found]:
    first, *others = found
    for other in others:
        for ours, theirs in zip(first, other, strict=True):
            if isinstance(ours, Verdict) and isinstance(theirs, Verdict):
                ours.add(theirs)
    return first


@dataclass(frozen=True, slots=True)
class LoadProblems:
    """Why a process cannot try samples."""

    problems: Sequence[Problem]


def _work(connection: Connection, job: Job) -> None:
    """The life of a member: it tries what it is given, until there is no more."""
    threading.Thread(target=_end_with_parent, name="claimhooks-parent", daemon=True).start()
    os.dup2(2, 1)
    try:
        with Runtime(job.snapshot, job.settings, allow_empty=job.allow_empty) as runtime:
            tester = Tester(job, runtime)
            with suppress(EOFError):
                while True:
                    index, times, part = connection.recv()
                    connection.send((index, [_found(tester, one, times) for one in part]))
    except ProblemsError as error:
        connection.send(LoadProblems(error.problems))


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
