"""What a runtime tells of the generations that it holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from claimhooks.errors import Problem


@dataclass(frozen=True, slots=True)
class Failure:
    """Why the files, as they are now, did not become the active generation."""

    at: datetime
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class Generations:
    """The generations of a runtime at one instant, by their digests."""

    active: str
    revision: int | None
    """Of the bundle that the active one is from."""
    active_since: datetime
    draining: tuple[str, ...]
    """Replaced, but exchanges still run on them."""
    past: tuple[str, ...]
    """Those that can be rolled back to, the latest last."""
    failure: Failure | None
    """If not None, the runtime is degraded: it runs on the last good generation."""
    loads: int
    """How often a generation has become active."""
    failures: int
    """How often files have been refused."""
    load_seconds: float
    """What the last load took, from reading to being active."""
