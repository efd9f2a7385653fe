"""Finds IREE's wheels by their file names and on pages of links, and pairs compilers with runtimes.

A page is anything that pip's `--find-links` takes, or a project's page of an index (PEP 503): anchors whose targets end
in the name of a wheel, perhaps followed by `#sha256=...`. Pages are untrusted: only links with a valid wheel name are
used, so that no other text of a page ends up in a path or an image tag.
"""

import functools
import re
from collections.abc import Iterable, Iterator, Sequence
from html.parser import HTMLParser
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

from packaging.tags import Tag, compatible_tags, cpython_tags
from packaging.utils import InvalidWheelFilename, parse_wheel_filename
from packaging.version import Version

from harness.core.blobs import Blob
from harness.core.urls import redacted
from harness.core.values import frozen
from harness.iree import releases
from harness.iree.releases import ReleaseWheels, Wheel

COMPILER, RUNTIME = "iree-base-compiler", "iree-base-runtime"
_PYTHON, _ABI = (3, 12), "cp312"
_LONGEST_VERSION = 64
_LONGEST_NAME = 255
# Dots join alternative tags, and the tags of a name are all their combinations: IREE's names have 6 dots at most.
_MOST_DOTS = 20
# All that a wheel name of IREE may consist of; without `!`, and so without an epoch.
_NAME = re.compile(r"[A-Za-z0-9._+-]+")
# Not tied to the glibc of this machine: programs may run in an image that has another one.
_PLATFORM = re.compile(r"(?:linux|manylinux[0-9]+|manylinux_[0-9]+_[0-9]+)_(.+)")


@frozen
class WheelLink:
    """A wheel of IREE for CPython 3.12 and this machine.

    Attributes:
        package: normalized name, such as `iree-base-compiler`.
        version: a valid version (PEP 440), as the file name spells it; a commit in it may have leading zeros.
        build: build number; the highest one of a version is used.
        blob: where the wheel is, and its sha256 if known.
        made: for a file, the newest time in its ZIP directory: (year, month, day, hour, minute, second).
        commit: for a file, the IREE commit that it was built from; empty if unknown.
    """

    package: str
    version: str
    build: int
    blob: Blob
    made: tuple[int, ...] = ()
    commit: str = ""

    @property
    def name(self) -> str:
        """The file name of the wheel."""
        return _file_name(self.blob.url)


@frozen
class Page:
    """The wheels on a page, and one message for each wheel that must not be used."""

    wheels: tuple[WheelLink, ...]
    skipped: tuple[str, ...]


@frozen
class Source:
    """A page or a folder of wheels.

    Attributes:
        name: the URL or path, for messages.
        wheels: links to its wheels.
        local: whether these are local builds, which replace a locked release of the same version.
    """

    name: str
    wheels: tuple[WheelLink, ...]
    local: bool = False


@frozen
class Paired:
    """Releases made of linked wheels, oldest first, and one message for each compiler that is not used."""

    releases: tuple[ReleaseWheels, ...]
    skipped: tuple[str, ...]


def parse(url: str, machine: str, sha256: str | None = None) -> WheelLink | None:
    """Return the wheel that a URL names; None if it is not IREE's, or not for CPython 3.12 on Linux.

    Args:
        url: the wheel's URL.
        machine: CPU architecture, such as `x86_64`.
        sha256: of the wheel, if known.
    """
    name = _file_name(url)
    if len(name) > _LONGEST_NAME or name.count(".") > _MOST_DOTS or not _NAME.fullmatch(name):
        return None
    try:
        package, version, build, tags = parse_wheel_filename(name)
    except InvalidWheelFilename:
        return None
    text = name.split("-")[1]
    if package not in {COMPILER, RUNTIME} or not _is_plain(text, version) or not _fits(tags, machine):
        return None
    return WheelLink(package=package, version=text, build=build[0] if build else 0, blob=Blob(url=url, sha256=sha256))


def page(text: str, url: str, machine: str) -> Page:
    """Return the wheels on a page that `parse` accepts.

    Args:
        text: HTML.
        url: URL of the page; its links are relative to it.
        machine: CPU architecture, such as `x86_64`.

    Raises:
        ValueError: the text is not valid HTML.
    """
    links, skipped = list[WheelLink](), list[str]()
    for link in _targets(text, url):
        target, fragment = urldefrag(link)
        sha256 = next((each[7:].lower() for each in fragment.split("&") if each.startswith("sha256=")), None)
        if found := parse(target, machine, sha256):
            why = _objection(found.blob, url)
            if why:
                skipped.append(f"skipping {redacted(target)}: {why}")
            else:
                links.append(found)
    return Page(wheels=tuple(links), skipped=tuple(skipped))


