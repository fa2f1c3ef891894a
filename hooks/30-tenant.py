"""Lets a client choose the tenant it acts for, among those that its metadata allows.

The client sends `tenant=...` with its token request.
"""

from claimhooks import InvalidRequest, hookimpl

from . import _acme


@hookimpl
def credentials_exchange(client, context):
    tenant = context.request.params.get("tenant")
    if tenant is None:
        return None
    if tenant not in client.metadata.get("tenants", []):
        raise InvalidRequest("this client may not act for that tenant")
    return {_acme.claim("tenant"): tenant}
