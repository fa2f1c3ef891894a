"""Rules about what a hook calls: network, files, processes, the clock, chance, and waiting."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Final

from claimhooks.analysis import outside
from claimhooks.analysis.finding import Found

if TYPE_CHECKING:
    from collections.abc import Iterator

    from claimhooks.analysis.course import Course
    from claimhooks.analysis.scopes import Scope


_TABLES: Final = (
    ("network_not_allowed", outside.NETWORK, "uses the network, which this hook may not"),
    ("file_not_allowed", outside.FILES, "uses files, and workers have none but Python's"),
    ("process_not_allowed", outside.PROCESSES, "starts a process, which no worker may"),
    ("clock_read", outside.CLOCK, "reads the clock, so a replay would differ"),
    ("randomness_used", outside.RANDOMNESS, "is left to chance, so a replay would differ"),
)
_WITHOUT: Final = (
    ("clock_read", outside.CLOCK_WITHOUT, "reads the clock, so a replay would differ"),
    ("randomness_used", outside.RANDOMNESS_WITHOUT, "is seeded by chance: a replay would differ"),
)
_CALLING: Final = frozenset(
    {
        *("asyncio.to_thread", "anyio.to_thread.run_sync", "functools.partial", "builtins.map"),
        *("dataclasses.field", "collections.defaultdict"),
    }
)
_HARMLESS: Final = ("/dev/null", "/dev/urandom", ":memory:")
_CALLING_METHODS: Final = ("run_in_executor", "submit")
"""Who calls what they are given."""


def calls(course: Course) -> Iterator[Found]:
    """What a hook calls though it may not, or though a replay could not repeat it."""
    for scope in course.running:
        for call, name in (*_outside_calls(course, scope), *_handed_over(course, scope)):
            for code, table, what in _TABLES:
                is_allowed = code == "network_not_allowed" and course.settings.network
                if name in table and not is_allowed and not _is_harmless(name, call, scope, course):
                    yield Found(code, scope.file, call, f"{_readable(name)} {what}")
            for code, fewest, what in _WITHOUT:
                if len(call.args) + len(call.keywords) < fewest.get(name, 0):
                    yield Found(code, scope.file, call, f"{_readable(name)} {what}")


def blocking(course: Course) -> Iterator[Found]:
    """What an ``async def`` hook calls that makes all others wait, too."""
    hook = course.function
    if hook is None or not isinstance(hook.node, ast.AsyncFunctionDef):
        return
    for scope in course.called:
        for call, name in _outside_calls(course, scope):
            if name in outside.BLOCKING:
                reason = f"{_readable(name)} blocks the event loop of an async hook"
                yield Found("blocking_call", scope.file, call, reason)


def _outside_calls(course: Course, scope: Scope) -> Iterator[tuple[ast.Call, str]]:
    for call in scope.of_kind(ast.Call):
        if name := course.names.outside(call.func, scope):
            yield call, name


def _handed_over(course: Course, scope: Scope) -> Iterator[tuple[ast.Call, str]]:
    """Calls that are left to somebody else, such as a thread."""
    for call in scope.of_kind(ast.Call):
        name = course.names.outside(call.func, scope)
        is_method = isinstance(call.func, ast.Attribute) and call.func.attr in _CALLING_METHODS
        if name in _CALLING or is_method:
            for argument in (*call.args, *(keyword.value for keyword in call.keywords)):
                if isinstance(argument, ast.Name | ast.Attribute):
                    yield call, course.names.outside(argument, scope)


def _is_harmless(name: str, call: ast.Call, scope: Scope, course: Course) -> bool:
    """Whether what would be opened is no file, or one that every worker has."""
    if name not in {"builtins.open", "io.open", "sqlite3.connect"} or not call.args:
        return False
    place = call.args[0]
    is_known = isinstance(place, ast.Constant) and place.value in _HARMLESS
    return is_known or course.names.outside(place, scope) == "os.devnull"


def _readable(name: str) -> str:
    return name.removeprefix("builtins.").replace("()", "(…)")
