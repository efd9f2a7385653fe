"""Programs that a release broke, each in the middle of a larger one: ten products before it, and eleven after it.

What comes before it is added to its first input times zero, and what comes after it depends on its result, so that no
compiler leaves either out.
"""

import re
from dataclasses import dataclass

import numpy as np

from tests.integration.laboratory import Laboratory
from tests.integration.transitions import PROGRAMS, Program

SQUARE = "tensor<16x16xf32>"
_PRODUCTS = 10
_FUNCTION = re.compile(r"func\.func @f\((.*?)\) -> (tensor<.*?>) \{(.*)return (%\w+) : tensor<.*?>\s*\}\s*", re.DOTALL)
_ADDED = """
  %begin = arith.constant 0 : index
  %first = tensor.extract {before}[%begin, %begin] : {square}
  %none = arith.constant 0.0 : f32
  %nothing = arith.mulf %first, %none : f32
  {narrowed}
  {place}
  {name} = linalg.generic {{indexing_maps = [{map}, {map}], iterator_types = [{parallel}]}}
    ins({name}_given : {type}) outs(%embedding : {type}) {{
  ^bb0(%element: {element}, %out: {element}):
    %same = arith.addf %element, {scalar} : {element}
    linalg.yield %same : {element}
  }} -> {type}
"""
_PASSED_ON = """
  %part = tensor.extract {result}[{begin}] : {type}
  {widened}
  %empty_square = tensor.empty() : {square}
  %passed = linalg.generic {{indexing_maps = [{map}, {map}], iterator_types = ["parallel", "parallel"]}}
    ins(%w : {square}) outs(%empty_square : {square}) {{
  ^bb0(%element: f32, %out: f32):
    %little = arith.constant 1.0e-6 : f32
    %share = arith.mulf {wide}, %little : f32
    %sum = arith.addf %element, %share : f32
    linalg.yield %sum : f32
  }} -> {square}
"""


@dataclass(frozen=True, kw_only=True)
class _Type:
    text: str

    @property
    def element(self) -> str:
        return self.text.removeprefix("tensor<").removesuffix(">").rpartition("x")[2]

    @property
    def rank(self) -> int:
        return self.text.count("x")

    @property
    def map(self) -> str:
        names = ", ".join(f"d{axis}" for axis in range(self.rank))
        return f"affine_map<({names}) -> ({names})>"


def embedded(program: Program) -> str:
    """Return the text of a program with others before and after it, which returns the results of both."""
    found = _FUNCTION.fullmatch(program.text.strip())
    assert found
    arguments, result, body, returned = found.groups()
    first = re.match(r"(%\w+): (tensor<[^>]*>)", arguments)
    assert first
    given = arguments.replace(f"{first[1]}:", f"{first[1]}_given:", 1)
    before, last_before = _products("before", "%w")
    after, last = _products("after", "%passed")
    return "\n".join(
        [
            f"func.func @f({given}, %w: {SQUARE}) -> ({result}, {SQUARE}) {{",
            f"  %zero_square = arith.constant dense<0.0> : {SQUARE}",
            *before,
            _added(first[1], _Type(text=first[2]), last_before),
            body,
            _passed_on(returned, _Type(text=result)),
            *after,
            f"  return {returned}, {last} : {result}, {SQUARE}",
            "}",
        ]
    )


def _products(name: str, start: str) -> tuple[list[str], str]:
    lines, current = [], start
    for index in range(_PRODUCTS):
        product, bounded = f"%{name}{index}", f"%{name}{index}_bounded"
        ins = f"ins({current}, %w : {SQUARE}, {SQUARE})"
        lines.append(f"  {product} = linalg.matmul {ins} outs(%zero_square : {SQUARE}) -> {SQUARE}")
        lines.append(f"  {bounded} = math.tanh {product} : {SQUARE}")
        current = bounded
    return lines, current


