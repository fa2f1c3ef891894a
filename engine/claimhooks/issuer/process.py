"""One process of ``claimhooks serve``: its log on standard output, its figures on a port beside."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import uvicorn
from pydantic_core import to_json

from claimhooks.issuer.app import operations

if TYPE_CHECKING:
    from collections.abc import Generator

    from claimhooks.issuer.parts import Parts

_log: Final = logging.getLogger(__name__)


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


class EventLines:
    """Writes the lines of exchanges to standard output: by way of `logging` each takes as long as
    five hooks."""

    def __init__(self) -> None:
        self._file = sys.stdout.buffer
        self._has_failed = False

    def __call__(self, line: bytes) -> None:
        """Write `line`. The first of failures in a row is told on standard error."""
        try:
            self._file.write(line + b"\n")
            self._file.flush()
        except OSError as error:
            if not self._has_failed:
                print(f"the log of exchanges cannot be written: {error}", file=sys.stderr)  # noqa: T201
            self._has_failed = True
        else:
            self._has_failed = False


class _Beside(uvicorn.Server):
    """A server that leaves the signals of the process to the main one."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        yield


class Figures:
    """Serves `operations` on a port of its own as long as the issuer runs."""

    def __init__(self, parts: Parts, host: str, ports: range) -> None:
        """Of `ports` the first free one is taken: each process of a host has its own."""
        self._app = operations(parts)
        self._host = host
        self._ports = ports
        self._server: _Beside | None = None
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start serving; a port that cannot be had is logged, and the issuer does without."""
        for port in self._ports:
            config = uvicorn.Config(
                self._app, host=self._host, port=port, log_config=None, lifespan="off"
            )
            try:
                socket = config.bind_socket()
            except SystemExit:
                # What uvicorn does where the port is taken.
                continue
            self._server = _Beside(config)
            self._task = asyncio.create_task(self._server.serve([socket]))
            _log.info("figures at http://%s:%s/metrics (process %s)", self._host, port, os.getpid())
            return
        _log.warning("no port for the figures in %s: there are none", self._ports)

    async def stop(self) -> None:
        """Stop serving."""
        if self._server is not None and self._task is not None:
            self._server.should_exit = True
            await self._task
