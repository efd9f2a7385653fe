"""The texts of the folder of a small program: its spec, the lines that run it, and its README (no I/O)."""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from harness.core.cases import Backend, Case, ModelSpec, RandomWeights, Release, Weights
from harness.core.tensors import Literal, Tensor, Thresholds
from harness.core.text import command, counted, inline, one_line
from harness.core.values import frozen
from harness.iree import flags as run_flags
from harness.localize.failed_part import FailedPart
from harness.localize.laboratory import Input
from harness.packing.reproducer import AGAIN
from harness.packing.script import REPRODUCER
from harness.pipeline.steps import Compile, Plan, Run
from harness.reduction.keeping import Begun
from harness.reduction.reducer import State
from harness.report.markdown import escaped

_LINES = 80
_THRESHOLDS = ("f16", "bf16", "f32", "f64")
_SHOWN = 400
_NO_RTOL = "--expected_rtol=0.0"
_ALONE = "\n## The pass alone\n"
NO_REPRODUCER = f"{_ALONE}\nThe compiler fails before it runs a pass, so it writes no reproducer.\n"


def document(spec: ModelSpec) -> Mapping[str, Any]:
    """Return the spec file of a spec whose files are beside it."""
    fields = {
        "comment": list(spec.comment),
        "mlir": spec.mlir.name,
        "modules": [{"mlir": each.mlir.name, "compiler_flags": list(each.compiler_flags)} for each in spec.modules],
        "pipeline_mlir": spec.pipeline_mlir.name if spec.pipeline_mlir else None,
        "pipeline_compiler_flags": list(spec.pipeline_compiler_flags) if spec.pipeline_mlir else None,
        "add_pipeline_module": (spec.pipeline_mlir and spec.add_pipeline_module) or None,
        "run_function": spec.run_function,
        "compile_only": spec.compile_only or None,
        "inputs": [_entry(each) for each in spec.inputs],
        "outputs": [_entry(each) for each in spec.outputs if each],
        **(_numbers(spec.thresholds) if spec.outputs else {}),
        "real_weights": spec.real_weights.name if spec.real_weights else None,
        "weights": list(map(_weights, spec.weights)),
        "compiler_flags": list(spec.compiler_flags),
        "flags_for": {name: list(flags_) for name, flags_ in spec.flags_for.items()},
        "tuner_file": {sku: blob.name for sku, blob in spec.tuner_file.items()},
        "run_args": list(spec.run_args),
        "devices": list(spec.devices),
    }
    return {name: value for name, value in fields.items() if value not in ([], {}, None)}


def _entry(given: Input) -> Mapping[str, Any]:
    if isinstance(given, Tensor):
        return {"source": given.blob.name} | ({"value": str(given.type)} if given.type else {})
    assert isinstance(given, Literal)  # noqa: S101 - a reduction has no formulas
    return {"value": given.text}


def _weights(given: Weights | RandomWeights) -> Mapping[str, Any]:
    what = {"source": given.blob.name} if isinstance(given, Weights) else {"random": {"seed": given.seed}}
    return what | ({"scope": given.scope} if given.scope else {})


def _numbers(thresholds: Thresholds) -> Mapping[str, Any]:
    """Return the fields of thresholds that are not the default."""
    if thresholds == Thresholds():
        return {}
    atol = dict(thresholds.atol) if thresholds.other_atol is None else thresholds.other_atol
    return {"atol": atol, "rtol": thresholds.rtol, "equal_nan": None if thresholds.equal_nan else False}


def rounded(limits: Mapping[str, float]) -> Mapping[str, float]:
    """Return absolute errors, each rounded down to one digit; a complex type has that of its parts."""
    found = dict[str, float]()
    for name, limit in limits.items():
        digit = 10.0 ** math.floor(math.log10(limit)) if limit > 0 else 1.0
        found[name.removeprefix("complex<").removesuffix(">")] = float(f"{math.floor(limit / digit) * digit:.0e}")
    return found


def flags(limits: Mapping[str, float], release: Release) -> tuple[str, ...]:
    """Return absolute errors as flags of the iree-run-module of a release, which has them for some types."""
    found = [f"--expected_{name}_threshold={limits[name]!r}" for name in _THRESHOLDS if name in limits]
    found += [_NO_RTOL] if found else []
    return tuple(each for each in found if not run_flags.unknown_run_flag((each,), release))


