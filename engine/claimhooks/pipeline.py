"""One generation, one exchange: hook → patch → policy → next hook → outcome.

The chain is a generator, so that one code serves callers with an event loop and without: it yields
what an ``async def`` hook returned, and is sent or thrown what came of awaiting it.
"""

from __future__ import annotations

import inspect
from asyncio import CancelledError
from time import perf_counter_ns
from traceback import format_exception_only
from typing import TYPE_CHECKING, Final, Literal

from claimhooks import claims as rules
from claimhooks.arguments import Arguments
from claimhooks.errors import OAuthError, rfc_text, utf8_text
from claimhooks.exchange import Denial, Exchange, HookError, Outcome, TraceEntry
from claimhooks.policy import WARN_BYTES, NotAPatch, Standing

if TYPE_CHECKING:
    from collections.abc import Awaitable, Generator

    from claimhooks.generation import Generation, Hook

    Chain = Generator[Awaitable[object], object, Outcome]

_FAULT: Final = Denial("server_error", OAuthError.default_description, OAuthError.status)
"""All that an OAuth client learns of a fault."""

_PLAIN: Final = (type(None), dict)


def chain(generation: Generation, exchange: Exchange) -> Chain:
    """Run the hooks of `generation` over `exchange`, in order; returns the outcome."""
    judge = generation.judge
    standing = Standing(exchange, judge.policy)
    arguments = Arguments(exchange, generation.digest)
    trace = standing.trace
    for hook in generation.hooks:
        entry = TraceEntry(hook.name, hook.file, 0.0, None, {}, [])
        trace.append(entry)
        if hook.matcher is not None:
            entry.skipped = hook.matcher.mismatch(
                exchange.client.id, exchange.audience, standing.scope
            )
            if entry.skipped is not None:
                continue
        copies = arguments.of(hook, standing)
        started = ended = perf_counter_ns()
        try:
            answer = hook.function(*copies)
            if type(answer) not in _PLAIN and inspect.isawaitable(answer):
                answer = yield answer
            ended = perf_counter_ns()
            if answer is not None and not judge.apply(answer, standing, entry):
                refusals = [f"{refused.name} ({refused.code})" for refused in entry.refused]
                reason = f"the policy refused {', '.join(refusals)}"
                entry.error = HookError("policy_refused", reason, hook.file, hook.line)
        except OAuthError as denial:
            entry.error = _located(denial.error, denial.description, denial, generation, hook)
            entry.micros = _micros(started, perf_counter_ns())
            return _refusal("denied", _denial(denial, generation), generation, trace)
        except NotAPatch as error:
            entry.error = HookError("answer_not_a_patch", str(error), hook.file, hook.line)
        except (Exception, SystemExit, CancelledError) as error:  # noqa: BLE001 - a hook may raise anything
            ended = perf_counter_ns()
            code = "hook_exited" if isinstance(error, SystemExit) else "hook_raised"
            reason = generation.modules.readable("".join(format_exception_only(error)).strip())
            entry.error = _located(code, reason, error, generation, hook)
            entry.error.traceback = utf8_text(generation.modules.format_traceback(error))
        entry.micros = _micros(started, ended)
        if entry.error is not None:
            if hook.on_error == "deny":
                return _refusal("fault", _FAULT, generation, trace)
            entry.skipped = 'it failed, and its on_error is "skip"'
    return Outcome(
        status="granted",
        generation=generation.digest,
        scope=standing.scope,
        claims=standing.claims,
        expires_in=standing.expires_in,
        error=None,
        trace=_redacted(trace, generation),
        warnings=_warnings(standing),
    )


def _refusal(
    status: Literal["denied", "fault"],
    error: Denial,
    generation: Generation,
    trace: list[TraceEntry],
) -> Outcome:
    return Outcome(
        status=status,
        generation=generation.digest,
        scope=[],
        claims={},
        expires_in=None,
        error=error,
        trace=_redacted(trace, generation),
        warnings=[],
    )


def _denial(denial: OAuthError, generation: Generation) -> Denial:
    description = generation.redactor.text(denial.description)
    return Denial(rfc_text(denial.error), rfc_text(description), denial.status)


def _located(
    code: str, reason: str, error: BaseException, generation: Generation, hook: Hook
) -> HookError:
    file, line = generation.modules.locate(error) or (hook.file, hook.line)
    return HookError(code, utf8_text(reason), file, line)


def _micros(started: int, ended: int) -> float:
    return (ended - started) // 100 / 10


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
