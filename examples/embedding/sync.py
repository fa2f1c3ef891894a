"""Embedding: from an authenticated request to a signed token."""

from claimhooks import Api, Client, Exchange, Runtime
from claimhooks.token import SigningKey, payload

API = Api(identifier="https://api.acme.example/", scopes=("orders:read", "reports:export"))

key = SigningKey.generate("ES256")
with Runtime("hooks", "claimhooks.toml") as runtime:
    client = Client(id="orders-worker", metadata={"tier": "platinum"})
    exchange = Exchange(client=client, audience=API.identifier, scope=("orders:read",), api=API)
    outcome = runtime.run(exchange)
    if outcome.status == "granted":
        print(key.sign(payload(exchange, outcome, issuer="https://issuer.example/")))
    else:
        print(outcome.error)
