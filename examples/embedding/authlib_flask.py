"""Authlib in Flask: its own token endpoint, with hooks. Three names differ from Authlib's manual.

flask --app examples/embedding/authlib_flask run --port 8080
curl -u orders-worker:secret http://127.0.0.1:8080/oauth/token -d grant_type=client_credentials
"""

from __future__ import annotations

import hmac
from typing import Any, ClassVar

from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2.rfc6749 import ClientMixin
from flask import Flask
from joserfc.jwk import ECKey

from claimhooks import Api, Runtime
from claimhooks.bridges.authlib import HookedClientCredentialsGrant, HookedJWTBearerTokenGenerator

KEY = ECKey.generate_key("P-256", {"alg": "ES256", "use": "sig"}, auto_kid=True)


class Client(ClientMixin):  # type: ignore[misc]
    """As Authlib asks for one; yours is a row of a table."""

    client_id = "orders-worker"
    client_metadata: ClassVar = {
        "client_name": "Orders",
        "tier": "gold",
        "scope": "orders:read orders:write",
    }

    def get_client_id(self) -> str:
        return self.client_id

    def get_allowed_scope(self, scope: str | None) -> str:
        granted = self.client_metadata["scope"].split()
        return " ".join(token for token in (scope or "").split() or granted if token in granted)

    def check_client_secret(self, client_secret: str) -> bool:
        return hmac.compare_digest(client_secret.encode(), b"secret")

    def check_endpoint_auth_method(self, method: str, _endpoint: str) -> bool:
        return method == "client_secret_basic"

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type == "client_credentials"


class Grant(HookedClientCredentialsGrant):  # was: ClientCredentialsGrant
    runtime = Runtime("hooks", "claimhooks.toml", watch=True)
    apis = (
        Api(
            identifier="https://api.acme.example/",
            scopes=("orders:read", "orders:write", "reports:export"),
            token_lifetime=3600,
        ),
    )


class Tokens(HookedJWTBearerTokenGenerator):  # was: JWTBearerTokenGenerator
    def get_jwks(self) -> Any:
        return KEY


def create_app() -> Flask:
    """The application: a token endpoint, and the keys that verify its tokens."""
    app = Flask(__name__)
    clients = {Client.client_id: Client()}
    server = AuthorizationServer(app, query_client=clients.get, save_token=lambda *_: None)
    server.register_token_generator("default", Tokens("https://issuer.acme.example/", "ES256"))
    server.register_grant(Grant)
    app.post("/oauth/token")(server.create_token_response)
    app.get("/.well-known/jwks.json")(lambda: {"keys": [KEY.as_dict(private=False)]})
    return app
