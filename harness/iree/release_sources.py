"""Finds releases that are not locked, on pages of links, in folders and among local builds, and downloads their wheels.

A page is downloaded each time; with `--offline`, the last download is used. A wheel must match the sha256 that the page
has for it. Without one, its sha256 is recorded at the first download, as for a blob that is not in the lock file.
"""

import contextlib
import platform
import zipfile
import zlib
from collections.abc import Collection, Iterable, Iterator
from dataclasses import field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from harness.core.blobs import Blob
from harness.core.callbacks import Notice, ignore
from harness.core.errors import FetchError, NoVerdictError, UsageError
from harness.core.settings import FetchSettings, ReleaseSettings
from harness.core.urls import redacted
from harness.core.values import frozen
from harness.fetch import provision
from harness.fetch.fetcher import Fetcher
from harness.host import files
from harness.host.cancel import CancelToken
from harness.iree import releases, toolchain
from harness.iree.releases import Releases, ReleaseWheels, Wheel
from harness.iree.toolchain import Toolchain
from harness.store.store import Store

if TYPE_CHECKING:  # it takes 20 ms to load, and locked releases need no links
    from harness.iree.wheel_links import WheelLink

_VERSION_FILE = "iree/compiler/version.py"
_NIGHTLIES = "For nightlies and release candidates, add --find-links https://iree.dev/pip-release-links.html."
_VERSION_BYTES = 64 << 10
_PAGE_BYTES = 16 << 20
# What `zipfile` raises for files that are not ZIP files, or that it cannot read.
_ZIP_ERRORS = (OSError, ValueError, EOFError, RuntimeError, KeyError, zipfile.BadZipFile, zlib.error)


@frozen
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
    _known: list[ReleaseWheels] = field(default_factory=list, init=False, repr=False, compare=False)

    @property
    def name(self) -> str | None:
        """Name of the release, if it is known without looking for it."""
        asked = self.settings.name
        return self.found.release.name if self.found else asked and releases.full_name(asked)

    def find(self, store: Store, cancel: CancelToken, notice: Notice) -> ReleaseWheels:
        """Return the release, which is looked for once; see `chosen`."""
        if self.found:
            return self.found
        if not self._known:
            self._known.append(chosen(self.settings, self.fetch, store, notice, cancel=cancel))
        return self._known[0]

    def install(
        self, store: Store, cancel: CancelToken, notice: Notice, *, read: Collection[str] = toolchain.PROGRAMS
    ) -> Toolchain:
        """Return the release, installed into the store the first time; see `installed`."""
        return installed(self.fetch, self.find(store, cancel, notice), store, cancel, notice, read=read)


