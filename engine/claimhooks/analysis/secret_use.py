"""The rules about secrets: those that a hook is configured to see, and those that it reads."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from claimhooks.analysis.finding import Found
from claimhooks.analysis.names import Assigned
from claimhooks.analysis.text import Texts
from claimhooks.validation import nearest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from claimhooks.analysis.course import Course
    from claimhooks.analysis.scopes import Scope


def secrets(course: Course) -> Iterator[Found]:
    """Secrets that are configured but not read, and that are read but not configured."""
    hook = course.undecorated
    if hook is None:
        return
    configured = course.settings.secrets
    reading = _Reading(course)
    for node, scope, name in reading.read:
        if name not in configured and name not in reading.asked_for:
            reason = f"this hook is not configured to see the secret {name}"
            reason += nearest(name, configured)
            yield Found("secret_not_configured", scope.file, node, reason)
    names = {name for _, _, name in reading.read} | reading.asked_for
    if not reading.is_unsure:
        for name in configured:
            if name not in names:
                reason = f"this hook is configured to see the secret {name}, and never reads it"
                yield Found("secret_unused", hook.file, hook.node, reason)


class _Reading:
    """Every use of ``context.secrets`` in the course of a hook."""

    def __init__(self, course: Course) -> None:
        self._course = course
        self._texts = Texts(course.names)
        self.read: list[tuple[ast.expr, Scope, str]] = []
        self.asked_for: set[str] = set()
        """Those that the hook can do without: it asks whether they are there."""
        self.is_unsure = False
        """Whether secrets may be read in a way that is not followed."""
        for scope in course.acting:
            for node in scope.loads():
                self._look(node, scope)

    def _look(self, node: ast.Name | ast.Attribute, scope: Scope) -> None:
        around = scope.file.parent(node)
        if self._is_secrets(node, scope):
            if not _only_names(node, around):
                self._use(node, around, scope)
        elif isinstance(node, ast.Attribute):
            # Somebody's secrets, and it cannot be told whose.
            is_outside = self._course.names.outside(node, scope) != ""
            self.is_unsure = self.is_unsure or (node.attr == "secrets" and not is_outside)
        elif self._course.is_context(node, scope):
            is_followed = isinstance(around, ast.Attribute) or _only_names(node, around)
            if not is_followed and not self._is_passed_on(node, around, scope):
                self.is_unsure = True

    def _is_secrets(self, node: ast.expr, scope: Scope) -> bool:
        if isinstance(node, ast.Name):
            found = self._course.names.definition(node, scope)
            if not isinstance(found, Assigned) or not isinstance(found.value, ast.Attribute):
                return False
            node, scope = found.value, found.scope
        return (
            isinstance(node, ast.Attribute)
            and node.attr == "secrets"
            and self._course.is_context(node.value, scope)
        )

    def _use(self, node: ast.expr, around: ast.AST | None, scope: Scope) -> None:
        name: ast.expr | None = None
        is_asked = False
        match around:
            case ast.Subscript(slice=key, ctx=ast.Load()):
                name = key
            case ast.Attribute(attr="get"):
                call = scope.file.parent(around)
                if isinstance(call, ast.Call) and call.func is around and call.args:
                    # With something to take instead, the hook does without it.
                    name, is_asked = call.args[0], len(call.args) > 1
            case ast.Compare(left=left, ops=[ast.In() | ast.NotIn()]):
                name, is_asked = left, True
            case _:
                pass
        text = name and self._texts.of(name, scope, {})
        if not text or not text.is_whole:
            self.is_unsure = True
        elif is_asked:
            self.asked_for.add(text.start)
        else:
            self.read.append((node, scope, text.start))

    def _is_passed_on(self, node: ast.expr, around: ast.AST | None, scope: Scope) -> bool:
        """Whether `node` is handed to a function that is part of the course."""
        call = scope.file.parent(around) if isinstance(around, ast.keyword) else around
        if not isinstance(call, ast.Call):
            return False
        return any(value is node for _, value in self._course.passed(call, scope))


def _only_names(node: ast.expr, around: ast.AST | None) -> bool:
    """Whether `around` does nothing but to give `node` another name."""
    match around:
        case ast.Assign(targets=[ast.Name()], value=value):
            return value is node
        case ast.AnnAssign(target=ast.Name(), value=value):
            return value is node
        case _:
            return False
