"""Running the exchanges of a piece, and counting what comes of them."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

from claimhooks.recording.entry import Entry
from claimhooks.replay.changes import HIDDEN, changes
from claimhooks.replay.groups import Example, short
from claimhooks.replay.line import Unreadable, read_line
from claimhooks.replay.place import Damaged
from claimhooks.replay.tally import Tally
from claimhooks.replay.times import Times
from claimhooks.runtime import Runtime

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from types import TracebackType

    from claimhooks.exchange import Exchange, Outcome
    from claimhooks.replay.changes import Ending
    from claimhooks.replay.pieces import Piece
    from claimhooks.source import Contents


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be replayed, in whatever process."""

    hooks: Contents
    against: Contents | None
    """None: the outcomes that were recorded."""
    now: datetime
    """For exchanges that do not tell theirs: the same for all, and for both sides."""


class Evaluation:
    """A job in this process, with the hooks loaded. Raises LoadError."""

    def __init__(self, job: Job) -> None:
        self._now = job.now
        with ExitStack() as stack:
            self._hooks = stack.enter_context(_runtime(job.hooks))
            self._against: Runtime | None = None
            if job.against is not None:
                self._against = stack.enter_context(_runtime(job.against))
            self._close = stack.pop_all().close

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self._close()

    def tally(self, piece: Piece, begin: Callable[[int], object]) -> Tally:
        """Run the lines of `piece`. `begin` is told the number of each before.

        Raises :class:`~claimhooks.errors.SampleError` if the file cannot be read.
        """
        tally = Tally()
        number = 0
        try:
            for number, line in enumerate(piece.lines(), start=1):
                if not line.isspace():
                    begin(number)
                    self._line(line, tally, piece.name, number)
        except Damaged as error:
            number += 1
            tally.unreadable(piece.name, number, str(error))
        tally.lines = number
        return tally

    def _line(self, line: bytes, tally: Tally, file: str, number: int) -> None:
        try:
            read = read_line(line)
        except Unreadable as error:
            tally.unreadable(file, number + error.below, str(error))
            return
        exchange = read.exchange if isinstance(read, Entry) else read
        example = Example(file, number, exchange.client.id)
        before: Ending | None = None
        if isinstance(read, Entry):
            before = read.outcome
            tally.clock.add(read.at, example)
            tally.recorded.add(example, (short(read.outcome.generation),))
        if exchange.now is None:
            exchange = exchange.model_copy(update={"now": self._now})
        after = _run(self._hooks, exchange)
        if self._against is not None:
            before = _run(self._against, exchange)
        _count(after, tally, example)
        if before is not None:
            _compare(before, after, tally, example)


def _count(outcome: Outcome, tally: Tally, example: Example) -> None:
    tally.after[outcome.status] = tally.after.get(outcome.status, 0) + 1
    for entry in outcome.trace:
        if entry.error is None and entry.skipped is not None:
            continue  # it was not called
        if (times := tally.hooks.get(entry.hook)) is None:
            times = tally.hooks[entry.hook] = Times()
        times.add(entry.micros)
        if entry.error is not None:
            if entry.skipped is not None:
                group = tally.skipped
            else:
                group = tally.denials if outcome.status == "denied" else tally.faults
            group.add(example, (entry.hook, entry.error.code, short(entry.error.reason)))


def _compare(before: Ending, after: Outcome, tally: Tally, example: Example) -> None:
    tally.before[before.status] = tally.before.get(before.status, 0) + 1
    certain: list[Sequence[str]] = []
    hidden: list[Sequence[str]] = []
    for kind, *rest in changes(before, after):
        if kind == HIDDEN:
            hidden.append(rest)
        else:
            certain.append((kind, *rest))
    if certain:
        tally.changes.add(example, *certain)
    if hidden:
        tally.hidden.add(example, *hidden)


def _runtime(contents: Contents) -> Runtime:
    # Nothing is activated here, so no gate is asked; and a replay is no traffic to be recorded.
    settings = contents.settings.model_copy(update={"gate": None, "record": None})
    return Runtime(contents.snapshot, settings)


def _run(runtime: Runtime, exchange: Exchange) -> Outcome:
    outcome = runtime.run(exchange)
    if redactor := runtime.generation.redactor:
        # As a recording has it.
        scope = [redactor.text(token) for token in outcome.scope]
        return replace(outcome, scope=scope, claims=redactor.table(outcome.claims))
    return outcome
