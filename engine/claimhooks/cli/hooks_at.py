"""Hooks by name: in a folder, a bundle or a git revision, with the settings beside them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from claimhooks.cli.options import settings_from
from claimhooks.source import Source

if TYPE_CHECKING:
    from claimhooks.settings import Lane
    from claimhooks.snapshot import Snapshot
    from claimhooks.source import Contents


def hooks_at(name: str, config: Path | None, lane: Lane | None) -> Contents:
    """What is called `name`, or with the settings in `config`, to run in `lane`.

    Raises :class:`~claimhooks.errors.LoadError`.
    """
    hooks: str | Snapshot = name
    if ":" in name and "://" not in name and not Path(name).exists():
        # Not at the top: most hooks are not in a revision.
        from claimhooks.replay.revision import Revision  # noqa: PLC0415

        revision = Revision(name)
        hooks = revision.snapshot()
        settings = revision.settings() if config is None else settings_from(config, name)
    else:
        settings = settings_from(config, name)
    if lane is not None:
        settings = settings.model_copy(update={"lane": lane})
    return Source(hooks, settings, "inline", allow_empty=False).read(fetch=True).contents
