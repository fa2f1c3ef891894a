"""The token issuer: an ASGI application for ``POST /oauth/token`` and what belongs to it."""

from claimhooks.issuer.app import application, create_app, operations
from claimhooks.issuer.parts import Parts

__all__ = ["Parts", "application", "create_app", "operations"]
