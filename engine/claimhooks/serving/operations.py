"""What the platform asks: is the process alive, can it answer, what are its figures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from prometheus_client import CONTENT_TYPE_LATEST
from pydantic_core import to_json
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from claimhooks.serving.metrics import exposition

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from starlette.requests import Request

    from claimhooks.errors import Problem
    from claimhooks.runtime import Runtime
    from claimhooks.serving.events import Events


class Service(Protocol):
    """What is asked about: an issuer or a bridge."""

    @property
    def runtime(self) -> Runtime:
        """Its hooks."""
        ...

    @property
    def events(self) -> Events:
        """What has become of requests."""
        ...

    @property
    def is_ready(self) -> bool:
        """Whether requests can be answered."""
        ...

    @property
    def registry_problems(self) -> Sequence[Problem]:
        """Why the registry, as it is now, is not in use."""
        ...

    @property
    def problems(self) -> Sequence[Problem]:
        """What else an operator has to mend, besides the registry and the runtime."""
        ...

    @property
    def about(self) -> Mapping[str, object]:
        """What else is told to whoever asks whether it is ready."""
        ...


class Operations:
    """``/healthz``, ``/readyz`` and ``/metrics`` of a service."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self.health = [Route("/healthz", self._alive), Route("/readyz", self._ready)]
        """For everybody. The metrics are not: they belong on a port of their own."""

    def application(self) -> Starlette:
        """All of it."""
        return Starlette(routes=[Route("/metrics", self._metrics), *self.health])

    async def _alive(self, _request: Request) -> Response:
        """200 as long as the process answers at all."""
        return _json(200, {"status": "alive"})

    async def _ready(self, _request: Request) -> Response:
        """200 if requests can be answered, else 503; degraded if files are not used as they are.

        Of what is wrong only the code is told: anybody may ask. The log has the rest.
        """
        service = self._service
        generations, lane = service.runtime.generations, service.runtime.lane
        is_ready, problems = service.is_ready, codes(service)
        document = {
            "status": "degraded" if is_ready and problems else "ready" if is_ready else "down",
            "problems": problems,
            "generation": generations.active,
            "revision": generations.revision,
            **service.about,
            "lane": lane.lane,
            "isolation": lane.isolation.level,
            "workers": lane.workers,
            "suspended_hooks": lane.suspended,
            "watch": service.runtime.watch_mode,
        }
        return _json(200 if is_ready else 503, document)

    async def _metrics(self, _request: Request) -> Response:
        return Response(exposition(self._service), media_type=CONTENT_TYPE_LATEST)


def codes(service: Service) -> list[str]:
    """The codes of what an operator has to mend."""
    failure, recording = service.runtime.generations.failure, service.runtime.recording
    found = [*service.problems, *service.registry_problems, *(failure.problems if failure else ())]
    if recording is not None and recording.problem is not None:
        found.append(recording.problem)
    return sorted({problem.code for problem in found})


def _json(status: int, document: object) -> Response:
    headers = {"cache-control": "no-store"}
    return Response(to_json(document), status, headers, media_type="application/json")
