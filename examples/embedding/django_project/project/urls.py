"""The token endpoint, and the keys that verify its tokens."""

from django.http import HttpRequest, JsonResponse
from django.urls import path
from oauth2_provider.views import TokenView

from project.tokens import TokenServer


def jwks(_request: HttpRequest) -> JsonResponse:
    return JsonResponse({"keys": [TokenServer.key.public_jwk()]})


urlpatterns = [
    path("oauth/token", TokenView.as_view()),
    path(".well-known/jwks.json", jwks),
]
