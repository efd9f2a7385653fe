"""Finds releases beyond the lock: on pages of links, in folders, among local builds; and has their wheels.

A page is fetched anew each time it is needed, or is with `--offline` what it was when it last came. A wheel that it
names by sha256 is held to that; any other is trusted once, as a blob is that no lock vouches for.
"""

import contextlib
import platform
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from harness.core.blobs import Blob
from harness.core.callbacks import Notice, ignore
from harness.core.errors import FetchError, NoVerdictError, UsageError
from harness.core.settings import FetchSettings, ReleaseSettings
from harness.core.urls import redacted
from harness.fetch import provision
from harness.fetch.fetcher import Fetcher
from harness.host.process import CancelToken
from harness.iree import releases, toolchain, wheel_links
from harness.iree.releases import Releases, ReleaseWheels, Wheel
from harness.iree.toolchain import Toolchain
from harness.iree.wheel_links import Offer, Source
from harness.store.store import Store

_VERSION_FILE = "iree/compiler/version.py"
_VERSION_BYTES = 64 << 10
_PAGE_BYTES = 64 << 20
# What `zipfile` raises at files that are none, or that it cannot read.
_NO_WHEEL = (OSError, ValueError, EOFError, RuntimeError, KeyError, zipfile.BadZipFile, zlib.error)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseSource:
    """The release that settings name, found when it is needed.

    Attributes:
        settings: which release, and where releases are.
        fetch: how pages and wheels are downloaded.
        found: the release, if it has been found already.
    """

    settings: ReleaseSettings
    fetch: FetchSettings
    found: ReleaseWheels | None = None

    @property
    def name(self) -> str | None:
        """Name of the release, if it is known without looking for it."""
        asked = self.settings.name
        return self.found.release.name if self.found else asked and releases.full_name(asked)

    def find(self, store: Store, cancel: CancelToken, notice: Notice) -> ReleaseWheels:
        """Return the release; see `chosen`."""
        return self.found or chosen(self.settings, self.fetch, store, notice, cancel=cancel)

    def install(self, store: Store, cancel: CancelToken, notice: Notice) -> Toolchain:
        """Return the release, installed into the store the first time; see `installed`."""
        return installed(self.fetch, self.find(store, cancel, notice), store, cancel, notice)


def check(settings: ReleaseSettings) -> None:
    """Refuse at once what needs no network to be known as wrong.

    Raises:
        UsageError: what is named as a page or a folder is none, or there is no release of the name and nowhere to look.
    """
    named = [*map(_local, settings.find_links), *settings.wheels]
    for path in filter(None, named):
        _check_is_there(path)
    if settings.name and not named:
        releases.find(settings.name)


def known(
    settings: ReleaseSettings,
    fetch: FetchSettings,
    store: Store,
    notice: Notice = ignore,
    *,
    cancel: CancelToken | None = None,
) -> Releases:
    """Return the locked releases and those of `find_links` and `wheels`.

    Args:
        settings: where releases are.
        fetch: how pages are downloaded.
        store: keeps pages.
        notice: told what is left out, and why.
        cancel: an order to stop.

    Raises:
        UsageError: what is named as a page or a folder is none.
        FetchError: a page cannot be had.
        Cancelled: the order came first.
    """
    sources = [Source(name=str(path), offers=tuple(_in_folder(path, notice)), local=True) for path in settings.wheels]
    with provision.fetcher(fetch, store, notice, cancel=cancel, anew=True) as fetcher:
        for place in settings.find_links:
            path = _local(place)
            is_folder = path is not None and not path.is_file()
            offers = _in_folder(path, notice) if path and is_folder else _on_page(place, fetcher, notice)
            sources.append(Source(name=redacted(place), offers=tuple(offers)))
    found = wheel_links.paired(sources)
    for each in found.skipped:
        notice(each)
    return Releases(found.releases)


def chosen(
    settings: ReleaseSettings,
    fetch: FetchSettings,
    store: Store,
    notice: Notice = ignore,
    *,
    cancel: CancelToken | None = None,
) -> ReleaseWheels:
    """Return the release that is named, or the newest locked one; see `known`.

    No page is asked for what the lock has.

    Raises:
        UsageError: there is none of this name.
        FetchError: a page cannot be had.
        Cancelled: the order came first.
    """
    name = settings.name or releases.newest().name
    is_locked = releases.full_name(name) in releases.locked()
    if not settings.name or (is_locked and not settings.wheels):
        return releases.find(name)
    return known(settings, fetch, store, notice, cancel=cancel).find(name)


