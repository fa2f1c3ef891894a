"""What the platform asks: is the issuer alive, can it issue, what are its figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CONTENT_TYPE_LATEST
from pydantic_core import to_json
from starlette.responses import Response

if TYPE_CHECKING:
    from starlette.requests import Request

    from claimhooks.issuer.parts import Parts


class Health:
    """``/healthz``, ``/readyz`` and ``/metrics``."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def alive(self, _request: Request) -> Response:
        """200 as long as the process answers at all."""
        return _json(200, {"status": "alive"})

    async def ready(self, _request: Request) -> Response:
        """200 if tokens can be issued, else 503; degraded if the latest files are not in use."""
        parts = self._parts
        generations, lane = parts.runtime.generations, parts.runtime.lane
        is_ready = parts.directory.is_ready
        is_degraded = generations.failure is not None or parts.keyring.problem is not None
        document = {
            "status": "degraded" if is_ready and is_degraded else "ready" if is_ready else "down",
            "generation": generations.active,
            "registry": "reachable" if parts.directory.is_reachable else "unreachable",
            "lane": lane.lane,
            "isolation": lane.isolation.level,
            "workers": lane.workers,
            "suspended_hooks": lane.suspended,
            "watch": parts.runtime.watch_mode,
        }
        return _json(200 if is_ready else 503, document)

    async def metrics(self, _request: Request) -> Response:
        """The metrics, for Prometheus."""
        return Response(self._parts.metrics.exposition(), media_type=CONTENT_TYPE_LATEST)


def _json(status: int, document: object) -> Response:
    headers = {"cache-control": "no-store"}
    return Response(to_json(document), status, headers, media_type="application/json")
