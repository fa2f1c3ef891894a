"""Recording the exchanges of a runtime, as its settings have it."""

from __future__ import annotations

import logging
import random
import threading
import weakref
from typing import TYPE_CHECKING, Final

from claimhooks.recording.line import dated, line_of
from claimhooks.recording.rules import Rules, unmatched
from claimhooks.recording.writer import RecordingState, Writer

if TYPE_CHECKING:
    from claimhooks.exchange import Exchange, Outcome
    from claimhooks.recording.folder import Limits
    from claimhooks.secret import Redactor
    from claimhooks.settings import Settings

__all__ = ["Recorder", "RecordingState"]

_log: Final = logging.getLogger(__name__)


class Recorder:
    """Chooses exchanges and hands them to a writer. Safe to share between threads."""

    def __init__(self) -> None:
        self._rules: Rules | None = None
        self._unmatched = ""
        # Not the one that hooks may seed.
        self._beginning = threading.Lock()
        self._random = random.Random()  # noqa: S311 - a sample
        self._begin()

    @property
    def state(self) -> RecordingState:
        """How recording fares in this process."""
        return self._writer.state

    def follow(self, settings: Settings) -> None:
        """Record as `settings` have it from now on.

        Raises :class:`~claimhooks.errors.LoadError`; then all stays as it was.
        """
        rules = self._rules = Rules.of(settings)
        self._writer.limits = _limits_of(rules)
        before, self._unmatched = self._unmatched, unmatched(settings)
        if self._unmatched and self._unmatched != before:
            _log.warning("recordings: %s", self._unmatched)

    def chosen(self, exchange: Exchange) -> Exchange | None:
        """`exchange` with the time that hooks are to see, if it is to be recorded."""
        rules = self._rules
        # No exchange tells anything of another: each is chosen for itself.
        if rules is None or self._random.random() >= rules.rate:
            return None
        return dated(exchange)

    def record(self, exchange: Exchange, outcome: Outcome, redactor: Redactor) -> None:
        """Record an exchange that was chosen. `redactor` knows the secrets of its hooks.

        Never raises, and takes microseconds: all else is done in another thread.
        """
        if self._writer.is_forked:
            with self._beginning:
                # The first of the child's threads does it.
                if self._writer.is_forked:
                    self._writer.let_go()
                    self._begin()
        try:
            line = line_of(exchange, outcome)
        except Exception as error:  # noqa: BLE001 - a program may have put anything there
            self._writer.lose(f"not JSON: {type(error).__name__}")
            return
        if (rules := self._rules) is not None:
            self._writer.put(line, rules, redactor)

    def close(self) -> None:
        """Write what is waiting, and end."""
        self._end()

    def _begin(self) -> None:
        self._writer = Writer(_limits_of(self._rules))
        # Also when the interpreter ends.
        self._end = weakref.finalize(self, self._writer.close)


def _limits_of(rules: Rules | None) -> Limits | None:
    return None if rules is None else rules.limits
