"""The log: one event for each token request, without any secret, credential or token."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import perf_counter_ns
from typing import TYPE_CHECKING, Final

from pydantic_core import to_json

if TYPE_CHECKING:
    from claimhooks.exchange import Outcome

EXCHANGES: Final = "claimhooks.exchanges"
"""The logger of the events."""

_log: Final = logging.getLogger(EXCHANGES)


@dataclass(slots=True)
class Event:
    """What became of one token request."""

    trace: str = field(default_factory=lambda: os.urandom(8).hex())
    client: str | None = None
    auth_method: str | None = None
    audience: str | None = None
    requested_scope: tuple[str, ...] | None = None
    scope: list[str] | None = None
    """What the token has."""
    outcome: str = "refused"
    """``granted``, ``denied`` or ``fault`` of the hooks, or ``refused`` before them."""
    error: str | None = None
    reason: str | None = None
    """For operators: why, as far as the client is not to know."""
    generation: str | None = None
    lane: str | None = None
    kid: str | None = None
    jti: str | None = None
    hooks: list[dict[str, object]] = field(default_factory=list[dict[str, object]])
    """The hooks that failed, denied, or were refused something, and where."""
    micros: dict[str, float] = field(default_factory=dict[str, float])
    """Microseconds for each stage."""
    began: int = field(default_factory=perf_counter_ns)
    _stage: int = 0

    def ended(self, stage: str) -> None:
        """Take the time of the stage that ends here."""
        now = perf_counter_ns()
        self.micros[stage] = (now - (self._stage or self.began)) // 100 / 10
        self._stage = now

    def judged(self, outcome: Outcome) -> None:
        """Take note of what the hooks did."""
        self.outcome, self.generation = outcome.status, outcome.generation
        if outcome.error is not None:
            self.error = outcome.error.error
        else:
            self.scope = outcome.scope
        for entry in outcome.trace:
            if (error := entry.error) is not None:
                found: dict[str, object] = {
                    "hook": entry.hook,
                    "code": error.code,
                    "reason": error.reason,
                    "file": error.file,
                    "line": error.line,
                }
                self.hooks.append(found)
            for refused in entry.refused:
                self.hooks.append(
                    {"hook": entry.hook, "code": refused.code, "reason": refused.reason}
                )

    @property
    def seconds(self) -> float:
        """Since the request came in."""
        return (perf_counter_ns() - self.began) / 1e9

    def write(self) -> None:
        """Hand the event to the logger ``claimhooks.exchanges``: as a line of JSON."""
        if not _log.isEnabledFor(logging.INFO):
            return
        self.micros["total"] = (perf_counter_ns() - self.began) // 100 / 10
        document: dict[str, object] = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "event": "exchange",
            "trace": self.trace,
            "client": self.client,
            "auth_method": self.auth_method,
            "audience": self.audience,
            "requested_scope": self.requested_scope,
            "scope": self.scope,
            "outcome": self.outcome,
            "error": self.error,
            "reason": self.reason,
            "generation": self.generation,
            "lane": self.lane,
            "kid": self.kid,
            "jti": self.jti,
            "hooks": self.hooks,
            "micros": self.micros,
        }
        # Not `info`, which looks up the caller for each record.
        _log.handle(logging.LogRecord(EXCHANGES, logging.INFO, "", 0, _Line(document), None, None))


class _Line:
    """Written as JSON only if some handler wants it."""

    def __init__(self, document: dict[str, object]) -> None:
        self._document = document

    def __str__(self) -> str:
        present = {key: value for key, value in self._document.items() if value not in (None, [])}
        return to_json(present, fallback=str).decode()
