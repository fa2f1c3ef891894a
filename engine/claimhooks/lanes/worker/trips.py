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

from claimhooks.calling import ERRORS
from claimhooks.claims import Unwritable
from claimhooks.errors import FAULTS, rfc_text, utf8_text
from claimhooks.exchange import Exchange, HookError
from claimhooks.lanes import wire
from claimhooks.lanes.worker.breaker import PAUSE
from claimhooks.lanes.worker.endings import how_it_ended
from claimhooks.pipeline import Answer, ChainBroken

if TYPE_CHECKING:
    from collections.abc import Generator

    from claimhooks.generation import Hook
    from claimhooks.lanes.worker.remote import Leg, WorkerGeneration
    from claimhooks.policy import Standing

    Asking = Generator["Trip", "wire.Reply | Lost", Answer]

RERUNS: Final = 2
"""How often an exchange is run again because of others, before it gets a worker for itself."""
ALONE: Final = 2
"""How often then."""

_log: Final = logging.getLogger(__name__)
_dump: Final = Exchange.__pydantic_serializer__.to_json
_validate: Final = wire.REPLY.validate_json
_FRAME: Final = re.compile(r'^  File "(.+)", line (\d+) in ', re.MULTILINE)

Reason = Literal["deadline", "died", "garbled", "elsewhere", "unavailable"]
"""``elsewhere``: another exchange on the same worker has cost or spoilt it."""


@dataclass(slots=True)
class Trip:
    """One round trip: what to send, and how long to wait."""

    leg: Leg
    body: bytes
    limit: float
    """Seconds."""
    is_alone: bool

    def reply(self, body: bytes) -> wire.Reply:
        """The reply in `body`. Raises :class:`~claimhooks.lanes.wire.Garbled`."""
        try:
            reply = _validate(body, strict=True)
        except ValidationError:
            raise wire.Garbled("a reply that is none") from None
        if self.leg.first not in reply.answers or not self.leg.names.issuperset(reply.answers):
            raise wire.Garbled("answers to something else than was asked")
        for answered in reply.answers.values():
            if (denial := answered.denial) is not None and denial.status not in ERRORS:
                raise wire.Garbled("a denial with a status that is none")
        return reply


@dataclass(frozen=True, slots=True)
class Lost:
    """There is no reply."""

    reason: Reason
    seconds: float = 0.0
    """That it had the worker."""
    place: int | None = None
    """At which hook this exchange was, as far as the worker has said."""
    report: str = ""
    """Where the worker was, by its faulthandler."""
    status: int | None = None
    """The wait status of its process, if that ended by itself; None: it went with its zygote."""


