"""``claimhooks serve``: the token issuer."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import click

from claimhooks.cli.options import config_option, settings_file, settings_from
from claimhooks.cli.transport import (
    address_of,
    check_transport,
    host_option,
    insecure_option,
    is_loopback,
    tls_cert_option,
    tls_key_option,
)
from claimhooks.errors import LoadError, Problem

MAX_WORKERS: Final = 64
MAX_PORT: Final = 65535


@click.command(
    epilog="""\b
Examples:
  claimhooks serve
  claimhooks serve --config claimhooks.toml --data /var/lib/claimhooks --port 8443 \\
      --host 0.0.0.0 --tls-cert issuer.pem --tls-key issuer.key --workers 2
  claimhooks serve --hooks https://hooks.acme.example/hooks.bundle

SIGTERM lets the requests under way end. SIGHUP loads the hooks again, SIGUSR2 goes back to the
generation before (with one worker process).

Exit status: 0 after SIGTERM or ^C; 2 if the issuer cannot start."""
)
@config_option
@click.option(
    "--hooks",
    metavar="DIR|FILE|ADDRESS",
    help="The folder of hooks, or a bundle.  [default: hooks, if there is such a folder]",
)
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    default=Path("data"),
    show_default=True,
    help="The folder of keys, and of the registry if the settings name none.",
)
@host_option
@click.option("--port", type=click.IntRange(1, 65535), default=8080, show_default=True)
@click.option(
    "--workers",
    type=click.IntRange(1, MAX_WORKERS),
    default=1,
    show_default=True,
    help="Processes that issue tokens. Each runs hooks in worker processes of its own.",
)
@tls_cert_option
@tls_key_option
@click.option(
    "--metrics-port",
    type=click.IntRange(0, MAX_PORT),
    help="Where /metrics is, on 127.0.0.1 only; 0: nowhere.  [default: the port after --port]",
)
@insecure_option
def serve(
    config: Path | None,
    hooks: str | None,
    data: Path,
    host: str,
    port: int,
    workers: int,
    tls_cert: str | None,
    tls_key: str | None,
    metrics_port: int | None,
    insecure: bool,
) -> None:
    """Issue tokens at POST /oauth/token, customised by the hooks.

    With nothing configured there is a registry in the data folder, with a client, an API and a
    grant to try it with.
    """
    check_transport(host, tls_cert, tls_key, insecure=insecure)
    place = hooks or "hooks"
    settings = settings_from(config, place)
    if settings.issuer is None and not is_loopback(host):
        raise click.UsageError(
            "others must know the issuer by its URL: set issuer in claimhooks.toml"
        )
    address = address_of(host, port, tls_cert)
    issuer = settings.issuer or f"{address}/"
    file = settings_file(config, place)
    ports = _metrics_ports(port, workers, metrics_port)
    os.environ |= {
        "CLAIMHOOKS_ISSUER": issuer,
        "CLAIMHOOKS_DATA": str(data),
        "CLAIMHOOKS_METRICS": f"{ports.start}:{ports.stop}",
    }
    if hooks is not None:
        os.environ["CLAIMHOOKS_HOOKS"] = hooks
    if file.exists():
        os.environ["CLAIMHOOKS_CONFIG"] = str(file)
    try:
        # Not at the top: the other commands do without the extra.
        from claimhooks.issuer.start import demonstrate, run  # noqa: PLC0415
    except ImportError as error:
        reason = f"needs {error.name}, which is not installed"
        raise LoadError([Problem("server_missing", "claimhooks serve", reason)]) from None
    if text := demonstrate(settings, data, address):
        click.echo(text)
    run(host, port, workers, tls_cert, tls_key)


def _metrics_ports(port: int, workers: int, metrics_port: int | None) -> range:
    """One for each process. Raises click.UsageError if there are no such ports."""
    if metrics_port == 0:
        return range(0)
    first = port + 1 if metrics_port is None else metrics_port
    if first + workers - 1 > MAX_PORT:
        raise click.UsageError(
            f"there is no port for the metrics after {first - 1}: --metrics-port"
        )
    return range(first, first + workers)
