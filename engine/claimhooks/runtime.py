"""Holds the active generation, swaps it, runs exchanges."""

from __future__ import annotations

import logging
import signal
import threading
import time
import weakref
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Self

from claimhooks import gate
from claimhooks.errors import ClaimhooksError, LoadError, Problem
from claimhooks.generation import Plan
from claimhooks.generations import Failure, Generations
from claimhooks.lanes import lane_of
from claimhooks.source import Reading, Source

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import TracebackType

    from claimhooks.exchange import Exchange, Outcome
    from claimhooks.generation import Generation
    from claimhooks.lanes import Lane
    from claimhooks.lanes.state import LaneState
    from claimhooks.recording.recorder import Recorder, RecordingState
    from claimhooks.settings import Lane as LaneName
    from claimhooks.settings import Settings
    from claimhooks.snapshot import Snapshot
    from claimhooks.watch import Mode, Poller, Watcher

PASSING: Final = frozenset(
    {"lane_unavailable", "load_timed_out", "secret_missing", "sample_unreadable"}
)
"""Problems that may go away without a change of the files: loading is tried again."""
YIELD: Final = 0.0001
"""Seconds: as short as lets another thread wake up."""
KEPT: Final = 10
"""How many generations a runtime can roll back to."""

_log: Final = logging.getLogger(__name__)


