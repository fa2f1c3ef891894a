"""How long calls took: quantiles of any number of them, in little memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import ceil, exp, floor, log
from typing import Final

GROWTH: Final = 1.05
"""Times are counted in buckets, each so much wider than the one before: exact to 2.5 %."""
SHORTEST: Final = 0.1
"""Microseconds: what is shorter is in the first bucket."""


@dataclass(slots=True)
class Times:
    """How long the calls of one hook took, in microseconds."""

    calls: int = 0
    longest: float = 0.0
    buckets: dict[int, int] = field(default_factory=dict[int, int])

    def add(self, micros: float) -> None:
        """Count one call."""
        bucket = floor(log(max(micros, SHORTEST)) / _LOG_GROWTH)
        self.calls += 1
        self.longest = max(self.longest, micros)
        self.buckets[bucket] = self.buckets.get(bucket, 0) + 1

    def merge(self, other: Times) -> None:
        """Count what `other` has counted."""
        self.calls += other.calls
        self.longest = max(self.longest, other.longest)
        for bucket, count in other.buckets.items():
            self.buckets[bucket] = self.buckets.get(bucket, 0) + count

    def quantile(self, part: float) -> float:
        """The time within which `part` of the calls ended: 0.5 is the median."""
        left = ceil(self.calls * part)
        for bucket in sorted(self.buckets):
            left -= self.buckets[bucket]
            if left <= 0:
                return min(exp(_LOG_GROWTH * (bucket + 0.5)), self.longest)
        return self.longest


_LOG_GROWTH: Final = log(GROWTH)
