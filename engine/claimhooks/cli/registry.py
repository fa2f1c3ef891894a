"""``claimhooks registry``: clients, APIs and client grants."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from claimhooks.cli.keeping import edit_by_hand, plain, show_json
from claimhooks.cli.options import format_option
from claimhooks.cli.records import (
    add_api,
    add_client,
    grant,
    registry_option,
    rotate_secret,
)
from claimhooks.cli.removing import (
    disable_client,
    enable_client,
    remove_api,
    remove_client,
    revoke,
)
from claimhooks.registry import ApiRecord, ClientRecord, GrantRecord, WritableStore, open_store
from claimhooks.registry.changes import changes
from claimhooks.registry.export import to_json, to_toml
from claimhooks.registry.file import read_document

if TYPE_CHECKING:
    from collections.abc import Sequence


@click.group(
    epilog="""\b
Examples:
  claimhooks registry add-api https://api.acme.example/ --scope orders:read
  claimhooks registry add-client orders-worker --name "Orders worker"
  claimhooks registry grant orders-worker https://api.acme.example/ --scope orders:read"""
)
def registry() -> None:
    """Keep the clients, APIs and client grants of an issuer.

    A registry in a TOML file is edited by hand: commands that would change it print the lines to
    put there.
    """


@registry.command(
    name="import",
    epilog="""\b
Examples:
  claimhooks registry import registry.toml
  claimhooks registry import more.json --merge --registry sqlite:///data/registry.db""",
)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--merge", is_flag=True, help="Leave the records that FILE does not have.")
@click.option("--replace", "replaces", is_flag=True, help="Remove them.")
@format_option
@registry_option
def import_(file: Path, merge: bool, replaces: bool, style: str, address: str) -> None:
    """Put the records of FILE in place of those that are there.

    FILE is TOML, or .json. All of them are put, or none: so also if there are records that FILE
    does not have, and neither --merge nor --replace says what becomes of them.
    """
    if merge and replaces:
        raise click.UsageError("--merge leaves what --replace removes")
    document = read_document(file, partial=merge)
    with closing(open_store(address, create=True)) as store:
        if not isinstance(store, WritableStore):
            edit_by_hand(address, document, style, {})
        if merge:
            before = store.merge(document)
            after = before.merged_with(document)
        else:
            before = store.replace(document, removing=replaces)
            after = document
    found = changes(before, after)
    if style == "json":
        show_json({"imported": found})
        return
    for kind, counts in found.items():
        told = ", ".join(f"{count:,} {what}" for what, count in counts.items())
        click.echo(f"{kind:<7}  {told}", err=True)


@registry.command(
    epilog="""\b
Examples:
  claimhooks registry export > registry.toml
  claimhooks registry export --format json --registry registry.toml"""
)
@click.option(
    "--format",
    "style",
    type=click.Choice(["toml", "json"]),
    default="toml",
    show_default=True,
    help="How records are written.",
)
@registry_option
def export(style: str, address: str) -> None:
    """Write all records, as a TOML registry or as JSON. Of secrets there are only hashes."""
    with closing(open_store(address)) as store:
        document = store.document()
    click.echo(to_json(document) if style == "json" else to_toml(document).rstrip("\n"))


@registry.command(
    name="list",
    epilog="""\b
Examples:
  claimhooks registry list
  claimhooks registry list grants --format json""",
)
@click.argument("kind", type=click.Choice(["clients", "apis", "grants"]), default="clients")
@format_option
@registry_option
def list_(kind: str, style: str, address: str) -> None:
    """List clients (the default), apis or grants."""
    with closing(open_store(address)) as store:
        document = store.document()
    records: dict[str, Sequence[ClientRecord | ApiRecord | GrantRecord]] = {
        "clients": [*document.clients.values()],
        "apis": [*document.apis.values()],
        "grants": document.grants,
    }
    if style == "json":
        show_json([plain(record) for record in records[kind]])
        return
    rows = [_row(record) for record in records[kind]]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        click.echo("  ".join(cells).rstrip())


def _row(record: ClientRecord | ApiRecord | GrantRecord) -> tuple[str, ...]:
    """The cells of a line of text."""
    if isinstance(record, ClientRecord):
        state = "enabled" if record.enabled else "disabled"
        secrets = f"{len(record.secrets)} secrets"
        return record.id, state, ", ".join(record.auth_methods), secrets, record.name or ""
    if isinstance(record, ApiRecord):
        lifetime = f"{record.token_lifetime} s"
        return record.identifier, record.signing_alg, lifetime, " ".join(record.scopes)
    scopes = "all" if record.scopes == "all" else " ".join(record.scopes)
    return record.client_id, record.audience, scopes


COMMANDS: Final = (
    *(add_client, rotate_secret, disable_client, enable_client, remove_client),
    *(add_api, remove_api),
    *(grant, revoke),
)
for command in COMMANDS:
    registry.add_command(command)
