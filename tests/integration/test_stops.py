"""^C, SIGTERM and SIGKILL at any moment: the right exit code, complete results, and nothing left."""

import signal
import subprocess
import sys

import pytest

from tests.integration.laboratory import (
    CPU_FLAGS,
    ENDLESS,
    Laboratory,
    assert_nothing_is_left,
    clean_environment,
    wait_for,
)
from tests.integration.warm import HARNESS
from tests.patience import PATIENCE_S

LOADING = """class Finder:
    def find_spec(self, name, *_):
        if name == "{module}":
            stop()
sys.meta_path.insert(0, Finder())"""
LOADING_THE_COMMAND = LOADING.format(module="harness.pipeline.session")
READING_OPTIONS = """from harness.cli import arguments
def parser(*asked, original=arguments.parser):
    stop()
    return original(*asked)
arguments.parser = parser"""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_interrupted_while_running(lab: Laboratory, number: signal.Signals, code: int) -> None:
    lab.spec("endless_cpu", mlir=lab.file("endless.mlir", ENDLESS))
    result = lab.interrupted("toy", until="iree-run-module", number=number)
    assert result.code == code, result.text
    assert result.case["status"] == "error"
    assert "interrupted" in result.case["reason"]
    assert result.report["exit_code"] == code
    assert_nothing_is_left(lab)


@pytest.mark.parametrize(("number", "code"), [("SIGINT", 130), ("SIGTERM", 143)])
@pytest.mark.parametrize("moment", [LOADING_THE_COMMAND, READING_OPTIONS], ids=["loading", "reading"])
def test_interrupted_before_it_begins(lab: Laboratory, moment: str, number: str, code: int) -> None:
    stop = f"def stop(): os.kill(os.getpid(), signal.{number})"
    script = f"import os, signal, sys\nfrom harness.cli import main\n{stop}\n{moment}\nmain.entry_point()"
    argv = [sys.executable, "-c", script, "quality"]
    done = subprocess.run(argv, cwd=lab.root, env=clean_environment(), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (code, "")


def test_interrupted_while_numpy_is_loaded(lab: Laboratory) -> None:
    """NumPy is partly loaded by native code, which turns what interrupts it into an ImportError."""
    lab.spec()
    stop = "def stop(): os.kill(os.getpid(), signal.SIGINT)"
    loading = LOADING.format(module="numpy.lib")
    script = f"import os, signal, sys\nfrom harness.cli import main\n{stop}\n{loading}\nmain.entry_point()"
    argv = [sys.executable, "-c", script, *lab.argv("toy")[len(HARNESS) :]]
    done = subprocess.run(argv, cwd=lab.root, env=clean_environment(), capture_output=True, text=True, check=False)
    assert (done.returncode, "Traceback" in done.stdout + done.stderr) == (130, False)
    assert_nothing_is_left(lab)


@pytest.mark.parametrize(("number", "code"), [("SIGINT", 130), ("SIGTERM", 143)])
def test_interrupted_the_moment_before_it_waits(lab: Laboratory, number: str, code: int) -> None:
    """CPython has seen the signal by then and runs no handler while it waits, as if another thread had been sent it."""
    lab.spec("endless_cpu", mlir=lab.file("endless.mlir", ENDLESS))
    script = f"""import signal, threading
from harness.cli import main
from harness.pipeline import steps
from harness.pipeline import executor
def start(self, step, results, demand=None, original=executor.LocalExecutor.start):
    original(self, step, results, demand)
    if isinstance(step, steps.Run):
        threading.Timer(1, signal.raise_signal, [signal.{number}]).start()
executor.LocalExecutor.start = start
main.entry_point()"""
    argv = [sys.executable, "-c", script, *lab.argv("toy")[len(HARNESS) :]]
    done = subprocess.run(argv, cwd=lab.root, env=clean_environment(), check=False, timeout=PATIENCE_S)
    assert done.returncode == code
    assert_nothing_is_left(lab)


def test_interrupted_while_compiling(lab: Laboratory) -> None:
    # A program of its own, so that no other test has compiled it before.
    lab.spec(compiler_flags=[*CPU_FLAGS, "--iree-opt-strip-assertions"])
    result = lab.interrupted("toy", until="iree-compile")
    assert (result.code, result.case["status"]) == (130, "error")
    assert_nothing_is_left(lab)


def test_interrupted_while_fetching_from_a_server_that_stalls(lab: Laboratory, server: str) -> None:
    lab.spec(mlir=f"{server}/stall.mlir")
    result = lab.interrupted("toy", until=lambda: _has_first_byte(lab))
    assert (result.code, result.case["status"]) == (130, "error")
    assert "interrupted" in result.case["reason"]
    assert "fetch" in result.case["seconds"], "the fetch ended, and was not given up after its 10 s of grace"
    assert_nothing_is_left(lab)


def _has_first_byte(lab: Laboratory) -> bool:
    return any(blob.stat().st_size for blob in (lab.store_dir / "tmp").glob("urls-*/blob"))


def test_a_killed_harness_leaves_no_process(lab: Laboratory) -> None:
    lab.spec("endless_cpu", mlir=lab.file("endless.mlir", ENDLESS))
    result = lab.interrupted("toy", until="iree-run-module", number=signal.SIGKILL)
    assert result.code == -signal.SIGKILL
    wait_for(lambda: not lab.processes("/iree-"))


def test_interrupted_while_installing(lab: Laboratory) -> None:
    lab.store_dir = lab.root / "store"
    lab.spec()
    result = lab.interrupted("toy", "--iree", "3.1.0", until="requirements.txt")
    assert (result.code, result.case["status"]) == (130, "error")
    assert_nothing_is_left(lab)
