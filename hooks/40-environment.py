"""Narrows what clients of the staging environment may do: they read, but write nothing."""

from claimhooks import hookimpl

WRITING = (":write", ":delete")


@hookimpl
def credentials_exchange(client, scope):
    if client.metadata.get("environment") == "staging":
        return {"scope": [token for token in scope if not token.endswith(WRITING)]}
