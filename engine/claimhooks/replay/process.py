"""A process that has loaded the hooks, and replays one piece after the other."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from contextlib import contextmanager, suppress
from ctypes import c_ulonglong
from typing import TYPE_CHECKING, Final

from claimhooks.errors import Problem, ProblemsError
from claimhooks.replay.evaluation import Evaluation
from claimhooks.replay.pieces import Block

if TYPE_CHECKING:
    from collections.abc import Generator
    from multiprocessing.connection import Connection

    from claimhooks.replay.evaluation import Job
    from claimhooks.replay.pieces import Piece
    from claimhooks.replay.tally import Tally

# Not forked: what hooks load and open is theirs, in each process.
_context: Final = multiprocessing.get_context("spawn")


class Stopped(Exception):
    """The replay has ended in the middle of `piece`; the text says why."""

    def __init__(self, code: str, piece: Piece, line: int, reason: str) -> None:
        """`line` is the one that was being run, counted within the piece."""
        super().__init__(code, piece, line, reason)
        self.code = code
        """Of a problem."""
        self.piece = piece
        self.line = line
        self.reason = reason

    def __str__(self) -> str:
        return self.reason


class Process:
    """Such a process, seen from outside. It does not hear ^C: who has started it ends it."""

    def __init__(self, job: Job) -> None:
        self.connection: Connection
        """There is something to read once the process has loaded the hooks, or done its piece."""
        self.connection, theirs = _context.Pipe()
        self.line: Final = _context.RawValue(c_ulonglong)
        """Which line of its piece it is at."""
        self.task: tuple[int, Piece] | None = None
        """The piece that it is replaying, without its lines, and the number of it."""
        self._hooks = str(job.hooks.snapshot.root)
        self._process = _context.Process(
            target=_serve, args=(job, theirs, self.line), daemon=True, name="claimhooks-replay"
        )
        with _deaf():
            self._process.start()
        # Or else nobody would notice that the process has ended.
        theirs.close()

    def begin(self, number: int, piece: Piece) -> None:
        """Hand it a piece: it is ready, or has told the result of the last one."""
        self.line.value = 1
        # Its lines take memory, and may be waited for by many pieces that are done before.
        self.task = number, Block(piece.name, piece.is_first, piece.size, b"")
        with suppress(ConnectionError):  # it has ended, as will be found
            self.connection.send(piece)

    def result(self) -> Tally | Stopped | None:
        """What came of its piece; None: it has become ready. Waits for it.

        Raises :class:`~claimhooks.errors.ProblemsError` if hooks or files cannot be used.
        """
        found: Tally | tuple[Problem, ...] | None
        task, self.task = self.task, None
        try:
            found = self.connection.recv()
        except (EOFError, OSError):
            reason = self._ending()
            if task is not None:
                return Stopped("replay_stopped", task[1], self.line.value, reason)
            reason += " while it loaded the hooks"
            raise ProblemsError([Problem("replay_stopped", self._hooks, reason)]) from None
        if isinstance(found, tuple):
            raise ProblemsError(found)
        return found

    def end(self) -> None:
        """End it, whatever it does."""
        self._process.kill()
        self._process.join()
        self.connection.close()

    def _ending(self) -> str:
        self._process.join(1)
        code = self._process.exitcode
        if code is None:
            return "a process closed its connection"
        if code >= 0:
            return f"a process ended with exit status {code}"
        return f"a process was killed by {signal.Signals(-code).name}"


def _serve(job: Job, connection: Connection, line: c_ulonglong) -> None:
    # What hooks print does not belong to the results.
    os.dup2(2, 1)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    os.register_at_fork(after_in_child=connection.close)

    def begin(number: int) -> None:
        line.value = number

    try:
        with Evaluation(job) as evaluation:
            connection.send(None)
            while True:
                tally = evaluation.tally(connection.recv(), begin)
                if connection.closed:
                    os._exit(0)  # a hook has forked, and its child came back here
                connection.send(tally)
    except ProblemsError as error:
        connection.send(error.problems)
    except (EOFError, ConnectionError):
        pass  # there is nobody to tell any more


def _end_with_parent() -> None:
    if (parent := multiprocessing.parent_process()) is not None:
        parent.join()
    os._exit(1)


@contextmanager
def _deaf() -> Generator[None]:
    """Processes that are started within it do not hear ^C."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
