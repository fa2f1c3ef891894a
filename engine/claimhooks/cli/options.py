"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

from claimhooks.settings import Settings

DEFAULT_CONFIG: Final = Path("claimhooks.toml")

config_option: Final = click.option(
    "--config",
    type=click.Path(path_type=Path),
    help="The settings.  [default: claimhooks.toml, if there is one]",
)
allow_empty_option: Final = click.option(
    "--allow-empty", is_flag=True, help="Accept a folder without hooks."
)


def settings_from(config: Path | None) -> Settings:
    """The settings that were named, or those of the working folder, or the defaults."""
    if config is None and not DEFAULT_CONFIG.exists():
        return Settings()
    return Settings.load(config or DEFAULT_CONFIG)
