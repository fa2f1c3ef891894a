"""Following files: the operating system's events are hints, what the files contain is the truth.

Events get lost (queue overflow, network file systems), their source dies unseen (a watched folder
that is deleted, a link that is pointed elsewhere) or is not to be had at all (inotify instances
used up). So whatever happens, the contents are read again every few seconds.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from typing import TYPE_CHECKING, Final, Literal

from watchdog.events import (
    DirCreatedEvent,
    DirDeletedEvent,
    DirMovedEvent,
    FileClosedEvent,
    FileCreatedEvent,
    FileDeletedEvent,
    FileMovedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers import Observer

from claimhooks.source import SAME_TWICE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from watchdog.observers.api import BaseObserver

Mode = Literal["events", "polling", "off"]

MAX_WAIT: Final = 2.0
"""Seconds after which a change is looked at even if events go on."""
RECONCILE: Final = 2.0
"""Seconds between readings without an event."""
POLL: Final = 0.5
"""Seconds between readings where events are not to be had."""
HUNGRY: Final = 0.1
"""Seconds that this thread may wake up too late before exchanges make way for it."""
REARM: Final = 10.0
"""Seconds between attempts to get events again."""

_READING: Final = frozenset({"opened", "closed_no_write"})
"""Types of events that reading causes, our own reading among them."""

_SAVES: Final[list[type[FileSystemEvent]] | None] = (
    [
        *(FileClosedEvent, FileCreatedEvent, FileMovedEvent, FileDeletedEvent),
        *(DirCreatedEvent, DirMovedEvent, DirDeletedEvent),
    ]
    if sys.platform == "linux"
    else None
)
"""Events of a save, where closing is one: a log beside the settings is written, but stays open."""

_log: Final = logging.getLogger(__name__)


class Watcher:
    """Calls `changed` in a thread of its own when what `fingerprint` returns has changed.

    `fingerprint` reads the truth; `places` tells the files and folders that it comes from, for
    hints. `changed` gets the new fingerprint, and says whether that settles it: if not, it is
    called again at the next look.
    """

    def __init__(
        self,
        places: Callable[[], Iterable[Path]],
        fingerprint: Callable[[], str],
        changed: Callable[[str], bool],
        seen: str,
        quiet: Callable[[], float],
    ) -> None:
        """`seen` is the fingerprint of what is in use already.

        `quiet` tells the seconds without an event after which a change is taken to be complete.
        """
        self._hints = _Hints(places)
        self._fingerprint = fingerprint
        self._changed = changed
        self._seen = seen
        self._quiet = quiet
        self._is_closed = False
        self._is_busy = False
        self._due = float("inf")
        self._thread = threading.Thread(target=self._follow, name="claimhooks-watch", daemon=True)

    def start(self) -> None:
        """Begin to follow."""
        self._hints.arm()
        self._thread.start()

    @property
    def mode(self) -> Mode:
        """How changes are noticed: by ``events``, or by ``polling`` alone."""
        if not self._thread.is_alive():
            return "off"
        return "events" if self._hints.is_armed else "polling"

    @property
    def is_hungry(self) -> bool:
        """Whether this thread needs processor time that it may not get.

        An event loop that is never idle releases Python's lock often, but for so short a time that
        on several processors no other thread ever wakes up fast enough to take it.
        """
        return self._is_busy or time.monotonic() > self._due

    def look(self) -> None:
        """Look now, as if there had been an event."""
        self._hints.given.set()

    def end(self) -> None:
        """Stop following soon."""
        self._is_closed = True
        self._hints.given.set()

    def close(self) -> None:
        """Stop following; a call of `changed` that is under way is waited for."""
        self.end()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join()
        self._hints.disarm()

    def _follow(self) -> None:
        hints = self._hints
        while not self._is_closed:
            if self._is_given_within(RECONCILE if hints.is_armed else POLL):
                self._wait_for_quiet()
            if self._is_closed:
                return
            try:
                found = self._stable()
                if found != self._seen and self._changed(found):
                    self._seen = found
                hints.rearm_if_needed()
            except Exception:  # noqa: BLE001 - told in full
                # Nobody would ever look again.
                _log.exception("following the files")

    def _wait_for_quiet(self) -> None:
        latest = time.monotonic() + MAX_WAIT
        while not self._is_closed and (left := latest - time.monotonic()) > 0:
            self._hints.given.clear()
            if not self._is_given_within(min(self._quiet(), left)):
                return

    def _is_given_within(self, seconds: float) -> bool:
        """Whether there is a hint within so many seconds."""
        self._is_busy, self._due = False, time.monotonic() + seconds + HUNGRY
        is_given = self._hints.given.wait(seconds)
        self._is_busy = True
        return is_given

    def _stable(self) -> str:
        """The fingerprint, read twice the same; what is in use if it never is."""
        latest = time.monotonic() + MAX_WAIT
        found = self._fingerprint()
        while found != self._seen and not self._is_closed:
            time.sleep(SAME_TWICE)
            before, found = found, self._fingerprint()
            if before == found:
                return found
            if time.monotonic() > latest:
                self.look()
                return self._seen
        return found


class Poller:
    """Calls `poll` in a thread of its own, `every` so many seconds."""

    def __init__(self, poll: Callable[[], None], every: Callable[[], float]) -> None:
        self._poll = poll
        self._every = every
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._go_on, name="claimhooks-poll", daemon=True)

    def start(self) -> None:
        """Begin, with a pause."""
        self._thread.start()

    def end(self) -> None:
        """Stop soon. Not waited for: what is polled may take its time."""
        self._closed.set()

    def _go_on(self) -> None:
        while not self._closed.wait(self._every()):
            try:
                self._poll()
            except Exception:  # noqa: BLE001 - told in full
                # Nobody would ever poll again.
                _log.exception("polling")


class _Hints:
    """Events of the folders around `places`, as long as the system gives any."""

    def __init__(self, places: Callable[[], Iterable[Path]]) -> None:
        self.given = threading.Event()
        self._places = places
        self._observer: BaseObserver | None = None
        self._armed: dict[Path, tuple[int, int]] = {}
        self._next_attempt = 0.0
        self._has_warned = False

    @property
    def is_armed(self) -> bool:
        return self._observer is not None

    def arm(self) -> None:
        self.disarm()
        self._next_attempt = time.monotonic() + REARM
        observer: BaseObserver | None = None
        armed: dict[Path, tuple[int, int]] = {}
        try:
            observer = Observer()
            for folder, names in self._folders().items():
                armed[folder] = _identity(folder)
                handler = _Handler(self.given, names)
                observer.schedule(
                    handler,
                    str(folder),
                    recursive=names is None,
                    event_filter=None if names is None else _SAVES,
                )
            observer.start()
        except OSError as error:
            # Out of inotify instances or watches, or a folder has just gone.
            if not self._has_warned:
                _log.warning("no file events (%s): polling every %s s", error, POLL)
                self._has_warned = True
            if observer is not None:
                _stop(observer)
            return
        self._observer, self._armed, self._has_warned = observer, armed, False

    def disarm(self) -> None:
        observer, self._observer = self._observer, None
        if observer is not None:
            _stop(observer)

    def rearm_if_needed(self) -> None:
        if self._observer is None:
            if time.monotonic() >= self._next_attempt:
                self.arm()
        elif not self._is_sound(self._observer):
            self.arm()
            # What has happened in between came without an event: look once more.
            self.given.set()

    def _is_sound(self, observer: BaseObserver) -> bool:
        """Whether events still come, and of the folders that are there now."""
        if not observer.is_alive() or not all(emitter.is_alive() for emitter in observer.emitters):
            return False
        try:
            return {folder: _identity(folder) for folder in self._folders()} == self._armed
        except OSError:
            return False

    def _folders(self) -> dict[Path, frozenset[str] | None]:
        """The folders to watch → the names in them that matter; None: all, and those below."""
        folders: dict[Path, frozenset[str] | None] = {}
        for place in self._places():
            # The folder above too: there a link is pointed elsewhere, a folder made anew.
            above = place.absolute().parent
            if above.is_dir() and (names := folders.get(above, frozenset())) is not None:
                folders[above] = names | {place.name}
        for place in self._places():
            if place.is_dir():
                folders[place.resolve()] = None
        return folders


class _Handler(FileSystemEventHandler):
    def __init__(self, given: threading.Event, names: frozenset[str] | None) -> None:
        self._given = given
        self._names = names

    def dispatch(self, event: FileSystemEvent) -> None:
        if event.event_type in _READING:
            return
        # In a Kubernetes ConfigMap no event names the file: `..data` is pointed elsewhere.
        paths = (os.fsdecode(event.src_path), os.fsdecode(event.dest_path))
        names = {os.path.basename(path) for path in paths}  # noqa: PTH119 - text, not files
        if self._names is None or names & self._names or any(n.startswith("..") for n in names):
            self._given.set()


def _identity(folder: Path) -> tuple[int, int]:
    status = folder.stat()
    return status.st_dev, status.st_ino


def _stop(observer: BaseObserver) -> None:
    observer.stop()
    if observer.is_alive():
        observer.join()
