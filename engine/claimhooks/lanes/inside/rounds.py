"""One round trip within a worker: a request comes in, the hooks are asked, a reply goes out."""

from __future__ import annotations

import asyncio
import inspect
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, cast

from claimhooks import claims as rules
from claimhooks.calling import Calls, Overran
from claimhooks.errors import utf8_text
from claimhooks.exchange import HookError
from claimhooks.lanes import wire
from claimhooks.pipeline import Answer, run_hooks
from claimhooks.policy import NotAPatch, Standing, patch_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Coroutine, Generator

    from pydantic import JsonValue

    from claimhooks.generation import Hook
    from claimhooks.lanes.inside.output import Output
    from claimhooks.lanes.mark import Marker
    from claimhooks.loading import LoadedGeneration

    Steps = Generator[Awaitable[object], object, wire.Reply]

_EXHAUSTED: Final = ("MemoryError", "RuntimeError: can't start new thread")
_validate: Final = wire.REQUEST.validate_json
_dump: Final = wire.REPLY.dump_json
_dump_answered: Final = wire.ANSWERED.dump_json


class Rounds:
    """Runs the hooks of a loaded generation as requests ask for it."""

    def __init__(self, generation: LoadedGeneration, marker: Marker, output: Output) -> None:
        self.generation: Final = generation
        self.marker: Final = marker
        self.output: Final = output
        self.places: Final = {hook.name: place for place, hook in enumerate(generation.hooks)}
        self.found: Final = [
            wire.FoundHook(
                hook.name,
                cast("tuple[wire.Argument, ...]", hook.arguments),
                cast("wire.Rank", hook.rank),
                inspect.iscoroutinefunction(generation.functions[hook.name]),
                hook.line,
            )
            for hook in generation.hooks
        ]
        self.is_shared: Final = any(hook.is_async for hook in self.found)
        """Whether many exchanges may be under way at a time."""
        self.is_exhausted = False
        """Whether a hook has used up what this process may have, and may have kept it."""

    def written(self, reply: wire.Reply) -> bytes:
        """`reply` as it is sent; an answer that makes it too large is made a fault."""
        body = _dump(reply)
        if len(body) <= wire.MAX_REPLY:
            return body
        most = (wire.MAX_REPLY - 6 * wire.MAX_OUTPUT) // len(reply.answers)
        for name, answered in reply.answers.items():
            if (size := len(_dump_answered(answered))) > most:
                hook = self.generation.hooks[self.places[name]]
                error = HookError(
                    "answer_too_large", f"an answer of {size:,} bytes", hook.file, hook.line
                )
                reply.answers[name] = wire.Answered(answered.micros, error=error)
        return _dump(reply)


class Round:
    """One request."""

    def __init__(self, rounds: Rounds, number: int, body: bytes) -> None:
        self._rounds = rounds
        self._number = number
        self._request = _validate(body)
        self._answers: dict[str, wire.Answered] = {}
        self._hook = rounds.generation.hooks[0]
        self._until = 0.0

    def start(self) -> wire.Reply | Coroutine[Any, Any, wire.Reply]:
        """Ask the hooks; returns the reply, or what it comes of if there is to be waited."""
        steps = self._steps()
        try:
            pending = next(steps)
        except StopIteration as end:
            return cast("wire.Reply", end.value)
        return self._finish(steps, pending)

    def _steps(self) -> Steps:
        request, generation = self._request, self._rounds.generation
        standing = Standing(request.exchange, generation.judge.policy)
        if (reached := request.reached) is not None:
            standing.scope, standing.claims = reached.scope, reached.claims
            standing.claims_bytes = reached.claims_bytes
            standing.expires_in = reached.expires_in
        calls = Calls(generation, request.exchange, request.now)

        def ask(
            hook: Hook, standing: Standing
        ) -> Answer | Generator[Awaitable[object], object, Answer]:
            self._hook = hook
            self._mark()
            answer = calls.ask(hook, standing)
            if not isinstance(answer, Answer):
                return waited(hook, answer)
            self._record(answer, hook)
            return answer

        def waited(
            hook: Hook, asking: Generator[Awaitable[object], object, Answer]
        ) -> Generator[Awaitable[object], object, Answer]:
            answer = yield from asking
            self._record(answer, hook)
            return answer

        hooks = [generation.hooks[place] for place in request.hooks]
        yield from run_hooks(hooks, generation, request.exchange, standing, ask)
        self._rounds.marker.clear()
        return wire.Reply(self._answers, self._rounds.output.taken())

    async def _finish(self, steps: Steps, pending: Awaitable[object]) -> wire.Reply:
        """The reply of `steps`, which wait for `pending`: no longer than the request allows."""
        limit = self._request.limit
        self._until = monotonic() + limit
        try:
            while True:
                deadline = asyncio.timeout(self._until - monotonic())
                try:
                    async with deadline:
                        value = await _Marked(pending, self)
                except (Exception, asyncio.CancelledError, SystemExit) as error:  # noqa: BLE001
                    pending = steps.throw(Overran(limit) if deadline.expired() else error)
                else:
                    pending = steps.send(value)
        except StopIteration as end:
            return cast("wire.Reply", end.value)

    def _record(self, answer: Answer, hook: Hook) -> None:
        self._answers[hook.name] = _answered(answer, hook)
        if answer.error is not None and answer.error.reason.startswith(_EXHAUSTED):
            self._rounds.is_exhausted = True

    def _mark(self) -> None:
        self._rounds.marker.running(self._number, self._rounds.places[self._hook.name])

    def resumed(self) -> None:
        """The hook that is waited for goes on."""
        self._mark()

    def suspended(self) -> None:
        """It waits again, or has ended."""
        place = self._rounds.places[self._hook.name]
        self._rounds.marker.waiting(self._number, place, self._until)


class _Marked:
    """Awaits, and lets the mark tell whenever the awaited code itself is running."""

    def __init__(self, pending: Awaitable[object], round_: Round) -> None:
        self._pending = pending
        self._round = round_

    def __await__(self) -> Generator[object, None, object]:
        async def whatever_it_is() -> object:
            return await self._pending

        inner = whatever_it_is()
        thrown: BaseException | None = None
        while True:
            self._round.resumed()
            try:
                waits_for: object = inner.send(None) if thrown is None else inner.throw(thrown)
            except StopIteration as end:
                return cast("object", end.value)
            finally:
                self._round.suspended()
            try:
                yield waits_for
                thrown = None
            except BaseException as error:  # noqa: BLE001 - handed on to the hook
                thrown = error


def _answered(answer: Answer, hook: Hook) -> wire.Answered:
    answered = wire.Answered(answer.micros, error=answer.error, denial=answer.denial)
    if answer.value is None:
        return answered
    plain: dict[str, JsonValue] = {}
    try:
        for key, value in patch_of(answer.value).items():
            name = utf8_text(key)
            try:
                plain[name] = rules.checked_copy(value)
            except rules.NotJson as error:
                plain[name] = None
                answered.unwritable[name] = str(error)
    except NotAPatch as error:
        answered.error = HookError("answer_not_a_patch", str(error), hook.file, hook.line)
    else:
        answered.value = plain
    return answered
