"""The rules about a hook's arguments: they are passed by name, in any order, and none else is."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from claimhooks.analysis.finding import Found
from claimhooks.analysis.text import defaults_of
from claimhooks.loading import ARGUMENTS
from claimhooks.validation import nearest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from claimhooks.analysis.course import Course


def arguments(course: Course) -> Iterator[Found]:
    """Arguments that nothing would be passed to."""
    hook = course.undecorated
    if hook is None or isinstance(hook.node, ast.Module | ast.ClassDef):
        return
    defaults = {name for name, _ in defaults_of(hook)}
    for node in hook.parameters:
        if node.arg not in ARGUMENTS and node.arg not in defaults:
            reason = f"unknown argument {node.arg!r}{nearest(node.arg, ARGUMENTS)}"
            yield Found("argument_unknown", hook.file, node, reason)
        elif node.arg in ARGUMENTS and node.arg in defaults:
            reason = f"the argument {node.arg!r} has a default, so it is never passed"
            yield Found("argument_not_passed", hook.file, node, reason)
    for node in hook.node.args.kwonlyargs:
        reason = f"the argument {node.arg!r} is keyword-only; hooks are called by position"
        yield Found("argument_unknown", hook.file, node, reason)
    for stars, rest in (("*", hook.node.args.vararg), ("**", hook.node.args.kwarg)):
        if rest is not None:
            reason = f"the hook takes {stars}{rest.arg}, which nothing is passed to"
            yield Found("argument_unknown", hook.file, rest, reason)
