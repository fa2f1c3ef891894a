"""A process that serves: its log on standard output, as lines of JSON, and its end."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, TextIO

import uvicorn
from pydantic_core import to_json

from claimhooks.serving.direct import DirectConnection
from claimhooks.serving.events import Events

if TYPE_CHECKING:
    from collections.abc import Callable

    from claimhooks.serving.events import Event

GRACE: Final = 30
"""Seconds that requests under way have when the process is to end."""


def serve(
    app: Callable[..., Any] | str,
    host: str,
    port: int,
    tls_cert: str | None,
    tls_key: str | None,
    *,
    workers: int = 1,
) -> None:
    """Serve `app` until told to stop; for several workers it is the name of a factory.

    Its lifespan yields what :mod:`claimhooks.serving.direct` answers.
    """
    # uvicorn raises the signal that has ended it once more.
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(0))
    uvicorn.run(
        app,
        factory=workers > 1,
        host=host,
        port=port,
        http=DirectConnection,
        ws="none",
        workers=workers,
        ssl_certfile=tls_cert,
        ssl_keyfile=tls_key,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE,
    )


class JsonLines(logging.Formatter):
    """Each record as a line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """`record` as one line."""
        document = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "event": "log",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            document["traceback"] = self.formatException(record.exc_info)
        return to_json(document).decode()


class _ToStdout(logging.StreamHandler[TextIO]):
    """Tells in a line, not by a traceback, that nothing can be written."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the name of `logging`
        if isinstance(error := sys.exception(), OSError):
            _tell(f"a line of the log cannot be written: {error}")
        else:
            super().handleError(record)


def log_to_stdout() -> None:
    """Send the log of the whole process to standard output, as lines of JSON."""
    handler = _ToStdout(sys.stdout)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    # One line for each connection or request is more than anybody wants beside the events.
    logging.getLogger("uvicorn.access").disabled = True
    # It tells whole addresses, with whatever stands in them.
    logging.getLogger("httpx2").setLevel(logging.WARNING)


class EventLines(Events):
    """Writes the lines of events to standard output.

    Those of one turn of the event loop are made and written together: one by one they take twice
    as long, and by way of `logging` as long as five hooks. An answer is sent once its line is
    written.
    """

    def __init__(self) -> None:
        super().__init__()
        self._stdout = sys.stdout
        self._file = sys.stdout.fileno()
        self._new: list[Event] = []
        self._torn = b""
        """The rest of a line of which some has been written."""
        self._has_failed = False

    def add(self, event: Event) -> None:
        """Take an event. The first of failures in a row is told on standard error."""
        if not self._new:
            asyncio.get_running_loop().call_soon(self.flush)
        self._new.append(event)

    def flush(self) -> None:
        """Write all lines now."""
        if not self._new:
            return
        new, self._new = self._new, []
        text, written = self._torn + b"\n".join([*map(self.told, new), b""]), 0
        try:
            if self._has_failed:
                # `logging` may have half a line left as well, unless somebody has closed it.
                with suppress(ValueError):
                    self._stdout.flush()
            while written < len(text):
                written += os.write(self._file, text[written:])
        except OSError as error:
            if written:
                self._torn = text[written : text.index(b"\n", written - 1) + 1]
            is_first, self._has_failed = not self._has_failed, True
            if is_first:
                _tell(f"the log of exchanges cannot be written: {error}")
        else:
            self._torn, self._has_failed = b"", False


def _tell(text: str) -> None:
    # If this is gone as well, there is nobody to tell.
    with suppress(OSError):
        print(text, file=sys.stderr)  # noqa: T201 - the log is what it is about
