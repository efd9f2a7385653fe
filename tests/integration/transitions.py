"""Small programs that a release broke, mended or changed, with what was seen of each with all releases.

All are compiled for the generic CPU of x86-64, and what is wrong with them is so on every such machine: which
instructions a program has is up to the compiler, and the numbers are far from any threshold.
"""

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from harness.iree.releases import Releases
from tests.integration.laboratory import HIP_FLAGS, Array, Laboratory

RELEASES = tuple(Releases().names)
SQUARE = "tensor<4x4xf32>"
ZERO = f"%zero = arith.constant dense<0.0> : {SQUARE}"

# The name of this operation is unknown from 3.7.0 on.
TRANSPOSED = f"""
func.func @f(%a: {SQUARE}, %b: {SQUARE}) -> {SQUARE} {{
  {ZERO}
  %r = linalg.matmul_transpose_b ins(%a, %b : {SQUARE}, {SQUARE}) outs(%zero : {SQUARE}) -> {SQUARE}
  return %r : {SQUARE}
}}
"""
SUM = """
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : tensor<f32>
  %start = linalg.fill ins(%zero : f32) outs(%empty : tensor<f32>) -> tensor<f32>
  %r = linalg.generic
    {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> ()>], iterator_types = ["reduction"]}
    ins(%x : tensor<4096xf32>) outs(%start : tensor<f32>) {
  ^bb0(%one: f32, %so_far: f32):
    %more = arith.addf %so_far, %one : f32
    linalg.yield %more : f32
  } -> tensor<f32>
  return %r : tensor<f32>
"""
# Four sums side by side, one of which loses all its ones, up to 3.10.0; from 3.11.0 on a single one, which loses all.
SUMMED = f"func.func @f(%x: tensor<4096xf32>) -> tensor<f32> {{ {SUM} }}"
# As above, and the name of this operation is unknown from 3.13.0 on: one range of bad releases, two kinds of failures.
ABSOLUTE = f"""
func.func @f(%a: tensor<4096xf32>) -> tensor<f32> {{
  %place = tensor.empty() : tensor<4096xf32>
  %x = linalg.abs ins(%a : tensor<4096xf32>) outs(%place : tensor<4096xf32>) -> tensor<4096xf32>
  {SUM}
}}
"""
# Without the instruction for it, 2049 becomes 2050 up to 3.2.0, though it is to be rounded to even.
ROUNDED = """
func.func @f(%a: tensor<4xf32>) -> tensor<4xf16> {
  %r = arith.truncf %a : tensor<4xf32> to tensor<4xf16>
  return %r : tensor<4xf16>
}
"""
# From 3.3.0 on the power of a negative number is none, though the exponent is whole.
POWER = """
func.func @f(%a: tensor<4xf32>, %b: tensor<4xf32>) -> tensor<4xf32> {
  %r = math.powf %a, %b : tensor<4xf32>
  return %r : tensor<4xf32>
}
"""
# Up to 3.8.0 iree-run-module does not survive an input that nobody reads.
UNREAD = """
func.func @f(%a: tensor<4xf32>, %b: tensor<4xf32>) -> tensor<4xf32> {
  %r = arith.addf %a, %a : tensor<4xf32>
  return %r : tensor<4xf32>
}
"""
# 3.8.0 and 3.9.0 cannot lower it.
TANGENT = """
func.func @f(%a: tensor<4xf32>) -> tensor<4xf32> {
  %r = chlo.tan %a : tensor<4xf32> -> tensor<4xf32>
  return %r : tensor<4xf32>
}
"""
# Up to 3.3.0 the dialect is unknown, which the compiler does not survive, and up to 3.8.0 the operation.
BARRIER = """
func.func @f(%a: tensor<4xf32>) -> tensor<4xf32> {
  %x = "iree_tensor_ext.compute_barrier.start"(%a) : (tensor<4xf32>) -> tensor<4xf32>
  %r = arith.addf %x, %x : tensor<4xf32>
  return %r : tensor<4xf32>
}
"""
# Good only in the middle of its history.
SOFTMAX = """
func.func @f(%x: tensor<4x?xf16>) -> tensor<4x?xf16> {
  %one = arith.constant 1 : index
  %n = tensor.dim %x, %one : tensor<4x?xf16>
  %e = tensor.empty(%n) : tensor<4x?xf16>
  %y = linalg.softmax dimension(1) ins(%x : tensor<4x?xf16>) outs(%e : tensor<4x?xf16>) -> tensor<4x?xf16>
  return %y : tensor<4x?xf16>
}
"""
# From 3.3.0 on other attributes are wanted, and 3.13.0 says so in other words.
CLAMPED = """
func.func @f(%a: tensor<4xf32>) -> tensor<4xf32> {
  %r = tosa.clamp %a {min_fp = 0.0 : f32, max_fp = 2.0 : f32, min_int = 0 : i64, max_int = 2 : i64}
    : (tensor<4xf32>) -> tensor<4xf32>
  return %r : tensor<4xf32>
}
"""
# Four dispatches up to 3.7.0, which tiles data; one from 3.8.0 on.
PRODUCT = """
func.func @f(%a: tensor<64x64xf32>, %b: tensor<64x64xf32>) -> tensor<64x64xf32> {
  %zero = arith.constant dense<0.0> : tensor<64x64xf32>
  %r = linalg.matmul ins(%a, %b : tensor<64x64xf32>, tensor<64x64xf32>)
    outs(%zero : tensor<64x64xf32>) -> tensor<64x64xf32>
  return %r : tensor<64x64xf32>
}
"""
# Two numbers below the normal ones of f16 are the same to iree-run-module up to 3.2.0.
SUBNORMAL = """
func.func @f(%a: tensor<4xf16>) -> tensor<4xf16> { return %a : tensor<4xf16> }
"""
NEGATION = """
func.func @f(%a: tensor<4xf32>) -> tensor<4xf32> {
  %r = arith.negf %a : tensor<4xf32>
  return %r : tensor<4xf32>
}
"""


