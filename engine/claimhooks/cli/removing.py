"""``claimhooks registry disable-client|enable-client|remove-client|remove-api|revoke``."""

from __future__ import annotations

from contextlib import closing
from typing import NoReturn

import click

from claimhooks.cli.keeping import REMOVE, edit_by_hand, plain, show_json
from claimhooks.cli.options import format_option
from claimhooks.cli.records import registry_option
from claimhooks.registry import ClientRecord, Document, WritableStore, open_store


@click.command(
    epilog="""\b
Examples:
  claimhooks registry disable-client orders-worker"""
)
@click.argument("client_id", metavar="ID")
@format_option
@registry_option
def disable_client(client_id: str, style: str, address: str) -> None:
    """Let the client ID have no more tokens.

    Until it is enabled again, issuers that run refuse it, within a second. Tokens that it has stay
    valid until they expire.
    """
    _set_enabled(client_id, style, address, enabled=False)


@click.command(
    epilog="""\b
Examples:
  claimhooks registry enable-client orders-worker"""
)
@click.argument("client_id", metavar="ID")
@format_option
@registry_option
def enable_client(client_id: str, style: str, address: str) -> None:
    """Let the client ID, which was disabled, have tokens again."""
    _set_enabled(client_id, style, address, enabled=True)


@click.command(
    epilog="""\b
Examples:
  claimhooks registry remove-client orders-worker"""
)
@click.argument("client_id", metavar="ID")
@format_option
@registry_option
def remove_client(client_id: str, style: str, address: str) -> None:
    """Remove the client ID with its secrets and its grants.

    Tokens that it has stay valid until they expire.
    """
    with closing(open_store(address)) as store:
        if isinstance(store, WritableStore):
            is_removed = store.delete_client(client_id)
        elif is_removed := (client := store.client(client_id)) is not None:
            grants = [one for one in store.document().grants if one.client_id == client_id]
            edit_by_hand(address, Document.of([client], (), grants), style, {}, REMOVE)
    if not is_removed:
        _missing(f"client {client_id!r}")
    _show(f"the client {client_id} and its grants", style, {"client": client_id})


@click.command(
    epilog="""\b
Examples:
  claimhooks registry remove-api https://api.acme.example/"""
)
@click.argument("identifier")
@format_option
@registry_option
def remove_api(identifier: str, style: str, address: str) -> None:
    """Remove an API, and all grants at it. IDENTIFIER is what its tokens have as their aud.

    Tokens for it stay valid until they expire.
    """
    with closing(open_store(address)) as store:
        if isinstance(store, WritableStore):
            is_removed = store.delete_api(identifier)
        elif is_removed := (api := store.api(identifier)) is not None:
            grants = [one for one in store.document().grants if one.audience == identifier]
            edit_by_hand(address, Document.of((), [api], grants), style, {}, REMOVE)
    if not is_removed:
        _missing(f"API {identifier!r}")
    _show(f"the API {identifier} and the grants at it", style, {"api": identifier})


@click.command(
    epilog="""\b
Examples:
  claimhooks registry revoke orders-worker https://api.acme.example/"""
)
@click.argument("client_id", metavar="ID")
@click.argument("audience", metavar="IDENTIFIER")
@format_option
@registry_option
def revoke(client_id: str, audience: str, style: str, address: str) -> None:
    """Take back what a client may have at an API.

    Tokens that it has stay valid until they expire. For only some of its scopes, `grant` again.
    """
    with closing(open_store(address)) as store:
        if isinstance(store, WritableStore):
            is_removed = store.delete_grant(client_id, audience)
        elif is_removed := (grant := store.grant(client_id, audience)) is not None:
            edit_by_hand(address, Document.of((), (), [grant]), style, {}, REMOVE)
    if not is_removed:
        _missing(f"grant of {client_id!r} at {audience!r}")
    told = {"client_id": client_id, "audience": audience}
    _show(f"the grant of {client_id} at {audience}", style, {"grant": told})


def _set_enabled(client_id: str, style: str, address: str, *, enabled: bool) -> None:
    def changed(client: ClientRecord) -> ClientRecord:
        return client.model_copy(update={"enabled": enabled})

    with closing(open_store(address)) as store:
        if isinstance(store, WritableStore):
            client = store.change_client(client_id, changed)
        elif (client := store.client(client_id)) is not None:
            record = changed(client)
            told = {"client": plain(record)}
            edit_by_hand(address, Document.of(clients=[record]), style, told)
    if client is None:
        _missing(f"client {client_id!r}")
    if style == "json":
        show_json({"client": plain(client)})
    else:
        click.echo(f"{client_id} is {'enabled' if enabled else 'disabled'}", err=True)


def _show(what: str, style: str, told: object) -> None:
    if style == "json":
        show_json({"removed": told})
    else:
        click.echo(f"removed {what}", err=True)


def _missing(what: str) -> NoReturn:
    raise click.UsageError(f"there is no {what}")
