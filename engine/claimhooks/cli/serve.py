"""``claimhooks serve``: the token issuer."""

from __future__ import annotations

import os
from ipaddress import ip_address
from pathlib import Path
from typing import Final

import click

from claimhooks.cli.options import config_option, settings_file, settings_from
from claimhooks.errors import LoadError, Problem

MAX_WORKERS: Final = 64
MAX_PORT: Final = 65535


@click.command(
    epilog="""\b
Examples:
  claimhooks serve
  claimhooks serve --config claimhooks.toml --data /var/lib/claimhooks --port 8443 \\
      --host 0.0.0.0 --tls-cert issuer.pem --tls-key issuer.key --workers 2

SIGTERM lets the requests under way end. SIGHUP loads the hooks again, SIGUSR2 goes back to the
generation before (with one worker process).

Exit status: 0 after SIGTERM or ^C; 2 if the issuer cannot start."""
)
@config_option
@click.option(
    "--hooks",
    "hooks_dir",
    type=click.Path(path_type=Path),
    help="The folder of hooks.  [default: hooks, if there is such a folder]",
)
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    default=Path("data"),
    show_default=True,
    help="The folder of keys, and of the registry if the settings name none.",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen at.")
@click.option("--port", type=click.IntRange(1, 65535), default=8080, show_default=True)
@click.option(
    "--workers",
    type=click.IntRange(1, MAX_WORKERS),
    default=1,
    show_default=True,
    help="Processes that issue tokens. Each runs hooks in worker processes of its own.",
)
@click.option("--tls-cert", type=click.Path(exists=True, dir_okay=False), help="PEM, with chain.")
@click.option("--tls-key", type=click.Path(exists=True, dir_okay=False), help="PEM.")
@click.option(
    "--metrics-port",
    type=click.IntRange(0, 65535),
    help="Where /metrics is, on 127.0.0.1 only; 0: nowhere.  [default: the port after --port]",
)
@click.option(
    "--insecure", is_flag=True, help="Accept to send secrets and tokens without TLS to others."
)
def serve(
    config: Path | None,
    hooks_dir: Path | None,
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
    _check_transport(host, tls_cert, tls_key, insecure=insecure)
    folder = hooks_dir or Path("hooks")
    settings = settings_from(config, folder)
    if settings.issuer is None and not _is_loopback(host):
        raise click.UsageError(
            "others must know the issuer by its URL: set issuer in claimhooks.toml"
        )
    scheme = "https" if tls_cert else "http"
    shown = f"[{host}]" if ":" in host else host
    issuer = settings.issuer or f"{scheme}://{shown}:{port}/"
    file = settings_file(config, folder)
    os.environ |= {
        "CLAIMHOOKS_ISSUER": issuer,
        "CLAIMHOOKS_DATA": str(data),
        "CLAIMHOOKS_METRICS": f"{_metrics_port(port, workers, metrics_port)}:{workers}",
    }
    if hooks_dir is not None:
        os.environ["CLAIMHOOKS_HOOKS"] = str(hooks_dir)
    if file.exists():
        os.environ["CLAIMHOOKS_CONFIG"] = str(file)
    try:
        # Not at the top: the other commands do without the extra.
        from claimhooks.issuer.start import demonstrate, run  # noqa: PLC0415
    except ImportError as error:
        reason = f"needs {error.name}, which is not installed"
        raise LoadError([Problem("server_missing", "claimhooks serve", reason)]) from None
    if text := demonstrate(settings, data, f"{scheme}://{shown}:{port}"):
        click.echo(text)
    run(host, port, workers, tls_cert, tls_key)


def _metrics_port(port: int, workers: int, metrics_port: int | None) -> int:
    first = port + 1 if metrics_port is None else metrics_port
    if first + workers - 1 > MAX_PORT:
        raise click.UsageError(
            f"there is no port for the metrics after {first - 1}: --metrics-port"
        )
    return first


def _check_transport(
    host: str, tls_cert: str | None, tls_key: str | None, *, insecure: bool
) -> None:
    if bool(tls_cert) != bool(tls_key):
        raise click.UsageError("--tls-cert and --tls-key go together")
    if not tls_cert and not insecure and not _is_loopback(host):
        raise click.UsageError(
            f"{host} can be reached by others, and there is no TLS: give --tls-cert and --tls-key, "
            "or --insecure if something in front of the issuer does it"
        )


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
