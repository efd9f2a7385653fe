import json
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.core.statuses import Kind, Status
from harness.host.process import ProcessResult
from harness.pipeline import diagnose, failures, logs
from harness.pipeline.compilation import Compilation
from harness.pipeline.step_results import CompileResult, FailedCompileResult, Results, StepResult
from harness.pipeline.step_runner import ToolStepRunner
from harness.pipeline.steps import Compile
from harness.store import gc
from harness.store.store import Store
from tests.unit.executors import steps

WRONG = "model.mlir:3:8: error: 'arith.addf' op requires the same type"
NO_FLAG = "iree-compile: Unknown command line argument '--iree-llvmcpu-target-cpu'.  Try: 'iree-compile --help'"


class Bench:
    """A compiler whose behaviour is a shell script, and which counts how often it was started."""

    def __init__(self, root: Path) -> None:
        self.root, self.program, self._starts = root, root / "iree-compile", root / "starts"
        (root / "out").mkdir()

    def acts(self, script: str) -> None:
        """Choose what the compiler does."""
        self.program.write_text(f"#!/bin/sh\necho start >> {self._starts}\n{script}\n")
        self.program.chmod(0o755)

    @property
    def starts(self) -> int:
        """How often it was started."""
        return len(self._starts.read_text().splitlines()) if self._starts.exists() else 0

    @property
    def runner(self) -> ToolStepRunner:
        """What does the steps of another run."""
        return steps(self.root, program=str(self.program))

    def compiled(self, *, recompile: bool = False, **fields: Any) -> StepResult:
        """Compile as another run does."""
        runner = self.runner
        try:
            return replace(runner, recompile=recompile).run(a_compile(**fields), Results(), ())
        finally:
            runner.store.close()


def a_compile(*added: str, **fields: Any) -> Compile:
    default = {"release": "3.13.0", "argv": ("iree-compile", "model.mlir", *added), "links": (), "added": added}
    return Compile(**default | {"module": "model.vmfb", "products": ("model.vmfb",)} | fields)


def is_cached(result: StepResult) -> bool:
    assert isinstance(result, FailedCompileResult)
    return result.compilation.cached


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_a_program_that_does_not_compile_is_compiled_once(bench: Bench) -> None:
    bench.acts(f'echo "{WRONG}"; exit 1')
    first, again = bench.compiled(), bench.compiled()
    assert (bench.starts, is_cached(first), is_cached(again)) == (1, False, True)
    assert (first.verdict, first.log_tail) == (again.verdict, again.log_tail)
    assert again.verdict is not None
    assert (again.verdict.status, again.verdict.kind, again.verdict.reason) == (Status.FAILED, Kind.COMPILE, WRONG)
    assert again.log_path is not None
    assert again.log_path.read_text() == f"{WRONG}\n= failed: compile: {WRONG}\n"
    assert isinstance(first, FailedCompileResult)
    assert isinstance(again, FailedCompileResult)
    assert replace(first.compilation, cached=True) == again.compilation


def test_an_entry_stays_as_it_was_stored(bench: Bench) -> None:
    bench.acts(f'echo "{WRONG}"; exit 1')
    for _ in range(3):
        bench.compiled()
    with Store(bench.root / "store") as store:
        assert [(each.kind, each.ok) for each in gc.verify(store)] == [("failures", True)]
        assert [(each.kind, each.count) for each in gc.usage(store).kinds] == [("failures", 1)]
        assert [each.kind for each in gc.collect(store, 0).removed] == ["failures"]
    assert (is_cached(bench.compiled()), bench.starts) == (False, 2)


def test_a_flag_that_the_release_lacks_is_asked_for_once(bench: Bench) -> None:
    bench.acts(f'echo "{NO_FLAG}"; exit 1')
    results = [bench.compiled(), bench.compiled(release="3.0.0")]
    assert bench.starts == 1
    reasons = [each.verdict.reason for each in results if each.verdict]
    assert reasons == [f"IREE {name} has no flag --iree-llvmcpu-target-cpu" for name in ("3.13.0", "3.0.0")]


@pytest.mark.parametrize(
    "script",
    [
        f'echo "{WRONG}"; kill -SEGV $$',
        f'echo "{WRONG}"; kill -KILL $$',
        f'echo "{WRONG}"; exit 137',
        f'echo "{WRONG}"; echo "LLVM ERROR: out of memory"; exit 1',
        f'echo "{WRONG}"; echo "model.vmfb: No space left on device"; exit 1',
        "echo \"iree-compile: for the --x option: 'y' is invalid\"; exit 1",
        "exit 1",
        "exit 0",
    ],
)
def test_what_may_not_come_again_is_not_kept(bench: Bench, script: str) -> None:
    bench.acts(script)
    results = [bench.compiled(), bench.compiled()]
    assert (bench.starts, [is_cached(each) for each in results]) == (2, [False, False])
    assert not (bench.root / "store/failures").exists()


def test_a_compilation_that_took_too_long_is_not_kept(bench: Bench) -> None:
    bench.acts(f'echo "{WRONG}"; exec sleep 60')
    for _ in range(2):
        result = replace(bench.runner, timeout_s=0.3).run(a_compile(), Results(), ())
        assert result.verdict is not None
        assert result.verdict.kind is Kind.TIMEOUT
    assert bench.starts == 2


