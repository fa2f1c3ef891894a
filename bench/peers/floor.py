"""The floor: a bare Starlette application that parses a token request and signs, no more."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

import jwt
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

from claimhooks.token import SigningKey

if TYPE_CHECKING:
    from starlette.requests import Request

CLAIMS = json.loads(os.environ["BENCH_CLAIMS"])
KEYS = {
    "https://es256.acme.example/": SigningKey.generate("ES256"),
    "https://rs256.acme.example/": SigningKey.generate("RS256"),
}


async def token(request: Request) -> JSONResponse:
    found = dict(parse_qsl((await request.body()).decode()))
    key = KEYS[found["audience"]]
    claims = CLAIMS | {"client_id": found["client_id"], "aud": found["audience"]}
    signed = jwt.encode(claims, key.private, algorithm=key.algorithm, headers=key.header())
    return JSONResponse(
        {"access_token": signed, "token_type": "Bearer", "expires_in": 3600},
        headers={"cache-control": "no-store"},
    )


app = Starlette(routes=[Route("/oauth/token", token, methods=["POST"])])
