"""Measuring for ``claimhooks bench``: exchanges in a lane, and signing, done again and again."""

from __future__ import annotations

import math
from array import array
from collections import Counter
from itertools import cycle
from time import perf_counter_ns
from typing import TYPE_CHECKING, Final, Protocol

from claimhooks.token import SigningKey

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pydantic import JsonValue

    from claimhooks.exchange import Exchange
    from claimhooks.runtime import Runtime
    from claimhooks.token import Algorithm

TURN_NANOS: Final = 50_000_000
"""What is measured takes turns, so that a machine that is slow for a while is slow for all."""


class Times:
    """How long something took, each time, in microseconds."""

    def __init__(self) -> None:
        self._micros = array("d")

    def add(self, micros: float) -> None:
        """Take up one time."""
        self._micros.append(micros)

    def percentile(self, percent: int) -> float | None:
        """Within how long so many of a hundred were done; None if none was."""
        count = len(self._micros)
        return sorted(self._micros)[math.ceil(count * percent / 100) - 1] if count else None

    def figures(self) -> dict[str, float | None]:
        """How many there are, and the two percentiles that are told."""
        return {"count": len(self._micros), "p50": self.percentile(50), "p99": self.percentile(99)}


class Measured(Protocol):
    """Something that is done again and again."""

    def step(self) -> None:
        """Do it once, and keep the time."""
        ...

    def forget(self) -> None:
        """Begin anew: what has been done so far was for warming up."""
        ...


class Chain:
    """Exchanges in one lane, in turn."""

    def __init__(self, runtime: Runtime, exchanges: Iterable[Exchange]) -> None:
        self.generation: Final = runtime.generation.digest
        self._runtime = runtime
        self._exchanges = cycle(exchanges)
        self.forget()

    def forget(self) -> None:
        """See :class:`Measured`."""
        self.whole = Times()
        self.hooks = {hook.name: Times() for hook in self._runtime.generation.hooks}
        self.statuses: Counter[str] = Counter()

    def step(self) -> None:
        """One exchange."""
        exchange = next(self._exchanges)
        began = perf_counter_ns()
        outcome = self._runtime.run(exchange)
        self.whole.add((perf_counter_ns() - began) / 1000)
        self.statuses[outcome.status] += 1
        for entry in outcome.trace:
            if entry.micros:
                self.hooks[entry.hook].add(entry.micros)

    def figures(self) -> dict[str, object]:
        """Those of the chain and of each hook, and how the exchanges ended."""
        hooks = {name: times.figures() for name, times in self.hooks.items()}
        return {"chain": self.whole.figures(), "hooks": hooks, "statuses": dict(self.statuses)}


class Signing:
    """Signing a token, and nothing else."""

    def __init__(self, algorithm: Algorithm, claims: Mapping[str, JsonValue]) -> None:
        self._key = SigningKey.generate(algorithm)
        self._claims = claims
        self.forget()

    def forget(self) -> None:
        """See :class:`Measured`."""
        self.whole = Times()

    def step(self) -> None:
        """One token."""
        began = perf_counter_ns()
        self._key.sign(self._claims)
        self.whole.add((perf_counter_ns() - began) / 1000)


def measure(all_of_it: Sequence[Measured], seconds: float) -> None:
    """Do each of `all_of_it` for an equal part of `seconds`, after a turn to warm up."""
    for one in all_of_it:
        _turn(one)
        one.forget()
    end = perf_counter_ns() + int(seconds * 1e9)
    while perf_counter_ns() < end:
        for one in all_of_it:
            _turn(one)


def _turn(measured: Measured) -> None:
    end = perf_counter_ns() + TURN_NANOS
    while perf_counter_ns() < end:
        measured.step()
