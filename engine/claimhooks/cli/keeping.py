"""What ``claimhooks registry`` does with records: they are stored, or go into a file by hand."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Final, NoReturn

import click

from claimhooks.registry import ApiRecord, ClientRecord, Document, GrantRecord, WritableStore
from claimhooks.registry.export import to_toml

if TYPE_CHECKING:
    from collections.abc import Mapping

    from claimhooks.registry import Store


PUT: Final = "Put these lines there, in place of any for the same:"
REMOVE: Final = "Take these lines out there:"


def keep_client(
    store: Store, address: str, client: ClientRecord, style: str, secret: str | None
) -> None:
    """Store `client`, and then show its new `secret`."""
    if isinstance(store, WritableStore):
        store.put_client(client)
    show_client(store, address, client, style, secret)


def show_client(
    store: Store, address: str, client: ClientRecord, style: str, secret: str | None
) -> None:
    """Show the new `secret` of `client`, which is stored if the registry is one to be written."""
    is_stored = isinstance(store, WritableStore)
    if secret is not None:
        click.echo("Keep the secret now: of it, only a hash is stored.", err=True)
        if style == "text":
            # Where the lines for the file are the result, what goes to the client is a message.
            lines = f"client_id      {client.id}\nclient_secret  {secret}"
            click.echo(lines, err=not is_stored)
    told = {"client": plain(client)} | ({} if secret is None else {"client_secret": secret})
    if not is_stored:
        edit_by_hand(address, Document.of(clients=[client]), style, told)
    if style == "json":
        show_json(told)


def keep_api(store: Store, address: str, api: ApiRecord, style: str) -> None:
    """Store `api`."""
    told = {"api": plain(api)}
    if not isinstance(store, WritableStore):
        edit_by_hand(address, Document.of(apis=[api]), style, told)
    store.put_api(api)
    if style == "json":
        show_json(told)


def keep_grant(store: Store, address: str, grant: GrantRecord, style: str) -> None:
    """Store `grant`."""
    told = {"grant": plain(grant)}
    if not isinstance(store, WritableStore):
        edit_by_hand(address, Document.of(grants=[grant]), style, told)
    store.put_grant(grant)
    if style == "json":
        show_json(told)


def edit_by_hand(
    address: str, document: Document, style: str, told: Mapping[str, object], what: str = PUT
) -> NoReturn:
    """Print the lines to edit in a registry that no command changes, and exit with status 1."""
    click.echo(f"{address} is edited by hand, so nothing was written. {what}", err=True)
    lines = to_toml(document)
    if style == "json":
        show_json({**told, "toml": lines})
    else:
        click.echo(lines.rstrip("\n"))
    sys.exit(1)


def plain(record: ClientRecord | ApiRecord | GrantRecord) -> dict[str, object]:
    """`record` for JSON, without the hashes of its secrets."""
    return record.model_dump(mode="json", exclude={"secrets": {"__all__": {"hash"}}})


def show_json(value: object) -> None:
    """Print `value` as one JSON document."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))
