"""Which lines of the hooks no sample reached, as coverage.py finds them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

from claimhooks.errors import LoadError, Problem
from claimhooks.snapshot import Snapshot
from claimhooks.syntax import is_hook_file

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from claimhooks.generation import Generation


@dataclass(frozen=True, slots=True)
class FileCoverage:
    """The lines of one file that run for an exchange: not those that run when it is loaded."""

    file: str
    lines: int
    missing: tuple[int, ...]
    """Those that no sample reached."""
    ranges: str
    """The same, such as ``7, 12-14``."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """What the samples reached of all files."""

    files: tuple[FileCoverage, ...]

    @property
    def percent(self) -> float:
        """How many of 100 lines were reached, rounded down to hundredths; 100 if there are none."""
        lines = sum(file.lines for file in self.files)
        missing = sum(len(file.missing) for file in self.files)
        return 100.0 if lines == 0 else 10_000 * (lines - missing) // lines / 100


class Tracing:
    """Traces the hooks of a folder, from before they are loaded. In this process alone."""

    def __init__(self, hooks_dir: Path) -> None:
        """Raises :class:`LoadError` if coverage.py is missing."""
        try:
            import coverage  # noqa: PLC0415 - only where it is wanted
        except ModuleNotFoundError:
            reason = "--coverage needs coverage.py"
            raise LoadError([Problem("coverage_missing", "claimhooks", reason)]) from None
        self._hooks_dir: Final = hooks_dir
        self._tracer: Final = coverage.Coverage(
            data_file=None, config_file=False, source=[str(hooks_dir.resolve())]
        )
        self._tracer.set_option(
            "run:disable_warnings", ["no-data-collected", "module-not-measured"]
        )
        self._loaded: dict[str, set[int]] = {}
        self._digest = ""

    def __enter__(self) -> Self:
        self._tracer.start()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self._tracer.stop()

    def loaded(self, generation: Generation) -> None:
        """The hooks are loaded: what has run until now is not the doing of a sample."""
        self._digest = generation.digest
        names = {hook.name for hook in generation.hooks}
        snapshot = self._snapshot()
        for path in snapshot.files:
            if not is_hook_file(path) or path.removesuffix(".py") in names:
                file = snapshot.shown(path)
                _, lines, _, missing, _ = self._tracer.analysis2(file)
                self._loaded[file] = {*lines} - {*missing}

    def result(self) -> Coverage:
        """What has been reached. Ends the tracing."""
        self._tracer.stop()
        self._snapshot()
        files: list[FileCoverage] = []
        for file, loaded in self._loaded.items():
            _, lines, _, missing, ranges = self._tracer.analysis2(file)
            files.append(FileCoverage(file, len({*lines} - loaded), tuple(missing), ranges))
        return Coverage(tuple(files))

    def _snapshot(self) -> Snapshot:
        """The hooks on the disk, which coverage.py reads: they must still be those that run."""
        snapshot = Snapshot.read(self._hooks_dir, allow_missing=True)
        if snapshot.digest != self._digest:
            reason = "the hooks have changed while samples were run"
            raise LoadError([Problem("hooks_changed", str(snapshot.root), reason)])
        return snapshot
