"""The Python modules of one snapshot, imported from memory under a package of their own.

Importing them from disk would not do: Python's bytecode cache takes an old ``.pyc`` for current
when a file is edited within the same second and keeps its size, and two generations could not
live side by side (https://github.com/python/cpython/issues/75953).
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.util
import itertools
import sys
import traceback
from typing import TYPE_CHECKING, Final

from claimhooks.hookspec import PACKAGE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from importlib.machinery import ModuleSpec
    from types import CodeType, ModuleType

    from claimhooks.snapshot import Snapshot

_numbers: Final = itertools.count(1)
_EMPTY: Final = compile("", "<folder>", "exec")


class DidNotCompile(ImportError):
    """Somebody imports a file that did not compile, which has been reported already."""


class _Finder(importlib.abc.MetaPathFinder):
    """Finds the modules of all snapshots in use.

    One for all: Python iterates over its finders, and a finder that is taken away meanwhile, by
    another thread, makes it miss the next one.
    """

    def __init__(self) -> None:
        self.in_use: Final[dict[str, Modules]] = {}
        """Package → what is in it."""

    def find_spec(
        self, fullname: str, _path: Sequence[str] | None, _target: ModuleType | None = None
    ) -> ModuleSpec | None:
        modules = self.in_use.get(fullname.partition(".")[0])
        return None if modules is None else modules.find(fullname)


_finder: Final = _Finder()


class Modules(importlib.abc.InspectLoader):
    """Finds and loads the files of one snapshot, and tells where in them an exception arose.

    The modules stay importable, also by an ``import`` inside a function, until :meth:`unload`.
    """

    def __init__(self, snapshot: Snapshot, code: Mapping[str, CodeType | None]) -> None:
        """`code` is what each file of `snapshot` was compiled to; None: it could not be."""
        self.package: Final = f"{PACKAGE}{next(_numbers)}_{snapshot.digest[:8]}"
        self._snapshot = snapshot
        self._code: dict[str, CodeType | None] = {}
        self._paths: dict[str, str] = {}
        self._packages = {self.package}
        for path, compiled in code.items():
            *folders, file = path.split("/")
            file = _module_name(file)
            for depth in range(len(folders)):
                self._packages.add(".".join([self.package, *folders[: depth + 1]]))
            name = ".".join([self.package, *folders, *([] if file == "__init__" else [file])])
            self._code[name], self._paths[name] = compiled, path
        self._sources = {snapshot.shown(path): path for path in snapshot.files}
        _finder.in_use[self.package] = self
        if _finder not in sys.meta_path:
            sys.meta_path.append(_finder)

    def load(self, path: str) -> ModuleType:
        """Import the file at `path`, at the top of the folder. Raises whatever its code does."""
        return importlib.import_module(f"{self.package}.{_module_name(path)}")

    def unload(self) -> None:
        """Forget all modules of the snapshot."""
        _finder.in_use.pop(self.package, None)
        # A copy: other threads may be importing something.
        for name in filter(self._owns, [*sys.modules]):
            sys.modules.pop(name, None)

    def _owns(self, name: str) -> bool:
        return name == self.package or name.startswith(f"{self.package}.")

    # Python's import protocol

    def find(self, fullname: str) -> ModuleSpec | None:
        """How to load the module of this name; None if there is no such file or folder."""
        if fullname not in self._code.keys() | self._packages:
            return None
        if (path := self._paths.get(fullname)) is None:
            return importlib.util.spec_from_loader(fullname, self, is_package=True)
        return importlib.util.spec_from_file_location(
            fullname,
            self._snapshot.shown(path),
            loader=self,
            submodule_search_locations=[] if self.is_package(fullname) else None,
        )

    def is_package(self, fullname: str) -> bool:
        return fullname in self._packages

    def get_code(self, fullname: str) -> CodeType:
        code = self._code.get(fullname, _EMPTY)
        if code is None:
            raise DidNotCompile(fullname)
        return code

    def get_source(self, fullname: str) -> str | None:
        path = self._paths.get(fullname)
        return None if path is None else self._snapshot.files[path].decode()

    # Where things are

    def readable(self, text: str) -> str:
        """`text` with the folder's name in place of the package that nobody has written."""
        return text.replace(self.package, self._snapshot.root.name)

    def told(self, error: BaseException) -> str:
        """`error` as the last line of its traceback tells it."""
        return self.readable("".join(traceback.format_exception_only(error)).strip())

    def locate(self, error: BaseException) -> tuple[str, int] | None:
        """The innermost file and line of the snapshot that `error` went through."""
        for frame in reversed(traceback.extract_tb(error.__traceback__)):
            if frame.filename in self._sources and frame.lineno is not None:
                return frame.filename, frame.lineno
        return None

    def format_traceback(self, error: BaseException) -> str:
        """The traceback of `error` as Python prints it, without the frames of claimhooks.

        Its source lines are those of the snapshot, whatever the files on disk have become.
        """
        report = traceback.TracebackException.from_exception(error, lookup_lines=False)
        for part in _chain(report):
            part.stack = traceback.StackSummary.from_list(
                [self._frame(frame) for frame in part.stack if not _is_own(frame.filename)]
            )
        return self.readable("".join(report.format()))

    def _frame(self, frame: traceback.FrameSummary) -> traceback.FrameSummary:
        path = self._sources.get(frame.filename)
        if path is None or frame.lineno is None:
            return frame
        lines = self._snapshot.files[path].decode().splitlines()
        text = lines[frame.lineno - 1] if frame.lineno <= len(lines) else ""
        return traceback.FrameSummary(frame.filename, frame.lineno, frame.name, line=text.strip())


def _module_name(file: str) -> str:
    # Any text will do, but for the dot, which would make it a module within a package.
    return file.removesuffix(".py").replace(".", "%2e")


def _chain(
    report: traceback.TracebackException | None,
) -> Iterator[traceback.TracebackException]:
    while report is not None:
        yield report
        report = report.__cause__ or (None if report.__suppress_context__ else report.__context__)


_OWN_FOLDER: Final = __file__.removesuffix("modules.py")


def _is_own(filename: str) -> bool:
    return filename.startswith((_OWN_FOLDER, "<frozen importlib"))
