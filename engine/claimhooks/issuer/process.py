"""The figures of one process of ``claimhooks serve``, on a port beside."""

from __future__ import annotations

import asyncio
import logging
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import uvicorn

from claimhooks.issuer.app import operations

if TYPE_CHECKING:
    from collections.abc import Generator

    from claimhooks.issuer.parts import Parts

_log: Final = logging.getLogger(__name__)


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
