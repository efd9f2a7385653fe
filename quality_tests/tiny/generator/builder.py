"""The only place that writes MLIR text: a builder of functions on tensors.

The text keeps to operations that every IREE release from 3.0.0 accepts: `linalg.generic`, `linalg.fill`, named matmul
and convolution, `tensor`, `arith`, `math` and `util.global`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from string import ascii_lowercase
from textwrap import indent
from typing import Any

import numpy as np
from numpy.typing import NDArray

type_names = {np.dtype("float16"): "f16", np.dtype("float32"): "f32"}
type_names |= {np.dtype(f"int{bits}"): f"i{bits}" for bits in (8, 32, 64)}

_NEUTRAL = {
    "arith.addf": "0.0",
    "arith.addi": "0",
    "arith.maximumf": "0xFF800000",
    "arith.maxsi": "-9223372036854775808",
    "arith.minsi": "9223372036854775807",
}

Array = NDArray[Any]
Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """One SSA value of tensor type."""

    name: str
    shape: Shape
    dtype: str

    @property
    def type(self) -> str:
        """The MLIR type, for example `tensor<2x64xf16>`."""
        return f"tensor<{shaped(self.shape, self.dtype)}>"


def shaped(shape: Shape, dtype: str) -> str:
    """Shape and element type in IREE notation, for example `2x64xf16`."""
    return "x".join([*map(str, shape), dtype])


class Function:
    """A `func.func` under construction; every method appends operations and returns the new value.

    Axes are written as in `np.einsum`: `"btd,d->btd"`. The body of a `linalg.generic` is a string of operations
    separated by `;`, on operands `%a`, `%b`, ... in the order given; its last operation is the result. An operation
    without `:` gets the compute type appended, and f16 operands and results are converted to and from it.
    """

    def __init__(
        self, name: str, arguments: Sequence[tuple[Shape, str]], weights: Mapping[str, Array] | None = None
    ) -> None:
        """Start a function with arguments of these shapes and element types, which may load these weights."""
        self.name = name
        self.arguments = [Value(name=f"%arg{i}", shape=s, dtype=t) for i, (s, t) in enumerate(arguments)]
        self._weights = weights or {}
        self._loaded: dict[str, Value] = {}
        self._lines: list[str] = []
        self._count = 0

    def op(self, text: str, shape: Shape, dtype: str) -> Value:
        """Append `%N = text`, where `{type}` in the text stands for the type of the result."""
        value = Value(name=f"%{self._count}", shape=shape, dtype=dtype)
        self._count += 1
        typed = text.replace("{type}", value.type)
        self._lines.append(f"{value.name} = {typed}")
        return value

    def weight(self, name: str) -> Value:
        """Load a weight, once for the function."""
        if name not in self._loaded:
            array = self._weights[name]
            text = f"util.global.load @{name} : {{type}}"
            self._loaded[name] = self.op(text, array.shape, type_names[array.dtype])
        return self._loaded[name]

    def filled(self, number: str, shape: Shape, dtype: str) -> Value:
        """Fill a new tensor with one number, written as MLIR writes it."""
        scalar = f"%c{self._count}"
        self._lines.append(f"{scalar} = arith.constant {number} : {dtype}")
        empty = self.op("tensor.empty() : {type}", shape, dtype)
        text = f"linalg.fill ins({scalar} : {dtype}) outs({empty.name} : {{type}}) -> {{type}}"
        return self.op(text, shape, dtype)

    def map(
        self,
        axes: str,
        body: str,
        *operands: Value,
        dtype: str | None = None,
        compute: str = "f32",
        sizes: Mapping[str, int] | None = None,
    ) -> Value:
        """Compute every element of a new tensor; `sizes` gives the axes that no operand has."""
        sizes = _axis_sizes(axes, operands) | dict(sizes or {})
        shape = tuple(sizes[axis] for axis in _result_axes(axes))
        dtype = dtype or operands[0].dtype
        out = self.op("tensor.empty() : {type}", shape, dtype)
        return self._generic(axes, body, operands, out, compute=compute)

    def reduce(self, axes: str, operation: str, operand: Value, *, dtype: str = "f32") -> Value:
        """Reduce the axes missing from the result with an operation such as `arith.addf`."""
        sizes = _axis_sizes(axes, [operand])
        shape = tuple(sizes[axis] for axis in _result_axes(axes))
        out = self.filled(_NEUTRAL[operation], shape, dtype)
        return self._generic(axes, f"%y = {operation} %a, %out", [operand], out, compute=dtype)

    def contract(self, axes: str, left: Value, right: Value) -> Value:
        """Sum of products over the axes missing from the result, as a `linalg.generic` with an f32 result."""
        sizes = _axis_sizes(axes, [left, right])
        out = self.filled("0.0", tuple(sizes[axis] for axis in _result_axes(axes)), "f32")
        return self._generic(axes, "%p = arith.mulf %a, %b; %y = arith.addf %p, %out", [left, right], out)

    def matmul(self, left: Value, right: Value, *, dtype: str = "f32") -> Value:
        """Multiply matrices, `m x k` by `k x n`."""
        return self._named("linalg.matmul", left, right, (left.shape[0], right.shape[1]), dtype)

    def batch_matmul(self, left: Value, right: Value, *, dtype: str = "f32") -> Value:
        """Multiply matrices, `b x m x k` by `b x k x n`."""
        return self._named("linalg.batch_matmul", left, right, (*left.shape[:2], right.shape[2]), dtype)

    def conv(self, image: Value, kernel: Value, *, stride: int = 1) -> Value:
        """Convolve `n c h w` with `f c kh kw`, without padding."""
        attributes = f" {{dilations = dense<1> : tensor<2xi64>, strides = dense<{stride}> : tensor<2xi64>}}"
        height, width = ((image.shape[i] - kernel.shape[i]) // stride + 1 for i in (2, 3))
        shape = (image.shape[0], kernel.shape[0], height, width)
        return self._named("linalg.conv_2d_nchw_fchw" + attributes, image, kernel, shape, "f32")

    def reshape(self, value: Value, shape: Shape) -> Value:
        """Either merge or split neighbouring axes."""
        if shape == value.shape:
            return value
        if len(shape) < len(value.shape):
            text = f"tensor.collapse_shape {value.name} {_groups(value.shape, shape)} : {value.type} into {{type}}"
        else:
            groups = f"{_groups(shape, value.shape)} output_shape {list(shape)}"
            text = f"tensor.expand_shape {value.name} {groups} : {value.type} into {{type}}"
        return self.op(text, shape, value.dtype)

    def narrow(self, value: Value, axis: int, start: int, size: int) -> Value:
        """Take `size` elements of one axis."""
        offsets = [start if i == axis else 0 for i in range(len(value.shape))]
        shape = tuple(size if i == axis else n for i, n in enumerate(value.shape))
        text = f"tensor.extract_slice {value.name}{offsets} {list(shape)} {[1] * len(shape)} : {value.type} to {{type}}"
        return self.op(text, shape, value.dtype)

    def concat(self, axis: int, left: Value, right: Value) -> Value:
        """Join two tensors along one axis."""
        shape = tuple(n + right.shape[i] if i == axis else n for i, n in enumerate(left.shape))
        text = f"tensor.concat dim({axis}) {left.name}, {right.name} : ({left.type}, {right.type}) -> {{type}}"
        return self.op(text, shape, left.dtype)

    def pad_image(self, image: Value, pad: int) -> Value:
        """Surround `n c h w` with zeros."""
        shape = (*image.shape[:2], *(n + 2 * pad for n in image.shape[2:]))
        text = (
            f"tensor.pad {image.name} low[0, 0, {pad}, {pad}] high[0, 0, {pad}, {pad}] {{\n"
            f"^bb0(%i: index, %j: index, %k: index, %l: index):\n"
            f"  %zero = arith.constant 0.0 : {image.dtype}\n"
            f"  tensor.yield %zero : {image.dtype}\n"
            f"}} : {image.type} to {{type}}"
        )
        return self.op(text, shape, image.dtype)

    def text(self, *results: Value) -> str:
        """Return the finished function."""
        arguments = ", ".join(f"{a.name}: {a.type}" for a in self.arguments)
        types = ", ".join(r.type for r in results)
        names = ", ".join(r.name for r in results)
        head = f"func.func @{self.name}({arguments}) -> ({types}) {{"
        return "\n".join([head, *(indent(line, "  ") for line in self._lines), f"  return {names} : {types}", "}"])

    def _named(self, operation: str, left: Value, right: Value, shape: Shape, dtype: str) -> Value:
        out = self.filled(_zero(dtype), shape, dtype)
        operands = f"ins({left.name}, {right.name} : {left.type}, {right.type}) outs({out.name} : {{type}})"
        return self.op(f"{operation} {operands} -> {{type}}", shape, dtype)

    def _generic(self, axes: str, body: str, operands: Sequence[Value], out: Value, compute: str = "f32") -> Value:
        inputs = f"ins({_listed(operands)}) " if operands else ""
        structure, region = _structure(axes, len(operands)), _region(body, operands, out, compute)
        text = f"linalg.generic {structure} {inputs}outs({_listed([out])}) {{\n{region}\n}} -> {out.type}"
        return self.op(text, out.shape, out.dtype)


def module_text(name: str, functions: Sequence[str], weights: Mapping[str, Array] | None = None) -> str:
    """Return a module of functions; its weights are parameters of the scope `model`."""
    declared = [_global(key, array) for key, array in sorted((weights or {}).items())]
    defined = (indent(text, "  ") for text in functions)
    return "\n".join([f"module @{name} {{", *declared, *defined, "}", ""])


def _global(name: str, array: Array) -> str:
    kind = f"tensor<{shaped(array.shape, type_names[array.dtype])}>"
    return f'  util.global private @{name} = #stream.parameter.named<"model"::"{name}"> : {kind}'


def _structure(axes: str, operand_count: int) -> str:
    """Return the indexing maps and iterator types for axes such as `"btd,d->btd"`."""
    inputs, result = axes.split("->")
    reduced = [axis for axis in dict.fromkeys(inputs) if axis not in result and axis != ","]
    loops = ", ".join([*result, *reduced])
    operands = inputs.split(",") if operand_count else []
    maps = ", ".join(f"affine_map<({loops}) -> ({', '.join(part)})>" for part in [*operands, result])
    kinds = ", ".join(['"parallel"'] * len(result) + ['"reduction"'] * len(reduced))
    return f"{{indexing_maps = [{maps}], iterator_types = [{kinds}]}}"


def _region(body: str, operands: Sequence[Value], out: Value, compute: str) -> str:
    names = ascii_lowercase[: len(operands)]
    halves = [name for name, operand in zip(names, operands, strict=True) if _widens(operand.dtype, compute)]
    arguments = [
        f"%{name}{'_in' if name in halves else ''}: {o.dtype}" for name, o in zip(names, operands, strict=True)
    ]
    lines = [f"^bb0({', '.join([*arguments, f'%out: {out.dtype}'])}):"]
    lines += [f"  %{name} = arith.extf %{name}_in : f16 to {compute}" for name in halves]
    operations = [line.strip() for line in body.split(";") if line.strip()]
    lines += [f"  {line}" if ":" in line else f"  {line} : {compute}" for line in operations]
    result = operations[-1].split(" = ")[0] if operations else "%a"
    if _widens(out.dtype, compute):
        lines.append(f"  %narrow = arith.truncf {result} : {compute} to f16")
        result = "%narrow"
    return "\n".join([*lines, f"  linalg.yield {result} : {out.dtype}"])


def _widens(dtype: str, compute: str) -> bool:
    return (dtype, compute) == ("f16", "f32")


def _axis_sizes(axes: str, operands: Sequence[Value]) -> dict[str, int]:
    parts = axes.partition("->")[0].split(",") if operands else []
    return {axis: n for part, o in zip(parts, operands, strict=True) for axis, n in zip(part, o.shape, strict=True)}


def _result_axes(axes: str) -> str:
    return axes.partition("->")[2]


def _groups(long: Shape, short: Shape) -> list[list[int]]:
    """Which axes of `long` make up each axis of `short`, for example `[[0, 1], [2]]`."""
    if not short:
        return []
    groups: list[list[int]] = []
    axis = 0
    for size in short:
        group: list[int] = []
        while axis < len(long) and (not group or int(np.prod([long[i] for i in group])) < size):
            group.append(axis)
            axis += 1
        groups.append(group)
    groups[-1].extend(range(axis, len(long)))
    return groups


def _zero(dtype: str) -> str:
    return "0" if dtype.startswith("i") else "0.0"


def _listed(values: Sequence[Value]) -> str:
    return f"{', '.join(v.name for v in values)} : {', '.join(v.type for v in values)}"