def check(settings: ReleaseSettings) -> None:
    """Check settings before anything is downloaded.

    Raises:
        UsageError: a folder or file does not exist, or no locked release has the name and no other source is given.
    """
    named = [*map(_local, settings.find_links), *settings.wheels]
    for path in filter(None, named):
        _check_exists(path)
    for path in settings.wheels:
        if not path.is_dir():
            raise UsageError(f"--wheels {path}: not a folder; expected a folder of wheels.")
    if settings.name and not named:
        Releases(advice=_NIGHTLIES).find(settings.name)


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
        store: keeps the pages.
        notice: called with one line for each wheel that is skipped.
        cancel: stops downloads.

    Raises:
        UsageError: a folder or file does not exist, or a URL is not one of a page.
        FetchError: a page cannot be downloaded.
        Cancelled: `cancel` was set.
    """
    from harness.iree import wheel_links  # noqa: PLC0415 - see above

    sources = [
        wheel_links.Source(name=str(path), wheels=tuple(_in_folder(path, notice)), local=True)
        for path in settings.wheels
    ]
    with provision.fetcher(fetch, store, notice, cancel=cancel, refetch=True) as fetcher:
        for link in settings.find_links:
            path = _local(link)
            is_folder = path is not None and not path.is_file()
            links = _in_folder(path, notice) if path and is_folder else _on_page(link, fetcher, notice)
            sources.append(wheel_links.Source(name=redacted(link), wheels=tuple(links)))
    found = wheel_links.paired(sources)
    for each in found.skipped:
        notice(each)
    return Releases(found.releases, advice="" if settings.find_links else _NIGHTLIES)


def chosen(
    settings: ReleaseSettings,
    fetch: FetchSettings,
    store: Store,
    notice: Notice = ignore,
    *,
    cancel: CancelToken | None = None,
) -> ReleaseWheels:
    """Return the release of `settings.name`, by default the newest locked one; see `known`.

    Pages are downloaded only for a release that is not locked.

    Raises:
        UsageError: there is no release of this name.
        FetchError: a page cannot be downloaded.
        Cancelled: `cancel` was set.
    """
    name = settings.name or releases.newest().name
    is_locked = releases.full_name(name) in releases.locked()
    if not settings.name or (is_locked and not settings.wheels):
        return releases.find(name)
    return known(settings, fetch, store, notice, cancel=cancel).find(name)


def pinned(release: ReleaseWheels, fetcher: Fetcher) -> ReleaseWheels:
    """Return the release with a sha256 for each wheel; wheels without one are downloaded to compute it.

    Raises:
        FetchError: a wheel cannot be downloaded, or has no sha256 although the fetcher requires one (`--locked`).
        Cancelled: the fetcher was cancelled.
    """
    return replace(release, wheels=tuple(_pinned(wheel, fetcher) for wheel in release.wheels))


def installed(
    fetch: FetchSettings,
    release: ReleaseWheels,
    store: Store,
    cancel: CancelToken | None,
    notice: Notice,
    *,
    read: Collection[str] = toolchain.PROGRAMS,
) -> Toolchain:
    """Return the installed release; the first time, its wheels are downloaded and installed into the store.

    Nothing may run from folders that are not read; see `toolchain.installed`.

    Raises:
        FetchError: a wheel cannot be downloaded.
        IntegrityError: a wheel does not match its sha256.
        DiskError: no space is left.
        Cancelled: `cancel` was set.
    """
    with provision.fetcher(fetch, store, notice, cancel=cancel) as fetcher:
        return toolchain.installed(
            pinned(release, fetcher),
            store,
            fetch=fetcher.fetch,
            offline=fetch.offline,
            cancel=cancel,
            notice=notice,
            read=read,
        )


def _pinned(wheel: Wheel, fetcher: Fetcher) -> Wheel:
    if wheel.url is None or wheel.sha256:
        return wheel
    if fetcher.policy.locked and not wheel.url.startswith("file:"):
        hint = "use a page that has one, download the wheel into a folder, or pass --no-locked"
        raise FetchError(f"{redacted(wheel.url)}: --locked requires a sha256, and the page has none; {hint}.")
    return replace(wheel, sha256=(fetcher.fetch(Blob(url=wheel.url)).blob.sha256,))


def _local(link: str) -> Path | None:
    """Return the path that a value of `--find-links` names; None if it is the URL of a remote page.

    Raises:
        UsageError: it is neither.
    """
    scheme = link.partition("://")[0].lower() if "://" in link else ""
    if scheme in {"https", "http"}:
        return None
    if scheme not in {"", "file"}:
        raise UsageError(f"--find-links {redacted(link)}: expected an https:, http: or file: URL, or a folder.")
    return Blob(url=link).local_path if scheme else Path(link)


def _check_exists(path: Path) -> None:
    if not path.exists():
        raise UsageError(f"{path}: no such folder; pass a folder of wheels to --find-links or --wheels.")


def _on_page(link: str, fetcher: Fetcher, notice: Notice) -> "Iterable[WheelLink]":
    """Return the wheels on a page."""
    from harness.iree import wheel_links  # noqa: PLC0415 - see above

    url = link if (path := _local(link)) is None else path.absolute().as_uri()
    try:
        fetched = fetcher.fetch(Blob(url=url))
        text = files.read(fetched.path, _PAGE_BYTES).decode("utf-8", errors="replace")
        page = wheel_links.page(text, url, platform.machine())
    except NoVerdictError as error:
        hint = "check --find-links or HARNESS_FIND_LINKS, or try later"
        raise type(error)(f"Cannot download the wheel index: {error.__cause__ or error}; {hint}.") from error
    except ValueError as error:
        raise FetchError(f"{redacted(url)}: not a page of wheels: {error}; check --find-links.") from error
    for each in page.skipped:
        notice(each)
    return page.wheels


def _in_folder(folder: Path, notice: Notice) -> "Iterator[WheelLink]":
    """Yield the wheels in a folder; the folder and the wheels may be symbolic links."""
    from harness.iree import wheel_links  # noqa: PLC0415 - see above

    _check_exists(folder)
    try:
        paths = sorted(folder.iterdir())
    except OSError as error:
        raise UsageError(f"{folder}: cannot read the folder ({error.strerror}); check its permissions.") from error
    for path in paths:
        if found := wheel_links.parse(path.absolute().as_uri(), platform.machine()):
            try:
                yield _read(found, path)
            except _ZIP_ERRORS as error:
                notice(f"skipping {path}: not a readable wheel ({error})")


def _read(found: "WheelLink", path: Path) -> "WheelLink":
    """Return the wheel with the date and the commit that its file has."""
    with files.opened(path) as file, zipfile.ZipFile(file) as archive:
        made = max((each.date_time for each in archive.infolist()), default=())
        commit = None
        with contextlib.suppress(KeyError), archive.open(_VERSION_FILE) as text:
            commit = toolchain.stamp(text.read(_VERSION_BYTES).decode(errors="replace"))
    return replace(found, made=made, commit=commit[1] if commit else "")
