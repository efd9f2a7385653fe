"""Formats what `harness store info`, `gc` and `verify` say of a shared store."""

from collections.abc import Sequence

from harness.core.text import counted, size
from harness.store.gc import Verified
from harness.store.shared_upkeep import SharedCollected, SharedUsage
from harness.store.signing import Key
from harness.store.upstream import Upstream


def usage_text(upstream: Upstream, usage: SharedUsage) -> str:
    """Return whether the store works, and a table of kinds, counts and sizes."""
    facts = (
        ("reachable", "yes"),
        ("writable", f"no: {usage.unwritable}" if usage.unwritable else "yes"),
        ("key", _key(upstream.key)),
    )
    lines = [f"{name:<14}{value}\n" for name, value in facts]
    lines += [f"{each.kind:<14}{each.count:>9,}{size(each.bytes):>12}\n" for each in usage.kinds]
    return f"{upstream.url}\n{''.join(lines)}"


def collected_text(upstream: Upstream, done: SharedCollected) -> str:
    """Return how much was removed, and what is left."""
    removed, left = counted(done.removed, "object"), size(done.left_bytes)
    return f"{removed} removed from {upstream.url}, {size(done.freed_bytes)} freed, {left} left.\n"


def verified_text(upstream: Upstream, found: Sequence[Verified]) -> str:
    """Return a line about each object that was removed, and the summary of a check."""
    bad = [each for each in found if not each.ok]
    lines = [f"BAD  {each.kind}  {each.key}  removed from the shared store\n" for each in bad]
    result = f"{len(bad):,} changed or not signed with the key, and removed" if bad else "all intact"
    unread = "" if upstream.key else " Without a key, modules were left out."
    total = f"{counted(len(found), 'object')} verified ({size(sum(each.bytes for each in found))})"
    return f"{''.join(lines)}{upstream.url}: {total}: {result}.{unread}\n"


def _key(key: Key | None) -> str:
    if key is None:
        return "none, so only blobs are shared"
    return f"{key.fingerprint} signs and verifies" if key.private else f"{key.fingerprint} verifies"
