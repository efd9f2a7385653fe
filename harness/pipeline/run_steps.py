"""Plans the run of a case and the comparison of its outputs: the files, and the command line of iree-run-module."""

from collections.abc import Iterator
from pathlib import PurePosixPath

from harness.core.blobs import Blob
from harness.core.cases import Case, ModelSpec
from harness.core.tensors import Literal, Tensor
from harness.pipeline.steps import WEIGHTS, Compare, Compile, Link, Run


def run_step(case: Case, compiles: tuple[Compile, ...], *, run_wrapper: tuple[str, ...], tool_verdict: bool) -> Run:
    """Return the run of a case.

    Args:
        case: the case.
        compiles: the compilations of its modules, dependencies first.
        run_wrapper: the words before `iree-run-module` on the command line.
        tool_verdict: whether iree-run-module compares the outputs.
    """
    spec = case.spec
    modules = compiles if spec.add_pipeline_module else compiles[:1]
    inputs = [
        (Link(name=_file_name("input", i, each), blob=each.blob), each)
        for i, each in enumerate(spec.inputs)
        if isinstance(each, Tensor)
    ]
    weights = _weights_name(spec.real_weights)
    links = [link for link, _ in inputs] + ([Link(name=weights, blob=spec.real_weights)] if spec.real_weights else [])
    outputs = tuple(f"{i}.bin" if expected else "" for i, expected in enumerate(spec.outputs))
    output_arguments: list[str] = [f"--output={'@' if name else ''}{name}" for name in outputs]
    if tool_verdict:
        expected = _expected(spec)
        links += filter(None, expected)
        output_arguments = [*_expected_arguments(spec, expected), *spec.threshold_args]
    argv = (
        *run_wrapper,
        "iree-run-module",
        f"--device={spec.device}",
        *(f"--module={each.module}" for each in modules),
        f"--parameters=model={weights}",
        *([f"--function={spec.run_function}"] if spec.run_function else []),
        *_input_arguments(spec),
        *output_arguments,
    )
    return Run(
        case_id=case.id,
        argv=argv,
        links=tuple(links),
        inputs=tuple((link.name, tensor.type) for link, tensor in inputs),
        compiles=modules,
        device=spec.device,
        chip=case.target.chip,
        outputs=() if tool_verdict else outputs,
    )


def _input_arguments(spec: ModelSpec) -> Iterator[str]:
    for index, each in enumerate(spec.inputs):
        text = each.text if isinstance(each, Literal) else _tensor_argument(_file_name("input", index, each), each)
        yield f"--input={text}"


def _weights_name(blob: Blob | None) -> str:
    """Return the name of the archive of weights; its suffix tells iree-run-module the format."""
    suffix = PurePosixPath(blob.name).suffix if blob else ""
    return f"weights{suffix}" if suffix in {".gguf", ".safetensors"} else WEIGHTS


def compare_step(spec: ModelSpec, run: Run) -> Compare:
    """Return the comparison of the outputs of a run with those that a spec expects."""
    expected = tuple(
        (link, tensor.type) if link and tensor else None
        for link, tensor in zip(_expected(spec), spec.outputs, strict=True)
    )
    return Compare(run=run, expected=expected, thresholds=spec.thresholds)


def _expected(spec: ModelSpec) -> list[Link | None]:
    return [
        Link(name=_file_name("expected", i, tensor), blob=tensor.blob) if tensor else None
        for i, tensor in enumerate(spec.outputs)
    ]


def _expected_arguments(spec: ModelSpec, links: list[Link | None]) -> Iterator[str]:
    for link, tensor in zip(links, spec.outputs, strict=True):
        yield f"--expected_output={_tensor_argument(link.name, tensor) if link and tensor else '(ignored)'}"


def _file_name(role: str, index: int, tensor: Tensor) -> str:
    return f"{role}.{index}.{'npy' if tensor.is_npy else 'bin'}"


def _tensor_argument(file_name: str, tensor: Tensor) -> str:
    return f"@{file_name}" if tensor.is_npy else f"{_tool_spelling(tensor)}=@{file_name}"


def _tool_spelling(tensor: Tensor) -> str:
    """Return a type as iree-run-module reads it: it takes the `x` of `complex` for the end of a dimension."""
    return str(tensor.type).replace("complex<f32>", "cf64").replace("complex<f64>", "cf128")
