"""The peers of bridges, as commands take and show them."""

from __future__ import annotations

from typing import Final, get_args

import click

from claimhooks.settings import PeerName

PEERS: Final[tuple[PeerName, ...]] = get_args(PeerName)

peer_argument: Final = click.argument("peer", type=click.Choice(PEERS))
bridge_option: Final = click.option(
    "--bridge",
    "peer",
    type=click.Choice(PEERS),
    help="For the token hook of another issuer, which a bridge answers.",
)
