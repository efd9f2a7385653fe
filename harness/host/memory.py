"""How much memory this process and those that it starts can still get."""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from harness.host import devices

_ROOT = Path("/")
# By the version of control groups: the folder, the limit, what is used, and what of it the kernel gives back.
_V1 = ("sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
_V2 = ("sys/fs/cgroup", "memory.max", "memory.current", "inactive_file")
_NO_LIMIT = 1 << 62  # version 1 has the largest multiple of a page for it; it is asked twice for each case


def available_bytes(root: Path = _ROOT) -> int:
    """Return how much memory is available: that of the machine, or less where a control group has less left."""
    available, _ = devices.memory_bytes(root)
    return min([available, *_left_in_groups(root)])


def _left_in_groups(root: Path) -> Iterator[int]:
    """Yield what the control groups of this process leave, its own and those around it (cgroups(7))."""
    for line in _text(root / "proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers in {"", "memory"}:
            folder, limit, used, reclaimed = _V1 if controllers else _V2
            own = PurePosixPath(path.lstrip("/"))
            for group in (own, *own.parents):
                yield from _left(root / folder / group, limit, used, reclaimed)


def _left(group: Path, limit: str, used: str, reclaimed: str) -> Iterator[int]:
    """Yield what a control group leaves, if it has a limit and this process sees it."""
    most = _text(group / limit).strip()
    if not most.isdecimal() or int(most) >= _NO_LIMIT:
        return
    if (now := _text(group / used).strip()).isdecimal():
        words = _text(group / "memory.stat").split()
        known = dict(zip(words[::2], words[1::2], strict=False))
        yield max(0, int(most) - int(now) + int(known.get(reclaimed, 0)))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii")
    except (OSError, ValueError):
        return ""
