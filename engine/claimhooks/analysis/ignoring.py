"""Comments that ignore findings: ``# claimhooks: ignore[CODE]``, in the line of the finding."""

from __future__ import annotations

import io
import re
import tokenize
from typing import TYPE_CHECKING, Final, NamedTuple

from claimhooks.analysis.finding import OF_COMMENTS, REMEDIES, Finding
from claimhooks.validation import nearest

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from claimhooks.analysis.scopes import File

_MARK: Final = "claimhooks:"
_COMMENT: Final = re.compile(rf"{_MARK}\s*ignore\b(?:\[(?P<codes>[^\]]*)\])?")
IGNORABLE: Final = sorted(REMEDIES.keys() - set(OF_COMMENTS))


class _Ignore(NamedTuple):
    """One code that a comment names."""

    file: str
    line: int
    column: int
    code: str


def without_ignored(
    findings: Iterable[Finding], files: Iterable[File], not_applied: Collection[str]
) -> list[Finding]:
    """`findings` without those that comments in `files` ignore, and with what is wrong with these.

    A comment for a rule that was `not_applied` may well be needed.
    """
    ignores = {
        (ignore.file, ignore.line, ignore.code): ignore
        for file in files
        for ignore in _comments(file)
    }
    kept: list[Finding] = []
    used: set[tuple[str, int | None, str]] = set()
    for finding in findings:
        key = (finding.file, finding.line, finding.code)
        if key in ignores and finding.code in IGNORABLE:
            used.add(key)
        else:
            kept.append(finding)
    for key, (file, line, column, code) in ignores.items():
        if code not in IGNORABLE:
            reason = f"{code!r} cannot be ignored{nearest(code.lower(), IGNORABLE)}"
            if not code:
                reason = "the comment names no code, so it ignores nothing"
            kept.append(Finding.at(file, line, column, "ignore_unknown", reason))
        elif key not in used and code not in not_applied:
            reason = f"there is no {code} in this line to ignore"
            kept.append(Finding.at(file, line, column, "ignore_unused", reason))
    return kept


def _comments(file: File) -> Iterator[_Ignore]:
    if _MARK not in file.text:
        return
    for token in tokenize.generate_tokens(io.StringIO(file.text).readline):
        if token.type != tokenize.COMMENT:
            continue
        for comment in _COMMENT.finditer(token.string):
            line, column = token.start[0], token.start[1] + comment.start() + 1
            for code in (comment["codes"] or "").split(","):
                yield _Ignore(file.shown, line, column, code.strip())
