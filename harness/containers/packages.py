"""Reads which packages are installed, from the databases of dpkg and of Python. No I/O but reading metadata."""

import contextlib
import email
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from email.message import Message
from importlib import metadata
from urllib.parse import quote

from packaging.utils import canonicalize_name

_INSTALLED = "install ok installed"


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Package:
    """An installed package.

    Attributes:
        purl: its package URL, see https://github.com/package-url/purl-spec.
        name: its name.
        version: its version.
    """

    purl: str
    name: str
    version: str


def of_dpkg(status: str, distribution: Mapping[str, str] | None = None) -> Iterator[Package]:
    """Yield the Debian packages that dpkg lists as installed.

    Args:
        status: text of /var/lib/dpkg/status.
        distribution: fields of /etc/os-release; without them, the packages are Debian's.
    """
    for stanza in status.split("\n\n"):
        fields = email.message_from_string(stanza)
        if fields["Status"] == _INSTALLED:
            yield _debian(fields, distribution or {})


def of_python(folders: Sequence[str], index: str | None = None) -> Iterator[Package]:
    """Yield the Python packages that are installed in folders, from an index; None for PyPI."""
    for each in metadata.distributions(path=list(folders)):
        # A broken one has no text, or an empty one: a newer library that replaces Python's own raises an error.
        with contextlib.suppress(FileNotFoundError):
            if name := each.metadata["Name"]:
                yield pypi(canonicalize_name(name), each.version, index)


def pypi(name: str, version: str, index: str | None = None) -> Package:
    """Return a Python package, given its normalized name, and its index unless that is PyPI."""
    where = f"?repository_url={quoted(index)}" if index else ""
    return Package(purl=f"pkg:pypi/{name}@{quoted(version)}{where}", name=name, version=version)


def quoted(text: str) -> str:
    """Return a part of a package URL, percent-encoded."""
    return quote(text, safe=":")


def _debian(fields: Message, distribution: Mapping[str, str]) -> Package:
    name, version = fields["Package"], fields["Version"]
    vendor = distribution.get("ID", "debian")
    release = distribution.get("VERSION_ID") or distribution.get("VERSION_CODENAME")
    # As Syft writes it: scanners find Debian's advisories by the source package.
    upstream = (fields["Source"] or "").replace(" (", "@").rstrip(")")
    qualifiers = {"arch": fields["Architecture"], "distro": release and f"{vendor}-{release}", "upstream": upstream}
    text = "&".join(f"{key}={quoted(value)}" for key, value in qualifiers.items() if value)
    return Package(purl=f"pkg:deb/{vendor}/{quoted(name)}@{quoted(version)}?{text}", name=name, version=version)
