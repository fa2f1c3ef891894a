"""The gate: samples whose `expect` a generation must meet before it becomes active."""

from __future__ import annotations

from typing import TYPE_CHECKING

from claimhooks import samples
from claimhooks.errors import LoadError, Problem, SampleError
from claimhooks.expectation import failures

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from claimhooks.exchange import Exchange, Outcome


def check(gate: Path, run: Callable[[Exchange], Outcome]) -> None:
    """Run the samples in `gate`, a file or a folder.

    Raises :class:`~claimhooks.errors.LoadError` with every expectation that does not hold.
    """
    problems: list[Problem] = []
    try:
        for sample in samples.read([str(gate)]):
            if sample.expect is None:
                continue
            outcome = run(sample)
            why = f" ({'; '.join(found)})" if (found := failures(outcome)) else ""
            for difference in sample.expect.differences(outcome):
                reason = f"sample {sample.name}: {difference}{why}"
                problems.append(Problem("gate_failed", str(gate), reason))
    except SampleError as error:
        problems.extend(error.problems)
    if problems:
        raise LoadError(problems)
