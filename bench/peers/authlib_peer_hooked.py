"""Authlib and Flask once more, with the runtime's hooks instead of `get_extra_claims`."""

from __future__ import annotations

import os
from typing import Any

from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib_peer import CLIENTS, KEYS  # type: ignore[import-not-found]  # beside this file
from flask import Flask

from claimhooks import Api, Runtime
from claimhooks.bridges.authlib import HookedClientCredentialsGrant, HookedJWTBearerTokenGenerator

SCOPES = ("orders:read", "orders:write")
API = Api(identifier="https://es256.acme.example/", scopes=SCOPES, token_lifetime=3600)


class Generator(HookedJWTBearerTokenGenerator):
    def get_jwks(self) -> Any:
        return KEYS


class Grant(HookedClientCredentialsGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = ("client_secret_post",)
    runtime = Runtime(os.environ["BENCH_HOOKS"])
    apis = (API,)


app = Flask(__name__)
server = AuthorizationServer(app, query_client=CLIENTS.get, save_token=lambda *_: None)
server.register_token_generator("default", Generator("https://issuer.example/", alg="ES256"))
server.register_grant(Grant)


app.post("/oauth/token")(server.create_token_response)
