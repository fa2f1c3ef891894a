"""How a process ended, in words."""

from __future__ import annotations

import os
import signal


def how_it_ended(status: int | None) -> str:
    """A wait status (see waitpid(2)) in words that go after a subject."""
    if status is None:
        return "ended its process"
    if os.WIFSIGNALED(status):
        return f"ended its process by {signal.Signals(os.WTERMSIG(status)).name}"
    return f"ended its process with exit status {os.WEXITSTATUS(status)}"
