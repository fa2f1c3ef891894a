"""Any Python code with an event loop and a way of its own to sign.

python examples/embedding/own_signing.py
"""

import asyncio
import time
import uuid

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key

from claimhooks import Api, Client, Exchange, Runtime

KEY = generate_private_key(SECP256R1())
API = Api(identifier="https://api.acme.example/", scopes=("orders:read",), token_lifetime=3600)


async def main() -> None:
    """Runs the hooks over one exchange, and signs what they have left."""
    client = Client(id="orders-worker", metadata={"tier": "gold"})
    exchange = Exchange(client=client, audience=API.identifier, scope=API.scopes, api=API)
    with Runtime("hooks", "claimhooks.toml") as runtime:
        outcome = await runtime.arun(exchange)
    if outcome.expires_in is None:
        print(outcome.error)
        return
    now = int(time.time())
    claims = {
        **outcome.claims,
        # After the hooks' claims, so that these are the issuer's whatever happens.
        "iss": "https://issuer.acme.example/",
        "sub": client.id,
        "client_id": client.id,
        "aud": exchange.audience,
        "scope": " ".join(outcome.scope),
        "iat": now,
        "exp": now + outcome.expires_in,
        "jti": str(uuid.uuid4()),
    }
    print(jwt.encode(claims, KEY, "ES256", {"typ": "at+jwt"}))


asyncio.run(main())
