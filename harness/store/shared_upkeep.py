"""Measures, shrinks and verifies a shared store: the commands `harness store info`, `gc` and `verify`."""

import hashlib
import io
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import TypeVar

from harness.core.errors import FetchError
from harness.core.values import frozen
from harness.store import shared_entry
from harness.store.gc import KindUsage, Verified
from harness.store.objects import Stored
from harness.store.shared_entry import OBJECTS, SIGNED, RefusedError
from harness.store.upstream import PIECE_BYTES, UnavailableError, Upstream

_LISTING_S = 600.0
_PROBE = b"harness store info\n"
_PROBE_NAME = shared_entry.name(OBJECTS, hashlib.sha256(_PROBE).hexdigest())

Result = TypeVar("Result")


@frozen
class SharedUsage:
    """What a shared store contains.

    Attributes:
        kinds: number and size of the objects of each kind.
        unwritable: why nothing can be written; empty if it can.
    """

    kinds: tuple[KindUsage, ...]
    unwritable: str = ""


@frozen
class SharedCollected:
    """What a collection removed, and what is left."""

    removed: int
    freed_bytes: int
    left_bytes: int


def usage(upstream: Upstream) -> SharedUsage:
    """Return what a shared store contains, and whether it can be written.

    Raises:
        FetchError: it cannot be read.
    """
    counts, sizes = Counter[str](), Counter[str]()
    for each in _listed(upstream):
        kind = each.name.partition("/")[0]
        counts[kind] += 1
        sizes[kind] += each.bytes
    kinds = tuple(KindUsage(kind=kind, count=counts[kind], bytes=sizes[kind]) for kind in (*SIGNED, OBJECTS))
    return SharedUsage(kinds=kinds, unwritable=_unwritable(upstream))


def collect(upstream: Upstream, older_s: float) -> SharedCollected:
    """Remove what was written longer ago.

    Raises:
        FetchError: it cannot be read, or something cannot be removed.
    """
    listed, before = _listed(upstream), time.time() - older_s
    old = [each for each in listed if each.modified < before]
    for each in old:
        _remove(upstream, each)
    freed = sum(each.bytes for each in old)
    return SharedCollected(removed=len(old), freed_bytes=freed, left_bytes=sum(each.bytes for each in listed) - freed)


def verify(upstream: Upstream) -> Iterator[Verified]:
    """Read every byte and yield the result for each object; what is not as it should be is removed.

    What is being written now is left out.

    Without a key, nothing can be said about the lists of files, and they are left out.

    Raises:
        FetchError: something cannot be read, or removed.
    """
    for each in _listed(upstream):
        kind, _, key = each.name.split("/")
        if shared_entry.is_key(key) and (kind == OBJECTS or upstream.key):
            ok = _digest(upstream, each) == key if kind == OBJECTS else _is_signed(upstream, each, kind, key)
            if not ok:
                _remove(upstream, each)
            yield Verified(kind=kind, key=key, bytes=each.bytes, ok=ok)


def _listed(upstream: Upstream) -> list[Stored]:
    _answer(upstream, lambda: upstream.objects.find(_PROBE_NAME))  # a listing takes long, even if nothing answers
    found = _answer(upstream, lambda: sorted(upstream.objects.listed()), timeout_s=_LISTING_S)
    return [each for each in found if shared_entry.is_ours(each.name)]


def _unwritable(upstream: Upstream) -> str:
    """Write an object and remove it; return why that fails."""
    try:
        upstream.answer(lambda: upstream.objects.write(_PROBE_NAME, lambda: io.BytesIO(_PROBE)))
        upstream.answer(lambda: upstream.objects.remove(_PROBE_NAME))
    except UnavailableError as error:
        return str(error)
    return ""


def _digest(upstream: Upstream, found: Stored) -> str:
    digest = hashlib.sha256()
    for start in range(0, found.bytes, PIECE_BYTES):
        digest.update(_read(upstream, found, start, start + PIECE_BYTES))
    return digest.hexdigest()


def _is_signed(upstream: Upstream, found: Stored, kind: str, key: str) -> bool:
    if upstream.key is None or found.bytes > shared_entry.TEXT_BYTES:
        return False
    try:
        shared_entry.verified(_read(upstream, found, 0, shared_entry.TEXT_BYTES), kind, key, upstream.key)
    except RefusedError:
        return False
    return True


def _read(upstream: Upstream, found: Stored, start: int, stop: int) -> bytes:
    return _answer(upstream, lambda: upstream.objects.read(found.name, start, min(stop, found.bytes))) or b""


def _remove(upstream: Upstream, found: Stored) -> None:
    _answer(upstream, lambda: upstream.objects.remove(found.name))


def _answer(upstream: Upstream, ask: Callable[[], Result], *, timeout_s: float | None = None) -> Result:
    try:
        return upstream.answer(ask, timeout_s=timeout_s)
    except UnavailableError as error:
        raise FetchError(f"{upstream.url}: {error}.") from error
