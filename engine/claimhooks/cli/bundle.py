"""``claimhooks bundle``: a hooks folder as one file."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import click

from claimhooks.bundle import MAX_REVISION, Feed, build, read, signature_place
from claimhooks.bundle.signature import PublicKey, sign
from claimhooks.cli.options import format_option
from claimhooks.cli.output import replacing
from claimhooks.errors import LoadError, Problem, printable
from claimhooks.generation import hook_names
from claimhooks.keyring.pem import read_pem
from claimhooks.snapshot import Snapshot

if TYPE_CHECKING:
    from claimhooks.bundle import Bundle

    Style = Literal["text", "json"]

_NO: Final = frozenset({"bundle_broken", "bundle_newer", "bundle_unsigned", "bundle_signature"})
"""Problems that answer the question whether a bundle is good."""


@click.group(
    epilog="""\b
Examples:
  claimhooks bundle build --revision 7
  claimhooks bundle sign hooks.bundle --key hooks.pem
  claimhooks serve --hooks https://hooks.acme.example/hooks.bundle"""
)
def bundle() -> None:
    """Make, sign and look at bundles.

    A bundle is a hooks folder as one file: the same bytes wherever it is built, with a manifest.
    Issuers load it from a file or an address, whole or not at all.
    """


@bundle.command(
    "build",
    epilog="""\b
Examples:
  claimhooks bundle build --revision 7
  SOURCE_DATE_EPOCH=$(git log -1 --format=%ct) claimhooks bundle build deploy/hooks

Exit status: 0; 2 if there is no bundle.""",
)
@click.argument("hooks_dir", metavar="[DIR]", type=click.Path(path_type=Path), default="hooks")
@click.option(
    "--output",
    "-o",
    metavar="FILE",
    type=click.Path(path_type=Path),
    default="hooks.bundle",
    show_default=True,
    help="The bundle.",
)
@click.option(
    "--revision",
    type=click.IntRange(0, MAX_REVISION),
    required=True,
    envvar="SOURCE_DATE_EPOCH",
    show_envvar=True,
    help="A number that is not less than that of the bundle before.",
)
@format_option
def build_(hooks_dir: Path, output: Path, revision: int, style: Style) -> None:
    """Write the hooks of a folder (default: hooks) into one file.

    The same files and the same revision make the same bytes. Nothing of them is run: see
    `claimhooks check`.
    """
    snapshot = Snapshot.read(hooks_dir)
    if not hook_names(snapshot):
        raise LoadError([Problem("folder_empty", str(hooks_dir), "there is no hook to bundle")])
    content = build(snapshot, revision)
    with replacing(output) as file:
        file.write(content)
    count = len(snapshot.files)
    if style == "json":
        about = {"revision": revision, "files": count, "bytes": len(content)}
        _show_json({"file": str(output), **about, "generation": snapshot.digest})
        return
    click.echo(f"{output}: revision {revision}, {count:,} files, {len(content):,} bytes")
    click.echo(f"generation {snapshot.digest}")


@bundle.command(
    "sign",
    epilog="""\b
Examples:
  openssl genpkey -algorithm ed25519 -out hooks.pem
  openssl pkey -in hooks.pem -pubout -out hooks.pub.pem
  claimhooks bundle sign hooks.bundle --key hooks.pem

Exit status: 0; 2 if there is no signature.""",
)
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--key",
    metavar="PEM",
    type=click.Path(path_type=Path),
    required=True,
    help="The private key: RSA, P-256 or Ed25519.",
)
@format_option
def sign_(file: Path, key: Path, style: Style) -> None:
    """Write the signature of the bundle FILE beside it, into FILE.sig.

    It is a JWS with a detached payload (RFC 7515, RFC 7797).
    """
    signing_key = read_pem(key)
    found = read(file)
    # These are the bytes of the file: else it would not have been read.
    signature = sign(build(found.snapshot, found.manifest.revision), signing_key)
    place = Path(signature_place(str(file)))
    with replacing(place) as output:
        output.write(signature)
    if style == "json":
        by = {"alg": signing_key.algorithm, "kid": signing_key.kid}
        _show_json({"file": str(place), "signature": by})
    else:
        click.echo(f"{place}: {signing_key.algorithm}, by {signing_key.kid}")


@bundle.command(
    "verify",
    epilog="""\b
Examples:
  claimhooks bundle verify hooks.bundle --key hooks.pub.pem
  claimhooks bundle verify https://hooks.acme.example/hooks.bundle --key hooks.pub.pem

Exit status: 0 if the bundle is whole and signed; 1 if it is not; 2 if there is none.""",
)
@click.argument("file", metavar="FILE|ADDRESS", type=click.Path())
@click.option(
    "--key",
    metavar="FILE",
    type=click.Path(path_type=Path),
    required=True,
    help="The public key, in PEM or as a JWK.",
)
@format_option
def verify_(file: str, key: Path, style: Style) -> None:
    """Tell whether a bundle is whole and signed.

    It is read as an issuer would before it uses it.
    """
    public = PublicKey.load(key)
    try:
        found = read(file, public)
    except LoadError as error:
        if not all(problem.code in _NO for problem in error.problems):
            raise
        if style == "json":
            found_wrong = [{"code": one.code, "reason": one.reason} for one in error.problems]
            _show_json({"valid": False, "problems": found_wrong})
        else:
            for problem in error.problems:
                click.echo(f"{click.style('✗', fg='red')} {problem}")
        sys.exit(1)
    if style == "json":
        _show_json({"valid": True, "kid": public.kid, "manifest": found.manifest.model_dump()})
        return
    click.echo(f"{click.style('✓', fg='green')} signed by {public.kid}")
    _show(found)


@bundle.command(
    "show",
    epilog="""\b
Examples:
  claimhooks bundle show hooks.bundle
  claimhooks bundle show s3://acme-hooks/hooks.bundle --format json

Exit status: 0; 2 if it cannot be read.""",
)
@click.argument("file", metavar="FILE|ADDRESS", type=click.Path())
@format_option
def show_(file: str, style: Style) -> None:
    """Show what a bundle holds.

    That is its revision and generation, its files, and who says to have signed it. The signature
    is not verified: see `claimhooks bundle verify`.
    """
    feed = Feed(file)
    found, signed = feed.read(None, fetch=True), feed.signed()
    if style == "json":
        _show_json({"manifest": found.manifest.model_dump(), "signature": signed})
        return
    _show(found)
    if signed is None:
        click.echo("signature  none")
    else:
        by = f"{signed['alg']}, by {signed['kid']}" if signed else "cannot be read"
        click.echo(f"signature  {by}; not verified")
    for one in found.manifest.files:
        click.echo(f"{one.sha256[:12]}  {one.size:>9,}  {printable(one.path)}")


def _show_json(document: object) -> None:
    click.echo(json.dumps(document, indent=2, ensure_ascii=False))


def _show(found: Bundle) -> None:
    files = found.manifest.files
    click.echo(f"revision   {found.manifest.revision}")
    click.echo(f"generation {found.manifest.digest}")
    click.echo(f"files      {len(files):,}, {sum(one.size for one in files):,} bytes")
