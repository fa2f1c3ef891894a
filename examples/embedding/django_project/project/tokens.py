"""The three lines that bring in the hooks, and what they need to know."""

from typing import Any

from django.conf import settings

from claimhooks import Api, Client, Runtime
from claimhooks.bridges.oauthlib import HookedServer
from claimhooks.token import SigningKey


class TokenServer(HookedServer):
    """oauthlib's server, as the settings name it."""

    runtime = Runtime(settings.BASE_DIR / "hooks", watch=True)
    key = SigningKey.generate("ES256")
    issuer = "https://issuer.acme.example/"
    apis = (
        Api(
            identifier="https://api.acme.example/",
            scopes=("orders:read", "orders:write", "reports:export"),
            token_lifetime=3600,
        ),
    )

    def hook_client(self, request: Any) -> Client:
        """The application, with metadata that a real project keeps in a model of its own."""
        application = request.client
        tier = "platinum" if application.name.startswith("Platinum") else "free"
        return Client(id=application.client_id, name=application.name, metadata={"tier": tier})
