"""Static analysis: what is wrong with hooks that can be told before any of them runs.

The rules work on the syntax trees of a snapshot. A finding is made only where the analysis is
sure: what it cannot follow, it does not report.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from claimhooks.analysis.arguments import arguments
from claimhooks.analysis.calls import blocking, calls
from claimhooks.analysis.carried import Carrier, carried
from claimhooks.analysis.course import Course
from claimhooks.analysis.finding import ERRORS, REMEDIES, Finding, Found
from claimhooks.analysis.ignoring import without_ignored
from claimhooks.analysis.names import Names
from claimhooks.analysis.patches import claims
from claimhooks.analysis.reach import Reach
from claimhooks.analysis.scopes import File, files_of
from claimhooks.analysis.secret_use import secrets
from claimhooks.analysis.state import state
from claimhooks.generation import hook_names
from claimhooks.match import Match
from claimhooks.policy import Judge
from claimhooks.syntax import parse_file

if TYPE_CHECKING:
    import ast
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from claimhooks.errors import Problem
    from claimhooks.generation import Plan
    from claimhooks.registry import Document

__all__ = ["ERRORS", "REMEDIES", "Analysis", "Carrier", "Finding", "analyse", "analyse_carried"]

MAX_HOOKS_NAMED = 3
UNSUPPORTED = "effect_unsupported"


@dataclass(frozen=True, slots=True)
class Analysis:
    """What is to be said about the hooks of a plan."""

    findings: tuple[Finding, ...]
    """By file, line and column."""
    problems: tuple[Problem, ...]
    """What keeps files from being analysed, and loaded."""
    not_applied: Mapping[str, str]
    """Codes that were not looked for, and why."""

    @property
    def has_errors(self) -> bool:
        """Whether there is something that fails, or is refused, once it runs."""
        return any(finding.severity == "error" for finding in self.findings)


def analyse(plan: Plan, registry: Document | str, carriers: Sequence[Carrier] = ()) -> Analysis:
    """Look at the enabled hooks of `plan`, and at the helpers that they import.

    `registry` is what tells which hooks can be reached, or else why there is none; `carriers` are
    the issuers behind bridges that the hooks are to work for.
    """
    problems: list[Problem] = []
    courses = _courses(plan, problems)
    not_applied: dict[str, str] = {}
    reach = None
    has_match = any(course.settings.match != Match() for course in courses)
    if isinstance(registry, str):
        not_applied |= {"hook_unreachable": registry} if has_match else {}
    else:
        reach = Reach(registry, plan.settings.policy.scopes, len(plan.names))
    judge = Judge(plan.settings.policy, plan.settings.issuer)
    findings = without_ignored(
        _merged(
            (course, one) for course in courses for one in _rules(course, judge, reach, carriers)
        ),
        {scope.file: None for course in courses for scope in course.running},
        not_applied if carriers else (*not_applied, UNSUPPORTED),
    )
    return Analysis(_sorted(findings), tuple(problems), not_applied)


def analyse_carried(plan: Plan, carriers: Sequence[Carrier]) -> Analysis:
    """Look only for what hooks of `plan` ask for that one of `carriers` cannot do."""
    problems: list[Problem] = []
    courses = _courses(plan, problems)
    found = without_ignored(
        _merged((course, one) for course in courses for one in carried(course, carriers)),
        {scope.file: None for course in courses for scope in course.running},
        REMEDIES,
    )
    findings = [finding for finding in found if finding.code == UNSUPPORTED]
    return Analysis(_sorted(findings), tuple(problems), {})


def _courses(plan: Plan, problems: list[Problem]) -> list[Course]:
    """What each enabled hook does; what keeps files from being read goes to `problems`."""
    trees: dict[str, ast.Module] = {}
    disabled = {f"{name}.py" for name in hook_names(plan.snapshot) if name not in plan.names}
    for path in plan.snapshot.files:
        if path not in disabled and (parsed := parse_file(plan.snapshot, path, problems)):
            trees[path] = parsed.tree
    files = files_of(plan.snapshot, trees)
    names = Names(files)
    return [
        Course(name, files[name,], plan.settings.of_hook(name), names)
        for name in plan.names
        if (name,) in files
    ]


def _sorted(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    return tuple(sorted(findings, key=lambda f: (f.file, f.line or 0, f.column or 0, f.code)))


def _rules(
    course: Course, judge: Judge, reach: Reach | None, carriers: Sequence[Carrier]
) -> Iterator[Found]:
    yield from arguments(course)
    yield from claims(course, judge)
    yield from calls(course)
    yield from blocking(course)
    yield from state(course)
    yield from secrets(course)
    yield from carried(course, carriers)
    if reach is not None:
        yield from reach.unreachable(course)


def _merged(results: Iterator[tuple[Course, Found]]) -> Iterator[Finding]:
    """One finding for each place, with the hooks that come by there."""
    hooks: dict[tuple[str, File, int, int, str], list[str]] = {}
    for course, (code, file, node, reason) in results:
        names = hooks.setdefault((code, file, *file.place(node), reason), [])
        if course.name not in names:
            names.append(course.name)
    for (code, file, line, column, reason), names in hooks.items():
        if (file.path.removesuffix(".py"),) != (names[0],):
            more = len(names) - MAX_HOOKS_NAMED
            shown = ", ".join(names[:MAX_HOOKS_NAMED]) + (f" and {more} more" if more > 0 else "")
            reason = f"{reason} (by way of {shown})"  # noqa: PLW2901
        yield Finding.at(file.shown, line, column, code, reason)
