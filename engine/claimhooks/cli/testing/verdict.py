"""One sample put to the test: whether it is as expected, and the same every time."""

from __future__ import annotations

import json
import sys
import time
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Literal

from claimhooks.cli.report import Result
from claimhooks.errors import printable
from claimhooks.expectation import Expect, cut

if TYPE_CHECKING:
    from claimhooks.exchange import Outcome
    from claimhooks.expectation import Difference
    from claimhooks.runtime import Runtime
    from claimhooks.samples import Written
    from claimhooks.settings import Settings
    from claimhooks.snapshot import Snapshot

Kind = Literal["passed", "failed", "updated", "no expectation"]

Answers = dict[str, dict[str, str]]
"""Hook → what it asked for in one run, as JSON: name → value; ``error`` if it denied or failed."""

NOTHING: Final = "nothing"


@dataclass(frozen=True, slots=True)
class Job:
    """What samples are tried on, and how. Every process makes a runtime of its own of it.

    So all of them run the same bytes, whatever is saved meanwhile.
    """

    snapshot: Snapshot
    settings: Settings
    allow_empty: bool
    keyword: str
    """Only samples with this in their name or file are tried; empty: all."""
    times: int
    """How often each is run."""
    keeps_results: bool = False
    """Whether the results of samples that pass are kept, too."""
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    """The time of samples that have none and are run more than once: all runs see the same."""


@dataclass(frozen=True, slots=True)
class Unstable:
    """A claim, or another part of a patch, that was not the same every time."""

    hook: str
    name: str
    values: tuple[str, ...]
    """As JSON, or :data:`NOTHING`."""

    def __str__(self) -> str:
        shown = [cut(value, self.values, 80) for value in self.values[:3]]
        rest = f", and {len(self.values) - 3} more" if len(self.values) > 3 else ""
        return f"hook {self.hook} gave {self.name} as {', then '.join(shown)}{rest}"


@dataclass(slots=True)
class Verdict:
    """What became of one sample."""

    name: str
    file: str
    line: int
    """Of what it expects, or else of the sample."""
    seconds: float
    differences: list[Difference]
    has_expectation: bool
    result: Result | None
    """None if it is as expected, and was run once."""
    answers: list[Answers]
    """Those of all runs that differ; none if it was run once."""
    update: list[str] = field(default_factory=list[str])
    """What changes in what it expects, if that is to be written."""

    @property
    def kind(self) -> Kind:
        """Whether it passed."""
        if self.update:
            return "updated"
        if self.differences or self.unstable:
            return "failed"
        return "passed" if self.has_expectation else "no expectation"

    @property
    def place(self) -> str:
        """File and line, for messages."""
        return f"{printable(self.file)}:{self.line}"

    @property
    def unstable(self) -> list[Unstable]:
        """The parts of patches that differ, in the order of the hooks."""
        found: list[Unstable] = []
        parts = (
            (one, name) for answers in self.answers for one in answers for name in answers[one]
        )
        for hook, name in dict.fromkeys(parts):
            values = [answers.get(hook, {}).get(name, NOTHING) for answers in self.answers]
            if len(distinct := tuple(dict.fromkeys(values))) > 1:
                found.append(Unstable(hook, name, distinct))
        return found

    def add(self, other: Verdict) -> None:
        """Take in what came of the same sample in another process."""
        self.seconds += other.seconds
        self.answers += [answers for answers in other.answers if answers not in self.answers]


class Tester:
    """Tries samples on a runtime."""

    def __init__(self, job: Job, runtime: Runtime) -> None:
        self._job = job
        self._runtime = runtime
        self._keyword = job.keyword.casefold()

    def verdict(self, written: Written, times: int = 1) -> Verdict | None:
        """What becomes of a sample that is run so often; None if it is not to be tried.

        Raises :class:`~claimhooks.errors.SampleError`.
        """
        sample = written.parsed()
        if self._keyword not in f"{written.file}\n{sample.name}".casefold():
            return None
        if self._job.times > 1 and sample.now is None:
            sample = sample.model_copy(update={"now": self._job.now})
        started = time.perf_counter()
        # Standard output is for the results: what hooks print must not come between them.
        with redirect_stdout(sys.stderr):
            outcome, *more = [self._runtime.run(sample) for _ in range(times)]
        seconds = time.perf_counter() - started
        differences = (sample.expect or Expect()).differences(outcome)
        is_settled = (
            self._job.times == 1
            and not self._job.keeps_results
            and sample.expect is not None
            and not differences
        )
        found: list[Answers] = []
        for one in [] if self._job.times == 1 else [outcome, *more]:
            if (answers := _answers(one)) not in found:
                found.append(answers)
        return Verdict(
            name=sample.name,
            file=written.file,
            line=written.expectation_line,
            seconds=seconds,
            differences=differences,
            has_expectation=sample.expect is not None,
            result=None if is_settled else Result(sample, outcome, differences),
            answers=found,
        )


def _answers(outcome: Outcome) -> Answers:
    found: Answers = {}
    for entry in outcome.trace:
        found[entry.hook] = {
            name: json.dumps(value, ensure_ascii=False, sort_keys=True)
            for name, value in (entry.patch or {}).items()
        }
        if entry.error is not None:
            found[entry.hook]["error"] = f"{entry.error.code}: {entry.error.reason}"
    return found
