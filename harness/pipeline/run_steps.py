"""Plans the run of a case and the comparison of its outputs: the files, and the command line of iree-run-module."""

from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from harness.core import literals
from harness.core.blobs import Blob
from harness.core.cases import PIPELINE, Case, ModelSpec, RandomWeights, Weights
from harness.core.formulas import Formula
from harness.core.tensors import Literal, Tensor
from harness.pipeline import output_types
from harness.pipeline.steps import (
    WEIGHTS,
    Compare,
    Compile,
    Draw,
    Expected,
    ExpectedFile,
    ExpectedValue,
    Link,
    Run,
    WrittenFile,
)

PROGRAM = "iree-run-module"


def run_step(
    case: Case,
    compiles: tuple[Compile, ...],
    *,
    run_wrapper: tuple[str, ...] = (),
    tool_verdict: bool = False,
    keeps_all: bool = False,
) -> Run:
    """Return the run of a case.

    Args:
        case: the case.
        compiles: the compilations of its programs, dependencies first.
        run_wrapper: the words before `iree-run-module` on the command line.
        tool_verdict: whether iree-run-module compares the outputs.
        keeps_all: whether every output is kept; the spec expects none then.
    """
    spec = case.spec
    named = zip(spec.programs, compiles, strict=True)
    modules = tuple(each for name, each in named if name != PIPELINE or spec.add_pipeline_module)
    outputs = tuple(_output_name(index, expected) for index, expected in enumerate(spec.outputs))
    return Run(
        case_id=case.id,
        argv=(
            *run_wrapper,
            *_run_argv(spec, modules),
            *(_expected_arguments(spec) if tool_verdict else output_types.arguments(outputs)),
        ),
        links=tuple(_links(spec, tool_verdict=tool_verdict)),
        written=tuple(_written(spec, tool_verdict=tool_verdict)),
        drawn=tuple(_drawn(spec, compiles)),
        inputs=tuple((link.name, tensor.type) for link, tensor in _inputs(spec)),
        compiles=modules,
        devices=spec.devices,
        chip=case.target.chip,
        outputs=() if tool_verdict else outputs,
        keeps_all=keeps_all,
    )


def _run_argv(spec: ModelSpec, modules: tuple[Compile, ...]) -> Iterator[str]:
    """Yield the command line of a run, without its outputs."""
    yield from (PROGRAM, *(f"--device={each}" for each in spec.devices))
    yield from (f"--module={each.module}" for each in modules)
    for name, scope in zip(_weights_names(spec), [each.scope for each in spec.weights] or ["model"], strict=True):
        yield f"--parameters={f'{scope}=' if scope else ''}{name}"
    if spec.run_function:
        yield f"--function={spec.run_function}"
    yield from _input_arguments(spec)
    yield from spec.run_args


def _links(spec: ModelSpec, *, tool_verdict: bool) -> Iterator[Link]:
    """Yield the files that iree-run-module reads."""
    yield from (link for link, _ in _inputs(spec))
    own = [Weights(blob=spec.real_weights)] if spec.real_weights else []
    for name, each in zip(_weights_names(spec), spec.weights or own, strict=False):
        if isinstance(each, Weights):
            yield Link(name=name, blob=each.blob)
    if tool_verdict:
        yield from (each.link for each in _expected(spec) if isinstance(each, ExpectedFile))


def _drawn(spec: ModelSpec, compiles: tuple[Compile, ...]) -> Iterator[tuple[str, Draw]]:
    """Yield the archives of random weights, by file name."""
    for name, each in zip(_weights_names(spec), spec.weights, strict=False):
        if isinstance(each, RandomWeights):
            yield name, Draw(seed=each.seed, compiles=compiles)


def _written(spec: ModelSpec, *, tool_verdict: bool) -> Iterator[WrittenFile]:
    """Yield the tensors that are drawn, or written out and too long for an argument."""
    for role, values in (("input", spec.inputs), ("expected", spec.outputs if tool_verdict else ())):
        for index, each in enumerate(values):
            match each:
                case Formula():
                    yield WrittenFile(name=_file_name(role, index, each), content=each)
                case Literal() if _is_written(each):
                    yield WrittenFile(name=_file_name(role, index, each), content=each.text)


def _is_written(value: Literal) -> bool:
    return value.is_tensor and not literals.fits_argument(value.text)


def _inputs(spec: ModelSpec) -> Iterator[tuple[Link, Tensor]]:
    for index, each in enumerate(spec.inputs):
        if isinstance(each, Tensor):
            yield Link(name=_file_name("input", index, each), blob=each.blob), each


def _input_arguments(spec: ModelSpec) -> Iterator[str]:
    for index, each in enumerate(spec.inputs):
        yield f"--input={_argument('input', index, each)}"


def _weights_names(spec: ModelSpec) -> list[str]:
    """Return the names of the archives of weights; the suffix tells iree-run-module the format."""
    if not spec.weights:
        return [f"weights{_suffix(spec.real_weights)}" if spec.real_weights else WEIGHTS]
    blobs = [each.blob if isinstance(each, Weights) else None for each in spec.weights]
    return [f"weights.{index}{_suffix(blob) if blob else '.irpa'}" for index, blob in enumerate(blobs)]


def _suffix(blob: Blob) -> str:
    suffix = PurePosixPath(blob.name).suffix
    return suffix if suffix in {".gguf", ".safetensors"} else ".irpa"


def compare_step(spec: ModelSpec, run: Run) -> Compare:
    """Return the comparison of the outputs of a run with those that a spec expects."""
    return Compare(run=run, expected=tuple(_expected(spec)), thresholds=spec.thresholds, judges=spec.judges)


def _expected(spec: ModelSpec) -> Iterator[Expected | None]:
    for index, each in enumerate(spec.outputs):
        match each:
            case Tensor():
                link = Link(name=_file_name("expected", index, each), blob=each.blob)
                yield ExpectedFile(link=link, type=each.type)
            case Literal():
                yield ExpectedValue(text=each.text)
            case None:
                yield None


def _expected_arguments(spec: ModelSpec) -> Iterator[str]:
    for index, each in enumerate(spec.outputs):
        yield f"--expected_output={_argument('expected', index, each) if each else '(ignored)'}"
    yield from spec.threshold_args


def _output_name(index: int, expected: Tensor | Literal | None) -> str:
    match expected:
        case Tensor():
            return output_types.file_name(index, expected.type)
        case Literal():
            return output_types.file_name(index, literals.parse(expected.text)[0])
        case None:
            return ""


def _file_name(role: str, index: int, value: Tensor | Literal | Formula) -> str:
    return f"{role}.{index}.{'npy' if isinstance(value, Tensor) and value.is_npy else 'bin'}"


def _argument(role: str, index: int, value: Tensor | Literal | Formula) -> str:
    """Return an input or expected output as iree-run-module takes it."""
    file = f"@{_file_name(role, index, value)}"
    if isinstance(value, Formula):
        return f"{value.type.as_argument}={file}"
    if isinstance(value, Literal):
        if _is_written(value):
            return f"{literals.parse(value.text)[0].as_argument}={file}"
        return literals.argument(value.text) if value.is_tensor else value.text
    return f"{value.type.as_argument}={file}" if value.type and not value.is_npy else file


def program_index(words: Sequence[str], name: str) -> int:
    """Return where a command line names the program; a wrapper before it may have the same word."""
    return max(at for at, word in enumerate(words) if word == name)
