"""Which blobs to download, and from where."""

from harness.core.urls import Grant, Mirror
from harness.core.values import frozen


@frozen
class FetchPolicy:
    """Where to download blobs, and which ones.

    Attributes:
        mirrors: replacements for the beginnings of URLs, tried first.
        grants: signatures for URLs below a prefix.
        offline: whether to use the store only and open no connection.
        locked: whether to refuse blobs that are not in the lock file.
        revalidate: whether to ask the host if an unlocked blob in the store is still current.
        refetch: whether to download unlocked blobs each time, unless `offline`, and accept any content.
    """

    mirrors: tuple[Mirror, ...] = ()
    grants: tuple[Grant, ...] = ()
    offline: bool = False
    locked: bool = False
    revalidate: bool = False
    refetch: bool = False
