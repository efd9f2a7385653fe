from pathlib import Path

import pytest

from harness.host import memory

KIB = 1024


def machine(root: Path, files: dict[str, str]) -> Path:
    """Write the files of a kernel; 1000 KiB are available."""
    known = {"proc/meminfo": "MemTotal: 2000 kB\nMemAvailable: 1000 kB\n", **files}
    for name, text in known.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def test_a_machine_without_control_groups(tmp_path: Path) -> None:
    assert memory.available_bytes(machine(tmp_path, {})) == 1000 * KIB


@pytest.mark.parametrize(
    ("limit", "used", "stat", "available"),
    [
        ("max", 5, "", 1000 * KIB),
        (600 * KIB, 100 * KIB, "anon 5\ninactive_file 0\n", 500 * KIB),
        (600 * KIB, 500 * KIB, "inactive_file 409600\n", 500 * KIB),
        (600 * KIB, 700 * KIB, "", 0),
        (5000 * KIB, 100 * KIB, "", 1000 * KIB),
    ],
)
def test_what_a_group_has_left(tmp_path: Path, limit: object, used: int, stat: str, available: int) -> None:
    groups = {"memory.max": str(limit), "memory.current": str(used), "memory.stat": stat}
    files = {f"sys/fs/cgroup/jobs/{name}": f"{text}\n" for name, text in groups.items()}
    root = machine(tmp_path, {"proc/self/cgroup": "0::/jobs/mine\n", **files})
    assert memory.available_bytes(root) == available, "the group around our own has the limit"


def test_a_group_of_the_first_version(tmp_path: Path) -> None:
    folder = "sys/fs/cgroup/memory/jobs"
    files = {
        "proc/self/cgroup": "5:devices:/\n4:memory:/jobs\n0::/\n",
        f"{folder}/memory.limit_in_bytes": f"{600 * KIB}\n",
        f"{folder}/memory.usage_in_bytes": f"{400 * KIB}\n",
        f"{folder}/memory.stat": "cache 7\ntotal_inactive_file 1024\n",
    }
    assert memory.available_bytes(machine(tmp_path, files)) == 201 * KIB


def test_of_this_machine() -> None:
    assert memory.available_bytes() > 0
