"""What became of all samples together."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, get_args

from claimhooks.cli.testing.verdict import Kind

if TYPE_CHECKING:
    from claimhooks.cli.testing.coverage import Coverage
    from claimhooks.cli.testing.verdict import Verdict


@dataclass(slots=True)
class Summary:
    """Counts verdicts, and holds what was found beside them."""

    digest: str
    counts: dict[Kind, int] = field(default_factory=lambda: dict.fromkeys(get_args(Kind), 0))
    coverage: Coverage | None = None
    began: float = field(default_factory=time.perf_counter)

    def add(self, verdict: Verdict) -> None:
        """Count one verdict."""
        self.counts[verdict.kind] += 1

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    @property
    def seconds(self) -> float:
        """Since the first sample."""
        return time.perf_counter() - self.began
