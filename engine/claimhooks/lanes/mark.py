"""What a worker is doing, where the runtime can see it when the worker can no longer speak.

A sealed piece of shared memory, one for each worker: which hook of which exchange is running and
since when; at which hooks exchanges wait; and the report that Python's faulthandler writes of a
crash or a hang. It is a worker's own word, so it decides whom a kill is put down to, and nothing
else.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import struct
import time
from dataclasses import dataclass
from typing import Final

SIZE: Final = 20 * 1024
REPORT_AT: Final = 8192
"""Where in it the report begins."""

_LAYOUT: Final = struct.Struct("=IiQ")
_WAITING: Final = struct.Struct("=Iid")
_WAITING_AT: Final = 64
_PLACES: Final = 256
"""More exchanges than a worker is given at a time, so that no two share a place."""
_NONE: Final = -1


@dataclass(frozen=True, slots=True)
class Mark:
    """Which hook is running. `started` is seconds of the monotonic clock."""

    number: int
    """Of the exchange; 0: none is running."""
    hook: int | None
    """Its place in the generation; None: none is running."""
    started: float


def create() -> int:
    """A descriptor of new shared memory, whose size can no longer be changed."""
    descriptor = os.memfd_create("claimhooks-mark", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.ftruncate(descriptor, SIZE)
    seals = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL
    fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, seals)
    return descriptor


def read(descriptor: int) -> Mark:
    """What the worker is doing."""
    number, hook, started = _LAYOUT.unpack(os.pread(descriptor, _LAYOUT.size, 0))
    return Mark(number, None if hook == _NONE else hook, started / 1e9)


def hook_of(descriptor: int, number: int) -> int | None:
    """The place of the hook at which the exchange `number` is, running or waiting."""
    running = read(descriptor)
    if running.number == number:
        return running.hook
    waiting = _waiting(descriptor, number)
    return waiting[0] if waiting is not None else None


def waits_until(descriptor: int, number: int) -> float:
    """Until when, in seconds of the monotonic clock, the exchange `number` may wait; 0: it has
    not waited yet."""
    waiting = _waiting(descriptor, number)
    return waiting[1] if waiting is not None else 0.0


def _waiting(descriptor: int, number: int) -> tuple[int, float] | None:
    data = os.pread(descriptor, _WAITING.size, _WAITING_AT + number % _PLACES * _WAITING.size)
    waiting, hook, until = _WAITING.unpack(data)
    return (hook, until) if waiting == number else None


def report(descriptor: int) -> str:
    """What the faulthandler of the worker has written; "" if nothing."""
    data = os.pread(descriptor, SIZE - REPORT_AT, REPORT_AT)
    return data.partition(b"\0")[0].decode(errors="replace")


def forget_report(descriptor: int) -> None:
    """Let the next report be the only one. The worker writes where this end says."""
    os.pwrite(descriptor, bytes(SIZE - REPORT_AT), REPORT_AT)
    os.lseek(descriptor, REPORT_AT, os.SEEK_SET)


class Marker:
    """The worker's end."""

    def __init__(self, descriptor: int) -> None:
        self._memory = mmap.mmap(descriptor, REPORT_AT)
        self.clear()

    def running(self, number: int, hook: int) -> None:
        """Say that `hook` runs from now on, for the exchange `number`."""
        _pack(self._memory, 0, number, hook, _now())

    def waiting(self, number: int, hook: int, until: float) -> None:
        """Say that `hook` waits for something, `until` then, and nobody is running."""
        where = _WAITING_AT + number % _PLACES * _WAITING.size
        _pack_waiting(self._memory, where, number, hook, until)
        self.clear()

    def clear(self) -> None:
        """Say that no hook is running."""
        _pack(self._memory, 0, 0, _NONE, 0)


# Bound here, so that a hook that patches these modules does not reach them.
_pack: Final = _LAYOUT.pack_into
_pack_waiting: Final = _WAITING.pack_into
_now: Final = time.monotonic_ns
