import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.containers import protocol
from harness.containers.protocol import Hello, Reply, Request, WorkerStep
from harness.core.errors import EngineError
from harness.core.outcomes import Measurement, Module
from harness.host.process import ProcessResult
from harness.pipeline.planner import Options
from harness.pipeline.step_results import CompareResult, CompileResult, Results, RunResult, StepResult
from harness.pipeline.steps import Compare, Compile, Fetch, Plan, Run, needs
from tests.unit.executors import FakeExecutor, error, failed
from tests.unit.kfd import gpu
from tests.unit.messages import MESSAGES
from tests.unit.samples import CPU, MI300, blob, planned, rocm_spec, spec, tensor

PLANS = {
    "cpu": planned(),
    "cpu, an output ignored, npy": planned(spec(inputs=(tensor("in.npy"),), outputs=(None, tensor("out.npy")))),
    "cpu, stand-ins for weights": planned(spec(real_weights=None, run_function=None)),
    "cpu, nothing to compare": planned(spec(inputs=(), outputs=())),
    "rocm, tuned, with a pipeline": planned(
        rocm_spec(tuner_file={"mi300": blob("tuner.mlir")}, pipeline_mlir=blob("p.mlir"), add_pipeline_module=True),
        MI300,
    ),
    "iree-run-module compares": planned(options=Options(tool_verdict=True, run_wrapper=("nice", "-n", "1"))),
}
RUN = next(step for step in PLANS["cpu"].steps if isinstance(step, Run))


def compiled(folder: Path, **more: Any) -> Reply:
    module = Module(key="k", bytes=1, cached=False, sha256="a")
    return Reply(result=CompileResult(folder=folder, module=module, **more))


def ran(folder: Path) -> Reply:
    process = ProcessResult(exit_code=0, signal=None, timed_out=False, seconds=1, cpu_seconds=1, peak_memory_bytes=1)
    return Reply(result=RunResult(folder=folder, process=process))


def compared() -> Reply:
    return Reply(result=CompareResult(outputs=(Measurement(index=0, type=None),)))


def left_nothing(**changes: Any) -> Reply:
    fields: dict[str, Any] = {"verdict": error(), "seconds": 1.0}
    return Reply(result=StepResult(**(fields | changes)))


@pytest.mark.parametrize("name", PLANS)
def test_a_worker_gets_what_each_step_needs(tmp_path: Path, name: str) -> None:
    plan: Plan = PLANS[name]
    assert not plan.blocked
    executor, results = FakeExecutor(tmp_path), Results()
    for step in plan.steps:
        results[step] = executor.done(step, None)
        if not isinstance(step, Fetch):
            used = () if plan.case.target is CPU else (gpu(), gpu(1))
            request = protocol.read(Request, protocol.line(protocol.request(step, results, used)))
            assert (request.step, request.gpus) == (step, used)
            assert hash(request.step) == hash(step)
            assert request.results == {need: results[need] for need in needs(step)}
    assert {type(step) for step in plan.steps} >= {Fetch, Compile, Run}


@pytest.mark.parametrize("verdict", [None, failed(), error()])
@pytest.mark.parametrize("name", PLANS)
def test_a_result_is_sent_back(tmp_path: Path, name: str, verdict: Any) -> None:
    executor = FakeExecutor(tmp_path)
    for step in PLANS[name].steps:
        if not isinstance(step, Fetch):
            ended = executor.done(step, verdict)
            answer = protocol.read(Reply, protocol.line(Reply(result=ended)))
            assert protocol.accepted(step, answer, [tmp_path]) == ended


@settings(max_examples=15)
@given(MESSAGES)
def test_any_message_is_one_line(message: Any) -> None:
    line = protocol.line(message)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert line.isascii()
    assert protocol.read(type(message), line) == message


def folders(root: Path) -> tuple[Path, Path]:
    """Make a store behind a link, and a results folder, with links that lead out of them."""
    (root / "real/store/modules").mkdir(parents=True)
    (root / "store").symlink_to(root / "real/store")
    (root / "out").mkdir()
    (root / "store-of-others").mkdir()
    (root / "out/link").symlink_to("/etc")
    (root / "out/back").symlink_to(root / "real/store/modules")
    return root / "store", root / "out"