class Runtime:
    """Runs hooks. Safe to share between threads.

    `hooks` is a folder; or a bundle: a file, or an address such as ``https://…`` or ``s3://…``; or
    a :class:`~claimhooks.snapshot.Snapshot`, which stays.
    `settings` is a :class:`Settings`, or the path of a ``claimhooks.toml``; `lane` is where hooks
    run if they do not say. With `watch`, all of them are followed: a good save changes the next
    exchange, a bad one is logged and changes nothing. To be without hooks is an error unless
    `allow_empty`. Raises :class:`~claimhooks.errors.LoadError`.
    """

    def __init__(
        self,
        hooks: str | Path | Snapshot,
        settings: Settings | str | Path | None = None,
        *,
        lane: LaneName = "inline",
        watch: bool = False,
        allow_empty: bool = False,
    ) -> None:
        self._source = Source(hooks, settings, lane, allow_empty=allow_empty)
        self._lock = threading.RLock()
        """Held while a generation is made active, which takes its time."""
        self._swap = threading.Lock()
        """Held for what `generations` tells: those in an event loop ask for it."""
        self._alive: weakref.WeakSet[Generation] = weakref.WeakSet()
        self._past: list[Reading] = []
        self._left: set[str] = set()
        """The fingerprints of what has been rolled back from."""
        self._generation: Generation
        self._failure: Failure | None = None
        self._watcher: Watcher | None = None
        self._poller: Poller | None = None
        self._recorder: Recorder | None = None
        self._is_closed = False
        self._loads = self._failures = 0
        self._load_seconds = 0.0
        reading = self._source.read(fetch=True)
        self._lane: Final[Lane] = lane_of(reading.contents.settings)
        try:
            self._activate(reading)
        except BaseException:
            self._lane.close()
            raise
        if watch:
            # Not at the top: a dry run that watches nothing need not load it.
            from claimhooks.watch import Poller, Watcher  # noqa: PLC0415

            self._latest = reading
            self._watcher = Watcher(
                self._source.places,
                self._look,
                self._follow,
                reading.fingerprint,
                lambda: self._generation.settings.quiet,
            )
            self._watcher.start()
            if self._source.hooks.is_remote:
                self._poller = Poller(self._poll, lambda: self._generation.settings.bundle.poll)
                self._poller.start()

    @property
    def generation(self) -> Generation:
        """The active generation: the one that the next exchange runs on."""
        return self._generation

    @property
    def snapshot(self) -> Snapshot:
        """What the active generation was made from."""
        return self._past[-1].contents.snapshot

    @property
    def generations(self) -> Generations:
        """The active generation, those before it, and why the latest files are not in use."""
        with self._swap:
            active = self._generation
            return Generations(
                active=active.digest,
                revision=active.revision,
                active_since=self._since,
                draining=tuple(one.digest for one in self._alive if one is not active),
                past=tuple(one.contents.snapshot.digest for one in self._past[:-1]),
                failure=self._failure,
                loads=self._loads,
                failures=self._failures,
                load_seconds=self._load_seconds,
            )

    @property
    def watch_mode(self) -> Mode:
        """How changes are noticed: by ``events``, by ``polling``, or not at all: ``off``."""
        if self._watcher is None or self._watcher.mode == "off":
            return "off"
        return "polling" if self._poller is not None else self._watcher.mode

    @property
    def lane(self) -> LaneState:
        """How far hooks are kept apart from this process, and how their workers fare."""
        return self._lane.state(self._generation)

    @property
    def recording(self) -> RecordingState | None:
        """How recording fares; None: the settings have never asked for it."""
        return None if self._recorder is None else self._recorder.state

    def run(self, exchange: Exchange) -> Outcome:
        """Run every hook over `exchange`. Whatever a hook does is in the outcome, not raised."""
        self._make_way()
        generation, recorder = self._generation, self._recorder
        if recorder is None or (chosen := recorder.chosen(exchange)) is None:
            return self._lane.run(generation, exchange)
        outcome = self._lane.run(generation, chosen)
        recorder.record(chosen, outcome, generation.redactor)
        return outcome

    async def arun(self, exchange: Exchange) -> Outcome:
        """:meth:`run` for callers in an event loop: ``async def`` hooks are awaited there."""
        self._make_way()
        generation, recorder = self._generation, self._recorder
        if recorder is None or (chosen := recorder.chosen(exchange)) is None:
            return await self._lane.arun(generation, exchange)
        outcome = await self._lane.arun(generation, chosen)
        recorder.record(chosen, outcome, generation.redactor)
        return outcome

    def reload(self) -> Generation:
        """Load the files again, and make the result the active generation.

        Exchanges under way end on the generation they began with. Raises
        :class:`~claimhooks.errors.LoadError`; then the active generation stays.
        """
        # Before all others have to wait: an address may take its time to answer.
        self._source.read(fetch=True)
        with self._lock:
            self._try(self._source.read_twice())
            return self._generation

    def rollback(self, digest: str = "") -> Generation:
        """Make an earlier generation active again: the last, or the last whose digest begins so.

        It is loaded anew, from the bytes and settings of then, and stays until the files change.
        Raises :class:`~claimhooks.errors.LoadError`, and
        :class:`~claimhooks.errors.ClaimhooksError` if there is none.
        """
        with self._lock:
            for index in reversed(range(len(self._past) - 1)):
                reading = self._past[index]
                if reading.contents.snapshot.digest.startswith(digest):
                    before, left = self._past[:index], self._past[index + 1 :]
                    self._activate(reading)
                    self._past = [*before, reading]
                    self._left |= {one.fingerprint for one in left}
                    return self._generation
            asked = f"with a digest that begins with {digest!r} " if digest else ""
            raise ClaimhooksError(f"there is no earlier generation {asked}to roll back to")

    def handle_signals(self) -> None:
        """Let SIGHUP reload and SIGUSR2 roll back, with the result in the log.

        To be called in the main thread. Raises ValueError in another.
        """
        for number, action in ((signal.SIGHUP, self.reload), (signal.SIGUSR2, self.rollback)):
            signal.signal(number, self._in_thread(action))

    def close(self) -> None:
        """Stop following the files, and let go of what the runtime holds besides memory.

        Exchanges under way are waited for, a reload under way is given up.
        """
        self._is_closed = True
        if self._poller is not None:
            self._poller.end()
        if self._watcher is not None:
            self._watcher.end()
        self._lane.close()
        if self._watcher is not None:
            self._watcher.close()
        if self._recorder is not None:
            self._recorder.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _make_way(self) -> None:
        if (watcher := self._watcher) is None or not watcher.is_hungry:
            return
        if watcher.mode != "off" or self._is_closed:
            time.sleep(YIELD)
            return
        self._watcher = None
        _log.warning(
            "nothing follows the hooks: this runtime was made before the process was forked; "
            "make one in each process"
        )

    def _poll(self) -> None:
        """Ask the address of the hooks, and let the watcher find out what came of it."""
        self._source.read(fetch=True)
        if self._watcher is not None:
            self._watcher.look()

    def _look(self) -> str:
        self._latest = reading = self._source.read()
        with self._lock:
            if self._failure is not None and self._is_settled(reading):
                digest = self._generation.digest[:12]
                _log.warning("the files are as before again: generation %s stays active", digest)
                self._failure = None
        return reading.fingerprint

    def _follow(self, _fingerprint: str) -> bool:
        """Load the latest files, unless they are in use; tells whether that settles it."""
        try:
            with self._lock:
                if not self._is_settled(self._latest):
                    self._try(self._latest)
        except LoadError as error:
            # Logged, and kept as the failure. What is not wrong with the files may mend itself.
            return not any(problem.code in PASSING for problem in error.problems)
        except Exception as error:  # noqa: BLE001 - whatever it is, it must be followed on
            _log.exception("generation %s stays active", self._generation.digest[:12])
            problem = Problem("reload_failed", self._source.hooks.shown, repr(error))
            self._failure = Failure(datetime.now(UTC), (problem,))
        return True

    def _is_settled(self, reading: Reading) -> bool:
        """Whether it is in use, or has been rolled back from, which it stays."""
        return reading.fingerprint in {self._past[-1].fingerprint, *self._left}

    def _try(self, reading: Reading) -> None:
        try:
            self._check_order(reading)
            self._activate(reading)
            self._left.clear()
        except LoadError as error:
            if self._is_closed:
                raise
            before, self._failure = self._failure, Failure(datetime.now(UTC), error.problems)
            self._failures += 1
            if before is None or before.problems != error.problems:
                active = self._generation.digest[:12]
                _log.warning("not loaded, generation %s stays active:\n%s", active, error)
            raise

    def _check_order(self, reading: Reading) -> None:
        """Raise :class:`LoadError` for a bundle that is older than the active one."""
        before, found = self._generation.revision, reading.contents.snapshot.revision
        if before is not None and found is not None and found < before:
            reason = f"revision {found} is older than {before}, which is active"
            raise LoadError([Problem("bundle_older", self._source.hooks.shown, reason)])

    def _activate(self, reading: Reading) -> None:
        snapshot, settings = reading.contents.snapshot, reading.contents.settings
        if self._past and settings.lane != self._generation.settings.lane:
            reason = f"lane = {settings.lane!r}: the lane of a running process stays"
            raise LoadError([Problem("lane_changed", settings.file, reason)])
        began = time.perf_counter()
        plan = Plan.of(snapshot, settings, allow_empty=self._source.allow_empty)
        generation = self._lane.load(plan)
        if settings.gate_path is not None:
            gate.check(settings.gate_path, lambda sample: self._lane.run(generation, sample))
        self._recorder = _recorder_of(settings, self._recorder)
        with self._swap:
            self._generation = generation
            self._since = datetime.now(UTC)
            self._alive.add(generation)
            self._past = [*self._past[-KEPT:], reading]
            self._failure = None
            self._loads += 1
            self._load_seconds = time.perf_counter() - began
        name = generation.digest[:12]
        if generation.revision is not None:
            name = f"{name}, revision {generation.revision},"
        _log.info("generation %s is active, with %s hooks", name, len(generation.hooks))

    def _in_thread(self, action: Callable[[], object]) -> Callable[..., None]:
        # The interrupted code may hold the lock; and loading takes its time.
        def quietly() -> None:
            try:
                action()
            except ClaimhooksError as error:
                # What a reload finds is logged already.
                if not isinstance(error, LoadError) or action == self.rollback:
                    _log.warning("%s", error)

        def handle(*_: object) -> None:
            threading.Thread(target=quietly, name="claimhooks-signal", daemon=True).start()

        return handle


def _recorder_of(settings: Settings, before: Recorder | None) -> Recorder | None:
    if settings.record is None and before is None:
        return None
    # Not at the top: a runtime that records nothing need not load it.
    from claimhooks.recording.recorder import Recorder  # noqa: PLC0415

    recorder = before or Recorder()
    recorder.follow(settings)
    return recorder
