"""The log: one event for each token request, without any secret, credential or token."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import perf_counter_ns
from typing import TYPE_CHECKING, Annotated, Final, Literal

from pydantic import Field, TypeAdapter

from claimhooks.serving.events import HookEvent, hook_events, trace_id

if TYPE_CHECKING:
    from claimhooks.exchange import Outcome


@dataclass(slots=True)
class Event:
    """What became of one token request: what is None is not told."""

    time: datetime = field(default_factory=lambda: datetime.now(UTC))
    """When it came in."""
    event: Literal["exchange"] = "exchange"
    trace: str = field(default_factory=trace_id)
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
    revision: int | None = None
    """Of the bundle that the hooks came in."""
    lane: str | None = None
    kid: str | None = None
    jti: str | None = None
    hooks: list[HookEvent] | None = None
    micros: dict[str, float] = field(default_factory=dict[str, float])
    """Microseconds for each stage."""
    began: Annotated[int, Field(exclude=True)] = field(default_factory=perf_counter_ns)
    stage: Annotated[int, Field(exclude=True)] = 0
    """When the latest stage ended."""

    def ended(self, stage: str) -> None:
        """Take the time of the stage that ends here."""
        now = perf_counter_ns()
        self.micros[stage] = (now - (self.stage or self.began)) // 100 / 10
        self.stage = now

    def judged(self, outcome: Outcome) -> None:
        """Take note of what the hooks did."""
        self.outcome, self.generation = outcome.status, outcome.generation
        self.revision = outcome.revision
        if outcome.error is not None:
            self.error = outcome.error.error
        else:
            self.scope = outcome.scope
        self.hooks = hook_events(outcome)

    def finish(self) -> None:
        """Take the time of the whole request, which ends here."""
        self.micros["total"] = (perf_counter_ns() - self.began) // 100 / 10

    def line(self) -> bytes:
        """The event as it is logged: a line of JSON, without its end."""
        return _EVENT.to_json(self, exclude_none=True)


_EVENT: Final = TypeAdapter(Event).serializer
