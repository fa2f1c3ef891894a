"""Puts the client's tier into its tokens, and lets platinum clients export reports."""

from claimhooks import hookimpl


@hookimpl
def credentials_exchange(client, scope):
    tier = client.metadata["tier"]
    patch = {"https://acme.example/tier": tier}
    if tier == "platinum":
        patch["scope"] = [*scope, "reports:export"]
    return patch
