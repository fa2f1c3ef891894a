"""Gives platinum clients the scope to export reports, without a grant for each of them."""

from claimhooks import hookimpl


@hookimpl
def credentials_exchange(client, scope):
    if client.metadata.get("tier") == "platinum":
        return {"scope": [*scope, "reports:export"]}
