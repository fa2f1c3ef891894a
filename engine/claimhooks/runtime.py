"""Holds the active generation, swaps it, runs exchanges."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from claimhooks.generation import Generation
from claimhooks.lanes.inline import InlineLane
from claimhooks.settings import Settings
from claimhooks.snapshot import Snapshot

if TYPE_CHECKING:
    from types import TracebackType

    from claimhooks.exchange import Exchange, Outcome


class Runtime:
    """Runs the hooks of a folder. Safe to share between threads.

    `settings` is a :class:`Settings`, or the path of a ``claimhooks.toml``. A folder without
    hooks is an error unless `allow_empty`. Raises :class:`~claimhooks.errors.LoadError`.
    """

    def __init__(
        self,
        hooks_dir: str | Path,
        settings: Settings | str | Path | None = None,
        *,
        allow_empty: bool = False,
    ) -> None:
        self.hooks_dir: Final = Path(hooks_dir)
        self._settings = settings
        self._allow_empty = allow_empty
        self._lane = InlineLane()
        self._generation = self._load()

    @property
    def generation(self) -> Generation:
        """The active generation: the one that the next exchange runs on."""
        return self._generation

    def run(self, exchange: Exchange) -> Outcome:
        """Run every hook over `exchange`. Whatever a hook does is in the outcome, not raised."""
        return self._lane.run(self._generation, exchange)

    async def arun(self, exchange: Exchange) -> Outcome:
        """:meth:`run` for callers in an event loop: ``async def`` hooks are awaited there."""
        return await self._lane.arun(self._generation, exchange)

    def reload(self) -> Generation:
        """Load the folder and the settings again, and make the result the active generation.

        Exchanges under way end on the generation they began with. Raises
        :class:`~claimhooks.errors.LoadError`; then the active generation stays.
        """
        self._generation = self._load()
        return self._generation

    def close(self) -> None:
        """Release what the runtime holds besides memory."""
        self._lane.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _load(self) -> Generation:
        settings = self._settings
        if not isinstance(settings, Settings):
            settings = Settings() if settings is None else Settings.load(settings)
        snapshot = Snapshot.read(self.hooks_dir, allow_missing=self._allow_empty)
        return Generation.load(snapshot, settings, allow_empty=self._allow_empty)
