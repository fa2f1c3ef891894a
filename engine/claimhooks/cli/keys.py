"""``claimhooks keys``: the keys that an issuer signs with."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import click

from claimhooks.cli.options import format_option
from claimhooks.errors import LoadError
from claimhooks.keyring import Keyring
from claimhooks.registry.model import MAX_LIFETIME
from claimhooks.token import ALGORITHMS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from claimhooks.keyring import KeyEntry, KeyState
    from claimhooks.token import Algorithm

    Style = Literal["text", "json"]

_COLORS: Final[dict[KeyState, str]] = {"next": "yellow", "active": "green", "retired": "red"}

KEYS: Final = Path("data/keys")

_keys_option: Final = click.option(
    "--keys",
    "folder",
    metavar="DIR",
    type=click.Path(path_type=Path),
    default=KEYS,
    show_default=True,
    help="The folder of the keys.",
)


def _kids(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """For shells: the keys that are there."""
    try:
        entries = Keyring.open(ctx.params.get("folder", KEYS), create=False).entries()
    except LoadError:
        return []
    return [entry.kid for entry in entries if entry.kid.startswith(incomplete)]


@click.group(
    epilog="""\b
Examples:
  claimhooks keys list
  claimhooks keys rotate --alg ES256"""
)
def keys() -> None:
    """See and change the keys that an issuer signs with.

    Issuers that run take a change up within a second. A key is `next` (published, not yet signing),
    `active` (signing) or `retired` (still published, for the tokens that it has signed).
    """


@keys.command(
    "list",
    epilog="""\b
Examples:
  claimhooks keys list
  claimhooks keys list --keys deploy/keys --format json""",
)
@_keys_option
@format_option
def list_keys(folder: Path, style: Style) -> None:
    """List every key.

    Shows its kid, algorithm and state, and since when and until when it is in this state.
    """
    _show(Keyring.open(folder, create=False).entries(), style)


@keys.command(
    epilog="""\b
Examples:
  claimhooks keys rotate
  claimhooks keys rotate --alg ES256 --now"""
)
@_keys_option
@click.option(
    "--alg",
    type=click.Choice(ALGORITHMS),
    help="The algorithm to make a key for.  [default: each that has one]",
)
@click.option("--now", is_flag=True, help="Sign with the new key at once: the former has leaked.")
@format_option
def rotate(folder: Path, alg: Algorithm | None, now: bool, style: Style) -> None:
    """Make a new key, which replaces the one that signs.

    It is published at once and signs after ten minutes, when every verifier knows it; the former
    key stays published until its last token has expired.
    """
    # No token outlives its key, whatever the lifetimes of the APIs.
    keyring = Keyring.open(folder, create=False, longest_token=MAX_LIFETIME)
    former = [entry for entry in keyring.entries() if entry.state != "retired"]
    algs: set[Algorithm] = {entry.alg for entry in former} if alg is None else {alg}
    if not algs:
        raise click.UsageError(f"--keys {folder}: there is no key yet: choose one with --alg")
    for each in ALGORITHMS:
        if each in algs:
            keyring.rotate(each, now=now)
    _show((entry for entry in keyring.entries() if entry.alg in algs), style)
    if now:
        for entry in former:
            if entry.alg in algs:
                message = f"Tokens of {entry.kid} still verify, until it is retired."
                click.echo(message, err=True)


@keys.command(
    epilog="""\b
Examples:
  claimhooks keys retire NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"""
)
@_keys_option
@click.argument("kid", shell_complete=_kids)
@format_option
def retire(folder: Path, kid: str, style: Style) -> None:
    """Take the key KID out at once.

    Tokens that it has signed no longer verify. Not the key that signs: make another one sign
    first, with `claimhooks keys rotate --now`. Verifiers may remember the key for ten minutes more.
    """
    keyring = Keyring.open(folder, create=False)
    keyring.retire(kid)
    _show(keyring.entries(), style)


@keys.command(
    "import",
    epilog="""\b
Examples:
  claimhooks keys import former-issuer.pem --alg RS256""",
)
@_keys_option
@click.option("--alg", type=click.Choice(ALGORITHMS), required=True, help="What it signs with.")
@click.argument("file", type=click.Path(path_type=Path))
@format_option
def import_key(folder: Path, file: Path, alg: Algorithm, style: Style) -> None:
    """Take in the unencrypted private key in the PEM file FILE.

    As after `claimhooks keys rotate`, it signs after ten minutes; at once, if it is the first key
    of its algorithm. The folder is made if it is missing.
    """
    keyring = Keyring.open(folder, create=True, longest_token=MAX_LIFETIME)
    keyring.import_pem(file, alg)
    _show((entry for entry in keyring.entries() if entry.alg == alg), style)


def _show(entries: Iterable[KeyEntry], style: Style) -> None:
    if style == "json":
        click.echo(json.dumps({"keys": [_document(entry) for entry in entries]}, indent=2))
        return
    for entry in entries:
        state = click.style(f"{entry.state:<7}", fg=_COLORS[entry.state])
        until = f"  until {_time(entry.until)}" if entry.until is not None else ""
        click.echo(f"{entry.kid}  {entry.alg}  {state}  since {_time(entry.since)}{until}")


def _document(entry: KeyEntry) -> dict[str, str | None]:
    return {
        "kid": entry.kid,
        "alg": entry.alg,
        "state": entry.state,
        "since": _time(entry.since),
        "until": None if entry.until is None else _time(entry.until),
    }


def _time(seconds: int) -> str:
    """In UTC (RFC 3339)."""
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")
