"""``claimhooks registry add-client|rotate-secret|add-api|grant``: one record at a time."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar, get_args

import click
from pydantic import ValidationError

from claimhooks import strictjson
from claimhooks.cli.keeping import keep_api, keep_client, keep_grant, show_client
from claimhooks.cli.options import format_option
from claimhooks.exchange import DEFAULT_TOKEN_LIFETIME
from claimhooks.registry import (
    ApiRecord,
    AuthMethod,
    ClientRecord,
    GrantRecord,
    SecretRecord,
    WritableStore,
    has_secrets,
    open_store,
)
from claimhooks.registry.model import MAX_SECRETS, SigningAlg, TokenProfile
from claimhooks.registry.secret_hash import KEY_NAME, digest, generate, read_key
from claimhooks.validation import explain

if TYPE_CHECKING:
    from claimhooks.registry import Store

ADDRESS: Final = "sqlite:///data/registry.db"

Record = TypeVar("Record", ClientRecord, ApiRecord, GrantRecord)

registry_option: Final = click.option(
    "--registry",
    "address",
    envvar="CLAIMHOOKS_REGISTRY",
    default=ADDRESS,
    show_default=True,
    show_envvar=True,
    metavar="ADDRESS",
    help="A .toml file, sqlite:///FILE or postgresql+psycopg://HOST/DATABASE.",
)
_key_option: Final = click.option(
    "--secret-key-file",
    "key_file",
    type=click.Path(path_type=Path),
    help="The key with which secrets are hashed.  [default: secret.key beside the SQLite file, "
    "else data/secret.key]",
)


@click.command(
    epilog="""\b
Examples:
  claimhooks registry add-client orders-worker --name "Orders worker" --tenant acme
  claimhooks registry add-client billing --metadata '{"tier": "gold"}' --token-lifetime 600
  claimhooks registry add-client partner --jwks partner-public.json"""
)
@click.argument("client_id", metavar="ID")
@click.option("--name", help="For people.")
@click.option("--tenant", help="Whose client it is.")
@click.option("--metadata", metavar="JSON", help="An object that hooks see as client.metadata.")
@click.option(
    "--auth-method",
    "auth_methods",
    multiple=True,
    type=click.Choice(get_args(AuthMethod)),
    help="How it may authenticate.  [default: both with a secret; with keys: private_key_jwt]",
)
@click.option(
    "--jwks", type=click.Path(path_type=Path), metavar="FILE", help="Its public keys: a JWK set."
)
@click.option("--jwks-uri", metavar="URL", help="Where its public keys are instead.")
@click.option("--token-lifetime", type=int, metavar="SECONDS", help="Instead of the API's.")
@click.option("--per-hour", type=int, metavar="TOKENS", help="How many tokens it gets in an hour.")
@click.option("--per-day", type=int, metavar="TOKENS", help="How many tokens it gets in a day.")
@_key_option
@format_option
@registry_option
def add_client(
    client_id: str,
    name: str | None,
    tenant: str | None,
    metadata: str | None,
    auth_methods: tuple[str, ...],
    jwks: Path | None,
    jwks_uri: str | None,
    token_lifetime: int | None,
    per_hour: int | None,
    per_day: int | None,
    key_file: Path | None,
    style: str,
    address: str,
) -> None:
    """Add a client, and print its new secret.

    It has one unless it authenticates with keys. It is shown only once.
    """
    if not auth_methods and (jwks or jwks_uri):
        auth_methods = ("private_key_jwt",)
    quota = {"per_hour": per_hour, "per_day": per_day}
    client = _record(
        ClientRecord,
        id=client_id,
        name=name,
        tenant=tenant,
        metadata=metadata,
        auth_methods=auth_methods or None,
        jwks=jwks and _json_file(jwks),
        jwks_uri=jwks_uri,
        token_lifetime=token_lifetime,
        quota=quota if per_hour or per_day else None,
    )
    with closing(open_store(address, create=True)) as store:
        if store.client(client_id) is not None:
            raise click.UsageError(f"there is a client {client_id!r} already")
        secret = None
        if any(method.startswith("client_secret") for method in client.auth_methods):
            secret = generate()
            client = _with_secret(client, secret, _key(address, key_file, store))
        keep_client(store, address, client, style, secret)


@click.command(
    epilog="""\b
Examples:
  claimhooks registry rotate-secret orders-worker

