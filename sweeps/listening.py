"""Where servers of ours listen: for this machine alone unless told otherwise."""

from __future__ import annotations

import ipaddress
import socket

from after_ray.errors import AfterRayError

LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})  # how a machine calls itself


class PortTaken(AfterRayError):
    """Something else listens where a server was to be."""

    def __init__(self, host: str, port: int, reason: str) -> None:
        super().__init__(f"Cannot listen on {host}:{port} ({reason}); choose another port with --port.")


def check_port(host: str, port: int) -> None:
    """Return when a server can listen there: MLflow itself starts for ten seconds before it says that not.

    Raises:
        PortTaken: when it cannot.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.create_server((host, port), family=family).close()
    except OSError as error:
        raise PortTaken(host, port, error.strerror or str(error)) from error


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server that is bound to a host."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def own_names(host: str) -> frozenset[str] | None:
    """The names by which this machine asks a server that only it can reach; None where others can, too."""
    return LOCAL | {host} if is_loopback(host) else None


def reachable(host: str) -> str:
    """Of a server that listens at every address (`0.0.0.0`, `::`) the one by which others reach this machine.

    No packet is sent: connecting a datagram socket only asks which way it would go.
    """
    if host not in ("0.0.0.0", "::"):
        return host
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as way:
        try:
            way.connect(("192.0.2.1", 9))  # an address for documentation, which nobody has
            return str(way.getsockname()[0])
        except OSError:  # without a network
            return "127.0.0.1"


def shown(host: str, port: int) -> str:
    """An address to open."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