def pinned(release: ReleaseWheels, fetcher: Fetcher) -> ReleaseWheels:
    """Return a release each of whose wheels has a sha256; those that have none yet are had for it.

    Raises:
        FetchError: a wheel cannot be had, or nothing vouches for it and it is refused therefore.
        Cancelled: an order to stop came first.
    """
    return replace(release, wheels=tuple(_pinned(wheel, fetcher) for wheel in release.wheels))


def installed(
    fetch: FetchSettings, release: ReleaseWheels, store: Store, cancel: CancelToken | None, notice: Notice
) -> Toolchain:
    """Return a release, installed into the store the first time; its wheels are had as the command line says.

    Raises:
        FetchError: its wheels cannot be had.
        IntegrityError: a wheel is not what it should be.
        DiskError: no space is left.
        Cancelled: the order came first.
    """
    with provision.fetcher(fetch, store, notice, cancel=cancel) as fetcher:
        exact, offline = pinned(release, fetcher), fetch.offline
        return toolchain.installed(exact, store, fetch=fetcher.fetch, offline=offline, cancel=cancel, notice=notice)


def _pinned(wheel: Wheel, fetcher: Fetcher) -> Wheel:
    if wheel.url is None or wheel.sha256:
        return wheel
    if fetcher.policy.locked and not wheel.url.startswith("file:"):
        hint = "name a page that does, have it in a folder, or pass --no-locked"
        raise FetchError(f"{redacted(wheel.url)}: its page names no sha256 for it, and --locked refuses it; {hint}.")
    return replace(wheel, sha256=(fetcher.fetch(Blob(url=wheel.url)).blob.sha256,))


def _local(place: str) -> Path | None:
    """Return the path that a place of `--find-links` names; None if it is a URL of another machine.

    Raises:
        UsageError: it is neither.
    """
    scheme = place.partition("://")[0].lower() if "://" in place else ""
    if scheme in {"https", "http"}:
        return None
    if scheme not in {"", "file"}:
        raise UsageError(f"--find-links {redacted(place)}: expected a page at https:, http: or file:, or a folder.")
    return Blob(url=place).local_path if scheme else Path(place)


def _check_is_there(path: Path) -> None:
    if not path.exists():
        raise UsageError(f"{path}: no such folder; name one with wheels in it by --find-links or --wheels.")


def _on_page(place: str, fetcher: Fetcher, notice: Notice) -> Iterable[Offer]:
    """Return what a page offers."""
    url = place if (path := _local(place)) is None else path.absolute().as_uri()
    try:
        fetched = fetcher.fetch(Blob(url=url))
        if fetched.blob.bytes > _PAGE_BYTES:
            raise ValueError(f"it has {fetched.blob.bytes} bytes, which no page of links has")  # noqa: TRY301
        text = fetched.path.read_text(encoding="utf-8", errors="replace")
        page = wheel_links.page(text, url, platform.machine())
    except NoVerdictError as error:
        hint = "correct --find-links or HARNESS_FIND_LINKS, or try later"
        raise type(error)(f"The page of wheels cannot be had: {error.__cause__ or error}; {hint}.") from error
    except ValueError as error:
        raise FetchError(f"{redacted(url)}: this is no page of wheels, for {error}; correct --find-links.") from error
    for each in page.skipped:
        notice(each)
    return page.offers


def _in_folder(folder: Path, notice: Notice) -> Iterator[Offer]:
    """Yield what a folder offers; it may be a link, and what is in it, too."""
    _check_is_there(folder)
    try:
        paths = sorted(folder.iterdir())
    except OSError as error:
        raise UsageError(f"{folder}: the folder cannot be read ({error.strerror}); check its rights.") from error
    for path in paths:
        if found := wheel_links.offer(path.absolute().as_uri(), platform.machine()):
            try:
                yield _looked_into(found, path)
            except _NO_WHEEL as error:
                notice(f"skipping {path}: not a readable wheel ({error})")


def _looked_into(found: Offer, path: Path) -> Offer:
    """Return a wheel with what its file says of it."""
    with zipfile.ZipFile(path) as archive:
        made = max((each.date_time for each in archive.infolist()), default=())
        commit = None
        with contextlib.suppress(KeyError), archive.open(_VERSION_FILE) as file:
            commit = toolchain.stamp(file.read(_VERSION_BYTES).decode(errors="replace"))
    return replace(found, made=made, commit=commit[1] if commit else "")
