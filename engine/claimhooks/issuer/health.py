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
        """200 if tokens can be issued, else 503; degraded if files as they are now are not used.

        Of what is wrong only the code is told: anybody may ask. The log has the rest.
        """
        parts = self._parts
        generations, lane = parts.runtime.generations, parts.runtime.lane
        is_ready = parts.directory.is_ready
        problems = _problems(parts)
        document = {
            "status": "degraded" if is_ready and problems else "ready" if is_ready else "down",
            "problems": problems,
            "generation": generations.active,
            "revision": generations.revision,
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


def _problems(parts: Parts) -> list[str]:
    """The codes of what an operator has to mend."""
    failure, recording = parts.runtime.generations.failure, parts.runtime.recording
    found = [*(failure.problems if failure else ()), *parts.store.problems, parts.keyring.problem]
    if recording is not None:
        found.append(recording.problem)
    return sorted({problem.code for problem in found if problem is not None})


def _json(status: int, document: object) -> Response:
    headers = {"cache-control": "no-store"}
    return Response(to_json(document), status, headers, media_type="application/json")
