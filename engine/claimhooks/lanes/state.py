"""The state of a lane: how far it keeps hooks apart from the issuer, and how its workers fare."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

Level = Literal["none", "process", "partial", "sandbox"]

LAYERS: Final = ("landlock", "seccomp")
"""Of the sandbox: Landlock guards files, ports and signals; seccomp allows few system calls."""


@dataclass(frozen=True, slots=True)
class Isolation:
    """What the self-test has found."""

    level: Level
    """``none``: hooks run in this process; ``process``: in others, with limits; ``sandbox``: and
    every forbidden act was refused there; ``partial``: not every one."""
    layers: tuple[str, ...] = ()
    """The layers of the sandbox that are in force."""
    possible: tuple[str, ...] = ()
    """The forbidden acts that a hook could do all the same."""

    def __str__(self) -> str:
        text = _MEANING[self.level]
        if self.layers:
            text += f" ({', '.join(self.layers)})"
        if self.possible:
            text += f"; not prevented: {', '.join(self.possible)}"
        return text


_MEANING: Final[dict[Level, str]] = {
    "none": "none: hooks run in the issuer's process",
    "process": "process: processes of their own with limits, no sandbox",
    "partial": "partial: processes of their own, in an incomplete sandbox",
    "sandbox": "sandbox: processes of their own that may only compute",
}


@dataclass(frozen=True, slots=True)
class LaneState:
    """A lane at one instant."""

    lane: Literal["inline", "worker"]
    isolation: Isolation
    workers: int = 0
    """How many are ready or busy, of the active generation."""
    kills: dict[str, int] = field(default_factory=dict[str, int])
    """Workers that were killed since the start, by reason."""
    suspended: tuple[str, ...] = ()
    """Hooks of the active generation that have kept killing their workers."""
