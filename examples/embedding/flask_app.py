"""Flask: from the documented request to a token.

    flask --app examples/embedding/flask_app run --port 8080
    curl http://127.0.0.1:8080/oauth/token -d grant_type=client_credentials \\
        -d client_id=orders-worker -d client_secret=secret -d audience=https://api.acme.example/
"""

import hmac

from flask import Flask, request
from flask.typing import ResponseReturnValue

from claimhooks import Api, Client, Exchange, Runtime
from claimhooks.token import SigningKey, payload

SCOPES = ("orders:read", "orders:write")
API = Api(identifier="https://api.acme.example/", scopes=SCOPES, token_lifetime=3600)
CLIENT = Client(id="orders-worker", metadata={"tier": "gold"})

app = Flask(__name__)
runtime = Runtime("hooks", "claimhooks.toml", watch=True)
key = SigningKey.generate("ES256")


@app.post("/oauth/token")
def token() -> ResponseReturnValue:
    """The exchange, the hooks, the signature."""
    found = request.get_json(silent=True) or request.form
    is_known = hmac.compare_digest(str(found.get("client_secret")).encode(), b"secret")
    if not is_known or found.get("client_id") != CLIENT.id:
        return {"error": "invalid_client"}, 401
    if found.get("grant_type") != "client_credentials":
        return {"error": "unsupported_grant_type"}, 400
    if found.get("audience") != API.identifier:
        return {"error": "invalid_target"}, 400
    exchange = Exchange(client=CLIENT, audience=API.identifier, scope=SCOPES[:1], api=API)
    outcome = runtime.run(exchange)
    if (denial := outcome.error) is not None:
        answer = {"error": denial.error, "error_description": denial.error_description}
        return answer, denial.status
    signed = key.sign(payload(exchange, outcome, issuer="https://issuer.acme.example/"))
    answer = {"access_token": signed, "token_type": "Bearer", "scope": " ".join(outcome.scope)}
    return {**answer, "expires_in": outcome.expires_in}, 200, {"Cache-Control": "no-store"}


@app.get("/.well-known/jwks.json")
def jwks() -> ResponseReturnValue:
    """What verifies the tokens (RFC 7517 §5)."""
    return {"keys": [key.public_jwk()]}
