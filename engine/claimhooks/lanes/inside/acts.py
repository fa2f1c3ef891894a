"""The self-test of a worker: tries what a hook must not be able to do."""

from __future__ import annotations

import os
import socket
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

_READABLE: Final = "/etc/passwd"


def possible(issuer: int) -> list[str]:
    """The names of the acts that succeed in this process. `issuer` is a process to harm."""
    acts: dict[str, Callable[[], object]] = {
        "reading files": lambda: Path(_READABLE).read_bytes(),
        "writing files": _write,
        "sending to local sockets": _pair_of_datagrams,
        "opening sockets": lambda: socket.socket(socket.AF_INET).close(),
        "signals to the issuer": lambda: os.kill(issuer, 0),
        "reading the issuer's memory": lambda: Path(f"/proc/{issuer}/mem").open("rb").close(),
        "starting processes": _fork,
        "executing programs": _execute,
        "setting the clock": lambda: time.clock_settime(time.CLOCK_REALTIME, time.time()),
    }
    return [name for name, act in acts.items() if _succeeds(act)]


def _succeeds(act: Callable[[], object]) -> bool:
    try:
        act()
    except OSError:
        return False
    return True


def _write() -> None:
    # Not within a temporary folder: making one tries many names before it gives up.
    path = f"{tempfile.gettempdir()}/claimhooks-{os.getpid()}"
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
    os.unlink(path)  # noqa: PTH108


def _pair_of_datagrams() -> None:
    for end in socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM):
        end.close()


def _fork() -> None:
    if (pid := os.fork()) == 0:
        os._exit(0)
    os.waitpid(pid, 0)


def _execute() -> None:
    # There is no such program: what matters is who says no.
    try:
        os.execv("/nonexistent", ["nonexistent"])  # noqa: S606
    except FileNotFoundError:
        return
