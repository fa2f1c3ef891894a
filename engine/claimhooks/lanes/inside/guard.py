"""Notices when a hook patches a module that others use, so that its worker can be replaced.

Only plain assignment is noticed (``time.time = …``), which is what hooks do by mistake. One that
means harm finds other ways to spoil its own worker.
"""

from __future__ import annotations

import os
import sys
from types import ModuleType
from typing import Final


class _Guarded(ModuleType):
    def __setattr__(self, name: str, value: object) -> None:
        super().__setattr__(name, value)
        # The import system describes modules, and adds them to their packages: that is no patch.
        is_import = name.startswith("__") or value is sys_modules.get(f"{self.__name__}.{name}")
        if not is_import:
            _watched.is_touched = True

    def __delattr__(self, name: str) -> None:
        super().__delattr__(name)
        _watched.is_touched = True


class _Watched:
    is_touched = False


_watched: Final = _Watched()
sys_modules: Final = sys.modules


def guard_modules() -> None:
    """Watch all modules that have been imported by now. Called once, before forking."""
    for module in [*sys.modules.values()]:
        if type(module) is ModuleType:
            module.__class__ = _Guarded


class Baseline:
    """What a worker is like before it answers."""

    def __init__(self) -> None:
        _watched.is_touched = False
        self._environ = os.environ
        self._variables = dict(os.environ)

    @property
    def is_touched(self) -> bool:
        """Whether modules or environment have been changed since."""
        return _watched.is_touched or self._environ != self._variables