def lines(plan: Plan) -> Iterator[str]:
    """Yield the lines that compile and run the program of a plan in the folder of its files."""
    for step in plan.own:
        if isinstance(step, Compile | Run):
            names = {link.name: link.blob.name for link in step.links}
            yield command([_named(word, names) for word in step.argv if _is_wanted(word, step, names)])


def _is_wanted(word: str, step: Compile | Run, names: Mapping[str, str]) -> bool:
    """Whether a word is not there for the harness alone, nor names stand-ins for weights, which it makes."""
    if isinstance(step, Compile):
        return word not in step.added
    return not word.startswith("--parameters=") or word.rpartition("=")[2] in names


def _named(word: str, names: Mapping[str, str]) -> str:
    """Return a word in which files have the names of the folder."""
    return re.sub(r"(?<![\w.-])[\w.-]+$", lambda found: names.get(found[0], found[0]), word)


@frozen
class ToldSide:
    """What README.md says of a side.

    Attributes:
        label: what tells it from the other one.
        release: its release.
        lines: what runs the program on it without the harness.
    """

    label: str
    release: str
    lines: Sequence[str]


def reproducer(part: FailedPart | None) -> str:
    """Return what README.md says of the reproducer of a pass that fails."""
    what = f"`{inline(part.by)}`" if part else "the pass"
    return (
        f"{_ALONE}\n`{REPRODUCER}` is the program before {what}, and that pass. It fails in the same way, in its "
        f"folder with the `iree-opt` of the release:\n\n    {' '.join(AGAIN)}\n"
    )


def other_reproducer(reason: str) -> str:
    """Return what README.md says if iree-opt does not fail with the reproducer as the compiler does."""
    ends = f"fails in another way: {inline(one_line(reason, limit=_SHOWN))}" if reason else "does not fail"
    return f"{_ALONE}\nThe compiler writes a reproducer, but with it `iree-opt` {ends}\n"


def readme(
    case: Case, state: State, begun: Begun, sides: Sequence[ToldSide], files: Sequence[str], *, pass_: str = ""
) -> str:
    """Return README.md.

    Args:
        case: the case.
        state: the small program.
        begun: what it was made from.
        sides: the bad side and the good one.
        files: the names of the files beside the spec.
        pass_: what is to be said of the compiler's reproducer.
    """
    bad, good = (inline(each.label) for each in sides)
    where = f" Culprit: {inline(begun.found)}." if begun.found else ""
    named = f" {inline(begun.named)}" if begun.named else ""
    parts = [
        f"# {inline(case.id)}, reduced\n",
        f"With {bad}, this program of {counted(state.operations, 'operation')} fails; with {good} it does not:\n",
        f"    {one_line(state.how, limit=_SHOWN)}\n",
        f"It was made from a program of {counted(begun.operations, 'operation')}.{where}{named}\n",
        *_program(state.candidate.text),
        "## With the IREE quality harness\n",
        *(f"    harness quality --specs . {each}" for each in _options(case, sides)),
        "\n## Without it\n",
        f"In `{inline(case.spec.model)}`, with `iree-base-compiler` and `iree-base-runtime` of the release:\n",
        *(line for each in sides for line in _by_hand(each)),
        *([pass_.lstrip("\n")] if pass_ else []),
        "## Files\n",
        *(f"- `{inline(case.spec.model)}/{name}`" for name in files),
        "",
    ]
    return "\n".join(parts)


def section(state: State, begun: Begun, folder: str) -> str:
    """Return the part of bisect.md on the small program, which is in a folder."""
    of = counted(begun.operations, "operation")
    head = f"The program of {of} was reduced to {state.operations}, which fail in the same way: {escaped(state.how)}"
    return "\n".join(
        ["## The small program", "", head, "", *_program(state.candidate.text), f"All of it: `{folder}`.", ""]
    )


def _by_hand(side: ToldSide) -> Iterator[str]:
    name = f"IREE {side.release}"
    yield f"{name}:\n" if side.label == side.release else f"{inline(side.label)}, with {name}:\n"
    yield from (f"    {line}" for line in side.lines)
    yield ""


def _options(case: Case, sides: Sequence[ToldSide]) -> Iterator[str]:
    """Yield the options that run the case with each release."""
    target = case.target
    chip = f" --chip {target.chip}" if target.chip else ""
    backend = f" --backend {target.backend}" if target.backend is not Backend.CPU else ""
    for release in dict.fromkeys(each.release for each in sides):
        yield f"--iree {release}{backend}{chip}"


def _program(text: str) -> Iterator[str]:
    if text.count("\n") <= _LINES:
        yield f"```mlir\n{text.strip()}\n```\n"
