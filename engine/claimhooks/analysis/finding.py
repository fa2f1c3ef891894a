"""What the analysis finds: a code, where, and why."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from claimhooks.errors import FINDINGS, PROBLEMS, REFUSALS, printable

if TYPE_CHECKING:
    import ast

    from claimhooks.analysis.scopes import File
    from claimhooks.errors import Problem

Severity = Literal["error", "warning"]

OF_THE_POLICY: Final = (
    "claim_not_namespaced",
    "claim_not_in_namespaces",
    "claim_reserved",
    "claim_reserved_host",
)
"""Codes of the policy's refusals that can be told from a name alone."""

REMEDIES: Final = {
    **{code: REFUSALS[code] for code in OF_THE_POLICY},
    "argument_unknown": PROBLEMS["argument_unknown"],
    **FINDINGS,
}
"""Every code that a finding may have, and its remedy."""

ERRORS: Final = frozenset(
    {
        *OF_THE_POLICY,
        "argument_unknown",
        "argument_not_passed",
        "network_not_allowed",
        "file_not_allowed",
        "process_not_allowed",
        "secret_not_configured",
    }
)
"""What fails, or is refused, once it runs. Everything else is a warning."""

OF_COMMENTS: Final = ("ignore_unused", "ignore_unknown")
"""Findings about the comments that ignore findings: these cannot be ignored themselves."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One place that an operator has to look at before anything runs."""

    code: str
    file: str
    line: int | None
    column: int | None
    """In characters, from 1. It and `line` are None for what :class:`Problem` cannot place."""
    reason: str
    severity: Severity = "error"
    remedy: str = ""

    @classmethod
    def of(cls, problem: Problem) -> Finding:
        """What keeps a folder from being loaded, in the form of a finding."""
        remedy = problem.remedy or PROBLEMS[problem.code]
        return cls(problem.code, problem.file, problem.line, None, problem.reason, "error", remedy)

    @classmethod
    def at(cls, file: str, line: int, column: int, code: str, reason: str) -> Finding:
        """A finding of the analysis, with the severity and the remedy of its code."""
        severity: Severity = "error" if code in ERRORS else "warning"
        return cls(code, file, line, column, reason, severity, REMEDIES[code])

    @property
    def place(self) -> str:
        """``file:line:column``, as far as it is known."""
        parts = (self.file, self.line, self.column)
        return ":".join(str(part) for part in parts if part is not None)

    def __str__(self) -> str:
        return printable(f"{self.place}: {self.reason} [{self.code}]") + f"\n  → {self.remedy}"


class Found(NamedTuple):
    """What a rule has found in the course of one hook."""

    code: str
    file: File
    node: ast.AST
    reason: str


def root() -> Path:
    """What CI takes paths to be relative to: in GitHub Actions the repository, else this folder."""
    here, workspace = Path.cwd(), os.environ.get("GITHUB_WORKSPACE")
    repository = Path(workspace).resolve() if workspace else here
    return repository if here.is_relative_to(repository) else here


def path_from_root(file: str) -> str | None:
    """The path of `file` from :func:`root`, with slashes; None if it is elsewhere."""
    path = Path(os.path.relpath(file, root()))
    return None if ".." in path.parts else path.as_posix()