def test_the_last_of_several_attempts_is_kept(bench: Bench) -> None:
    bench.acts(f'echo "{WRONG} $#"; exit 1')
    step: dict[str, Any] = {"argv": ("iree-compile", "model.mlir", "--own"), "added": ("--own",)}
    results = [bench.compiled(**step), bench.compiled(**step)]
    assert (bench.starts, [is_cached(each) for each in results]) == (2, [False, True])
    assert [each.log_tail for each in results] == [f"{WRONG} 1\n"] * 2, "without the flag of the harness"


def test_a_crash_without_the_flags_of_the_harness_is_not_kept(bench: Bench) -> None:
    bench.acts(f'[ $# = 1 ] && kill -SEGV $$; echo "{WRONG}"; exit 1')
    for _ in range(2):
        bench.compiled(argv=("iree-compile", "model.mlir", "--own"), added=("--own",))
    assert bench.starts == 4


def test_it_is_compiled_again_if_that_is_asked_for(bench: Bench) -> None:
    bench.acts(f'echo "{WRONG}"; exit 1')
    bench.compiled()
    bench.acts('echo "error: another"; exit 1')
    assert not is_cached(bench.compiled(recompile=True))
    again = bench.compiled()
    assert (is_cached(again), again.log_tail, bench.starts) == (True, "error: another\n", 2)


@pytest.mark.parametrize("ending", ["echo module > model.vmfb", "kill -SEGV $$"])
def test_a_failure_that_does_not_come_again_is_forgotten(bench: Bench, ending: str) -> None:
    bench.acts(f'echo "{WRONG}"; exit 1')
    bench.compiled()
    bench.acts(ending)
    bench.compiled(recompile=True)
    with Store(bench.root / "store") as store:
        assert {each.kind for each in gc.usage(store).kinds} <= {"modules"}


def test_a_module_in_the_cache_is_not_compiled_again(bench: Bench) -> None:
    bench.acts('[ "$1" = model.mlir ] && echo module > model.vmfb; exit 0')
    bench.compiled()
    starts = bench.starts
    again = bench.compiled(recompile=True)
    assert isinstance(again, CompileResult)
    assert (again.module.cached, bench.starts) == (True, starts)


@pytest.mark.parametrize(
    ("end", "log"),
    [
        (b"{", WRONG),
        (b"[]", WRONG),
        (None, WRONG),
        ({"exit_code": 1}, None),
        ({"exit_code": 1}, "LLVM ERROR: out of memory"),
        ({"exit_code": 0}, "nothing wrong"),
    ],
)
def test_an_entry_that_says_nothing_today_is_replaced(bench: Bench, end: Any, log: str | None) -> None:
    bench.acts(f'echo "{WRONG}"; exit 1')
    first = bench.compiled()
    assert isinstance(first, FailedCompileResult)
    ended = {"signal": None, "timed_out": False, "seconds": 1, "cpu_seconds": 1, "peak_memory_bytes": 1}

    def make(folder: Path) -> None:
        if end is not None:
            (folder / "end.json").write_bytes(end if isinstance(end, bytes) else json.dumps(ended | end).encode())
        if log is not None:
            (folder / logs.COMPILE_LOG).write_text(log)

    with Store(bench.root / "store") as store:
        store.provide(failures.KIND, first.compilation.key, make, is_good=lambda _: False)
    again = bench.compiled()
    assert (is_cached(again), again.verdict) == (False, first.verdict)
    assert (is_cached(bench.compiled()), bench.starts) == (True, 2)


def test_a_log_that_is_a_link_is_not_read(bench: Bench) -> None:
    bench.acts(f'echo "{WRONG}"; exit 1')
    bench.compiled()
    (log,) = (bench.root / "store/failures").glob("*/*/compile.log")
    secret = bench.root / "secret"
    secret.write_text("error: secret\n")
    log.unlink()
    log.symlink_to(secret)
    again = bench.compiled()
    assert (is_cached(again), again.log_tail, bench.starts) == (False, f"{WRONG}\n", 2)
    assert secret.read_text() == "error: secret\n"


def test_two_that_compile_at_once_start_one_compiler(bench: Bench) -> None:
    bench.acts(f'sleep 0.3; echo "{WRONG}"; exit 1')
    results: list[StepResult] = []
    threads = [threading.Thread(target=lambda: results.append(bench.compiled())) for _ in range(2)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert (bench.starts, sorted(map(is_cached, results))) == (1, [False, True])


def test_a_store_that_cannot_keep_it_changes_no_verdict(bench: Bench) -> None:
    ended = ProcessResult(exit_code=1, signal=None, timed_out=False, seconds=1, cpu_seconds=1, peak_memory_bytes=1)
    log = bench.root / "compile.log"
    log.write_text(WRONG)
    verdict = diagnose.compile_verdict(a_compile(), ended, WRONG, missing=(), timeout_s=1)
    (bench.root / "store").mkdir()
    (bench.root / "store/failures").write_text("in the way")
    with Store(bench.root / "store") as store:
        failures.note(store, "a" * 64, Compilation(verdict=verdict, ended=ended), log)
        assert failures.find(store, "a" * 64, a_compile()) is None
