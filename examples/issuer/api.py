"""An API that takes the issuer's tokens, and refuses others as RFC 6750 §3 says.

ISSUER=http://127.0.0.1:8080/ uvicorn --app-dir examples/issuer api:app --port 8090
"""

import os
from collections.abc import Callable

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from claimhooks import TokenRejected
from claimhooks.token import Verifier

Endpoint = Callable[[Request], Response]

ISSUER = os.environ.get("ISSUER", "http://127.0.0.1:8080/")
AUDIENCE = os.environ.get("AUDIENCE", "https://api.acme.example/")

verifier = Verifier(f"{ISSUER}.well-known/jwks.json", issuer=ISSUER, audience=AUDIENCE)


def requires(scope: str) -> Callable[[Endpoint], Endpoint]:
    """Lets only requests in whose token has `scope`; its claims are ``request.state.claims``."""

    def protected(endpoint: Endpoint) -> Endpoint:
        def answer(request: Request) -> Response:
            scheme, _, token = request.headers.get("authorization", "").partition(" ")
            if scheme.lower() != "bearer":
                # Who has not tried is told no error (RFC 6750 §3.1).
                return refusal(401, "Bearer")
            try:
                request.state.claims = verifier.verify(token.strip(), scope=scope)
            except TokenRejected as rejected:
                if rejected.step == "scope":
                    return refusal(403, f'Bearer error="insufficient_scope", scope="{scope}"')
                return refusal(
                    401, f'Bearer error="invalid_token", error_description="{rejected.step}"'
                )
            return endpoint(request)

        return answer

    return protected


def refusal(status: int, challenge: str) -> Response:
    return Response(status_code=status, headers={"WWW-Authenticate": challenge})


# Not async: fetching the issuer's keys may take a moment, which Starlette gives a thread.
@requires("orders:read")
def list_orders(request: Request) -> Response:
    tier = request.state.claims.get("https://acme.example/tier")
    return JSONResponse({"orders": ["a bicycle", "a bell"], "tier": tier})


@requires("orders:write")
def add_order(_request: Request) -> Response:
    return JSONResponse({"added": True}, status_code=201)


app = Starlette(
    routes=[
        Route("/orders", list_orders, methods=["GET"]),
        Route("/orders", add_order, methods=["POST"]),
    ]
)
