"""Authlib in Django: its own token endpoint, with hooks. All in one file, to be read in one go.

python examples/embedding/authlib_django.py runserver 8080
curl -u orders-worker:secret http://127.0.0.1:8080/oauth/token -d grant_type=client_credentials
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from django.conf import settings

settings.configure(
    ALLOWED_HOSTS=["127.0.0.1", "localhost"],
    DEBUG=False,
    ROOT_URLCONF=__name__,
    SECRET_KEY="nothing here is signed with it",
)

from authlib.integrations.django_oauth2 import AuthorizationServer  # noqa: E402
from authlib_flask import KEY, Client, Grant, Tokens  # noqa: E402 - the same in both
from django.core.management import execute_from_command_line  # noqa: E402
from django.http import HttpRequest, HttpResponse, JsonResponse  # noqa: E402
from django.urls import path  # noqa: E402
from django.views.decorators.csrf import csrf_exempt  # noqa: E402
from django.views.decorators.http import require_POST  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Mapping


class Server(AuthorizationServer):  # type: ignore[misc]
    """Authlib's server, whose clients and tokens are models of yours."""

    def query_client(self, client_id: str) -> Client | None:
        return Client() if client_id == Client.client_id else None

    def save_token(self, token: Mapping[str, Any], request: Any) -> None:
        """Nothing to keep: the tokens speak for themselves."""


server = Server(None, None)
server.register_token_generator("default", Tokens("https://issuer.acme.example/", "ES256"))
server.register_grant(Grant)


@csrf_exempt  # type: ignore[untyped-decorator]
@require_POST  # type: ignore[untyped-decorator]
def token(request: HttpRequest) -> HttpResponse:
    response: HttpResponse = server.create_token_response(request)
    return response


def jwks(_request: HttpRequest) -> HttpResponse:
    return JsonResponse({"keys": [KEY.as_dict(private=False)]})


urlpatterns = [path("oauth/token", token), path(".well-known/jwks.json", jwks)]

if __name__ == "__main__":
    execute_from_command_line(sys.argv)
