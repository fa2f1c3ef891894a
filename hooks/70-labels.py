"""Copies the labels that partners keep in their metadata into their tokens.

Partners choose the names, so claimhooks.toml says on_error = "skip": a name that the policy
refuses costs a partner its labels, and not its token.
"""

from claimhooks import hookimpl

from . import _acme


@hookimpl
def credentials_exchange(client):
    labels = client.metadata.get("labels", {})
    return {name if "://" in name else _acme.claim(name): labels[name] for name in labels}
