"""``claimhooks serve-bridge``: the token hook of another issuer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from claimhooks.cli.options import config_option, settings_file
from claimhooks.cli.peers import peer_argument
from claimhooks.cli.transport import (
    check_transport,
    host_option,
    insecure_option,
    tls_cert_option,
    tls_key_option,
)
from claimhooks.errors import LoadError, Problem

if TYPE_CHECKING:
    from pathlib import Path

    from claimhooks.settings import PeerName


@click.command(
    epilog="""\b
Examples:
  claimhooks serve-bridge hydra
  claimhooks serve-bridge wso2 --config claimhooks.toml --port 8443 --host 0.0.0.0 \\
      --tls-cert bridge.pem --tls-key bridge.key

SIGTERM lets the calls under way end. SIGHUP loads the hooks again, SIGUSR2 goes back to the
generation before.

Exit status: 0 after SIGTERM or ^C; 2 if the bridge cannot start."""
)
@peer_argument
@config_option
@click.option(
    "--hooks",
    metavar="DIR|FILE|ADDRESS",
    help="The folder of hooks, or a bundle.  [default: hooks, if there is such a folder]",
)
@host_option
@click.option("--port", type=click.IntRange(1, 65535), default=8090, show_default=True)
@tls_cert_option
@tls_key_option
@click.option(
    "--metrics-port",
    type=click.IntRange(1, 65535),
    help="Where /metrics is, on 127.0.0.1 only.  [default: nowhere]",
)
@insecure_option
def serve_bridge(
    peer: PeerName,
    config: Path | None,
    hooks: str | None,
    host: str,
    port: int,
    tls_cert: str | None,
    tls_key: str | None,
    metrics_port: int | None,
    insecure: bool,
) -> None:
    """Answer the token hook of another issuer, PEER.

    It calls POST /PEER for each token. The settings have to say how PEER proves itself, in a table
    [bridges.PEER].
    """
    check_transport(host, tls_cert, tls_key, insecure=insecure)
    file = settings_file(config, hooks or "hooks")
    try:
        # Not at the top: the other commands do without the extra.
        from claimhooks.bridges.server import run  # noqa: PLC0415
    except ImportError as error:
        reason = f"needs {error.name}, which is not installed"
        raise LoadError([Problem("server_missing", "claimhooks serve-bridge", reason)]) from None
    settings = file if config is not None or file.exists() else None
    run(peer, hooks, settings, host, port, tls_cert, tls_key, metrics_port)
