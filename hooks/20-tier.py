"""Puts the client's tier, from its metadata, into its tokens."""

from claimhooks import hookimpl

from . import _acme


@hookimpl
def credentials_exchange(client):
    return {_acme.claim("tier"): client.metadata.get("tier", "free")}
