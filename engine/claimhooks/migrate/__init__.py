"""From a JavaScript hook of the old system to a Python hook."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath
from typing import Final

from claimhooks.errors import Problem, ScriptError
from claimhooks.migrate.effects import Effects, Note
from claimhooks.migrate.python.document import document
from claimhooks.migrate.script.bindings import Bindings
from claimhooks.migrate.script.hook import find_hook
from claimhooks.migrate.script.mistakes import refuse_mistakes
from claimhooks.migrate.script.parsing import parse
from claimhooks.migrate.settings import snippet
from claimhooks.migrate.translator import Translator

__all__ = ["Note", "Translation", "translate"]

_ROUNDS: Final = 10


@dataclass(frozen=True, slots=True)
class Translation:
    """A hook in Python, and what a person should know about it."""

    python: str
    notes: tuple[Note, ...]
    """In the order of the script."""
    settings: str
    """What ``claimhooks.toml`` needs for the hook, as TOML; empty if nothing."""

    @property
    def is_complete(self) -> bool:
        """Whether nothing is left to be decided."""
        return not any(note.decide for note in self.notes)


def translate(source: str, file: str, name: str) -> Translation:
    """The translation of a script; `file` is where it is, `name` what the hook will be called.

    Raises :class:`ScriptError` if it is no JavaScript, or no hook.
    """
    try:
        return _translated(source, file, name)
    except RecursionError:
        reason = "nested too deeply"
        raise ScriptError([Problem("javascript_malformed", file, reason)]) from None


def _translated(source: str, file: str, name: str) -> Translation:
    program = parse(source, file)
    known = Effects()
    for number in range(_ROUNDS):
        bindings = Bindings(program)
        hook = find_hook(program, bindings, file)
        refuse_mistakes(program, bindings, source, file)
        bindings.name(hook)
        t = Translator(source, program, bindings, hook, known)
        block = t.body(program.named_children)
        if number and t.effects.is_like(known):
            break
        # What comes later in the script may bear on what came before.
        known = t.effects
    else:
        raise _untranslated(file, "its functions call each other in ways that never settle")
    t.remark_on_scopes()
    python = document(block.lines, t.effects, PurePath(file).name)
    try:
        compile(python, file, "exec", dont_inherit=True)
    except SyntaxError as error:
        raise _untranslated(file, f"its translation is no Python: {error}") from None
    notes = sorted(t.effects.notes, key=lambda note: (note.line, note.column))
    return Translation(python, tuple(notes), snippet(name, t.effects))


def _untranslated(file: str, reason: str) -> ScriptError:
    return ScriptError([Problem("javascript_untranslated", file, reason)])
