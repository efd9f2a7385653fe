import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.core.blobs import Blob, Fetched, FetchedBlob
from harness.core.measurements import Module
from harness.core.statuses import Kind, Status, Verdict
from harness.core.tensors import TensorType, Thresholds
from harness.host.cancel import CancelToken
from harness.host.process import ProcessResult
from harness.pipeline import logs, model_run, run_steps
from harness.pipeline.kept_module import _dispatches
from harness.pipeline.step_results import CompareResult, CompileResult, FetchResult, Results, RunResult, StepResult
from harness.pipeline.step_runner import _in_names_of_the_spec
from harness.pipeline.steps import Compare, Compile, ExpectedFile, Fetch, Link, Run
from harness.pipeline.tools import LocalTools, ToolRun
from tests.unit.executors import steps

MIB = 1 << 20


def test_folders_of_cases(tmp_path: Path) -> None:
    assert logs.case_dir(tmp_path, "sd3/clip[rocm-gfx942]") == tmp_path / "sd3/clip-rocm-gfx942"
    assert logs.case_dir(tmp_path, "sd3/clip[cpu]") == tmp_path / "sd3/clip-cpu"


@pytest.mark.parametrize("size", [0, 1, MIB, MIB + 1, 2 * MIB - 1, 2 * MIB])
def test_a_log_is_read_whole_up_to_two_mebibytes(tmp_path: Path, size: int) -> None:
    log = tmp_path / "log"
    text = "".join(chr(ord("a") + index % 26) for index in range(26)) * (size // 26 + 1)
    log.write_text(text[:size])
    assert logs.text(log) == text[:size]


def test_a_longer_log_is_read_without_its_middle(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"a" * MIB + b"b" * 5 * MIB + b"c" * MIB)
    assert logs.text(log) == "a" * MIB + "c" * MIB
    log.write_bytes(b"a" * MIB + b"bc" + b"d" * (MIB - 1))
    assert logs.text(log) == "a" * MIB + "c" + "d" * (MIB - 1)


def test_the_tail_of_a_log(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"short\n")
    assert logs.tail(log) == "short\n"
    log.write_bytes(b"a" * 70_000 + b"b" * 65_536)
    assert logs.tail(log) == "b" * 65_536


def test_bytes_of_a_log_that_are_no_text(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"\xff\x00ok")
    assert logs.text(log) == logs.tail(log) == "\ufffd\x00ok"


@pytest.mark.parametrize(
    ("statistics", "count"),
    [
        ({"stream-aggregate": {"execution": {"dispatch-count": 31}}}, 31),
        ({"stream-aggregate": {"execution": {}}}, None),
        ({"stream-aggregate": []}, None),
        ([], None),
    ],
)
def test_dispatches(tmp_path: Path, statistics: Any, count: int | None) -> None:
    (tmp_path / "statistics.json").write_text(json.dumps(statistics))
    assert _dispatches(tmp_path / "statistics.json") == count


COMPILE = Compile(release="3.13.0", argv=(), links=(), module="model.vmfb", products=())


def a_run(*argv: str, outputs: tuple[str, ...] = ("0.bin",)) -> Run:
    more: dict[str, Any] = {"links": (), "inputs": (), "compiles": (COMPILE,), "outputs": outputs}
    return Run(case_id="tiny/clip[cpu]", argv=argv, devices=("local-task",), chip=None, **more)


def had(folder: Path) -> Results:
    """Return the results before a run: its module."""
    module = Module(key="a", bytes=1, cached=True, sha256="b")
    return Results({COMPILE: CompileResult(folder=folder, module=module)})


def started(root: Path, *argv: str) -> str:
    log = root / "run.log"
    words = model_run.with_program(argv, run_steps.PROGRAM, Path("/bin/echo"))
    asked = ToolRun(argv=words, folder=root, log_path=log, timeout_s=60.0)
    assert model_run.started(asked, LocalTools(), CancelToken()).process.exit_code == 0
    return log.read_text()


def test_the_program_is_the_toolchains(tmp_path: Path) -> None:
    assert started(tmp_path, "iree-run-module", "--device=local-task") == "--device=local-task\n"


def test_a_wrapper_goes_before_it_and_may_speak_of_it(tmp_path: Path) -> None:
    words = (
        "env",
        "SUBJECT=iree-run-module",
        "sh",
        "-c",
        'echo "$0" "$@"',
        "iree-run-module",
        "iree-run-module",
        "--x",
    )
    assert started(tmp_path, *words) == "iree-run-module /bin/echo --x\n"


def test_a_wrapper_is_found_from_where_the_harness_was_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wrapper = tmp_path / "wrap.sh"
    wrapper.write_text('#!/bin/sh\necho wrapped "$@"\n')
    wrapper.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    assert started(tmp_path, "./wrap.sh", "iree-run-module", "--x") == "wrapped /bin/echo --x\n"


def test_a_wrapper_that_is_missing_is_an_error_with_a_log_of_its_own(tmp_path: Path) -> None:
    done = steps(tmp_path).run(a_run("no-such-profiler", "iree-run-module"), had(tmp_path), ())
    assert done.verdict is not None
    assert (done.verdict.status, done.verdict.kind) == (Status.ERROR, Kind.TOOL)
    assert done.verdict.reason.startswith("Cannot start no-such-profiler: No such file")
    assert done.log_path == tmp_path / "out/logs/tiny/clip-cpu/run.log"
    assert done.log_path.read_text() == (f"+ no-such-profiler iree-run-module\n= error: tool: {done.verdict.reason}\n")


def test_the_log_of_a_run_begins_with_the_command_and_ends_with_what_was_wrong(tmp_path: Path) -> None:
    step = a_run("sh", "-c", "echo its output; exit 3", "iree-run-module")
    done = steps(tmp_path).run(step, had(tmp_path), ())
    assert (done.verdict is not None, done.log_tail) == (True, "its output\n")
    assert done.verdict is not None
    assert done.log_path is not None
    command, *rest = done.log_path.read_text().splitlines()
    assert command == "+ sh -c 'echo its output; exit 3' iree-run-module"
    assert rest == ["its output", f"= {done.verdict.status}: {done.verdict.kind}: {done.verdict.reason}"]


def test_what_a_command_says_is_not_taken_for_what_its_program_says(tmp_path: Path) -> None:
    log = tmp_path / "log"
    start = logs.begin(log, ("iree-run-module", "--input=4xf32=nan", "a b"))
    with log.open("a") as file:
        file.write("fine\n")
    assert log.read_text() == "+ iree-run-module --input=4xf32=nan 'a b'\nfine\n"
    assert logs.text(log, start=start) == logs.tail(log, start=start) == "fine\n"


@pytest.mark.parametrize("size", [0, MIB, 2 * MIB, 2 * MIB + 1])
def test_a_log_is_read_from_where_the_output_starts(tmp_path: Path, size: int) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"+ command\n" + b"a" * (size - size // 2) + b"b" * (size // 2))
    text = logs.text(log, start=10)
    assert (len(text), "+" in text) == (min(size, 2 * MIB), False)
    assert text.count("b") == min(size // 2, MIB)


def test_the_log_of_a_run_whose_output_is_wrong_says_so(tmp_path: Path) -> None:
    done = compared(tmp_path, np.array([1, 3], np.float32).tobytes(), ("2xf32",))
    assert done.verdict is not None
    assert (tmp_path / "run.log").read_text() == f"EXEC @main\n= failed: numeric: {done.verdict.reason}\n"


def compared(root: Path, actual: bytes, types: tuple[str, ...], expected: str | None = "2xf32") -> CompareResult:
    """Check one output of a run, whose types are known as far as given, against 1 and 2."""
    outputs = root / "outputs"
    outputs.mkdir()
    (outputs / "0.bin").write_bytes(actual)
    (root / "blob").write_bytes(np.array([1, 2], np.float32).tobytes())
    process = ProcessResult(exit_code=0, signal=None, timed_out=False, seconds=1, cpu_seconds=1, peak_memory_bytes=1)
    link = Link(name="expected.0.bin", blob=Blob(url="file:///blob"))
    quoted = FetchedBlob(url=link.blob.url, sha256="", bytes=8)
    run, fetch = a_run(), Fetch(blob=link.blob)
    results = Results()
    (root / "run.log").write_text("EXEC @main\n")
    of_step: dict[str, Any] = {"folder": outputs, "outputs": run.outputs, "argv": run.argv}
    results[run] = RunResult(process=process, free_bytes=1 << 40, types=types, log_path=root / "run.log", **of_step)
    results[fetch] = FetchResult(fetched=Fetched(path=root / "blob", blob=quoted, seconds=0))
    wanted = ExpectedFile(link=link, type=TensorType.parse(expected)) if expected else None
    result = steps(root).run(Compare(run=run, expected=(wanted,), thresholds=Thresholds()), results, ())
    assert isinstance(result, CompareResult)
    return result


@pytest.mark.parametrize("types", [("2xf32",), ("?xf32",), ("!hal.buffer_view",), ()])
def test_outputs_that_are_right_are_not_kept(tmp_path: Path, types: tuple[str, ...]) -> None:
    done = compared(tmp_path, np.array([1, 2], np.float32).tobytes(), types)
    assert done.verdict is None
    assert [(each.type, each.elements, each.kind) for each in done.outputs] == [("2xf32", 2, None)]
    assert not (tmp_path / "outputs").exists()


def test_outputs_that_are_wrong_are_kept(tmp_path: Path) -> None:
    done = compared(tmp_path, np.array([1, 3], np.float32).tobytes(), ("2xf32",))
    assert done.verdict is not None
    assert (done.verdict.status, done.verdict.kind) == (Status.FAILED, Kind.NUMERIC)
    assert done.verdict.reason == done.outputs[0].reason
    assert [path.name for path in (tmp_path / "outputs").iterdir()] == ["0.bin"]


@pytest.mark.parametrize("given", ["2xi32", "1x2xf32", "2x1xf32", "3xf32", "f32", "?x?xf32"])
def test_a_type_that_is_not_the_expected_one(tmp_path: Path, given: str) -> None:
    done = compared(tmp_path, np.array([1, 2], np.float32).tobytes(), (given,))
    assert done.verdict is not None
    assert (done.verdict.status, done.verdict.kind) == (Status.FAILED, Kind.SHAPE)
    assert done.verdict.reason == f"output 0: expected 2xf32, but the model returned {given}"


@pytest.mark.parametrize("got", [0, 7, 9])
def test_another_size_is_another_shape(tmp_path: Path, got: int) -> None:
    done = compared(tmp_path, bytes(got), ())
    assert done.verdict is not None
    assert (done.verdict.status, done.verdict.kind) == (Status.FAILED, Kind.SHAPE)
    assert done.verdict.reason == f"output 0 (2xf32): expected 8 bytes, got {got}"


def test_an_ignored_output_is_not_judged(tmp_path: Path) -> None:
    done = compared(tmp_path, b"", (), expected=None)
    assert (done.verdict, [each.ignored for each in done.outputs]) == (None, [True])


def test_the_time_of_a_step_is_measured(tmp_path: Path) -> None:
    done = compared(tmp_path, np.array([1, 2], np.float32).tobytes(), ())
    assert 0 < done.seconds < 10


def test_results_speak_of_files_as_the_spec_does_even_of_a_module_that_specs_share() -> None:
    reason, module = "model.mlir:3: expected 1", Module(key="a", bytes=1, cached=True, sha256="b")
    failure = Verdict(status=Status.FAILED, kind=Kind.COMPILE, reason=reason)
    for name in ("one.mlir", "two.mlir"):
        links = (Link(name="model.mlir", blob=Blob(url=f"https://h/{name}")),)
        step = Compile(release="3.13.0", argv=(), links=links, module="model.vmfb", products=())
        result = CompileResult(folder=Path("shared"), module=module, notes=(reason,), verdict=failure)
        named = _in_names_of_the_spec(result, step)
        assert isinstance(named, CompileResult)
        assert named.verdict
        assert (named.verdict.reason, named.notes) == (f"{name}:3: expected 1", (f"{name}:3: expected 1",))
    fetched = StepResult(verdict=failure)
    assert _in_names_of_the_spec(fetched, Fetch(blob=links[0].blob)) is fetched
