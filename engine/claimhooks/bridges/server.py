"""``claimhooks serve-bridge``: a bridge in a process of its own."""

from __future__ import annotations

import logging
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pydantic_core import to_json
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Route

from claimhooks.bridges.opening import create_bridge
from claimhooks.runtime import Runtime
from claimhooks.serving import process
from claimhooks.serving.direct import STATE, Direct

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from starlette.requests import Request

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
        process.serve(application(app), host, port, tls_cert, tls_key)


def application(app: BridgeApp) -> Starlette:
    """`app` at the path that is named after its peer, and the health of it beside."""
    health, path = _Health(app), f"/{app.bridge.peer.name}"

    @asynccontextmanager
    async def lifespan(_app: object) -> AsyncGenerator[dict[str, object]]:
        async with app.lifespan():
            yield {STATE: Direct(path.encode(), app.bridge.answer)}

    return Starlette(
        routes=[
            Route(path, app),
            Route("/healthz", health.alive),
            Route("/readyz", health.ready),
        ],
        exception_handlers={HTTPException: _http_error},
        lifespan=lifespan,
    )


class _Health:
    """``/healthz`` and ``/readyz``."""

    def __init__(self, app: BridgeApp) -> None:
        self._bridge = app.bridge

    async def alive(self, _request: Request) -> Response:
        """200 as long as the process answers at all."""
        return _json(200, {"status": "alive"})

    async def ready(self, _request: Request) -> Response:
        """200 if calls can be answered, else 503; degraded if the files as they are are not used.

        Of what is wrong only the code is told: anybody may ask. The log has the rest.
        """
        bridge = self._bridge
        problems, is_ready = bridge.problems, bridge.clients.is_ready
        lane = bridge.runtime.lane
        document = {
            "status": "degraded" if is_ready and problems else "ready" if is_ready else "down",
            "problems": problems,
            "peer": bridge.peer.name,
            "generation": bridge.runtime.generations.active,
            "lane": lane.lane,
            "isolation": lane.isolation.level,
            "workers": lane.workers,
            "suspended_hooks": lane.suspended,
            "watch": bridge.runtime.watch_mode,
        }
        return _json(200 if is_ready else 503, document)


async def _http_error(_request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    code = "not_found" if status == 404 else "invalid_request"
    return _json(status, {"error": code})


def _json(status: int, document: object) -> Response:
    headers = {"cache-control": "no-store"}
    return Response(to_json(document), status, headers, media_type="application/json")