Rotate once, give the client the new secret, and rotate again to end the old one."""
)
@click.argument("client_id", metavar="ID")
@_key_option
@format_option
@registry_option
def rotate_secret(client_id: str, key_file: Path | None, style: str, address: str) -> None:
    """Give a client a second secret and print it. It is shown only once.

    The secret that the client has stays valid beside it. Of two, the older one ends.
    """
    with closing(open_store(address, create=True)) as store:
        client = store.client(client_id)
        if client is None:
            raise click.UsageError(f"there is no client {client_id!r}")
        secret, key = generate(), _key(address, key_file, store)
        ended: list[SecretRecord] = []

        def rotated(client: ClientRecord) -> ClientRecord:
            changed = _with_secret(client, secret, key)
            ended[:] = [one for one in client.secrets if one not in changed.secrets]
            return changed

        if isinstance(store, WritableStore):
            # As it is now: others may rotate at the same time.
            changed = store.change_client(client_id, rotated)
            if changed is None:
                raise click.UsageError(f"the client {client_id!r} has just been removed")
        else:
            changed = rotated(client)
        for one in ended:
            click.echo(f"The secret of {one.created:%Y-%m-%d %H:%M} UTC ends.", err=True)
        show_client(store, address, changed, style, secret)


@click.command(
    epilog="""\b
Examples:
  claimhooks registry add-api https://api.acme.example/ --name Orders \\
      --scope "orders:read=Read orders" --scope orders:write --signing-alg ES256"""
)
@click.argument("identifier")
@click.option("--name", help="For people.")
@click.option(
    "--scope", "scopes", multiple=True, metavar="TOKEN[=DESCRIPTION]", help="One that it defines."
)
@click.option(
    "--token-lifetime",
    type=int,
    default=DEFAULT_TOKEN_LIFETIME,
    show_default=True,
    metavar="SECONDS",
    help="How long its tokens live.",
)
@click.option(
    "--signing-alg",
    type=click.Choice(get_args(SigningAlg)),
    default="RS256",
    show_default=True,
    help="How its tokens are signed.",
)
@click.option(
    "--token-profile",
    type=click.Choice(get_args(TokenProfile)),
    default="rfc9068",
    show_default=True,
    help="Which claims they have.",
)
@format_option
@registry_option
def add_api(
    identifier: str,
    name: str | None,
    scopes: tuple[str, ...],
    token_lifetime: int,
    signing_alg: str,
    token_profile: str,
    style: str,
    address: str,
) -> None:
    """Add an API. IDENTIFIER is what its tokens have as their aud."""
    described = [scope.partition("=") for scope in scopes]
    api = _record(
        ApiRecord,
        identifier=identifier,
        name=name,
        scopes={token: description for token, _, description in described},
        token_lifetime=token_lifetime,
        signing_alg=signing_alg,
        token_profile=token_profile,
    )
    with closing(open_store(address, create=True)) as store:
        if store.api(identifier) is not None:
            raise click.UsageError(f"there is an API {identifier!r} already")
        keep_api(store, address, api, style)


@click.command(
    epilog="""\b
Examples:
  claimhooks registry grant orders-worker https://api.acme.example/ --scope orders:read
  claimhooks registry grant orders-worker https://api.acme.example/ --all"""
)
@click.argument("client_id", metavar="ID")
@click.argument("audience", metavar="IDENTIFIER")
@click.option("--scope", "scopes", multiple=True, help="One that the client may have.")
@click.option("--all", "is_all", is_flag=True, help="All that the API defines, now and later.")
@format_option
@registry_option
def grant(
    client_id: str,
    audience: str,
    scopes: tuple[str, ...],
    is_all: bool,
    style: str,
    address: str,
) -> None:
    """Let the client ID have tokens for the API IDENTIFIER.

    What it might have there before is replaced.
    """
    if is_all and scopes:
        raise click.UsageError("--all goes without --scope")
    granted = _record(
        GrantRecord, client_id=client_id, audience=audience, scopes="all" if is_all else scopes
    )
    with closing(open_store(address, create=True)) as store:
        keep_grant(store, address, granted, style)


def _with_secret(client: ClientRecord, secret: str, key: bytes) -> ClientRecord:
    """`client` with one more secret; of three, the oldest is left out."""
    record = SecretRecord(hash=digest(secret, key), created=datetime.now(UTC))
    oldest_first = sorted(client.secrets, key=lambda known: known.created)
    return client.model_copy(update={"secrets": (*oldest_first, record)[-MAX_SECRETS:]})


def _key(address: str, file: Path | None, store: Store) -> bytes:
    """The key for hashing secrets: made anew only beside a registry that commands write."""
    if file is None:
        path = address.removeprefix("sqlite:///")
        has_folder = "://" not in path and not path.endswith(".toml")
        file = (Path(path).parent if has_folder else Path("data")) / KEY_NAME
    is_new = isinstance(store, WritableStore) and not file.exists() and not has_secrets(store)
    return read_key(file, create=is_new)


def _record(model: type[Record], **fields: object) -> Record:
    try:
        return model.model_validate({k: v for k, v in fields.items() if v is not None})
    except ValidationError as error:
        reasons = "; ".join(reason for _, reason in explain(error, model))
        raise click.UsageError(reasons) from None


def _json_file(path: Path) -> object:
    try:
        return strictjson.decode(path.read_text("utf-8"))
    except (ValueError, RecursionError):
        raise click.UsageError(f"{path}: not JSON") from None
