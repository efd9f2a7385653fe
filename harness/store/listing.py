"""Renders what a store holds and what was done to it as lines of text."""

from collections.abc import Sequence
from datetime import UTC, datetime

from harness.core.text import size
from harness.store.gc import Collected, Usage, Verified
from harness.store.inventory import Item

_AGAIN = {"blobs": "fetched", "urls": "fetched", "modules": "compiled", "toolchains": "installed"}
_KEY_CHARACTERS = 16


def usage_text(root: object, usage: Usage) -> str:
    """Return a table of kinds, counts and sizes below the name of the folder."""
    rows = [(each.kind, each.count, each.bytes) for each in usage.kinds]
    rows.append(("unfinished", usage.unfinished.count, usage.unfinished.bytes))
    rows.append(("total", sum(count for _, count, _ in rows), usage.total_bytes))
    lines = [f"{name:<14}{count:>9,}{size(size_bytes):>12}\n" for name, count, size_bytes in rows]
    return f"{root}\n{''.join(lines)}{'free on disk':<14}{'':>9}{size(usage.free_bytes):>12}\n"


def collected_text(done: Collected, budget_bytes: int | None) -> str:
    """Return a line for each that was removed, and how much is left and why."""
    lines = [_removed_line(item) for item in done.removed]
    lines.append(f"{len(done.removed)} removed, {size(done.freed_bytes)} freed; {size(done.total_bytes)} left.")
    if budget_bytes is None:
        lines.append("Only what is of no use any more was removed; name a limit with --cache-size for more.")
    elif done.total_bytes > budget_bytes:
        kept = f"{len(done.kept_in_use)} in use, {size(sum(item.bytes for item in done.kept_in_use))}"
        lines.append(f"That is more than {size(budget_bytes)}, for what is in use stays: {kept}.")
    return "".join(f"{line}\n" for line in lines)


def bad_line(entry: Verified) -> str:
    """Return what is wrong with an entry that was read, and what comes next."""
    again = f"{_AGAIN.get(entry.kind, 'made')} again"
    return f"BAD  {entry.kind}  {entry.key}  is not what was stored; it was removed, and is {again} when needed next.\n"


def verified_line(entries: Sequence[Verified]) -> str:
    """Return the verdict on all that was read."""
    bad = sum(not entry.ok for entry in entries)
    verdict = f"{bad:,} not what was stored, and removed" if bad else "all are what was stored"
    count = f"{len(entries):,} {'entry' if len(entries) == 1 else 'entries'}"
    return f"{count}, {size(sum(entry.bytes for entry in entries))}: {verdict}.\n"


def _removed_line(item: Item) -> str:
    used = datetime.fromtimestamp(item.last_used, UTC).astimezone()
    kind = f"{item.kind} (unfinished)" if item.is_partial else item.kind
    key = item.key[:_KEY_CHARACTERS]
    return f"removed  {kind:<20}  {key:<{_KEY_CHARACTERS}}  {size(item.bytes):>9}  last used {used:%Y-%m-%d %H:%M}"
