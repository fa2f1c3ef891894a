"""Denies tokens to suspended clients: those whose metadata has "suspended", true or a reason."""

from claimhooks import AccessDenied, hookimpl


@hookimpl
def credentials_exchange(client):
    suspended = client.metadata.get("suspended")
    if suspended:
        reason = suspended if isinstance(suspended, str) else "ask the API team"
        raise AccessDenied(f"this client is suspended: {reason}")