class RemoteCalls:
    """Asks the hooks of a generation in workers about one exchange."""

    __slots__ = (
        "_answers", "_budget", "_exchange", "_failed", "_generation", "_now", "_reruns",
    )  # fmt: skip

    def __init__(self, generation: WorkerGeneration, exchange: Exchange) -> None:
        self._generation = generation
        self._exchange = _dump(exchange, exclude_unset=True)
        self._now = (exchange.now or datetime.now(UTC)).isoformat().encode()
        self._budget = generation.settings.worker.deadline
        self._answers: dict[str, wire.Answered] = {}
        self._failed: dict[str, HookError] = {}
        self._reruns = 0

    def ask(self, hook: Hook, standing: Standing) -> Answer | Asking:
        """What `hook` answers: already in hand, or to be fetched."""
        if (answered := self._answers.pop(hook.name, None)) is not None:
            return self._answer(hook, answered)
        if (error := self._failed.get(hook.name) or self._suspension(hook)) is not None:
            return Answer(0.0, error=error)
        return self._fetch(hook, standing)

    def _fetch(self, hook: Hook, standing: Standing) -> Asking:
        generation = self._generation
        while True:
            leg = generation.leg(hook, self._left_out(hook))
            limit = self._budget if leg.own is None else leg.own
            body = b'%b,"limit":%.6f,"now":"%b","reached":%b,"exchange":%b}' % (
                leg.head, limit, self._now, _reached(standing), self._exchange,
            )  # fmt: skip
            came = yield Trip(leg, body, limit, is_alone=self._reruns > RERUNS)
            if isinstance(came, wire.Reply):
                if leg.own is None:
                    self._budget = max(0.001, self._budget - came.seconds)
                if came.output:
                    self._log_output(came.output)
                if generation.breakers:
                    for name in came.answers:
                        generation.breakers.survived(name)
                self._answers = came.answers
                return self._answer(hook, self._answers.pop(hook.name))
            if self._is_run_again(came):
                continue
            culprit = self._culprit(came, leg) or hook
            error = self._error(came, culprit, limit)
            _log.warning(
                "generation %s: %s at %s:%s", generation.digest[:12], error.reason,
                error.file, error.line,
            )  # fmt: skip
            if came.reason in _KILLS and generation.breakers.killed(culprit.name):
                _log.warning(
                    "generation %s: hook %s is suspended for %s s, since it keeps killing workers",
                    generation.digest[:12], culprit.name, PAUSE,
                )  # fmt: skip
            if culprit is hook:
                return Answer(came.seconds * 1e6, error=error)
            if culprit.on_error == "deny":
                raise ChainBroken(culprit, error)
            # Its effects are left out. Those of the hooks before it are fetched again, and the
            # rest has its full time: that is what skipping this hook means.
            self._failed[culprit.name] = error
            self._budget = generation.settings.worker.deadline

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

    def _log_output(self, output: str) -> None:
        # Within bounds, on one line and without control characters, whoever has written it.
        text = self._generation.redactor.text(utf8_text(output[: wire.MAX_OUTPUT + 8]))
        digest = self._generation.digest[:12]
        _log.info(
            "generation %s printed: %s", digest, text.strip().encode("unicode_escape").decode()
        )

    def _left_out(self, hook: Hook) -> frozenset[str]:
        breakers = self._generation.breakers
        if not self._failed and not breakers:
            return _NOTHING
        return frozenset({*self._failed, *breakers.suspended} - {hook.name})

    def _suspension(self, hook: Hook) -> HookError | None:
        breakers = self._generation.breakers
        if not breakers or not breakers.is_open(hook.name):
            return None
        reason = f"suspended for up to {PAUSE:.0f} s: it has kept ending its workers"
        return HookError("hook_suspended", reason, hook.file, hook.line)

    def _is_run_again(self, lost: Lost) -> bool:
        """Whether the loss is none of this exchange's doing, and it is to be run again."""
        if lost.reason in {"garbled", "unavailable"}:
            return False
        most = RERUNS
        if lost.reason != "elsewhere":
            if lost.place is None:
                # The worker stood still or died before this began: all workers may have.
                most = self._generation.settings.worker.processes + 1
            elif lost.reason == "deadline" or lost.status is not None:
                return False
        self._reruns += 1
        return self._reruns <= most + ALONE

    def _culprit(self, lost: Lost, leg: Leg) -> Hook | None:
        if lost.place is None or lost.place not in leg.places:
            return None
        return self._generation.hooks[lost.place]

    def _error(self, lost: Lost, culprit: Hook, limit: float) -> HookError:
        match lost.reason:
            case "deadline":
                code, reason = "deadline_exceeded", f"killed after {limit * 1000:,.0f} ms"
            case "died":
                code, reason = "worker_died", f"the hook {how_it_ended(lost.status)}"
            case "garbled":
                code, reason = "worker_garbled", "its worker has sent what is no reply"
            case "unavailable":
                code, reason = "worker_unavailable", "no worker became free in time"
            case "elsewhere":
                code, reason = "worker_unavailable", "other exchanges have kept taking its workers"
        file, line = culprit.file, culprit.line
        for found in _FRAME.finditer(lost.report):
            if found[1] in self._generation.files:
                file, line = found[1], int(found[2])
                break
        return HookError(code, reason, file, line, lost.report or None)


_KILLS: Final = frozenset({"deadline", "died", "garbled"})
_NOTHING: Final[frozenset[str]] = frozenset()


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
