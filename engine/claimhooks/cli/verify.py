"""``claimhooks verify``: what an API would say to a token."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click
import jwt

from claimhooks.cli.options import format_option
from claimhooks.errors import TokenRejected
from claimhooks.token import STEPS, Verifier

if TYPE_CHECKING:
    from pydantic import JsonValue

    from claimhooks.token import Profile


@click.command(
    epilog="""\b
Examples:
  claimhooks verify "$TOKEN" --jwks jwks.json \\
      --issuer https://issuer.example/ --audience https://api.acme.example/
  claimhooks verify - --jwks https://issuer.example/.well-known/jwks.json \\
      --issuer https://issuer.example/ --audience URL --scope orders:read < token

Exit status: 0 if the token is valid; 1 if it is not; 2 if the key set cannot be read."""
)
@click.argument("token")
@click.option("--jwks", required=True, metavar="FILE|URL", help="The issuer's JWK set.")
@click.option("--issuer", required=True, help="The iss that the token must have.")
@click.option("--audience", required=True, help="The API's identifier, among the token's aud.")
@click.option("--scope", multiple=True, help="A scope that the token must have.")
@click.option(
    "--profile",
    type=click.Choice(["rfc9068", "auth0"]),
    default="rfc9068",
    show_default=True,
    help="Which kind of token it must be.",
)
@format_option
def verify(
    token: str,
    jwks: str,
    issuer: str,
    audience: str,
    scope: tuple[str, ...],
    profile: Profile,
    style: str,
) -> None:
    """Verify an access token as an API would, and show each step.

    TOKEN is the JWT, or - to read it from standard input, which keeps it out of the shell's
    history.
    """
    if token == "-":  # noqa: S105 - the name of standard input
        token = sys.stdin.read().strip()
    source = jwks if jwks.startswith(("https://", "http://")) else _key_set(Path(jwks))
    try:
        verifier = Verifier(source, issuer=issuer, audience=audience, profile=profile)
    except jwt.PyJWTError as error:
        raise click.UsageError(f"--jwks {jwks}: {error}") from None
    required = [token for value in scope for token in value.split()]
    claims: dict[str, JsonValue] | None = None
    passed: tuple[str, ...] = STEPS
    rejected: TokenRejected | None = None
    try:
        claims = verifier.verify(token, scope=required)
    except TokenRejected as error:
        passed, rejected = STEPS[: STEPS.index(error.step)], error
    if style == "json":
        failed = rejected and {"step": rejected.step, "reason": rejected.reason}
        document = {"valid": not rejected, "passed": passed, "failed": failed, "claims": claims}
        click.echo(json.dumps(document, indent=2, ensure_ascii=False))
    else:
        for step in passed:
            click.echo(f"{click.style('✓', fg='green')} {step}")
        if rejected:
            click.echo(f"{click.style('✗', fg='red')} {rejected.step}: {rejected.reason}")
        else:
            click.echo(json.dumps(claims, indent=2, ensure_ascii=False))
    sys.exit(1 if rejected else 0)


def _key_set(path: Path) -> dict[str, object]:
    try:
        keys = json.loads(path.read_bytes())
    except OSError as error:
        raise click.UsageError(f"--jwks {path}: cannot be read: {error.strerror}") from None
    except ValueError:
        raise click.UsageError(f"--jwks {path}: not JSON") from None
    if not isinstance(keys, dict):
        raise click.UsageError(f"--jwks {path}: a JWK set is an object with the key 'keys'")
    return cast("dict[str, object]", keys)
