"""What the logs of issuer and bridges have in common: a line of JSON for each exchange."""

from __future__ import annotations

import logging
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from claimhooks.exchange import Outcome

EXCHANGES: Final = "claimhooks.exchanges"
"""The logger of the events."""

_log: Final = logging.getLogger(EXCHANGES)


def trace_id() -> str:
    """An id for one exchange: unique, and no secret that were worth a system call."""
    return f"{random.getrandbits(64):016x}"


@dataclass(slots=True)
class HookEvent:
    """A hook that failed, denied, or was refused something, and where."""

    hook: str
    code: str
    reason: str
    file: str | None = None
    line: int | None = None


def hook_events(outcome: Outcome) -> list[HookEvent] | None:
    """What hooks did that somebody may have to look into; None: nothing."""
    found: list[HookEvent] = []
    for entry in outcome.trace:
        if (error := entry.error) is not None:
            found.append(HookEvent(entry.hook, error.code, error.reason, error.file, error.line))
        found += [HookEvent(entry.hook, one.code, one.reason) for one in entry.refused]
    return found or None


class Lines:
    """Where the lines of events go: to the logger ``claimhooks.exchanges``."""

    def write(self, line: bytes) -> None:
        """Write `line`, soon. Raises nothing."""
        _log.info(line.decode())

    def flush(self) -> None:
        """Write now what is to be written soon. Raises nothing."""
