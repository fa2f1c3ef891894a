"""The ASGI applications: the issuer, and its operations beside it."""

from __future__ import annotations

import asyncio
import os
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Route

from claimhooks.issuer.metadata import Metadata, metadata_paths, path_of
from claimhooks.issuer.openapi import OPENAPI_PATH, OpenApi
from claimhooks.issuer.parts import JWKS_PATH, TOKEN_PATH, Parts
from claimhooks.issuer.token_endpoint import TokenEndpoint
from claimhooks.serving.beside import figures
from claimhooks.serving.direct import STATE, Direct
from claimhooks.serving.operations import Operations
from claimhooks.settings import Settings

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from starlette.requests import Request
    from starlette.types import Receive, Scope, Send

DEFAULT_ISSUER: Final = "http://127.0.0.1:8080/"


def create_app() -> Starlette:
    """The issuer, for any ASGI server that takes a factory; see :func:`open_parts`."""
    return application(open_parts())


def open_parts() -> Parts:
    """The parts of an issuer that environment variables describe.

    ``CLAIMHOOKS_CONFIG`` is the settings file; ``CLAIMHOOKS_HOOKS`` is the folder of hooks or a
    bundle, and ``CLAIMHOOKS_DATA`` a folder, by default ``hooks`` and ``data``, which alone may be
    missing; ``CLAIMHOOKS_ISSUER`` is the issuer's URL where the settings have none. Raises
    :class:`~claimhooks.errors.ProblemsError`.
    """
    config = os.environ.get("CLAIMHOOKS_CONFIG")
    settings = Settings.load(config) if config else Settings()
    return Parts.open(
        settings.issuer or os.environ.get("CLAIMHOOKS_ISSUER") or DEFAULT_ISSUER,
        settings,
        Path(config) if config else None,
        os.environ.get("CLAIMHOOKS_HOOKS") or None,
        Path(os.environ.get("CLAIMHOOKS_DATA", "data")),
    )


def application(parts: Parts, metrics_ports: range = range(0)) -> Starlette:
    """The issuer made of `parts`, which it closes at its end; its figures are at such a port."""
    metadata, token, asked = Metadata(parts), TokenEndpoint(parts), Operations(parts)
    direct = Direct(TOKEN_PATH.encode(), token)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncGenerator[dict[str, object]]:
        await parts.directory.start()
        try:
            async with figures(asked, metrics_ports):
                yield {STATE: direct}
        finally:
            await parts.directory.stop()
            await asyncio.to_thread(parts.close)

    app = _Issuer(
        routes=[
            Route(TOKEN_PATH, token),
            Route(JWKS_PATH, metadata.jwks),
            *(Route(path, metadata.configuration) for path in metadata_paths(parts.issuer)),
            Route(OPENAPI_PATH, OpenApi(parts).document),
            *asked.health,
        ],
        exception_handlers={HTTPException: _http_error},
        lifespan=lifespan,
    )
    app.token = token
    app.path = path_of(parts.issuer)
    # A redirect would have clients send their secrets once more, to wherever Host says.
    app.router.redirect_slashes = False
    return app


class _Issuer(Starlette):
    """Hands token requests on at once: the way through all layers costs each as much as a hook."""

    token: TokenEndpoint
    path: str
    """Of the issuer's URL: what is below it is here as well, for who does not take it away."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "http":
            path = scope["path"]
            if path in (TOKEN_PATH, self.path + TOKEN_PATH):
                await self.token(scope, receive, send)
                return
            if self.path and path.startswith(f"{self.path}/"):
                scope = {**scope, "path": path.removeprefix(self.path)}
        await super().__call__(scope, receive, send)


def operations(parts: Parts) -> Starlette:
    """What belongs on a port of its own: the metrics, and health once more."""
    return Operations(parts).application()


async def _http_error(_request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    headers = dict(error.headers or {}) if isinstance(error, HTTPException) else {}
    body = b'{"error":"not_found"}' if status == 404 else b'{"error":"invalid_request"}'
    headers["cache-control"] = "no-store"
    return Response(body, status, headers, media_type="application/json")
