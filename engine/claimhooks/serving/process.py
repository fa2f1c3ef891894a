"""A process that serves: its log on standard output, as lines of JSON, and its end."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import uvicorn
from pydantic_core import to_json

from claimhooks.serving.direct import DirectConnection

if TYPE_CHECKING:
    from collections.abc import Callable

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


def log_to_stdout() -> None:
    """Send the log of the whole process to standard output, as lines of JSON."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    # One line for each connection or request is more than anybody wants beside the events.
    logging.getLogger("uvicorn.access").disabled = True
    # It tells whole addresses, with whatever stands in them.
    logging.getLogger("httpx2").setLevel(logging.WARNING)


class EventLines:
    """Writes the lines of exchanges to standard output.

    Those of one turn of the event loop are written together: one by one, by way of `logging`, each
    takes as long as five hooks. Answers are sent a turn later, once their lines are written.
    """

    def __init__(self) -> None:
        self._file = sys.stdout.buffer
        self._lines: list[bytes] = []
        self._has_failed = False

    def __call__(self, line: bytes) -> None:
        """Write `line` soon. The first of failures in a row is told on standard error."""
        if not self._lines:
            asyncio.get_running_loop().call_soon(self._write)
        self._lines.append(line)

    def _write(self) -> None:
        lines, self._lines = self._lines, []
        try:
            self._file.write(b"\n".join([*lines, b""]))
            self._file.flush()
        except OSError as error:
            if not self._has_failed:
                print(f"the log of exchanges cannot be written: {error}", file=sys.stderr)  # noqa: T201
            self._has_failed = True
        else:
            self._has_failed = False