def _added(name: str, type_: _Type, before: str) -> str:
    place = f"%embedding = tensor.empty() : {type_.text}"
    if "?" in type_.text:
        sizes = f"%last_axis = arith.constant 1 : index\n  %size = tensor.dim {name}_given, %last_axis : {type_.text}"
        place = f"{sizes}\n  %embedding = tensor.empty(%size) : {type_.text}"
    is_wide = type_.element == "f32"
    return _ADDED.format(
        before=before,
        square=SQUARE,
        narrowed="" if is_wide else f"%narrow = arith.truncf %nothing : f32 to {type_.element}",
        scalar="%nothing" if is_wide else "%narrow",
        place=place,
        name=name,
        map=type_.map,
        parallel=", ".join(['"parallel"'] * type_.rank),
        type=type_.text,
        element=type_.element,
    )


def _passed_on(result: str, type_: _Type) -> str:
    is_wide = type_.element == "f32"
    return _PASSED_ON.format(
        result=result,
        begin=", ".join(["%begin"] * type_.rank),
        type=type_.text,
        widened="" if is_wide else f"%wide = arith.extf %part : {type_.element} to f32",
        wide="%part" if is_wide else "%wide",
        square=SQUARE,
        map=_Type(text=SQUARE).map,
    )


@dataclass(frozen=True, kw_only=True)
class Broken:
    """A program of `transitions`, two releases that differ by it, and the operation to blame.

    Attributes:
        name: of the program.
        bad: the bad release.
        good: the good one.
        operation: the operation to blame, or `unused argument`.
        kind: how the bad release fails.
    """

    name: str
    bad: str
    good: str
    operation: str
    kind: str


BROKEN = (
    Broken(name="summed", bad="3.13.0", good="3.10.0", operation="linalg.generic", kind="numeric"),
    Broken(name="absolute", bad="3.13.0", good="3.10.0", operation="linalg.abs", kind="compile"),
    Broken(name="unread", bad="3.8.0", good="3.9.0", operation="unused argument", kind="crash"),
    Broken(name="summed", bad="3.11.0", good="3.10.0", operation="linalg.generic", kind="numeric"),
    Broken(name="power", bad="3.3.0", good="3.2.0", operation="math.powf", kind="nan"),
    Broken(name="rounded", bad="3.2.0", good="3.3.0", operation="arith.truncf", kind="numeric"),
    Broken(name="transposed", bad="3.7.0", good="3.6.0", operation="linalg.matmul_transpose_b", kind="compile"),
    Broken(name="tangent", bad="3.8.0", good="3.7.1", operation="chlo.tan", kind="compile"),
    Broken(name="tangent", bad="3.9.0", good="3.10.0", operation="chlo.tan", kind="compile"),
    Broken(name="clamped", bad="3.3.0", good="3.2.0", operation="tosa.clamp", kind="compile"),
    Broken(name="softmax", bad="3.4.0", good="3.3.0", operation="linalg.softmax", kind="compile"),
    Broken(name="softmax", bad="3.0.0", good="3.1.0", operation="linalg.softmax", kind="compile"),
    Broken(name="barrier", bad="3.3.0", good="3.9.0", operation="iree_tensor_ext.compute_barrier.start", kind="crash"),
    Broken(
        name="barrier", bad="3.8.0", good="3.9.0", operation="iree_tensor_ext.compute_barrier.start", kind="compile"
    ),
)


def write(lab: Laboratory) -> None:
    """Write the specs of all broken programs, each in a larger one."""
    weights = (np.eye(16) * 1.1).astype(np.float32)
    for name in dict.fromkeys(each.name for each in BROKEN):
        program = PROGRAMS[name]
        inputs = [lab.tensor(f"{name}.{place}.npy", each) for place, each in enumerate(program.inputs)]
        lab.spec(
            f"{name}_cpu",
            mlir=lab.file(f"{name}.mlir", embedded(program)),
            inputs=[*inputs, lab.tensor("w.npy", weights)],
            outputs=[lab.tensor(f"{name}.out.npy", program.output), {"value": "(ignored)"}],
            run_function="f",
            **program.fields,
        )
