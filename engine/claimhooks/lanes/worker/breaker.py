"""A circuit breaker for hooks that keep killing their workers."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from time import monotonic
from typing import Final

KILLS: Final = 3
"""In a row, that suspend a hook."""
PAUSE: Final = 30.0
"""Seconds until a suspended hook is tried once more."""


@dataclass(slots=True)
class _State:
    kills: int = 0
    until: float = 0.0


class Breakers:
    """Of one generation: a reload starts anew.

    Kills count in a row only, so that one client whose requests make a hook hang cannot have it
    suspended for the others.
    """

    def __init__(self) -> None:
        self._states: dict[str, _State] = {}
        self._lock = threading.Lock()

    def __bool__(self) -> bool:
        """Whether any hook has killed its worker lately."""
        return bool(self._states)

    def is_open(self, hook: str) -> bool:
        """Whether `hook` is suspended. After the pause one caller is told that it is not."""
        with self._lock:
            state = self._states.get(hook)
            if state is None or state.kills < KILLS:
                return False
            if monotonic() < state.until:
                return True
            state.until = monotonic() + PAUSE
            return False

    def killed(self, hook: str) -> bool:
        """Take note that `hook` has killed its worker; tells whether that suspends it anew."""
        with self._lock:
            state = self._states.setdefault(hook, _State())
            state.kills += 1
            state.until = monotonic() + PAUSE
            return state.kills == KILLS

    def survived(self, hook: str) -> None:
        """Take note that `hook` has answered."""
        with self._lock:
            self._states.pop(hook, None)

    @property
    def suspended(self) -> tuple[str, ...]:
        """The hooks that are suspended."""
        with self._lock:
            return tuple(hook for hook, state in self._states.items() if state.kills >= KILLS)
