"""Calls that a peer makes again, because an answer was late or lost: they get the same answer.

Hooks that have side effects run once for them.
"""

from __future__ import annotations

import hashlib
import itertools
from time import monotonic
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from claimhooks.serving.call import Answer

KEPT: Final = 30.0
"""Seconds for which an answer is remembered: no peer waits for that long to ask again."""
MAX_ANSWERS: Final = 10_000
MAX_BYTES: Final = 16 * 1024
"""Of an answer that is remembered."""


Key = tuple[str, bytes, str]


class Given(NamedTuple):
    """An answer that has been given, and what it meant."""

    answer: Answer
    outcome: str
    until: float


class Repeats:
    """Remembers answers by the peer's id of the call, all that it says, and the hooks that ran."""

    def __init__(self) -> None:
        self._given: dict[Key, Given] = {}
        """The oldest first."""

    def find(self, key: Key) -> Given | None:
        """The answer that this very call has been given."""
        found = self._given.get(key)
        return found if found is not None and found.until > monotonic() else None

    def keep(self, key: Key, answer: Answer, outcome: str) -> None:
        """Remember an answer."""
        now = monotonic()
        for oldest in [*itertools.islice(self._given, 2)]:
            # Two may go for one that comes: what is too old does not pile up.
            if self._given[oldest].until <= now or len(self._given) >= MAX_ANSWERS:
                del self._given[oldest]
        if len(answer.body) <= MAX_BYTES:
            self._given[key] = Given(answer, outcome, now + KEPT)


def key_of(call_id: str, body: bytes, generation: str) -> Key:
    """What a call is known by, while the hooks of `generation` are active."""
    return call_id, hashlib.sha256(body).digest(), generation
