"""Hooks by name: in a folder, a bundle or a git revision, with the settings beside them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from claimhooks.cli.options import settings_from
from claimhooks.source import Contents, Source

if TYPE_CHECKING:
    from claimhooks.settings import Lane


def hooks_at(name: str, config: Path | None, lane: Lane | None) -> Contents:
    """What is called `name`, or with the settings in `config`, to run in `lane`.

    Raises :class:`~claimhooks.errors.LoadError`.
    """
    if ":" in name and "://" not in name and not Path(name).exists():
        # Not at the top: most hooks are not in a revision.
        from claimhooks.replay.revision import Revision  # noqa: PLC0415

        revision = Revision(name)
        settings = revision.settings() if config is None else settings_from(config, name)
        contents = Contents(revision.snapshot(), settings)
    else:
        source = Source(name, settings_from(config, name), "inline", allow_empty=False)
        contents = source.read(fetch=True).contents
    if lane is None:
        return contents
    return Contents(contents.snapshot, contents.settings.model_copy(update={"lane": lane}))
