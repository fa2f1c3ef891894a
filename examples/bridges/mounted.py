"""The token hooks of two other issuers, mounted into an application of yours.

    export HYDRA_API_KEY="Bearer $(openssl rand -hex 32)" WSO2_TOKEN=$(openssl rand -hex 32)
    uvicorn --app-dir examples/bridges mounted:app --port 8090

Hydra then calls POST /token-hooks/hydra, and WSO2 POST /token-hooks/wso2, with these credentials.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.routing import Route

from claimhooks import Runtime
from claimhooks.bridges import create_bridge

# One runtime for both: the same hooks, in processes of their own, followed as they change.
runtime = Runtime("hooks", "examples/bridges/claimhooks.toml", lane="worker", watch=True)
hydra = create_bridge("hydra", runtime)
wso2 = create_bridge("wso2", runtime)


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncGenerator[None]:
    """Starts and ends the bridges with the application."""
    with runtime:
        async with hydra.lifespan(app), wso2.lifespan(app):
            yield


# A Route, no Mount: that would redirect calls to a path with a slash, which no issuer follows.
app = Starlette(
    routes=[Route("/token-hooks/hydra", hydra), Route("/token-hooks/wso2", wso2)],
    lifespan=lifespan,
)