def accepted(root: Path, answer: Reply) -> bool:
    """Return whether a reply is accepted."""
    try:
        step = RUN if isinstance(answer.result, RunResult) else RUN.compiles[0]
        result = protocol.accepted(step, answer, folders(root))
    except EngineError as error:
        return "a path outside the folders that it may use." not in str(error)
    return result == answer.result


@pytest.mark.parametrize(
    "name", ["store", "store/modules/k", "real/store/x", "out/logs/run.log", "out/../out", "out/back"]
)
def test_a_file_in_the_folders_of_a_container(tmp_path: Path, name: str) -> None:
    assert accepted(tmp_path, compiled(tmp_path / name, log_path=tmp_path / name))


HOSTILE = [
    "/etc/passwd",
    "{root}",
    "{root}/out/..",
    "{root}/out/../x",
    "{root}/out/link/passwd",
    "{root}/store-of-others",
]
NO_PATHS = ["\0", "{root}/out/\0", "{root}/out/\ud800", "{root}/loop/x"]


@pytest.mark.parametrize("name", [*HOSTILE, "passwd", "", "../out", "~/x", "/" + "a" * 5000])
@pytest.mark.parametrize("field", ["log_path", "compiled", "ran"])
def test_a_file_outside_of_the_folders_is_refused(tmp_path: Path, field: str, name: str) -> None:
    path = Path(name.format(root=tmp_path))
    replies = {"log_path": left_nothing(log_path=path), "compiled": compiled(path), "ran": ran(path)}
    assert not accepted(tmp_path, replies[field])


@pytest.mark.parametrize("name", NO_PATHS)
def test_an_invalid_path_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "loop").symlink_to("loop")
    text = protocol.line(left_nothing(log_path=Path("PATH"))).replace(b"PATH", json.dumps(name)[1:-1].encode())
    with pytest.raises(EngineError):
        protocol.accepted(RUN, protocol.read(Reply, text.replace(b"{root}", bytes(tmp_path))), folders(tmp_path))


@pytest.mark.parametrize("step", [each for each in PLANS["cpu"].steps if not isinstance(each, Fetch)])
def test_a_result_of_another_kind_of_step_is_refused(tmp_path: Path, step: WorkerStep) -> None:
    replies = {Compile: compiled(tmp_path), Run: ran(tmp_path), Compare: compared()}
    del replies[type(step)]
    for each in (*replies.values(), left_nothing(verdict=None)):
        with pytest.raises(EngineError):
            protocol.accepted(step, each, [tmp_path])


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\n",
        b"hello\n",
        b"\xff\xfe\n",
        b'{"type": "Reply"\n',
        b"[]\n",
        b"null\n",
        b'"Reply"\n',
        b"[" * 100_000 + b"\n",
        b'{"a":' * 100_000 + b"\n",
        b'{"verdict": null, "seconds": ' + b"9" * 5000 + b"}\n",
        protocol.line(left_nothing()).replace(b'"seconds": 1.0', b'"seconds": ' + b"9" * 400),
        protocol.line(left_nothing()).replace(b'"type": "StepResult"', b'"type": "Manifest"'),
        protocol.line(left_nothing()).replace(b'"log_tail": ""', b'"log_tail": ' + b"[" * 800 + b"]" * 800),
        protocol.line(left_nothing()).replace(b'"log_path": null', b'"log_path": 1'),
        protocol.line(left_nothing(verdict=failed())).replace(b'"failed"', b'"splendid"'),
        protocol.line(left_nothing(log_tail="x" * 2_000_000))[:-3],
    ],
)
def test_a_hostile_line(line: bytes) -> None:
    kinds: tuple[Any, ...] = (Hello, Request, Reply)
    for kind in kinds:
        with pytest.raises(EngineError, match=f"^Cannot read a {kind.__name__} message: ") as caught:
            protocol.read(kind, line)
        assert len(str(caught.value)) < 1000


@given(st.binary() | st.text().map(lambda text: json.dumps({"type": text, text: text}).encode()))
def test_any_bytes_are_refused(line: bytes) -> None:
    with pytest.raises(EngineError):
        protocol.read(Reply, line)
