"""Calling a hook's function: its own copies go in, an answer comes out, whatever it raises."""

from __future__ import annotations

import inspect
from time import perf_counter_ns
from types import NoneType
from typing import TYPE_CHECKING, Final

from claimhooks.arguments import Arguments
from claimhooks.errors import OAuthError, ServerError, rfc_text, utf8_text
from claimhooks.exchange import Denial, HookError
from claimhooks.interrupt import is_interrupt
from claimhooks.pipeline import Answer

if TYPE_CHECKING:
    from collections.abc import Awaitable
    from datetime import datetime

    from claimhooks.exchange import Exchange
    from claimhooks.generation import Hook
    from claimhooks.loading import LoadedGeneration
    from claimhooks.pipeline import Asking
    from claimhooks.policy import Standing


ERRORS: Final = range(400, 600)
"""The HTTP statuses that tell of an error (RFC 9110 §15.5, §15.6)."""


class Overran(Exception):
    """Thrown into the chain in place of what a hook waited for: it has used up its time."""

    def __init__(self, limit: float) -> None:
        """`limit` is the seconds that it had."""
        super().__init__(f"it waited for longer than the {limit * 1000:,.0f} ms that it had left")


class Calls:
    """Asks the functions of a loaded generation about one exchange."""

    __slots__ = ("_arguments", "_functions", "_generation")

    def __init__(
        self, generation: LoadedGeneration, exchange: Exchange, now: datetime | None = None
    ) -> None:
        """`now` is when the chain started, where that was in another process."""
        self._generation = generation
        self._functions = generation.functions
        self._arguments = Arguments(exchange, generation.digest, now)

    def ask(self, hook: Hook, standing: Standing) -> Answer | Asking[Awaitable[object], object]:
        """Call `hook`; yields the awaitable of an ``async def`` one, to be sent its end."""
        copies = self._arguments.of(hook, standing)
        started = perf_counter_ns()
        try:
            value = self._functions[hook.name](*copies)
            kind = type(value)
            if kind is dict or kind is NoneType or not inspect.isawaitable(value):
                return Answer((perf_counter_ns() - started) // 100 / 10, value)
        except BaseException as error:
            if is_interrupt(error):
                raise
            return self._failure(error, hook, started)
        return self._awaited(value, hook, started)

    def _awaited(
        self, pending: Awaitable[object], hook: Hook, started: int
    ) -> Asking[Awaitable[object], object]:
        try:
            value = yield pending
            return Answer(_micros_since(started), value)
        except BaseException as error:
            if is_interrupt(error):
                raise
            return self._failure(error, hook, started)

    def _failure(self, error: BaseException, hook: Hook, started: int) -> Answer:
        micros = _micros_since(started)
        if isinstance(error, OAuthError):
            return self._denied(error, hook, micros)
        if isinstance(error, Overran):
            return Answer(micros, None, self._located("deadline_exceeded", str(error), error, hook))
        code = "hook_exited" if isinstance(error, SystemExit) else "hook_raised"
        return self._fault(code, self._generation.modules.told(error), error, hook, micros)

    def _denied(self, error: OAuthError, hook: Hook, micros: float) -> Answer:
        try:
            code, text = _told_by(error)
            located = self._located(code, text, error, hook)
            return Answer(micros, None, located, self._denial(code, text, error.status))
        except Exception as mistake:  # noqa: BLE001 - a class of the hook's own may do anything
            told = self._generation.modules.told(mistake)
            reason = f"its denial cannot be read: {told}"
            return self._fault("hook_raised", reason, error, hook, micros)

    def _fault(
        self, code: str, reason: str, error: BaseException, hook: Hook, micros: float
    ) -> Answer:
        located = self._located(code, reason, error, hook)
        located.traceback = utf8_text(self._generation.modules.format_traceback(error))
        return Answer(micros, None, located)

    def _located(self, code: str, reason: str, error: BaseException, hook: Hook) -> HookError:
        file, line = self._generation.modules.locate(error) or (hook.file, hook.line)
        return HookError(utf8_text(code), utf8_text(reason), file, line)

    def _denial(self, code: str, description: str, status: object) -> Denial:
        description = self._generation.redactor.text(description)
        # A hook may derive errors of its own, with any status: only some tell of one.
        if not isinstance(status, int) or status not in ERRORS:
            status = ServerError.status
        return Denial(rfc_text(code), rfc_text(description), status)


def _told_by(denial: OAuthError) -> tuple[str, str]:
    """Its code and its text; that of the class where it has none, its `__init__` being another."""
    code, text = denial.error, getattr(denial, "description", denial.default_description)
    for value in (code, text):
        if not isinstance(value, str):
            raise TypeError(f"error and description must be text, not {value!r}")
    return code, text


def _micros_since(started: int) -> float:
    return (perf_counter_ns() - started) // 100 / 10