@dataclass(frozen=True, kw_only=True)
class Program:
    """A program, its inputs and outputs, and the first release with each thing that was seen of it, oldest first.

    What was seen is `passed`, `unsupported` or the kind of a failure.
    """

    text: str
    inputs: Sequence[Array]
    output: Array
    seen: Mapping[str, str] = field(default_factory=lambda: {RELEASES[0]: "passed"})
    fields: Mapping[str, Any] = field(default_factory=dict)

    @property
    def history(self) -> list[str]:
        """What was seen of it with each release."""
        found: list[str] = []
        for release in RELEASES:
            found.append(self.seen.get(release) or found[-1])
        return found


def f32(*numbers: float) -> Array:
    """Return numbers as a tensor."""
    return np.array(numbers, np.float32)


_SQUARES = [np.arange(16, dtype=np.float32).reshape(4, 4)] * 2
_TRANSPOSED = _SQUARES[0] @ _SQUARES[1].T
_ONES = np.ones(4096, np.float32)
_ONES[0] = 2**24  # to which a single one adds nothing
_TOTAL = np.array(2**24 + 4095, np.float32)
_SUM = {"threshold_args": ["--expected_f32_threshold=2500.0f"]}
_MANY = np.ones((64, 64), np.float32)

PROGRAMS: Mapping[str, Program] = {
    "transposed": Program(
        text=TRANSPOSED, inputs=_SQUARES, output=_TRANSPOSED, seen={"3.0.0": "passed", "3.7.0": "compile"}
    ),
    "summed": Program(
        text=SUMMED, inputs=[_ONES], output=_TOTAL, seen={"3.0.0": "passed", "3.11.0": "numeric"}, fields=_SUM
    ),
    "absolute": Program(
        text=ABSOLUTE,
        inputs=[_ONES],
        output=_TOTAL,
        seen={"3.0.0": "passed", "3.11.0": "numeric", "3.13.0": "compile"},
        fields=_SUM,
    ),
    "rounded": Program(
        text=ROUNDED,
        inputs=[f32(1, 2049, 2051, 65519)],
        output=np.array([1, 2048, 2052, 65504], np.float16),
        seen={"3.0.0": "numeric", "3.3.0": "passed"},
    ),
    "power": Program(
        text=POWER,
        inputs=[f32(2, -2, -3, 4), f32(3, 3, 2, 0.5)],
        output=f32(8, -8, 9, 2),
        seen={"3.0.0": "passed", "3.3.0": "nan"},
    ),
    "unread": Program(
        text=UNREAD,
        inputs=[f32(1, 2, 3, 4), f32(1, 2, 3, 4)],
        output=f32(2, 4, 6, 8),
        seen={"3.0.0": "crash", "3.9.0": "passed"},
    ),
    "tangent": Program(
        text=TANGENT,
        inputs=[f32(0, 1, 2, 3)],
        output=np.tan(f32(0, 1, 2, 3)),
        seen={"3.0.0": "passed", "3.8.0": "compile", "3.10.0": "passed"},
    ),
    "barrier": Program(
        text=BARRIER,
        inputs=[f32(1, 2, 3, 4)],
        output=f32(2, 4, 6, 8),
        seen={"3.0.0": "crash", "3.4.0": "compile", "3.9.0": "passed"},
    ),
    "clamped": Program(
        text=CLAMPED,
        inputs=[f32(-1, 1, 2, 3)],
        output=f32(0, 1, 2, 2),
        seen={"3.0.0": "passed", "3.3.0": "compile"},
    ),
    "softmax": Program(
        text=SOFTMAX,
        inputs=[np.ones((4, 5), np.float16)],
        output=np.full((4, 5), 0.2, np.float16),
        seen={"3.0.0": "compile", "3.1.0": "passed", "3.4.0": "compile"},
    ),
    "product": Program(text=PRODUCT, inputs=[_MANY, _MANY], output=_MANY @ _MANY),
    # What 3.8.0 to 3.10.0 have no equivalent for hides where it breaks.
    "hidden": Program(
        text=SUMMED,
        inputs=[_ONES],
        output=_TOTAL,
        seen={"3.0.0": "passed", "3.8.0": "unsupported", "3.11.0": "numeric"},
        fields={**_SUM, "flags_for": {">=3.8,<3.11": ["--iree-rocm-use-spirv"]}},
    ),
}


