"""The figures of one process that serves, on a port beside."""

from __future__ import annotations

import asyncio
import logging
import os
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Final

import uvicorn

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator
    from socket import socket

    from starlette.applications import Starlette

    from claimhooks.serving.operations import Operations

HOST: Final = "127.0.0.1"
"""Figures are not for everybody."""

_log: Final = logging.getLogger(__name__)


class _Server(uvicorn.Server):
    """A server that leaves the signals of the process to the main one."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        yield


@asynccontextmanager
async def figures(operations: Operations, ports: range) -> AsyncGenerator[None]:
    """Serves them meanwhile at the first of `ports` that is free: each process has its own.

    If none of them is free, the log tells so, and the service does without; so it does if there
    are no `ports`.
    """
    found = _bound(operations.application(), ports)
    if found is None:
        if ports:
            shown = ", ".join(map(str, ports))
            _log.warning("there are no figures: there is no free port among %s", shown)
        yield
        return
    server, socket = found
    task = asyncio.create_task(server.serve([socket]))
    _log.info("figures at http://%s:%s/metrics (process %s)", *socket.getsockname(), os.getpid())
    try:
        yield
    finally:
        server.should_exit = True
        await task


def _bound(app: Starlette, ports: range) -> tuple[_Server, socket] | None:
    for port in ports:
        config = uvicorn.Config(
            app, host=HOST, port=port, log_config=None, lifespan="off", timeout_graceful_shutdown=1
        )
        try:
            return _Server(config), config.bind_socket()
        except SystemExit:
            # What uvicorn does where the port is taken.
            continue
    return None
