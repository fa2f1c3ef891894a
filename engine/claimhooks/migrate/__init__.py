"""From a JavaScript hook of the old system to a Python hook."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import PurePath
from typing import Final

from claimhooks.errors import Problem, ScriptError
from claimhooks.migrate.python.document import document
from claimhooks.migrate.script.bindings import Bindings
from claimhooks.migrate.script.parsing import find_hook, parse
from claimhooks.migrate.state import Effects, Note
from claimhooks.migrate.translator import Translator

__all__ = ["Note", "Translation", "translate"]

_ROUNDS: Final = 10
_LOOKUP_DEADLINE: Final = "5s"
"""As long as a lookup may take by default; that of all hooks together is much shorter."""


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
        bindings.name(hook)
        t = Translator(source, program, bindings, hook, known)
        block = t.body(program.named_children)
        if number and t.effects.is_like(known):
            break
        # What comes later in the script may bear on what came before.
        known = t.effects
    else:
        reason = "its functions call each other in ways that never settle"
        raise ScriptError([Problem("javascript_untranslated", file, reason)])
    t.remark_at_last()
    python = document(block.lines, t.effects, file, PurePath(file).name)
    notes = sorted(t.effects.notes, key=lambda note: (note.line, note.column))
    return Translation(python, tuple(notes), _settings(name, t.effects))


def _settings(name: str, effects: Effects) -> str:
    """The table of the hook `name` in ``claimhooks.toml``; empty if the defaults do."""
    lines: list[str] = []
    if effects.secrets:
        names = ", ".join(json.dumps(secret, ensure_ascii=False) for secret in effects.secrets)
        lines.append(f"secrets = [{names}]")
    if effects.network:
        lines.extend(["network = true", f'deadline = "{_LOOKUP_DEADLINE}"'])
    if not lines:
        return ""
    return "\n".join([f"[hooks.{json.dumps(name, ensure_ascii=False)}]", *lines]) + "\n"