def paired(sources: Sequence[Source]) -> Paired:
    """Return the releases that sources offer; if several offer one release, the first source is used.

    A compiler is paired with the runtime of its version, preferably of its own source; else with the newest older
    runtime of its own source, as compiler 3.7.1 goes with runtime 3.7.0. Locked releases are skipped, except for local
    builds.
    """
    found: dict[str, tuple[WheelLink, WheelLink]] = {}
    skipped: list[str] = []
    for source in sources:
        for compiler in _best(source.wheels, COMPILER):
            name = releases.of_build(compiler.version).name
            if name in releases.locked() and not source.local:
                continue
            if name in found:
                skipped += [f"{_skipping(compiler, source)}: found this version before"] if source.local else []
            elif runtime := _runtime(compiler, source, sources):
                found[name] = compiler, runtime
            else:
                skipped.append(f"{_skipping(compiler, source)}: no {RUNTIME} of this or an older version")
    ordered = sorted(found.values(), key=lambda pair: _order(pair[0]))
    return Paired(releases=tuple(_release(*pair) for pair in ordered), skipped=tuple(skipped))


def _file_name(url: str) -> str:
    return unquote(urlsplit(url).path.rpartition("/")[2])


def _is_plain(text: str, version: Version) -> bool:
    """Whether a version is short and, but for its `+local`, normalized (PEP 440), so that it has one name."""
    return len(text) <= _LONGEST_VERSION and text.partition("+")[0] == version.public


def _fits(tags: Iterable[Tag], machine: str) -> bool:
    return any((tag.interpreter, tag.abi) in _pythons() and _machine(tag.platform) == machine for tag in tags)


@functools.cache
def _pythons() -> frozenset[tuple[str, str]]:
    """Return the interpreter and ABI tags that CPython 3.12 supports."""
    tags = (*cpython_tags(_PYTHON, [_ABI], ["linux"]), *compatible_tags(_PYTHON, _ABI, ["linux"]))
    return frozenset((tag.interpreter, tag.abi) for tag in tags)


def _machine(platform: str) -> str | None:
    found = _PLATFORM.fullmatch(platform)
    return found[1] if found else None


class _Anchors(HTMLParser):
    """Collects the targets of the anchors of a page, and its base URL."""

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


def _targets(text: str, url: str) -> Iterator[str]:
    """Yield the absolute target of each anchor of a page, each once."""
    anchors = _Anchors()
    try:
        anchors.feed(text)
        anchors.close()
    except AssertionError as error:  # HTMLParser raises it for malformed declarations
        raise ValueError(f"not valid HTML ({error})") from error
    base = _joined(url, anchors.base) or url
    yield from filter(None, (_joined(base, target) for target in dict.fromkeys(anchors.targets)))


def _joined(base: str, target: str) -> str | None:
    try:
        joined = urljoin(base, target)
        urlsplit(joined)
    except ValueError:
        return None
    return joined


def _objection(blob: Blob, page_url: str) -> str | None:
    """Return why a link must not be followed, or None."""
    scheme, of_page = blob.url.partition(":")[0].lower(), page_url.partition(":")[0].lower()
    if blob.sha256 is not None and not re.fullmatch(r"[0-9a-f]{64}", blob.sha256):
        return f"its sha256 on {redacted(page_url)} is not valid"
    if scheme not in {"https", "http"} and (scheme, of_page) != ("file", "file"):
        return f"{redacted(page_url)} links to it by {scheme}:; expected https: or http:"
    if scheme == "http" and of_page == "https" and blob.sha256 is None:
        return f"{redacted(page_url)} links to it by http: without a sha256"
    return None


def _skipping(compiler: WheelLink, source: Source) -> str:
    return f"skipping {compiler.name} of {source.name}"


def _best(links: Iterable[WheelLink], package: str) -> list[WheelLink]:
    """Return one wheel of a package per version: the first of those with the highest build number."""
    best: dict[str, WheelLink] = {}
    for each in links:
        if each.package == package and (each.version not in best or each.build > best[each.version].build):
            best[each.version] = each
    return list(best.values())


def _runtime(compiler: WheelLink, source: Source, sources: Sequence[Source]) -> WheelLink | None:
    for each in (source, *sources):
        for runtime in _best(each.wheels, RUNTIME):
            if runtime.version == compiler.version:
                return runtime
    older = [each for each in _best(source.wheels, RUNTIME) if _order(each) < _order(compiler)]
    return max(older, key=_order, default=None)


def _order(link: WheelLink) -> tuple[float, tuple[int, ...], Version]:
    """Return the sort key of wheels: by the date in the version, then by when they were made, then by version."""
    return releases.order(releases.of_build(link.version)), link.made, Version(link.version)


def _release(compiler: WheelLink, runtime: WheelLink) -> ReleaseWheels:
    return ReleaseWheels(
        release=releases.of_build(compiler.version),
        release_candidate=compiler.version,
        commit=compiler.commit,
        wheels=tuple(_wheels(compiler, runtime)),
    )


def _wheels(*links: WheelLink) -> Iterator[Wheel]:
    for each in links:
        sha256 = (each.blob.sha256,) if each.blob.sha256 else ()
        yield Wheel(package=each.package, version=each.version, sha256=sha256, url=each.blob.url)
