"""Which exceptions are the operator's, and not of a hook's making."""

from __future__ import annotations

import threading


def is_interrupt(error: BaseException) -> bool:
    """Whether somebody has pressed ^C: Python tells that to the main thread alone."""
    is_main = threading.current_thread() is threading.main_thread()
    return isinstance(error, GeneratorExit) or (isinstance(error, KeyboardInterrupt) and is_main)
