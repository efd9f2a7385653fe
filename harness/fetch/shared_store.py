"""Opens the store that machines share, by its URL."""

import functools
from pathlib import Path
from urllib.parse import unquote, urlsplit

from harness.core.callbacks import Notice
from harness.core.errors import UsageError
from harness.core.settings import FetchSettings
from harness.core.urls import redacted
from harness.store.objects import FolderObjects, Objects
from harness.store.signing import Key
from harness.store.upstream import Upstream


def opened(settings: FetchSettings, notice: Notice) -> Upstream | None:
    """Return the shared store of the settings; None if there is none, or it is on the network and that is not for use.

    A process has one for each URL: what does not answer once is not asked by every session of a search.

    Raises:
        UsageError: the URL or the key cannot be used, or a package is missing.
    """
    url = settings.store_url
    if url is None or (settings.offline and not url.startswith("file:")):
        return None
    found = _opened(url, settings.store_key)
    found.notice = notice
    return found


@functools.cache
def _opened(url: str, key_file: Path | None) -> Upstream:
    return Upstream(redacted(url), objects(url), Key.read(key_file) if key_file else None)


def objects(url: str) -> Objects:
    """Return the objects at a URL, without connecting.

    Raises:
        UsageError: the URL is of no known kind, or a package is missing.
    """
    parts = urlsplit(url)
    if "://" not in url:
        raise UsageError(
            f"{redacted(url)!r} is not a URL; expected one such as file:///mnt/nfs/harness or s3://BUCKET/PREFIX."
        )
    if parts.password or parts.query or parts.fragment:
        raise UsageError(f"{redacted(url)}: a URL with a password or a query; put credentials into the environment.")
    if parts.scheme == "file":
        if parts.netloc not in {"", "localhost"}:
            raise UsageError(f"{redacted(url)}: names the host {parts.netloc}; expected file:///FOLDER.")
        return FolderObjects(Path(unquote(parts.path)))
    from harness.fetch.shared_objects import RemoteObjects  # noqa: PLC0415 - few share a store

    return RemoteObjects(url)
