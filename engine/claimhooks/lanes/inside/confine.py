"""Limits of a worker that need no package: resources, privileges, and its end with its parent."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys
from contextlib import suppress
from typing import Final

OPEN_FILES: Final = 64
FILE_BYTES: Final = 1024 * 1024
"""What a worker without a sandbox may write into one file."""

_PR_SET_PDEATHSIG: Final = 1
_PR_SET_DUMPABLE: Final = 4
_PR_SET_NO_NEW_PRIVS: Final = 38
_PR_SET_CHILD_SUBREAPER: Final = 36
_CAPABILITY_VERSION_3: Final = 0x20080522


def limit(zygote: int, memory: int) -> None:
    """Confine this process: it ends with its parent `zygote`, and has `memory` MiB at most."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != zygote:
        sys.exit("the zygote has ended")
    # A process group of its own: a signal to "my group" reaches nobody else.
    os.setsid()
    # The issuer is not to be interrupted in the middle of handing out work. Some places forbid it.
    with suppress(PermissionError):
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    _prctl(_PR_SET_DUMPABLE, 0)
    for kind, most in (
        (resource.RLIMIT_AS, memory * 1024 * 1024),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, OPEN_FILES),
        (resource.RLIMIT_FSIZE, FILE_BYTES),
    ):
        resource.setrlimit(kind, (most, most))
    _drop_capabilities()


def forbid_processes() -> None:
    """Let this process start no other, as far as the kernel lets an ordinary user be limited."""
    resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))


def hide_memory() -> None:
    """Let no other process of this user read the memory of this one (Linux; see prctl(2))."""
    _prctl(_PR_SET_DUMPABLE, 0)


def adopt_orphans() -> None:
    """Be the parent of all descendants whose own parents end (see prctl(2))."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def mute() -> None:
    """Let what is written past Python to the standard streams go nowhere."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)
    os.close(nowhere)


def _prctl(option: int, value: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, value, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), f"prctl({option})")


def _drop_capabilities() -> None:
    # The zygote of an issuer that runs as root would let hooks set the clock or read any memory.
    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    nothing = (ctypes.c_uint32 * 6)()
    if libc.capset(header, nothing) != 0:
        raise OSError(ctypes.get_errno(), "capset")
