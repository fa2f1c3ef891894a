"""Puts the client's tier, from the registry, into its tokens."""

from claimhooks import hookimpl


@hookimpl
def credentials_exchange(client):
    return {"https://acme.example/tier": client.metadata.get("tier", "free")}
