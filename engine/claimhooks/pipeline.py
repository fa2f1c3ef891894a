"""One generation, one exchange: hook → answer → policy → next hook → outcome.

Both lanes run this code; they differ in how they `ask` a hook. The chain is a generator, so that
it serves callers with an event loop and without: it yields whatever `ask` has to wait for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeVar

from claimhooks import claims as rules
from claimhooks.errors import OAuthError
from claimhooks.exchange import Denial, Exchange, HookError, Outcome, TraceEntry
from claimhooks.policy import WARN_BYTES, NotAPatch, Standing

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable

    from claimhooks.generation import Generation, Hook

    Awaited = TypeVar("Awaited")
    Result = TypeVar("Result")
    Asking = Generator[Awaited, Result, "Answer"]
    Ask = Callable[[Hook, Standing], "Answer | Asking[Awaited, Result]"]


@dataclass(slots=True)
class Answer:
    """What came of asking one hook, before it is judged."""

    micros: float
    value: object = None
    """What it returned."""
    error: HookError | None = None
    """How it failed, or why it denied."""
    denial: Denial | None = None


class ChainBroken(Exception):
    """Raised by `ask`: `hook` failed in a way that took the answers before it along."""

    def __init__(self, hook: Hook, error: HookError) -> None:
        super().__init__(error.reason)
        self.hook = hook
        self.error = error


Ending = tuple[Literal["denied", "fault"], Denial]

FAULT: Final[Ending] = (
    "fault",
    Denial("server_error", OAuthError.default_description, OAuthError.status),
)
"""All that an OAuth client learns of a fault."""


def chain(
    generation: Generation, exchange: Exchange, ask: Ask[Awaited, Result]
) -> Generator[Awaited, Result, Outcome]:
    """Run the hooks of `generation` over `exchange`, in order; returns the outcome."""
    standing = Standing(exchange, generation.judge.policy)
    ending = yield from run_hooks(generation.hooks, generation, exchange, standing, ask)
    trace = _redacted(standing.trace, generation)
    if ending is not None:
        status, error = ending
        return Outcome(
            status, generation.digest, [], {}, None, error, trace, [], generation.revision
        )
    return Outcome(
        status="granted",
        generation=generation.digest,
        scope=standing.scope,
        claims=standing.claims,
        expires_in=standing.expires_in,
        error=None,
        trace=trace,
        warnings=_warnings(standing),
        revision=generation.revision,
    )


def run_hooks(
    hooks: Iterable[Hook],
    generation: Generation,
    exchange: Exchange,
    standing: Standing,
    ask: Ask[Awaited, Result],
) -> Generator[Awaited, Result, Ending | None]:
    """Run `hooks` on from `standing`; returns how they end the chain, None if they do not."""
    judge = generation.judge
    for hook in hooks:
        entry = TraceEntry(hook.name, hook.file, 0.0, None, {}, [])
        standing.trace.append(entry)
        if hook.matcher is not None:
            entry.skipped = hook.matcher.mismatch(
                exchange.client.id, exchange.audience, standing.scope
            )
            if entry.skipped is not None:
                continue
        try:
            answer = ask(hook, standing)
            if not isinstance(answer, Answer):
                answer = yield from answer
        except ChainBroken as broken:
            if broken.hook is not hook:
                entry.skipped = "its answer was lost with the worker"
                entry = TraceEntry(broken.hook.name, broken.hook.file, 0.0, None, {}, [])
                standing.trace.append(entry)
            entry.error = broken.error
            return FAULT
        entry.micros = answer.micros
        if answer.error is None:
            try:
                if answer.value is None or judge.apply(answer.value, standing, entry):
                    continue
                refusals = [f"{refused.name} ({refused.code})" for refused in entry.refused]
                reason = f"the policy refused {', '.join(refusals)}"
                entry.error = HookError("policy_refused", reason, hook.file, hook.line)
            except NotAPatch as error:
                entry.error = HookError("answer_not_a_patch", str(error), hook.file, hook.line)
        else:
            entry.error = answer.error
            if answer.denial is not None:
                return "denied", answer.denial
        if hook.on_error == "deny":
            return FAULT
        entry.skipped = 'it failed, and its on_error is "skip"'
    return None


def _warnings(standing: Standing) -> list[str]:
    if standing.claims_bytes <= WARN_BYTES:
        return []
    size = rules.encoded_size(standing.claims)
    return [f"custom claims take {size:,} bytes: many servers refuse headers above 8,000"]


def _redacted(trace: list[TraceEntry], generation: Generation) -> list[TraceEntry]:
    redactor = generation.redactor
    if not redactor:
        return trace
    for entry in trace:
        if entry.patch is not None:
            entry.patch = redactor.table(entry.patch)
        entry.applied = redactor.table(entry.applied)
        for refused in entry.refused:
            refused.name = redactor.text(refused.name)
            refused.reason = redactor.text(refused.reason)
        if entry.error is not None:
            entry.error.reason = redactor.text(entry.error.reason)
            if entry.error.traceback is not None:
                entry.error.traceback = redactor.text(entry.error.traceback)
    return trace
