"""Writing in a thread of its own: whoever hands over a line never waits for a disk."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from claimhooks.errors import Problem
from claimhooks.recording.folder import Folder
from claimhooks.recording.line import hidden

if TYPE_CHECKING:
    from claimhooks.recording.folder import Limits
    from claimhooks.recording.rules import Rules
    from claimhooks.secret import Redactor

WAITING: Final = 8 * 1024 * 1024
"""Bytes of lines that may wait; what comes beyond them is left out."""
GATHER: Final = 0.1
"""Seconds for which lines gather before they are written."""
BATCH: Final = 64
"""Lines at a time: for as long as it takes to hide what is in them, no other thread runs."""
RETRY: Final = 1.0
"""Seconds until a folder that could not be written is tried again."""
CLOSING: Final = 5.0
"""Seconds that closing waits for the disk."""
TELLING: Final = 60.0
"""Seconds between two lines of the log about what is missing."""

_log: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RecordingState:
    """How recording fares in this process."""

    written: int
    """Exchanges that are in the files."""
    lost: int
    """Exchanges that are missing there: too many waited, or they could not be written."""
    problem: Problem | None
    """Why nothing can be written now."""


class Writer:
    """Takes lines from any thread. Its own starts with the first of them."""

    def __init__(self, limits: Limits | None) -> None:
        self.limits = limits
        """Those of the settings as they are now; None: nothing is to be recorded any more."""
        self._process = os.getpid()
        self._lines: deque[tuple[bytes, Rules, Redactor]] = deque()
        self._bytes = 0
        self._lock = threading.Lock()
        self._given = threading.Event()
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        self._folder: Folder | None = None
        self._written = self._lost = self._told = 0
        self._why = ""
        self._telling = 0.0
        self._problem: Problem | None = None

    @property
    def state(self) -> RecordingState:
        """How writing fares."""
        return RecordingState(self._written, self._lost, self._problem)

    def put(self, line: bytes, rules: Rules, redactor: Redactor) -> None:
        """Hand over a line, nothing in which is hidden yet. Never blocks, never raises."""
        with self._lock:
            if self._ended.is_set() or self._bytes + len(line) > WAITING:
                self._lost, self._why = self._lost + 1, "too many are waiting to be written"
                return
            if self._thread is None:
                thread = threading.Thread(
                    target=self._run, name="claimhooks-recording", daemon=True
                )
                try:
                    thread.start()
                except RuntimeError:
                    self._lost, self._why = self._lost + 1, "no thread could be started"
                    return
                self._thread = thread
            self._lines.append((line, rules, redactor))
            self._bytes += len(line)
        if not self._given.is_set():
            self._given.set()

    def lose(self, why: str) -> None:
        """Count an exchange of which there is no line."""
        with self._lock:
            self._lost, self._why = self._lost + 1, why

    @property
    def is_forked(self) -> bool:
        """Whether this is a child process: the thread, and the file, are the parent's."""
        return self._process != os.getpid()

    def close(self) -> None:
        """Write what is waiting, and end."""
        if self.is_forked:
            return
        with self._lock:
            # Whoever has not put a line by now is told that it is lost.
            self._ended.set()
        self._given.set()
        if self._thread is not None and self._thread.is_alive():
            self._thread.join(CLOSING)

    def let_go(self) -> None:
        """Close the file, in a child process: the parent goes on with it."""
        if self._folder is not None:
            self._folder.close()

    def _run(self) -> None:
        while not self._ended.is_set():
            self._given.wait(None if self._folder is None else self._folder.due)
            self._ended.wait(GATHER)
            self._given.clear()
            try:
                self._drain()
                if self._folder is not None:
                    self._folder.turn()
            except Exception:  # noqa: BLE001 - told in full; nobody else would go on writing
                _log.exception("recording")
        self._drain()
        self._tell(0)
        if self._folder is not None:
            self._folder.close()

    def _drain(self) -> None:
        """Write all lines that there are, however long it takes; once ended, try only once."""
        while batch := self._batch():
            limits = batch[0][1].limits
            lines = [*filter(None, (self._prepared(*waiting) for waiting in batch))]
            while not (is_written := self._write(b"".join(lines), limits)):
                if self._ended.wait(RETRY):
                    break
                if self.limits is None:
                    self._problem = None
                    break
                # Another folder may be how somebody has mended it.
                limits = self.limits
            with self._lock:
                self._bytes -= sum(len(waiting[0]) for waiting in batch)
                if is_written:
                    self._written += len(lines)
                else:
                    self._lost += len(lines)
                    self._why = "the folder cannot be written"
            self._tell(TELLING)

    def _batch(self) -> list[tuple[bytes, Rules, Redactor]]:
        """The next lines, of the same rules."""
        batch: list[tuple[bytes, Rules, Redactor]] = []
        while self._lines and len(batch) < BATCH:
            if batch and self._lines[0][1] is not batch[0][1]:
                break
            batch.append(self._lines.popleft())
        return batch

    def _prepared(self, line: bytes, rules: Rules, redactor: Redactor) -> bytes | None:
        try:
            return hidden(line, rules.hiding, redactor)
        except Exception as error:  # noqa: BLE001 - what is not known to be hidden is not written
            self.lose(f"what is in them cannot be hidden: {type(error).__name__}")
            return None

    def _write(self, lines: bytes, limits: Limits) -> bool:
        try:
            if self._folder is None or self._folder.limits != limits:
                if self._folder is not None:
                    self._folder.close()
                self._folder = Folder(limits)
            self._folder.write(lines)
        except OSError as error:
            before, place = self._problem, str(error.filename or limits.folder)
            reason = f"cannot be written: {error.strerror}"
            self._problem = Problem("recording_unwritable", place, reason)
            if before is None:
                _log.warning("nothing can be recorded:\n%s", self._problem)
            return False
        if self._problem is not None:
            self._problem = None
            _log.warning("exchanges are recorded again, in %s", limits.folder)
        return True

    def _tell(self, seconds: float) -> None:
        """Log what is missing, if that has not been done for so long."""
        missing, now = self._lost - self._told, time.monotonic()
        if missing and now >= self._telling + seconds:
            _log.warning("%s exchanges have not been recorded: %s", f"{missing:,}", self._why)
            self._told, self._telling = self._told + missing, now
