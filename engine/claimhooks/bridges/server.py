"""``claimhooks serve-bridge``: a bridge in a process of its own."""

from __future__ import annotations

import logging
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.routing import Route

from claimhooks.bridges.opening import create_bridge
from claimhooks.runtime import Runtime
from claimhooks.serving import process
from claimhooks.serving.beside import figures
from claimhooks.serving.direct import STATE, Direct
from claimhooks.serving.operations import Operations

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from starlette.requests import Request
    from starlette.responses import Response

    from claimhooks.bridges.routes import BridgeApp
    from claimhooks.settings import PeerName

DEFAULT_HOOKS: Final = Path("hooks")

_log: Final = logging.getLogger(__name__)


def run(
    name: PeerName,
    hooks: str | None,
    config: Path | None,
    host: str,
    port: int,
    tls_cert: str | None,
    tls_key: str | None,
    metrics_port: int | None,
) -> None:
    """Serve until told to stop. Raises :class:`~claimhooks.errors.ProblemsError`."""
    process.log_to_stdout()
    # The runtime is first: its workers are made while no secret of the bridge is in memory.
    runtime = Runtime(
        hooks or DEFAULT_HOOKS, config, lane="worker", watch=True, allow_empty=hooks is None
    )
    if not runtime.generation.hooks:
        _log.warning("there are no hooks in %s: tokens are issued as they are", DEFAULT_HOOKS)
    with runtime:
        app = create_bridge(name, runtime)
        app.bridge.events = process.EventLines()
        runtime.handle_signals()
        _log.info("%s is to call POST /%s", app.bridge.peer.title, name)
        process.serve(application(app, metrics_port), host, port, tls_cert, tls_key)


def application(app: BridgeApp, metrics_port: int | None = None) -> Starlette:
    """`app` at the path that is named after its peer, with its health; figures at their port."""
    ports = range(0) if metrics_port is None else range(metrics_port, metrics_port + 1)
    path, operations = f"/{app.bridge.peer.name}", Operations(app.bridge)
    direct = Direct(path.encode(), app.bridge)

    @asynccontextmanager
    async def lifespan(_app: object) -> AsyncGenerator[dict[str, object]]:
        async with app.lifespan(), figures(operations, ports):
            yield {STATE: direct}

    return Starlette(
        routes=[Route(path, app), *operations.health],
        exception_handlers={HTTPException: _http_error},
        lifespan=lifespan,
    )


async def _http_error(_request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    code = "not_found" if status == 404 else "invalid_request"
    return JSONResponse({"error": code}, status, {"cache-control": "no-store"})
