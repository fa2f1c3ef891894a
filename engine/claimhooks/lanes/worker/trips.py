"""The chain over round trips: which hooks a worker is asked for at once, and what became of it.

No input or output here: the chain yields a :class:`Trip`, and is sent the reply or the loss of it.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Literal, cast

from pydantic import ValidationError
from pydantic_core import to_json

from claimhooks.claims import Unwritable
from claimhooks.errors import FAULTS, rfc_text
from claimhooks.exchange import Exchange, HookError
from claimhooks.generation import Generation
from claimhooks.lanes import wire
from claimhooks.lanes.worker.breaker import PAUSE, Breakers
from claimhooks.lanes.worker.crew import how_it_ended
from claimhooks.pipeline import Answer, ChainBroken

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Mapping, Sequence

    from claimhooks.generation import Hook, Plan
    from claimhooks.lanes.mark import Mark
    from claimhooks.lanes.worker.crew import Crew
    from claimhooks.policy import Standing

    Asking = Generator["Trip", "wire.Reply | Lost", Answer]

_log: Final = logging.getLogger(__name__)
_dump: Final = Exchange.__pydantic_serializer__.to_json
_validate: Final = wire.REPLY.validate_json
_FRAME: Final = re.compile(r'^  File "(.+)", line (\d+) in ', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Leg:
    """The hooks that one round trip asks for."""

    crew: Crew
    places: tuple[int, ...]
    limit: float
    """Seconds that they may take together."""
    own: Mapping[int, float]
    """Place → seconds that this hook alone may take."""
    is_async: bool

    def head(self) -> bytes:
        """The beginning of a request for them."""
        return b'{"hooks":%b,' % to_json(self.places)


@dataclass(slots=True)
class Trip:
    """One round trip: what to send, and how long to wait."""

    leg: Leg
    body: bytes
    names: frozenset[str]

    def reply(self, body: bytes) -> wire.Reply:
        """The reply in `body`. Raises :class:`~claimhooks.lanes.wire.Garbled`."""
        try:
            reply = _validate(body, strict=True)
        except ValidationError:
            raise wire.Garbled("a reply that is none") from None
        if not self.names.issuperset(reply.answers):
            raise wire.Garbled("an answer to what was not asked")
        for answered in reply.answers.values():
            if (denial := answered.denial) is not None and not 400 <= denial.status < 600:
                raise wire.Garbled("a denial with a status that is none")
        return reply


Reason = Literal["deadline", "died", "garbled", "worn", "unavailable"]


@dataclass(frozen=True, slots=True)
class Lost:
    """There is no reply."""

    reason: Reason
    seconds: float = 0.0
    """Since the request was sent."""
    number: int = 0
    mark: Mark | None = None
    """What the worker was doing."""
    report: str = ""
    """Where it was, by its faulthandler."""
    status: int | None = None
    """The wait status of its process, if that ended by itself; None: it went with its zygote."""


class WorkerGeneration(Generation):
    """A generation whose functions are in workers."""

    def __init__(
        self, plan: Plan, found: Sequence[wire.FoundHook], crews: Mapping[bool, Crew]
    ) -> None:
        """`crews` are those with the network and without."""
        hooks = [plan.hook(one.name, one.line, one.arguments, one.rank) for one in found]
        super().__init__(plan, hooks)
        self.crews: Final = crews
        self.breakers: Final = Breakers()
        self.places: Final = {hook.name: place for place, hook in enumerate(self.hooks)}
        self.files: Final = frozenset(map(plan.snapshot.shown, plan.snapshot.files))
        self.is_shared: Final = any(one.is_async for one in found)
        self._async: Final = frozenset(one.name for one in found if one.is_async)
        self._legs = [self._leg(hook, ()) for hook in self.hooks]
        self._heads = [leg.head() for leg in self._legs]
        self._names = [frozenset(self.hooks[p].name for p in leg.places) for leg in self._legs]

    def trip(self, hook: Hook, left_out: Iterable[str], rest: bytes) -> Trip:
        """The trip from `hook` on, without the hooks that are `left_out`."""
        if left_out:
            leg = self._leg(hook, left_out)
            names = frozenset(self.hooks[place].name for place in leg.places)
            return Trip(leg, leg.head() + rest, names)
        place = self.places[hook.name]
        return Trip(self._legs[place], self._heads[place] + rest, self._names[place])

    def _leg(self, first: Hook, left_out: Iterable[str]) -> Leg:
        places: list[int] = []
        for hook in self.hooks[self.places[first.name] :]:
            if hook.name in left_out:
                if hook.on_error == "deny":
                    break
            elif hook.network == first.network:
                places.append(self.places[hook.name])
            else:
                break
        own = {p: limit for p in places if (limit := self.hooks[p].deadline) is not None}
        limit = self.settings.worker.deadline + sum(own.values())
        names = {self.hooks[place].name for place in places}
        return Leg(self.crews[first.network], tuple(places), limit, own, bool(names & self._async))


class RemoteCalls:
    """Asks the hooks of a generation in workers about one exchange."""

    __slots__ = (
        "_answers", "_exchange", "_failed", "_generation", "_idle_deaths", "_now", "_retries",
    )  # fmt: skip

    def __init__(self, generation: WorkerGeneration, exchange: Exchange) -> None:
        self._generation = generation
        self._exchange = _dump(exchange, exclude_unset=True)
        self._now = (exchange.now or datetime.now(UTC)).isoformat().encode()
        self._answers: dict[str, wire.Answered] = {}
        self._failed: dict[str, HookError] = {}
        self._retries = 1
        self._idle_deaths = 0

    def ask(self, hook: Hook, standing: Standing) -> Answer | Asking:
        """What `hook` answers: already in hand, or to be fetched."""
        if (answered := self._answers.pop(hook.name, None)) is not None:
            return self._answer(hook, answered)
        if (error := self._failed.get(hook.name) or self._suspension(hook)) is not None:
            return Answer(0.0, error=error)
        return self._fetch(hook, standing)

    def _fetch(self, hook: Hook, standing: Standing) -> Asking:
        generation = self._generation
        rest = b'"now":"%b","reached":%b,"exchange":%b}' % (
            self._now, _reached(standing), self._exchange,
        )  # fmt: skip
        while True:
            trip = generation.trip(hook, self._left_out(hook), rest)
            came = yield trip
            if isinstance(came, wire.Reply):
                if came.output:
                    _log.info("generation %s printed: %s", generation.digest[:12], came.output)
                if generation.breakers:
                    for name in came.answers:
                        generation.breakers.survived(name)
                self._answers = came.answers
                answered = self._answers.pop(hook.name, None)
                if answered is not None:
                    return self._answer(hook, answered)
                came = Lost("garbled")
            elif self._is_innocent(came, trip):
                continue
            culprit = self._culprit(came, trip) or hook
            error = self._error(came, culprit, trip)
            _log.warning(
                "generation %s: %s at %s:%s", generation.digest[:12], error.reason,
                error.file, error.line,
            )  # fmt: skip
            if came.reason != "unavailable" and generation.breakers.killed(culprit.name):
                _log.warning(
                    "generation %s: hook %s is suspended for %s s, since it keeps killing workers",
                    generation.digest[:12], culprit.name, PAUSE,
                )  # fmt: skip
            if culprit is hook:
                return Answer(came.seconds * 1e6, error=error)
            if culprit.on_error == "deny":
                raise ChainBroken(culprit, error)
            # Its effects are left out; those of the hooks before it are fetched again.
            self._failed[culprit.name] = error

    def _answer(self, hook: Hook, answered: wire.Answered) -> Answer:
        value: object = answered.value
        if answered.unwritable and answered.value is not None:
            plain = cast("dict[str, object]", answered.value)
            for name, reason in answered.unwritable.items():
                plain[name] = Unwritable(reason)
        if (denial := answered.denial) is not None:
            # What a worker says is no more trusted than a hook.
            text = self._generation.redactor.text(denial.error_description)
            denial.error, denial.error_description = rfc_text(denial.error), rfc_text(text)
        error = answered.error
        if error is not None and denial is None and error.code not in FAULTS:
            error.code = "hook_raised"
        if error is not None and error.file not in self._generation.files:
            error.file, error.line = hook.file, hook.line
        return Answer(answered.micros, value, error, denial)

    def _left_out(self, hook: Hook) -> set[str]:
        left_out = set(self._failed)
        if self._generation.breakers:
            left_out.update(self._generation.breakers.suspended)
        return left_out - {hook.name}

    def _suspension(self, hook: Hook) -> HookError | None:
        breakers = self._generation.breakers
        if not breakers or not breakers.is_open(hook.name):
            return None
        reason = f"suspended for up to {PAUSE:.0f} s: it has kept ending its workers"
        return HookError("hook_suspended", reason, hook.file, hook.line)

    def _is_innocent(self, lost: Lost, trip: Trip) -> bool:
        """Whether the loss is none of this exchange's doing, and it is to be run again."""
        mark = lost.mark
        if lost.reason == "worn":
            return True
        if mark is None or lost.reason == "garbled":
            return False
        if mark.number == lost.number:
            # It was running, but it was the zygote that took the worker along.
            is_ours = lost.reason == "deadline" or lost.status is not None
        elif lost.reason == "died" and mark.hook is None and not trip.leg.is_async:
            # The worker had died before this began; there may be as many as there are workers.
            self._idle_deaths += 1
            return self._idle_deaths <= self._generation.settings.worker.processes + 1
        else:
            is_ours = False
        if is_ours or self._retries == 0:
            return False
        self._retries -= 1
        return True

    def _culprit(self, lost: Lost, trip: Trip) -> Hook | None:
        mark = lost.mark
        if mark is None or mark.number != lost.number or mark.hook not in trip.leg.places:
            return None
        return self._generation.hooks[mark.hook]

    def _error(self, lost: Lost, culprit: Hook, trip: Trip) -> HookError:
        if lost.reason == "deadline":
            place = self._generation.places[culprit.name]
            limit = trip.leg.own.get(place, trip.leg.limit)
            code, reason = "deadline_exceeded", f"killed after {limit * 1000:,.0f} ms"
        elif lost.reason == "died":
            code, reason = "worker_died", f"the hook {how_it_ended(lost.status)}"
        elif lost.reason == "garbled":
            code, reason = "worker_garbled", "its worker has sent what is no reply"
        else:
            code, reason = "worker_unavailable", "no worker became free in time"
        file, line = culprit.file, culprit.line
        for found in _FRAME.finditer(lost.report):
            if found[1] in self._generation.files:
                file, line = found[1], int(found[2])
                break
        return HookError(code, reason, file, line, lost.report or None)


def _reached(standing: Standing) -> bytes:
    # No hook has been asked before: the exchange says it all.
    if len(standing.trace) == 1:
        return b"null"
    state = {
        "scope": standing.scope,
        "claims": standing.claims,
        "claims_bytes": standing.claims_bytes,
        "expires_in": standing.expires_in,
    }
    return to_json(state)
