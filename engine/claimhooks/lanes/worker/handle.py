"""One worker, as its parent holds it."""

from __future__ import annotations

import os
import select
import signal
import threading
import weakref
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from claimhooks.lanes import mark, wire

if TYPE_CHECKING:
    import asyncio
    import socket
    from collections.abc import Callable

    from claimhooks.lanes.mark import Mark
    from claimhooks.lanes.worker.deadlines import Deadlines
    from claimhooks.lanes.worker.flights import Flight

DUMP_SECONDS: Final = 0.002
"""What a worker gets to write down where it is, before it is killed."""

_NUMBERS: Final = 2**31


class Worker:
    """A process, the socket to it, and its mark. `zygote` is the process that forked it."""

    def __init__(
        self, pid: int, pidfd: int, connection: socket.socket, mark_file: int, zygote: int
    ) -> None:
        self.pid: Final = pid
        self.zygote: Final = zygote
        self.connection: Final = connection
        self.poll: Final = select.poll()
        """Tells when there is something to be read."""
        self.poll.register(connection, select.POLLIN)
        self.inbox: Final = wire.Inbox(wire.MAX_REPLY)
        self.load = 0
        """How many exchanges it has been given."""
        self.is_lost = False
        """Whether it has been given up in the middle of exchanges."""
        self.is_alone = False
        """Whether its exchange is to have no other beside it."""
        self.loop: asyncio.AbstractEventLoop | None = None
        """The event loop that reads from it, if it is not a thread that does."""
        self.flights: Final[dict[int, Flight]] = {}
        """What that loop waits for, by number."""
        self.unsent: Final[list[Flight]] = []
        """Those of them that have not been sent."""
        self.rest = b""
        """What there is still to send of those before."""
        self.deadlines: Deadlines | None = None
        """Of what that loop waits for."""
        self.since = 0.0
        """When the latest reply came from it, or when it got something to do again."""
        self.is_asked = False
        """Whether it has been asked where it is."""
        self._number = 0
        self._pidfd = pidfd
        self._mark_file = mark_file
        self._ending = threading.Lock()
        self._is_buried = False
        # Also for one that is forgotten in the middle of an exchange, with its event loop.
        self._close = weakref.finalize(self, _close, connection, pidfd, mark_file)
        self._close.atexit = False
        self._status: int | None = None

    def next_number(self) -> int:
        """A number for an exchange."""
        self._number = self._number % _NUMBERS + 1
        return self._number

    @property
    def mark(self) -> Mark:
        """What it says that it is doing."""
        return mark.read(self._mark_file)

    def hook_of(self, number: int) -> int | None:
        """The place of the hook at which it says the exchange `number` to be."""
        return mark.hook_of(self._mark_file, number)

    def waits_until(self, number: int) -> float:
        """Until when it says that the exchange `number` may wait; 0: it has not waited yet."""
        return mark.waits_until(self._mark_file, number)

    @property
    def report(self) -> str:
        """Where it was when it crashed, or was told to say so."""
        return mark.report(self._mark_file)

    def ask_where(self) -> None:
        """Let it write down where it is, whatever it is doing."""
        self.is_asked = True
        self._signal(signal.SIGUSR1)

    def forget_where(self) -> None:
        """Forget what it wrote down then: it has gone on."""
        self.is_asked = False
        mark.forget_report(self._mark_file)

    def kill(self) -> None:
        """End it, whatever it is doing."""
        self._signal(signal.SIGKILL)

    def bury(self, status_of: Callable[[Worker], int | None]) -> int | None:
        """Its wait status, as `status_of` tells the first time. It must have been killed."""
        with self._ending:
            if not self._is_buried:
                self._status = status_of(self)
                self._is_buried = True
        self.close_if_over()
        return self._status

    def close_if_over(self) -> None:
        """Let go of the descriptors, once it is buried and nobody reads from it any more."""
        with self._ending:
            if self._is_buried and not self.load:
                self._close()

    def _signal(self, number: int) -> None:
        with self._ending:
            if self._close.alive:
                with suppress(ProcessLookupError):
                    signal.pidfd_send_signal(self._pidfd, number)


def _close(connection: socket.socket, pidfd: int, mark_file: int) -> None:
    connection.close()
    os.close(pidfd)
    os.close(mark_file)
