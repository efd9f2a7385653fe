"""The names of a mirror server. With any other, a web page may have led a browser here (DNS rebinding). No I/O."""

import ipaddress
import re
from collections.abc import Collection

from harness.core.values import frozen

LOCAL = ("localhost", "127.0.0.1", "::1")
_HOST = re.compile(r"(?P<name>\[[0-9a-f:.]{2,45}\]|[a-z0-9._-]{1,253})(?::(?P<port>[0-9]{1,5}))?", re.IGNORECASE)
_HTTP_PORT = 80


@frozen
class Names:
    """The names by which clients may call a server.

    Attributes:
        own: names and addresses that count with the server's port.
        known_as: those that count with any port, because a proxy or a port mapping may be in between.
        port: port of the server.
    """

    own: Collection[str]
    known_as: Collection[str]
    port: int

    def include(self, host: str, address: str) -> bool:
        """Return whether a Host header names the server.

        Args:
            host: the header.
            address: the address of this machine at which the request came.
        """
        found = _HOST.fullmatch(host)
        if found is None:
            return False
        name, port = normal(found["name"]), int(found["port"] or _HTTP_PORT)
        return name in map(normal, self.known_as) or (port == self.port and name in map(normal, (*self.own, address)))


def shown(host: str) -> str:
    """Return the name in a Host header for a message; empty if it is malformed."""
    found = _HOST.fullmatch(host)
    return found["name"] if found else ""


def normal(name: str) -> str:
    """Return a name in small letters, and an address in its shortest form, without brackets and zone."""
    try:
        address = ipaddress.ip_address(name.strip("[]").partition("%")[0])
    except ValueError:
        return name.lower()
    return str(getattr(address, "ipv4_mapped", None) or address)
