"""Who may talk to a cluster: on loopback anyone of this machine, elsewhere those with a certificate of one authority.

Dask executes what it is sent, so all who reach a scheduler may run anything on each worker.
"""

import ipaddress
from pathlib import Path
from urllib.parse import urlsplit

from distributed.security import Security

from harness.core.errors import UsageError

_FILES = {"ca": "ca.pem", "cert": "cert.pem", "key": "key.pem"}


def security(address: str, certificates: Path | None) -> Security | None:
    """Return the certificates for an address: a folder with ca.pem, cert.pem and key.pem; None on loopback.

    Raises:
        UsageError: the address is of another machine and has no TLS, or a file is missing.
    """
    parts = urlsplit(address)
    if parts.scheme not in {"tcp", "tls"} or not parts.hostname:
        raise UsageError(f"{address}: no address of a scheduler; expected tcp://127.0.0.1:8786 or tls://HOST:8786.")
    if parts.scheme == "tcp":
        if not _is_loopback(parts.hostname):
            raise UsageError(
                f"{address}: without TLS, all who reach the scheduler could run programs on every worker; use "
                f"tls://{parts.netloc} with --certificates DIR (see docs/cluster.md)."
            )
        return None
    if certificates is None:
        raise UsageError(f"{address}: name the folder with {', '.join(_FILES.values())} with --certificates DIR.")
    paths = {role: certificates / name for role, name in _FILES.items()}
    if missing := [str(path) for path in paths.values() if not path.is_file()]:
        raise UsageError(f"--certificates {certificates}: {missing[0]} is missing; see docs/cluster.md.")
    ca, cert, key = (str(paths[role]) for role in ("ca", "cert", "key"))
    roles = {
        f"tls_{role}_{kind}": path
        for role in ("client", "scheduler", "worker")
        for kind, path in (("cert", cert), ("key", key))
    }
    return Security(  # type: ignore[no-untyped-call]
        tls_ca_file=ca, require_encryption=True, **roles
    )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
