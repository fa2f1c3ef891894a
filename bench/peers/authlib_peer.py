"""Authlib and Flask, as their documentation has them; the extra claims by `get_extra_claims`."""

from __future__ import annotations

import json
import os

from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2.rfc6749 import ClientMixin, grants
from authlib.oauth2.rfc9068 import JWTBearerTokenGenerator
from flask import Flask
from joserfc.jwk import ECKey, KeySet

EXTRA = json.loads(os.environ["BENCH_EXTRA"])
SECRET = os.environ["BENCH_SECRET"]
KEYS = KeySet([ECKey.generate_key("P-256", {"alg": "ES256", "use": "sig"}, auto_kid=True)])


class Client(ClientMixin):  # type: ignore[misc]
    def __init__(self, client_id: str) -> None:
        self.client_id = client_id

    def get_client_id(self) -> str:
        return self.client_id

    def get_allowed_scope(self, scope: str) -> str:
        return scope or "orders:read orders:write"

    def check_client_secret(self, secret: str) -> bool:
        return secret == SECRET

    def check_endpoint_auth_method(self, method: str, _endpoint: str) -> bool:
        return method == "client_secret_post"

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type == "client_credentials"


class Generator(JWTBearerTokenGenerator):  # type: ignore[misc]
    def get_jwks(self) -> KeySet:
        return KEYS

    def get_audiences(self, *_: object) -> str:
        return "https://es256.acme.example/"

    def get_extra_claims(self, *_: object) -> object:
        return EXTRA


class Grant(grants.ClientCredentialsGrant):  # type: ignore[misc]
    TOKEN_ENDPOINT_AUTH_METHODS = ("client_secret_post",)


CLIENTS = {"client-0": Client("client-0")}
app = Flask(__name__)
server = AuthorizationServer(app, query_client=CLIENTS.get, save_token=lambda *_: None)
server.register_token_generator("default", Generator("https://issuer.example/", alg="ES256"))
server.register_grant(Grant)


app.post("/oauth/token")(server.create_token_response)
