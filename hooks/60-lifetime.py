"""Shortens the tokens of clients whose metadata has "max_token_lifetime", in seconds."""

from claimhooks import hookimpl


@hookimpl
def credentials_exchange(client, context):
    lifetime = client.metadata.get("max_token_lifetime")
    if lifetime is not None:
        return {"expires_in": min(lifetime, context.api.token_lifetime)}
