"""Findings as workflow commands, which GitHub Actions shows beside the lines of a change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from claimhooks.analysis.finding import path_from_root
from claimhooks.errors import printable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from claimhooks.analysis.finding import Finding

_IN_MESSAGES: Final[Mapping[str, str]] = {"%": "%25", "\r": "%0D", "\n": "%0A"}
_IN_PROPERTIES: Final = {**_IN_MESSAGES, ":": "%3A", ",": "%2C"}


def annotation(finding: Finding) -> str:
    """One line for `finding`. Its file is named from the root of the repository."""
    file = path_from_root(finding.file) or finding.file
    named = {"file": file, "line": finding.line, "col": finding.column, "title": finding.code}
    properties = ",".join(
        f"{name}={_escaped(str(value), _IN_PROPERTIES)}"
        for name, value in named.items()
        if value is not None
    )
    message = _escaped(f"{finding.reason}\n→ {finding.remedy}", _IN_MESSAGES)
    return f"::{finding.severity} {properties}::{message}"


def not_applied(code: str, reason: str) -> str:
    """One line for a rule that was not applied."""
    return f"::notice title={code}::not looked for: {_escaped(reason, _IN_MESSAGES)}"


def _escaped(text: str, escapes: Mapping[str, str]) -> str:
    # Other control characters would reach the log, and whoever reads it in a terminal.
    return "".join(escapes.get(character) or printable(character) for character in text)
