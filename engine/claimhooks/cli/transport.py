"""How commands that serve are reached: the address, and TLS."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Final

import click

host_option: Final = click.option(
    "--host", default="127.0.0.1", show_default=True, help="The address to listen at."
)
tls_cert_option: Final = click.option(
    "--tls-cert", type=click.Path(exists=True, dir_okay=False), help="PEM, with chain."
)
tls_key_option: Final = click.option(
    "--tls-key", type=click.Path(exists=True, dir_okay=False), help="PEM."
)
insecure_option: Final = click.option(
    "--insecure", is_flag=True, help="Accept to send secrets and tokens without TLS to others."
)


def check_transport(
    host: str, tls_cert: str | None, tls_key: str | None, *, insecure: bool
) -> None:
    """Raise click.UsageError if others could read along."""
    if bool(tls_cert) != bool(tls_key):
        raise click.UsageError("--tls-cert and --tls-key go together")
    if not tls_cert and not insecure and not is_loopback(host):
        raise click.UsageError(
            f"{host} can be reached by others, and there is no TLS: give --tls-cert and --tls-key, "
            "or --insecure if something in front does it"
        )


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach `host`."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def address_of(host: str, port: int, tls_cert: str | None) -> str:
    """The URL of what is served, without a path."""
    shown = f"[{host}]" if ":" in host else host
    return f"{'https' if tls_cert else 'http'}://{shown}:{port}"
