"""Runs real processes. Every sleep has a number of its own, by which it is found."""

import contextlib
import errno
import gc
import os
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.core.errors import DiskError, ToolError
from harness.host import process
from harness.host.cancel import Cancelled, CancelToken
from harness.host.process import ProcessResult
from tests.patience import comes_true

LONG_S = "97531"
MIB = 1 << 20


def run(folder: Path, script: str, **options: Any) -> ProcessResult:
    wanted: dict[str, Any] = {"cwd": folder, "log_path": folder / "log", "timeout_s": 30.0}
    return process.run(["/bin/sh", "-c", script], **(wanted | options))


def python(folder: Path, code: str, **options: Any) -> ProcessResult:
    wanted: dict[str, Any] = {"cwd": folder, "log_path": folder / "log", "timeout_s": 30.0}
    return process.run([sys.executable, "-ISc", code], **(wanted | options))


def log_text(folder: Path) -> str:
    return (folder / "log").read_text()


def alive(pid: int) -> bool:
    """Return whether a process runs and is not a zombie."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def written(path: Path) -> int:
    """Return the number in a file, once it exists."""
    assert comes_true(lambda: path.exists() and path.read_text().endswith("\n"))
    return int(path.read_text())


@pytest.fixture
def no_descriptor_is_left(tmp_path: Path) -> Iterator[None]:
    run(tmp_path, "exit 0")  # starts what forks supervisors, for this and all later programs
    (tmp_path / "log").unlink()
    gc.disable()  # descriptors that earlier tests left in cycles stay open until this test has ended
    before = set(Path("/proc/self/fd").iterdir())
    yield
    after = set(Path("/proc/self/fd").iterdir())
    gc.enable()
    assert after <= before  # a supervisor that was told to kill its program has ended


@pytest.mark.usefixtures("no_descriptor_is_left")
@pytest.mark.parametrize("code", [0, 1, 74, 255])
def test_an_exit_code(tmp_path: Path, code: int) -> None:
    ended = run(tmp_path, f"exit {code}")
    assert (ended.exit_code, ended.signal, ended.signal_name, ended.timed_out) == (code, None, "", False)
    assert 0 < ended.seconds < 30


@pytest.mark.parametrize(
    ("number", "name"),
    [(signal.SIGSEGV, "SIGSEGV"), (signal.SIGABRT, "SIGABRT"), (signal.SIGKILL, "SIGKILL"), (40, "signal 40")],
)
def test_a_signal(tmp_path: Path, number: int, name: str) -> None:
    ended = run(tmp_path, f"kill -{int(number)} $$")
    assert (ended.exit_code, ended.signal, ended.signal_name, ended.timed_out) == (None, number, name, False)


def test_it_runs_in_its_folder_without_input_and_the_log_is_appended_to(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("before\n")
    run(tmp_path, "pwd; cat; echo to stderr >&2; printf '%s\\n' \"$0\" last")
    assert log_text(tmp_path) == f"before\n{tmp_path}\nto stderr\n/bin/sh\nlast\n"


def test_arguments_are_never_seen_by_a_shell(tmp_path: Path) -> None:
    argv = ["/bin/echo", "a  b", "$HOME", "`id`", ";", "*", "é\n"]
    process.run(argv, cwd=tmp_path, log_path=tmp_path / "log", timeout_s=30)
    assert log_text(tmp_path) == f"{' '.join(argv[1:])}\n"


def test_variables_are_added_to_the_inherited_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OF_THE_PARENT", "1")
    run(tmp_path, "echo $OF_THE_PARENT $MINE")
    run(tmp_path, "echo $OF_THE_PARENT $MINE", variables={"MINE": "2"})
    run(tmp_path, "echo $OF_THE_PARENT $MINE", variables={"OF_THE_PARENT": "3"})
    assert log_text(tmp_path) == "1\n1 2\n3\n"


@pytest.mark.usefixtures("no_descriptor_is_left")
def test_a_time_limit_kills_the_whole_group(tmp_path: Path) -> None:
    script = f"sleep {LONG_S} & echo $! >pid; trap '' TERM INT HUP; echo begun; sleep {LONG_S}"
    ended = run(tmp_path, script, timeout_s=0.8)
    assert (ended.timed_out, ended.exit_code, ended.signal) == (True, None, signal.SIGKILL)
    assert 0.8 <= ended.seconds < 8
    assert log_text(tmp_path) == "begun\n"
    assert comes_true(lambda: not alive(written(tmp_path / "pid")))


def test_what_a_program_leaves_running_is_killed_when_it_ends(tmp_path: Path) -> None:
    ended = run(tmp_path, f"sleep {LONG_S} & echo $! >pid")
    assert (ended.exit_code, ended.timed_out) == (0, False)
    assert comes_true(lambda: not alive(written(tmp_path / "pid")))


def test_a_very_long_time_limit(tmp_path: Path) -> None:
    assert run(tmp_path, "exit 3", timeout_s=1e9).exit_code == 3


def test_cancelling_kills_the_program(tmp_path: Path) -> None:
    cancel, caught = CancelToken(), []

    def work() -> None:
        try:
            run(tmp_path, f"echo $$ >pid; sleep {LONG_S}", cancel=cancel)
        except Cancelled as error:
            caught.append(error)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    pid = written(tmp_path / "pid")
    assert not cancel.is_set()
    cancel.set()
    for thread in threads:
        thread.join(5)
    assert cancel.is_set()
    assert len(caught) == len(threads)
    assert not alive(pid)


def test_nothing_starts_after_cancelling(tmp_path: Path) -> None:
    cancel = CancelToken()
    cancel.set()
    with pytest.raises(Cancelled):
        run(tmp_path, f"sleep {LONG_S}", cancel=cancel)


@pytest.mark.usefixtures("no_descriptor_is_left")
def test_an_interrupt_leaves_nothing_running(tmp_path: Path) -> None:
    def interrupt() -> None:
        written(tmp_path / "pid")
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, f"echo $$ >pid; sleep {LONG_S}")
    thread.join()
    assert not alive(written(tmp_path / "pid"))


def test_the_death_of_the_harness_takes_the_program_along(tmp_path: Path) -> None:
    code = (
        "from pathlib import Path; from harness.host import process; here = Path.cwd();"
        f"process.run(['/bin/sh', '-c', 'sleep {LONG_S} & echo $! >pid; sleep {LONG_S}'],"
        "cwd=here, log_path=here / 'log', timeout_s=60)"
    )
    root = Path(process.__file__).parents[2]
    with subprocess.Popen([sys.executable, "-c", code], cwd=tmp_path, env={"PYTHONPATH": str(root)}) as harness:
        pid = written(tmp_path / "pid")
        assert alive(pid)
        harness.kill()
    assert comes_true(lambda: not alive(pid))


def test_the_death_of_the_supervisor_is_a_signal_and_leaves_nothing_running(tmp_path: Path) -> None:
    def shoot() -> None:
        parent = parent_of(written(tmp_path / "pid"))
        assert comes_true(lambda: "poll" in Path(f"/proc/{parent}/wchan").read_text())  # it has told of its child
        os.kill(parent, signal.SIGKILL)

    thread = threading.Thread(target=shoot)
    thread.start()
    ended = run(tmp_path, f"echo $$ >pid; sleep {LONG_S}")
    thread.join()
    assert (ended.signal_name, ended.timed_out) == ("SIGKILL", False)
    assert comes_true(lambda: not alive(written(tmp_path / "pid")))


@pytest.mark.usefixtures("no_descriptor_is_left")
@pytest.mark.parametrize(
    ("name", "text", "number"), [("nosuch", None, errno.ENOENT), ("data", "not a program", errno.EACCES)]
)
def test_a_program_that_cannot_be_started(tmp_path: Path, name: str, text: str | None, number: int) -> None:
    if text:
        (tmp_path / name).write_text(text)
    with pytest.raises(ToolError) as caught:
        process.run([str(tmp_path / name)], cwd=tmp_path, log_path=tmp_path / "log", timeout_s=30)
    assert str(caught.value) == f"Cannot start {tmp_path / name}: {os.strerror(number)}. Check the toolchain."


def test_a_log_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "log").mkdir()
    with pytest.raises(
        DiskError, match=r"^Cannot write the log .*/log: Is a directory\. Choose another folder with --out\."
    ):
        run(tmp_path, "exit 0")


def test_peak_memory_is_that_of_the_program_and_not_of_the_harness(tmp_path: Path) -> None:
    ballast = bytearray(os.urandom(1)) * (80 * MIB)
    small = run(tmp_path, "exit 0")
    large = python(tmp_path, f"x = bytearray(b'x') * {32 * MIB}")
    assert len(ballast) == 80 * MIB
    assert 0 < small.peak_memory_bytes < 32 * MIB
    assert 32 * MIB < large.peak_memory_bytes < 64 * MIB


def test_cpu_seconds_are_those_that_it_computed(tmp_path: Path) -> None:
    idle = run(tmp_path, "sleep 0.1")
    busy = python(tmp_path, "import time\nwhile time.process_time() < 0.1: pass")
    assert idle.cpu_seconds < 0.08
    assert idle.seconds >= 0.1
    assert 0.1 <= busy.cpu_seconds < 0.5


def test_what_programs_computed_counts_for_the_harness(tmp_path: Path) -> None:
    """As time(1) and the accounting of a batch system count it."""
    code = (
        "import sys; from pathlib import Path; from harness.host import process; here = Path.cwd()\n"
        "argv = [sys.executable, '-ISc', 'import time\\nwhile time.process_time() < 0.5: pass']\n"
        "for _ in range(3): process.run(argv, cwd=here, log_path=here / 'log', timeout_s=60)"
    )
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    root = Path(process.__file__).parents[2]
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env={"PYTHONPATH": str(root)}, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime >= 1.5


def test_what_a_program_has_written_is_told_while_it_runs(tmp_path: Path) -> None:
    code = "import os\nopen('big', 'wb').write(b'0' * 5_000_000)\nwhile not os.path.exists('go'): continue"
    told: list[int] = []

    def tell(size_bytes: int) -> None:
        told.append(size_bytes)
        if size_bytes >= 5_000_000:
            (tmp_path / "go").touch()

    assert python(tmp_path, code, on_written=tell).exit_code == 0
    assert told == sorted(told)
    assert 5_000_000 <= told[-1] < 6_000_000


def test_no_core_is_dumped(tmp_path: Path) -> None:
    run(tmp_path, "ulimit -Sc; ulimit -Hc")
    assert log_text(tmp_path) == "0\n0\n"


def test_a_key_pressed_at_the_terminal_reaches_the_harness_alone(tmp_path: Path) -> None:
    run(tmp_path, "cut -d' ' -f5 /proc/$PPID/stat /proc/$$/stat")
    supervisor, program = map(int, log_text(tmp_path).split())
    assert len({supervisor, program, os.getpgrp()}) == 3


def test_a_harness_killed_while_the_tool_starts_leaves_nothing(tmp_path: Path) -> None:
    """The supervisor cannot report that it started the tool, and must kill it nevertheless."""
    mark = f"{tmp_path}/sleeper"
    (tmp_path / "sleeper").symlink_to("/bin/sleep")
    code = (
        "import os, sys; from pathlib import Path; from harness.host import supervised\n"
        "with supervised.started([sys.argv[1], '60'], cwd=Path.cwd(), log=2, variables={}): os.kill(os.getpid(), 9)"
    )
    root = Path(process.__file__).parents[2]
    harness = [sys.executable, "-c", code, mark]
    assert subprocess.run(harness, cwd=tmp_path, env={"PYTHONPATH": str(root)}, check=False).returncode == -9
    assert comes_true(
        lambda: not [each for each in Path("/proc").glob("[0-9]*/cmdline") if mark.encode() in read(each)]
    )


def test_programs_survive_what_forked_their_supervisors_and_the_next_ones_start(tmp_path: Path) -> None:
    def shoot() -> None:
        tool = written(tmp_path / "pid")
        os.kill(parent_of(parent_of(tool)), signal.SIGKILL)
        assert run(tmp_path, "touch go").exit_code == 0

    thread = threading.Thread(target=shoot)
    thread.start()
    ended = run(tmp_path, "echo $$ >pid; until [ -e go ]; do sleep 0.01; done; exit 7")
    thread.join()
    assert ended.exit_code == 7


def test_a_supervisor_runs_one_program_after_the_other(tmp_path: Path) -> None:
    for script in ("echo $PPID", "echo $PPID; exit 3", "echo $PPID; kill -9 $$"):
        run(tmp_path, script)
    with pytest.raises(ToolError):
        process.run([str(tmp_path / "nosuch")], cwd=tmp_path, log_path=tmp_path / "log", timeout_s=30)
    run(tmp_path, "echo $PPID")
    parents = log_text(tmp_path).split()
    assert parents == [parents[0]] * 4


def test_two_programs_at_once_have_two_supervisors(tmp_path: Path) -> None:
    thread = threading.Thread(target=run, args=(tmp_path, "echo $PPID >one; until [ -e two ]; do sleep 0.01; done"))
    thread.start()
    first = written(tmp_path / "one")
    run(tmp_path, "echo $PPID >two")
    thread.join()
    assert written(tmp_path / "two") != first


def test_between_programs_a_supervisor_is_in_no_folder_and_has_no_log(tmp_path: Path) -> None:
    run(tmp_path, "echo $PPID")
    here = Path("/proc", log_text(tmp_path).strip())
    assert (here / "cwd").readlink() == Path("/")
    assert not [each for each in (here / "fd").iterdir() if each.readlink().is_relative_to(tmp_path)]


def test_a_supervisor_that_was_killed_between_programs_is_replaced(tmp_path: Path) -> None:
    run(tmp_path, "echo $PPID >pid")
    supervisor = written(tmp_path / "pid")
    os.kill(supervisor, signal.SIGKILL)
    assert comes_true(lambda: not alive(supervisor))
    assert run(tmp_path, "exit 7").exit_code == 7


def test_a_program_has_its_log_and_no_other_descriptor(tmp_path: Path) -> None:
    run(tmp_path, "for each in /proc/$$/fd/*; do readlink $each; done")
    assert log_text(tmp_path) == f"/dev/null\n{tmp_path}/log\n{tmp_path}/log\n"


def test_an_order_of_a_megabyte_in_any_bytes(tmp_path: Path) -> None:
    variables = {f"LONG_{each}": "\udcff=" * 5_000 for each in range(20)}
    assert run(tmp_path, 'printf "%s" "$LONG_7"', variables=variables).exit_code == 0
    assert (tmp_path / "log").read_bytes() == b"\xff=" * 5_000


def read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
