"""What a translated hook needs in ``claimhooks.toml``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from claimhooks.migrate.effects import Effects

LOOKUP_DEADLINE: Final = "5s"
"""As long as a lookup may take by default; that of all hooks together is much shorter."""


def snippet(name: str, effects: Effects) -> str:
    """The table of the hook `name`, as TOML; empty if the defaults do."""
    lines: list[str] = []
    if effects.secrets:
        names = ", ".join(json.dumps(secret, ensure_ascii=False) for secret in effects.secrets)
        lines.append(f"secrets = [{names}]")
    if effects.network:
        lines.append("network = true")
        lines.append(f'deadline = "{LOOKUP_DEADLINE}"')
    if not lines:
        return ""
    return "\n".join([f"[hooks.{json.dumps(name, ensure_ascii=False)}]", *lines]) + "\n"
