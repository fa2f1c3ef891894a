"""``claimhooks explain``: what a code means, and what to do about it."""

from __future__ import annotations

import inspect
import json
import re
import sys
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Final

import click

from claimhooks import errors
from claimhooks.analysis import ERRORS, REMEDIES
from claimhooks.analysis.explanation import explanation_of
from claimhooks.cli.options import format_option
from claimhooks.errors import FAULTS, PROBLEMS, REFUSALS, OAuthError
from claimhooks.validation import nearest

if TYPE_CHECKING:
    from collections.abc import Iterator

KINDS: Final = {
    "answer": "an error that the OAuth client gets",
    "refusal": "a part of what a hook asks for, which the policy refuses",
    "fault": 'a hook that failed: its exchange fails, or with on_error = "skip" goes on without it',
    "finding": "a mistake that 'claimhooks check --strict' sees before anything runs",
    "problem": "something that cannot be used: a command ends with status 2, and a running issuer "
    "keeps what it has",
}
_RFC: Final = re.compile(r"RFC \d+(?: §[A-Z\d.]*\d)?")
_WIDTH: Final = 80


@dataclass(slots=True)
class Answer:
    """One situation in which an OAuth client gets an error."""

    status: int
    """Of HTTP."""
    description: str
    when: str
    hooks_raise: str | None = None
    """What a hook raises to give this answer."""


@dataclass(slots=True)
class Entry:
    """All that is known of one code."""

    code: str
    kinds: list[str]
    """Keys of :data:`KINDS`."""
    remedy: str | None = None
    severity: str | None = None
    """Of a finding."""
    title: str | None = None
    text: str | None = None
    wrong: dict[str, str] = field(default_factory=dict[str, str])
    """Files that have the finding."""
    right: dict[str, str] = field(default_factory=dict[str, str])
    answers: list[Answer] = field(default_factory=list[Answer])

    @property
    def rfcs(self) -> list[str]:
        """The sections of RFCs that are named anywhere."""
        parts = (self.remedy, self.text, *(answer.when for answer in self.answers))
        return [*dict.fromkeys(_RFC.findall(" ".join(filter(None, parts))))]


def _codes(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """For shells: the codes that begin so."""
    return [entry.code for entry in entries() if entry.code.startswith(incomplete)]


@click.command(
    epilog="""\b
Examples:
  claimhooks explain claim_reserved
  claimhooks explain invalid_scope --format json
  claimhooks explain

Exit status: 0; 2 if there is no such code."""
)
@click.argument("code", required=False, shell_complete=_codes)
@format_option
def explain(code: str | None, style: str) -> None:
    """Tell what CODE means, and what to do about it.

    CODE stands in brackets after a message, in a trace, or is the `error` of a response. Without
    it, all codes are listed.
    """
    found = {entry.code: entry for entry in entries()}
    if code is None:
        chosen = [*found.values()]
    elif code in found:
        chosen = [found[code]]
    else:
        raise click.UsageError(f"there is no code {code!r}{_meant(code, found)}")
    if style == "json":
        documents = [asdict(entry) | {"rfcs": entry.rfcs} for entry in chosen]
        document = {"codes": documents} if code is None else documents[0]
        click.echo(json.dumps(document, indent=2, ensure_ascii=False))
    elif code is None:
        for line in _list(chosen):
            click.echo(line)
    else:
        for line in _text(chosen[0]):
            click.echo(line)
    sys.exit(0)


def entries() -> Iterator[Entry]:
    """Every code of the product, in alphabetical order."""
    answers = _answers()
    operators = {"refusal": REFUSALS, "fault": FAULTS, "finding": REMEDIES, "problem": PROBLEMS}
    codes = {code for catalogue in operators.values() for code in catalogue}
    for code in sorted(codes | answers.keys()):
        kinds = [kind for kind, catalogue in operators.items() if code in catalogue]
        if code in answers:
            kinds.insert(0, "answer")
        remedies = [catalogue[code] for catalogue in operators.values() if code in catalogue]
        entry = Entry(code, kinds, remedy=next(iter(remedies), None), answers=answers.get(code, []))
        if code in REMEDIES:
            entry.severity = "error" if code in ERRORS else "warning"
        if (explanation := explanation_of(code)) is not None:
            entry.title, entry.text = explanation.title, explanation.text
            entry.wrong, entry.right = explanation.wrong, explanation.right
        yield entry


def _answers() -> dict[str, list[Answer]]:
    """The errors of responses: those that hooks raise, and those of the issuer, if it is there."""
    found: dict[str, list[Answer]] = {}
    kinds: list[type[OAuthError]] = [
        kind
        for kind in vars(errors).values()
        if inspect.isclass(kind) and issubclass(kind, OAuthError) and kind is not OAuthError
    ]
    try:
        from claimhooks.issuer.refusals import catalogue  # noqa: PLC0415
    except ImportError:
        pass  # without claimhooks[server] there is no issuer to give its answers
    else:
        kinds += [kind for kind in catalogue() if kind.__subclasses__() == []]
    for kind in kinds:
        when = " ".join((inspect.getdoc(kind) or "").split())
        is_for_hooks = kind.__module__ == errors.__name__ and "not for hooks" not in when
        name = kind.__name__ if is_for_hooks else None
        answer = Answer(kind.status, kind.default_description, when, name)
        found.setdefault(kind.error, []).append(answer)
    return found


def _meant(code: str, found: dict[str, Entry]) -> str:
    hint = nearest(code.lower(), found)
    return hint if "did you mean" in hint else "; 'claimhooks explain' lists all"


def _list(chosen: list[Entry]) -> Iterator[str]:
    for kind, what in KINDS.items():
        yield f"{click.style(kind, bold=True)}: {what}"
        for entry in chosen:
            if kind in entry.kinds:
                said = entry.title or entry.remedy or entry.answers[0].description
                yield f"  {entry.code:<26} {said}"
        yield ""


def _text(entry: Entry) -> Iterator[str]:
    yield click.style(entry.code, bold=True)
    for kind in entry.kinds:
        yield from _field(kind, KINDS[kind])
    if entry.severity is not None:
        yield from _field("severity", entry.severity)
    if entry.remedy is not None:
        yield from _field("remedy", entry.remedy)
    for answer in entry.answers:
        raised = f"; a hook raises {answer.hooks_raise}" if answer.hooks_raise else ""
        yield from _field(f"HTTP {answer.status}", f"{answer.description}{raised}")
        yield from _field("", answer.when)
    if entry.rfcs:
        yield from _field("see", ", ".join(entry.rfcs))
    if (explanation := explanation_of(entry.code)) is not None:
        yield f"\n{explanation.markdown.rstrip()}"


def _field(name: str, text: str) -> Iterator[str]:
    return iter(
        click.wrap_text(
            text, _WIDTH, initial_indent=f"  {name:<9} ", subsequent_indent=" " * 12
        ).splitlines()
    )
