"""Starlette, FastAPI and the like: the whole issuer, mounted into an application.

    uvicorn --app-dir examples/embedding starlette_app:app --port 8080

The client, its API and its grant come from a registry: see `claimhooks registry --help`.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

from claimhooks.issuer import create_app

issuer = create_app()


@asynccontextmanager
async def lifespan(_app: Starlette) -> AsyncGenerator[None]:
    """Starts and ends the issuer with the application: mounts are not told."""
    async with issuer.router.lifespan_context(issuer):
        yield


async def home(_request: Request) -> PlainTextResponse:
    """What the application does besides."""
    return PlainTextResponse("home")


app = Starlette(routes=[Route("/", home), Mount("/", issuer)], lifespan=lifespan)
