"""The floor of a bridge: a bare Starlette application that parses a call and answers a constant."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

if TYPE_CHECKING:
    from starlette.requests import Request

CLAIMS = {"https://acme.example/tier0": "free"}


async def answer(request: Request) -> JSONResponse:
    asked = json.loads(await request.body())
    assert asked["request"]["client_id"]
    return JSONResponse({"session": {"access_token": CLAIMS, "id_token": {}}})


app = Starlette(routes=[Route("/hydra", answer, methods=["POST"])])
