"""Formats the results of `harness store du`, `gc` and `verify` as lines of text."""

from collections.abc import Sequence
from datetime import UTC, datetime

from harness.core.text import counted, size
from harness.store.gc import Collected, Usage, Verified
from harness.store.inventory import Item

_AGAIN = {
    "blobs": "fetched",
    "urls": "fetched",
    "modules": "compiled",
    "failures": "compiled",
    "toolchains": "installed",
    "importers": "installed",
    "imports": "imported",
    "weights": "drawn",
}
_KEY_CHARACTERS = 16


def usage_text(root: object, usage: Usage) -> str:
    """Return the folder and a table of kinds, counts and sizes."""
    rows = [(each.kind, each.count, each.bytes) for each in usage.kinds]
    rows.append(("unfinished", usage.unfinished.count, usage.unfinished.bytes))
    rows.append(("total", sum(count for _, count, _ in rows), usage.total_bytes))
    lines = [f"{name:<14}{count:>9,}{size(size_bytes):>12}\n" for name, count, size_bytes in rows]
    return f"{root}\n{''.join(lines)}{'free on disk':<14}{'':>9}{size(usage.free_bytes):>12}\n"


def collected_text(done: Collected, budget_bytes: int | None) -> str:
    """Return one line per removed entry, then how much was freed and what is left."""
    lines = [_removed_line(item) for item in done.removed]
    removed, left = _entries(len(done.removed)), size(done.total_bytes)
    lines.append(f"{removed} removed, {size(done.freed_bytes)} freed, {left} left.")
    if budget_bytes is None:
        lines.append("Only leftovers were removed. To remove more, set a limit with --cache-size.")
    elif done.total_bytes > budget_bytes:
        kept = f"{_entries(len(done.kept_in_use))}, {size(sum(item.bytes for item in done.kept_in_use))}"
        lines.append(f"Still above {size(budget_bytes)}: entries in use were kept ({kept}).")
    return "".join(f"{line}\n" for line in lines)


def bad_line(entry: Verified) -> str:
    """Return the line about an entry whose content changed."""
    again = f"it will be {_AGAIN.get(entry.kind, 'created')} again when needed"
    return f"BAD  {entry.kind}  {entry.key}  changed and removed; {again}\n"


def verified_line(entries: Sequence[Verified]) -> str:
    """Return the summary of a check."""
    bad = sum(not entry.ok for entry in entries)
    result = f"{bad:,} changed and removed" if bad else "all intact"
    return f"{_entries(len(entries))} verified ({size(sum(entry.bytes for entry in entries))}): {result}.\n"


def _entries(count: int) -> str:
    return counted(count, "entry", "entries")


def _removed_line(item: Item) -> str:
    used = datetime.fromtimestamp(item.last_used, UTC).astimezone()
    kind = f"{item.kind} (unfinished)" if item.is_partial else item.kind
    key = item.key[:_KEY_CHARACTERS]
    return f"removed  {kind:<20}  {key:<{_KEY_CHARACTERS}}  {size(item.bytes):>9}  last used {used:%Y-%m-%d %H:%M}"
