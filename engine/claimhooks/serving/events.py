"""What the logs of issuer and bridges have in common: a line of JSON for each exchange."""

from __future__ import annotations

import logging
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from pydantic_core import to_json

from claimhooks.errors import utf8_text
from claimhooks.serving.counts import Counts

if TYPE_CHECKING:
    from collections.abc import Mapping

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
        for one in entry.refused:
            found.append(HookEvent(entry.hook, one.code, one.reason))  # noqa: PERF401 - rare
    return found or None


class Event(Protocol):
    """What has become of one exchange."""

    @property
    def trace(self) -> str:
        """Its id."""
        ...

    @property
    def outcome(self) -> str:
        """``granted``, ``denied``, …."""
        ...

    @property
    def error(self) -> str | None:
        """The OAuth error code."""
        ...

    @property
    def micros(self) -> Mapping[str, float]:
        """Microseconds: of its stages, and in ``total``. There once its line has been made."""
        ...

    def line(self) -> bytes:
        """As it is logged: a line of JSON, without its end."""
        ...


class Events:
    """Where events go: they are counted, and handed to the logger ``claimhooks.exchanges``."""

    def __init__(self) -> None:
        self.counts: Final = Counts()

    def add(self, event: Event) -> None:
        """Take an event, which does not change any more. Raises nothing."""
        _log.info(self.told(event).decode())

    def flush(self) -> None:
        """Have everything written that has been taken. Raises nothing."""

    def told(self, event: Event) -> bytes:
        """The line of `event`, which is counted. Raises nothing."""
        try:
            line = event.line()
        except Exception as error:  # noqa: BLE001 - it is told, and must not take others along
            reason = utf8_text(f"it cannot be told: {error!r}")
            line = to_json({"event": "untold", "trace": event.trace, "reason": reason})
        self.counts.add(event)
        return line
