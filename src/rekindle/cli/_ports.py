"""Whether the ports that processes are about to listen on are free."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterable

import click

from rekindle.settings import Settings


def need_ports(settings: Settings, roles: Iterable[str]) -> None:
    """Raise `click.ClickException` naming the first role whose port cannot be listened on, with the reason.

    Several gateways may share a port on purpose (``SO_REUSEPORT``), so the system would let the gateway of another
    installation share it too, and half of each shop's events would arrive in the other: that is what this prevents.
    """
    for role in roles:
        port: int = getattr(settings, f"{role}_port")
        try:
            _bind(settings.host, port)
        except OSError as error:
            raise click.ClickException(
                f"{role}: cannot listen on {settings.host} port {port}: {error.strerror or error}; end what listens"
                f" there, or choose another address (REKINDLE_HOST) or port (REKINDLE_{role.upper()}_PORT)"
            ) from None


def _bind(host: str, port: int) -> None:
    family, kind, protocol, _, address = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM)[0]
    with socket.socket(family, kind, protocol) as probe:
        if sys.platform != "win32":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(address)
        probe.listen()  # two sockets may be bound to one port with SO_REUSEADDR, but only one may listen
