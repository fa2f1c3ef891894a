"""The log: one event for each call, without anything of its body that is not told here."""

from __future__ import annotations

import time as clock
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import perf_counter_ns
from typing import TYPE_CHECKING, Annotated, Final, Literal

from pydantic import Field, TypeAdapter

from claimhooks.errors import utf8_text
from claimhooks.serving.events import HookEvent, hook_events, trace_id

if TYPE_CHECKING:
    from collections.abc import Iterable

    from claimhooks.bridges.capabilities import Unsupported
    from claimhooks.exchange import Exchange, Outcome

MAX_NAME: Final = 256


@dataclass(slots=True)
class Event:
    """What became of one call: what is None is not told."""

    peer: str
    event: Literal["bridge"] = "bridge"
    time: datetime | None = None
    """When it came in; set for the log, as is `micros`."""
    client: str | None = None
    audience: str | None = None
    granted_scope: list[str] | None = None
    """What the peer was about to issue."""
    scope: list[str] | None = None
    """What the token has."""
    outcome: str = "refused"
    """``granted``, ``denied`` or ``fault`` of the hooks; ``unsupported``, if the peer cannot do
    what they ask for; ``refused`` before them; ``passed``, if they are not for this grant."""
    repeated: bool | None = None
    """Whether the same call had been answered before: it is answered the same."""
    error: str | None = None
    reason: str | None = None
    """For operators: why, as far as nobody else is to know."""
    unsupported: list[str] | None = None
    """What the peer cannot do of what hooks asked for."""
    generation: str | None = None
    lane: str | None = None
    hooks: list[HookEvent] | None = None
    status: int | None = None
    """The HTTP status of the answer."""
    trace: str = field(default_factory=trace_id)
    micros: dict[str, int] = field(default_factory=dict[str, int])
    """Microseconds for each stage."""
    came: Annotated[float, Field(exclude=True)] = field(default_factory=clock.time)
    began: Annotated[int, Field(exclude=True)] = field(default_factory=perf_counter_ns)
    """By a clock of nanoseconds; so are the ends of the stages, 0 for those not reached."""
    received: Annotated[int, Field(exclude=True)] = 0
    proven: Annotated[int, Field(exclude=True)] = 0
    read: Annotated[int, Field(exclude=True)] = 0
    judged: Annotated[int, Field(exclude=True)] = 0
    ended: Annotated[int, Field(exclude=True)] = 0

    def is_about(self, client_id: str, scope: Iterable[str]) -> None:
        """Take note of what the call asks."""
        self.client, self.granted_scope = utf8_text(client_id[:MAX_NAME]), [*scope]

    def exchanged(self, exchange: Exchange, lane: str) -> None:
        """Take note of the exchange that is made of the call, and of where hooks run over it."""
        self.read = perf_counter_ns()
        self.audience, self.lane = exchange.audience, lane

    def decided(self, outcome: Outcome) -> None:
        """Take note of what the hooks did."""
        self.judged = perf_counter_ns()
        self.outcome, self.generation = outcome.status, outcome.generation
        if outcome.error is not None:
            self.error = outcome.error.error
        else:
            self.scope = outcome.scope
        self.hooks = hook_events(outcome)

    def found_unsupported(self, found: Iterable[Unsupported]) -> None:
        """Take note of what the peer cannot do."""
        self.unsupported = [utf8_text(str(one)) for one in found]

    def finish(self) -> None:
        """Take the time of the whole call, which ends here."""
        self.ended = perf_counter_ns()

    def line(self) -> bytes:
        """The event as it is logged: a line of JSON, without its end."""
        self.time, self.micros = datetime.fromtimestamp(self.came, UTC), self._micros()
        return _EVENT.to_json(self, exclude_none=True)

    def _micros(self) -> dict[str, int]:
        found: dict[str, int] = {}
        before = self.began
        for stage, end in (
            ("receive", self.received),
            ("prove", self.proven),
            ("read", self.read),
            ("hooks", self.judged),
        ):
            if end:
                found[stage] = (end - before) // 1000
                before = end
        found["total"] = (self.ended - self.began) // 1000
        return found


_EVENT: Final = TypeAdapter(Event).serializer
