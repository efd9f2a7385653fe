import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.host import cores
from harness.host.cores import Usage

STAT = """\
cpu  300 0 30 9000 0 0 0 0 0 0
cpu0 100 0 10 4000 50 1 2 3 0 0
cpu1 200 5 20 5000 60 0 0 9 40 0
cpu10 999 999 999 999 999 999 999 999 0 0
intr 1
"""


def test_the_busy_time_of_cores_leaves_out_waiting_and_counts_what_other_machines_took(tmp_path: Path) -> None:
    path = tmp_path / "stat"
    path.write_text(STAT)
    ticks = os.sysconf("SC_CLK_TCK")
    assert Usage.now([0], path).busy_s == (100 + 10 + 1 + 2 + 3) / ticks
    assert Usage.now([0, 1], path).busy_s == (116 + 200 + 5 + 20 + 9) / ticks


@pytest.mark.parametrize(
    ("busy_s", "own_s", "share"),
    [(4.0, 4.0, 0.0), (5.0, 4.0, 0.125), (3.9, 4.0, 0.0), (12.0, 0.0, 1.0)],
)
def test_the_share_of_others(busy_s: float, own_s: float, share: float) -> None:
    before = Usage(cores=(0, 1), busy_s=10.0, now_s=100.0)
    after = Usage(cores=(0, 1), busy_s=10.0 + busy_s, now_s=104.0)
    assert after.share_of_others(before, own_s) == share


def test_a_program_runs_on_the_cores_asked_for_and_this_thread_on_its_own_again() -> None:
    before = cores.usable()
    with cores.pinned(before[-1:]):
        argv = [sys.executable, "-ISc", "import os; print(*sorted(os.sched_getaffinity(0)))"]
        shown = subprocess.run(argv, check=True, capture_output=True, text=True).stdout
    assert shown.split() == [str(before[-1])]
    assert cores.usable() == before
