"""Knows IREE's wheels by their names, and finds them on a page of links (pure).

A page is what pip's `--find-links` takes, or a project's page of an index (PEP 503): anchors whose targets end in the
name of a wheel, perhaps followed by `#sha256=...`. It comes from anywhere, so nothing of it is believed but that.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

from harness.core.blobs import Blob
from harness.core.urls import redacted

COMPILER, RUNTIME = "iree-base-compiler", "iree-base-runtime"
_LONGEST_VERSION = 64
# NAME-VERSION(-BUILD)-PYTHON-ABI-PLATFORM.whl: packaging.python.org/specifications/binary-distribution-format.
_WHEEL = re.compile(r"([\w.]+)-([^-]+)(?:-([0-9]{1,9})[^-]*)?-([^-]+)-([^-]+)-([^-]+)\.whl", re.ASCII)
# PEP 440, without what IREE never has: it becomes a part of paths and of tags.
_VERSION = re.compile(
    r"([0-9]+(?:\.[0-9]+)*)(?:(a|b|rc)([0-9]+))?(?:\.post([0-9]+))?(?:\.dev([0-9]*))?(\+[a-z0-9]+(?:[._][a-z0-9]+)*)?"
)
# The minor version of the CPython for which wheels are installed, which need not be here.
_CPYTHON = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A wheel of IREE that fits here, and where it is.

    Of several of one version the one of the highest `build` counts. Of a file that can be looked into, `made` is the
    newest time in it, as its ZIP directory has it, and `commit` what it was made from.
    """

    package: str
    version: str
    build: int
    blob: Blob
    made: tuple[int, ...] = ()
    commit: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What a page offers, and why some of its wheels are left out."""

    offers: tuple[Offer, ...]
    left_out: tuple[str, ...]


def offer(url: str, machine: str, sha256: str | None = None) -> Offer | None:
    """Return the wheel that a URL names, if it is one of IREE's for CPython 3.12 and a machine such as `x86_64`."""
    found = _WHEEL.fullmatch(wheel_name(url))
    if found is None:
        return None
    package, version, build, pythons, abis, platforms = found.groups()
    package = re.sub(r"[-_.]+", "-", package).lower()
    if package not in {COMPILER, RUNTIME} or len(version) > _LONGEST_VERSION or not _VERSION.fullmatch(version):
        return None
    if not _fits_python(pythons.split("."), abis.split(".")) or not _fits_machine(platforms.split("."), machine):
        return None
    return Offer(package=package, version=version, build=int(build or 0), blob=Blob(url=url, sha256=sha256))


def wheel_name(url: str) -> str:
    """Return the name of the file that a URL names."""
    return unquote(urlsplit(url).path.rpartition("/")[2])


def version_key(version: str) -> tuple[object, ...]:
    """Return what orders versions that are known to be some."""
    numbers, stage, candidate, post, dev, _ = _VERSION.fullmatch(version).groups()  # type: ignore[union-attr]
    if stage:
        rank: tuple[int, ...] = ("a", "b", "rc").index(stage), int(candidate)
    else:
        rank = (3, int(post or 0)) if dev is None else (-1, int(dev or 0))
    return tuple(map(int, numbers.split("."))), rank, version


def page(text: str, url: str, machine: str) -> Page:
    """Return the wheels on a page that fit here.

    Args:
        text: the HTML.
        url: of the page, to which its links are relative.
        machine: such as `x86_64`.

    Raises:
        ValueError: it is no HTML.
    """
    anchors = _Anchors()
    try:
        anchors.feed(text)
        anchors.close()
    except AssertionError as error:  # what the parser says of a malformed declaration
        raise ValueError(f"it is no HTML ({error})") from error
    offers, left_out = list[Offer](), list[str]()
    for link in _absolute(anchors.targets, _joined(url, anchors.base) or url):
        target, fragment = urldefrag(link)
        sha256 = next((each[7:].lower() for each in fragment.split("&") if each.startswith("sha256=")), None)
        if found := offer(target, machine, sha256):
            why = _objection(found.blob, url)
            if why:
                left_out.append(f"{redacted(target)} is left out: {why}")
            else:
                offers.append(found)
    return Page(offers=tuple(offers), left_out=tuple(left_out))


class _Anchors(HTMLParser):
    """Gathers where the anchors of a page lead."""

    def __init__(self) -> None:
        super().__init__()
        self.targets: list[str] = []
        self.base = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        target = (dict(attrs).get("href") or "").strip()
        if tag == "a" and target:
            self.targets.append(target)
        elif tag == "base":
            self.base = self.base or target


def _absolute(targets: Iterable[str], base: str) -> Iterator[str]:
    for target in dict.fromkeys(targets):
        if joined := _joined(base, target):
            yield joined


def _joined(base: str, target: str) -> str | None:
    try:
        joined = urljoin(base, target)
        urlsplit(joined)
    except ValueError:
        return None
    return joined


def _objection(blob: Blob, page_url: str) -> str | None:
    """Return why a link is not followed."""
    scheme, of_page = blob.url.partition(":")[0].lower(), page_url.partition(":")[0].lower()
    if blob.sha256 is not None and not re.fullmatch(r"[0-9a-f]{64}", blob.sha256):
        return f"its sha256 on {redacted(page_url)} is none"
    if scheme not in {"https", "http"} and (scheme, of_page) != ("file", "file"):
        return f"{redacted(page_url)} links to it by {scheme}:, and may by https: and http: only"
    if scheme == "http" and of_page == "https" and blob.sha256 is None:
        return f"{redacted(page_url)} links to it by http: without a sha256"
    return None


def _fits_python(pythons: list[str], abis: list[str]) -> bool:
    minors = [int(found[1]) for each in pythons if (found := re.fullmatch(r"cp3([0-9]{1,3})", each))]
    if "abi3" in abis:
        return any(minor <= _CPYTHON for minor in minors)
    fitting = f"cp3{_CPYTHON}" in abis or "none" in abis
    return fitting and (_CPYTHON in minors or "py3" in pythons)


def _fits_machine(platforms: list[str], machine: str) -> bool:
    known = re.compile(rf"(linux|manylinux[0-9]+|manylinux_[0-9]+_[0-9]+)_{re.escape(machine)}")
    return any(known.fullmatch(each) for each in platforms)
