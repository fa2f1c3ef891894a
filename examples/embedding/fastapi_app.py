"""FastAPI: from the documented request to a token.

    uvicorn --app-dir examples/embedding fastapi_app:app --port 8080
    curl http://127.0.0.1:8080/oauth/token -H 'Content-Type: application/json' \\
        -d '{"grant_type": "client_credentials", "client_id": "orders-worker",
             "client_secret": "secret", "audience": "https://api.acme.example/"}'
"""

import hmac
from typing import Literal

from fastapi import FastAPI
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from claimhooks import Api, Client, Exchange, Runtime
from claimhooks.token import SigningKey, payload

SCOPES = ("orders:read", "orders:write")
API = Api(identifier="https://api.acme.example/", scopes=SCOPES, token_lifetime=3600)
CLIENT = Client(id="orders-worker", metadata={"tier": "gold"})

app = FastAPI()
runtime = Runtime("hooks", "claimhooks.toml", watch=True)
key = SigningKey.generate("ES256")


class TokenRequest(BaseModel):
    """RFC 6749 §4.4.2, as the documented system takes it."""

    grant_type: Literal["client_credentials"]
    client_id: str
    client_secret: str
    audience: Literal["https://api.acme.example/"]


@app.post("/oauth/token")
async def token(request: TokenRequest) -> JSONResponse:
    """The exchange, the hooks, the signature."""
    is_known = hmac.compare_digest(request.client_secret.encode(), b"secret")
    if not is_known or request.client_id != CLIENT.id:
        return JSONResponse({"error": "invalid_client"}, 401)
    exchange = Exchange(client=CLIENT, audience=API.identifier, scope=SCOPES[:1], api=API)
    outcome = await runtime.arun(exchange)
    if (denial := outcome.error) is not None:
        answer = {"error": denial.error, "error_description": denial.error_description}
        return JSONResponse(answer, denial.status)
    signed = key.sign(payload(exchange, outcome, issuer="https://issuer.acme.example/"))
    found = {"access_token": signed, "token_type": "Bearer", "expires_in": outcome.expires_in}
    scope = " ".join(outcome.scope)
    return JSONResponse({**found, "scope": scope}, headers={"Cache-Control": "no-store"})


@app.get("/.well-known/jwks.json")
def jwks() -> dict[str, object]:
    """What verifies the tokens (RFC 7517 §5)."""
    return {"keys": [key.public_jwk()]}