ROCM_FLAGS = [*HIP_FLAGS, "--iree-rocm-waves-per-eu=2", "--iree-llvmgpu-prefetch-num-stages=2"]
_ONE = f32(1, 2, 3, 4)
_SMALL = np.full(4, 2e-5, np.float16)
# Not in the matrix: one is for another backend, one is expected to fail, and one is wrong to iree-run-module alone.
OTHERS: Mapping[str, Program] = {
    "renamed": Program(
        text=NEGATION, inputs=[_ONE], output=-_ONE, fields={"compiler_flags": ROCM_FLAGS, "device": "hip"}
    ),
    "expected": Program(
        text=SUMMED, inputs=[_ONES], output=_TOTAL, fields={**_SUM, "run_test_expecting_to_fail": True}
    ),
    "subnormal": Program(
        text=SUBNORMAL,
        inputs=[_SMALL],
        output=_SMALL / 2,
        seen={"3.0.0": "passed", "3.3.0": "numeric"},
        fields={"threshold_args": ["--expected_f16_threshold=1e-6"]},
    ),
}


def write(lab: Laboratory) -> None:
    """Write all programs as specs."""
    for name, program in {**PROGRAMS, **OTHERS}.items():
        inputs = [lab.tensor(f"{name}.{place}.npy", each) for place, each in enumerate(program.inputs)]
        fields = {
            "mlir": lab.file(f"{name}.mlir", program.text),
            "inputs": inputs,
            "outputs": [lab.tensor(f"{name}.out.npy", program.output)],
            "run_function": "f",
            **program.fields,
        }
        lab.spec(f"{name}_{'rocm' if name == 'renamed' else 'cpu'}", **fields)


@dataclass(frozen=True, kw_only=True)
class Transition:
    """A change of one program between two releases that lie next to each other.

    `older` and `newer` are the ends of the longest range in which it is the only change.
    """

    name: str
    older: str
    last: str
    first: str
    newer: str
    is_fix: bool

    @property
    def question(self) -> tuple[str, ...]:
        """The options that ask for it."""
        if self.is_fix:
            return ("--find", "fix", "--bad", self.older, "--good", self.newer)
        return ("--good", self.older, "--bad", self.newer)


def transitions() -> Iterator[Transition]:
    """Yield all places where a program breaks or is mended."""
    for name, program in PROGRAMS.items():
        runs = [[release for release, _ in run] for _, run in _runs(program)]
        seen = [label for label, _ in _runs(program)]
        for place, (before, after) in enumerate(itertools.pairwise(seen)):
            if "passed" in {before, after} and "unsupported" not in {before, after}:
                older, newer = runs[place], runs[place + 1]
                yield Transition(
                    name=name,
                    older=older[0],
                    last=older[-1],
                    first=newer[0],
                    newer=newer[-1],
                    is_fix=after == "passed",
                )


def _runs(program: Program) -> list[tuple[str, list[tuple[str, str]]]]:
    grouped = itertools.groupby(zip(RELEASES, program.history, strict=True), lambda each: each[1])
    return [(label, list(run)) for label, run in grouped]


@dataclass(frozen=True, kw_only=True)
class Cells:
    """What a matrix has."""

    document: Any

    def of(self, name: str) -> dict[str, Any]:
        """Return the cells of a program by release."""
        return {cell["release"]: cell for cell in self.document["cells"] if cell["case"] == f"toy/{name}[cpu]"}

    def seen(self, name: str) -> list[str]:
        """Return what was seen of a program with each release: its status, or the kind of its failure."""
        return [cell["kind"] or cell["status"] for cell in self.of(name).values()]


@dataclass(frozen=True, kw_only=True)
class Search:
    """How a search ended."""

    code: int
    text: str
    folder: Path

    @property
    def found(self) -> Any:
        """What bisect.json says."""
        return json.loads((self.folder / "bisect.json").read_text())

    @property
    def verdicts(self) -> dict[str, str]:
        """The verdict on each tested release, in the order of the tests."""
        probes = [(probe["release"], probe["verdict"]) for probe in self.found["probes"]]
        assert len(dict(probes)) == len(probes), "a release was tested twice"
        return dict(probes)


def bisect(lab: Laboratory, name: str, *options: str, repeats: bool = False) -> Search:
    """Search for a change of a program, in a new folder of results; without repeats, each release runs once."""
    if not repeats and "--repeat" not in options:
        options = (*options, "--repeat", "1")
    folder = lab.root / f"bisect-{len(list(lab.root.glob('bisect-*')))}"
    done = lab.run(f"toy/{name}", "--out", str(folder), *options, command="bisect")
    assert "Traceback" not in done.text
    return Search(code=done.code, text=done.text, folder=folder)
