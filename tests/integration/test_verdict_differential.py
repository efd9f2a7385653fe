"""Holds our verdict against that of `iree-run-module --expected_output`, release by release.

Identity functions hand chosen bytes to both judges. Where they may disagree is written down in KNOWN_DIFFERENCES,
with the reason: a difference that is not there fails, and so does one that is there and no longer happens.
"""

import itertools
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pytest

from harness.core.errors import IntegrityError
from harness.core.tensors import DEFAULT_ATOL, DEFAULT_RTOL, ELEMENT_BITS, TensorType, Thresholds
from harness.pipeline import contents
from harness.pipeline.compare import compare
from harness.pipeline.contents import numpy_type

Array = npt.NDArray[Any]

# The rule changed between them: bf16 by iree@f895d3535d, relative threshold and NaN by iree@f6e1872084.
OLD, NEW = ("3.6.0", "3.11.0"), ("3.12.0", "3.13.0")

FLOATS = ("f16", "bf16", "f32", "f64")
COMPLEX = ("complex<f32>", "complex<f64>")
INTEGERS = ("i1", "i8", "i16", "i32", "i64", "ui8", "si16", "ui32", "si64")
BYTES = ("f8E4M3FN", "f8E4M3FNUZ", "f8E5M2", "f8E5M2FNUZ")
# Types that old releases cannot read; `test_small_types.py` runs them.
NOT_EVERYWHERE = {f"{sign}{bits}" for sign in ("i", "si", "ui") for bits in (2, 4)} | {
    *("f8E8M0FNU", "f6E2M3FN", "f6E3M2FN", "f4E2M1FN")
}
ELEMENTS = FLOATS + COMPLEX + INTEGERS + BYTES

# The tool takes an `x` for the end of a dimension, and so has its own names for complex types.
# iree@b48a5955:runtime/src/iree/hal/string_util.c
TOOL_NAMES = {"complex<f32>": "cf64", "complex<f64>": "cf128"}

PASS, FAIL, ABORT = "pass", "fail", "abort"


@dataclass(frozen=True, kw_only=True)
class Limit:
    """Thresholds for both judges. No atol means IREE's defaults; no rtol means the default of the release."""

    atol: float | None = None
    rtol: float | None = 0.0

    def flags(self, release: str, element: str) -> Iterator[str]:
        if self.atol is not None and element in FLOATS and (element != "bf16" or release in NEW):
            yield f"--expected_{element}_threshold={self.atol!r}"
        if self.rtol is not None and release in NEW:
            yield f"--expected_rtol={self.rtol!r}"

    def thresholds(self, element: str) -> Thresholds:
        rtol = DEFAULT_RTOL if self.rtol is None else self.rtol
        element = element.removeprefix("complex<").removesuffix(">")
        own = {} if self.atol is None or element not in FLOATS else {element: self.atol}
        return Thresholds(atol={**DEFAULT_ATOL, **own}, rtol=rtol)


DEFAULT, TOOL_DEFAULT = Limit(), Limit(rtol=None)
ONE = Limit(atol=1.0)


@dataclass(frozen=True, kw_only=True)
class Pair:
    """One actual and one expected value, and the thresholds to judge them by."""

    name: str
    actual: Array
    expected: Array
    limit: Limit = DEFAULT
    releases: tuple[str, ...] = OLD + NEW


def value(number: complex, element: str, *, ulps: int = 0) -> Array:
    """Return the value of the type that is nearest to a number, and then some ulps further from zero."""
    found = np.array([number]).astype(numpy_type(element))
    word = f"u{found.itemsize}"
    return np.asarray((found.view(word) + np.array(ulps).astype(word)).view(found.dtype))


def matrix(values: Mapping[str, Array], limit: Limit = DEFAULT) -> Iterator[Pair]:
    for (got, actual), (want, expected) in itertools.product(values.items(), repeat=2):
        yield Pair(name=f"{got} for {want}", actual=actual, expected=expected, limit=limit)


def boundary(name: str, element: str, expected: float, margin: float, limit: Limit, **more: Any) -> Iterator[Pair]:
    """Yield an error of the margin, as near as the type comes to it, and one ulp less and more."""
    for side, ulps in (("inside", -1), ("at", 0), ("outside", 1)):
        actual = value(expected + margin, element, ulps=ulps)
        yield Pair(name=f"{name} {side}", actual=actual, expected=value(expected, element), limit=limit, **more)


def boundary_pairs(element: str) -> Iterator[Pair]:
    # Every float type holds 2^-6 and 1 + 2^-6 exactly; none holds 1e-3.
    yield from boundary("2^-6 above 0", element, 0.0, 2**-6, Limit(atol=2**-6))
    yield from boundary("2^-6 above 1", element, 1.0, 2**-6, Limit(atol=2**-6))
    yield from boundary("1e-3 above 0", element, 0.0, 1e-3, Limit(atol=1e-3))
    yield from boundary("default above 0", element, 0.0, DEFAULT_ATOL[element], DEFAULT)
    yield from boundary("relative", element, 256.0, 4.0, Limit(atol=0.0, rtol=2**-6), releases=NEW)
    yield from boundary("both", element, 1.0, 2**-5, Limit(atol=2**-6, rtol=2**-6), releases=NEW)


def float_pairs(element: str) -> Iterator[Pair]:
    yield from boundary_pairs(element)
    numbers = {name: value(float(name), element) for name in ("nan", "inf", "-inf", "1", "0")}
    yield from matrix(numbers)
    nan, infinity, _, one, zero = numbers.values()
    yield Pair(name="-nan for nan", actual=-nan, expected=nan)
    yield Pair(name="-0 for 0", actual=-zero, expected=zero)
    thousand, more = value(1000.0, element), value(1000.005, element)
    yield Pair(name="1000.005 for 1000, rtol 0", actual=more, expected=thousand)
    yield Pair(name="1000.005 for 1000", actual=more, expected=thousand, limit=TOOL_DEFAULT)
    largest = value(np.inf, element, ulps=-1)
    yield Pair(name="largest for -largest", actual=largest, expected=-largest)
    yield Pair(name="largest for inf", actual=largest, expected=infinity, limit=TOOL_DEFAULT)
    # f16 holds 2^-24 as its smallest subnormal; with f64, the error is 1 in its own precision too.
    tiny = value(-(2**-60 if element == "f64" else 2**-24), element)
    yield Pair(name="1 and a trifle", actual=tiny, expected=one, limit=ONE)
    trifle = value(-1e-12, element)
    yield Pair(name="1e-4 and a trifle", actual=value(1e-4, element), expected=trifle, limit=Limit(atol=1e-4))
    yield Pair(name="equal, threshold -1", actual=one, expected=one, limit=Limit(atol=-1.0))


def complex_pairs(element: str) -> Iterator[Pair]:
    parts = {"0i": 0.0, "-0i": -0.0, "1i": 1.0, "nan": np.nan}
    return matrix({name: np.array([complex(1, part)], numpy_type(element)) for name, part in parts.items()}, ONE)


def integer_pairs(element: str) -> Iterator[Pair]:
    ends = np.iinfo(numpy_type(element))
    high = 1 if element == "i1" else ends.max
    numbers = {"high": high, "high - 1": high - 1, "low": ends.min}
    return matrix({name: np.array([number], numpy_type(element)) for name, number in numbers.items()})


def byte_pairs(element: str) -> Iterator[Pair]:
    return matrix({name: value(float(name), element) for name in ("nan", "0", "-0", "1")}, ONE)


def pairs(element: str, release: str) -> tuple[Pair, ...]:
    families = ((FLOATS, float_pairs), (COMPLEX, complex_pairs), (INTEGERS, integer_pairs), (BYTES, byte_pairs))
    with np.errstate(all="ignore"):
        found = next(family(element) for elements, family in families if element in elements)
        return tuple(pair for pair in found if release in pair.releases)


class Known(NamedTuple):
    """Pairs that the tool and we judge differently."""

    releases: tuple[str, ...]
    elements: tuple[str, ...]
    tool_and_ours: tuple[str, str]
    pairs: set[str]


def each_for_other(*names: str) -> set[str]:
    return {f"{got} for {want}" for got, want in itertools.permutations(names, 2)}


ZEROS = each_for_other("0", "-0")
NOT_NAN = ("inf", "-inf", "1", "0")
BIT_EXACT = {f"{name} {side}" for name in ("2^-6 above 0", "2^-6 above 1", "1e-3 above 0") for side in ("inside", "at")}

KNOWN_DIFFERENCES = (
    # No comparison with NaN is true, so `|a - e| > threshold` never holds: an output full of NaN passes.
    Known(OLD, ("f16", "f32", "f64"), (PASS, FAIL), each_for_other("nan", *NOT_NAN) - each_for_other(*NOT_NAN)),
    # bf16 has no threshold yet and is compared bit for bit: no tolerance, -0 is not 0, and NaN has a sign.
    Known(OLD, ("bf16",), (FAIL, PASS), BIT_EXACT | {"default above 0 inside", "-nan for nan", "-0 for 0"}),
    # The tool subtracts in float32, where 1 + 2^-24 is 1 and so within a threshold of 1; we in float64.
    Known(OLD, ("f16", "f32"), (PASS, FAIL), {"1 and a trifle"}),
    # The tool keeps the threshold as float32, in which 1e-3 is 0.00100000005; we as float64.
    Known(OLD + NEW, ("f32",), (PASS, FAIL), {"1e-3 above 0 at"}),
    # As float32, 1e-4 is 0.0000999999975: an error between the two exceeds it, unless it is rounded as well.
    Known(NEW, ("f32",), (FAIL, PASS), {"1e-4 and a trifle"}),
    # The default relative threshold is that of 3.12.0, for all releases.
    Known(OLD, ("f32", "f64"), (FAIL, PASS), {"1000.005 for 1000"}),
    # A complex number has the threshold of its parts; the tool compares it bit for bit.
    Known(OLD + NEW, COMPLEX, (FAIL, PASS), each_for_other("0i", "-0i", "1i")),
    # A threshold below zero fails even what is equal; to us, equal is equal.
    Known(OLD, ("f16", "f32", "f64"), (FAIL, PASS), {"equal, threshold -1"}),
    # The tool cannot print these types (OUT_OF_RANGE): it aborts as it reports the mismatch. FNUZ has no -0.
    Known(OLD + NEW, ("f8E4M3FN",), (ABORT, FAIL), each_for_other("nan", "0", "-0", "1")),
    Known(OLD + NEW, ("f8E4M3FNUZ", "f8E5M2FNUZ"), (ABORT, FAIL), each_for_other("nan", "0", "-0", "1") - ZEROS),
)


def known_differences(release: str, element: str) -> dict[str, tuple[str, str]]:
    known = (each for each in KNOWN_DIFFERENCES if release in each.releases and element in each.elements)
    return {name: each.tool_and_ours for each in known for name in each.pairs}


@dataclass(frozen=True, kw_only=True)
class Tool:
    """One release with a module of identity functions: one for each element type, `matrix` and `scalar`."""

    release: str
    run_module: Path
    module: Path

    def run(self, function: str, *flags: str) -> subprocess.CompletedProcess[str]:
        module_flags = ("--device=local-sync", f"--module={self.module}", f"--function={function}")
        argv = [str(self.run_module), *module_flags, *flags]
        return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)

    def verdict(self, function: str, *flags: str) -> str:
        done = self.run(function, *flags)
        verdict, mark = {0: (PASS, "[SUCCESS]"), 1: (FAIL, "[FAILED]"), -6: (ABORT, "")}[done.returncode]
        assert mark in done.stdout, done
        return verdict


def function_name(element: str) -> str:
    return f"f{ELEMENTS.index(element)}"


def program() -> str:
    identity = "func.func @{name}(%x: {type}) -> {type} {{ return %x : {type} }}\n".format
    tensors = (identity(name=function_name(element), type=f"tensor<?x{element}>") for element in ELEMENTS)
    return "".join([*tensors, identity(name="scalar", type="f32"), identity(name="matrix", type="tensor<?x?xf32>")])


@pytest.fixture(scope="module", params=OLD + NEW)
def tool(
    request: pytest.FixtureRequest, toolchain: Callable[[str], Any], tmp_path_factory: pytest.TempPathFactory
) -> Tool:
    tools, folder = toolchain(request.param), tmp_path_factory.mktemp("identity")
    source, module = folder / "identity.mlir", folder / "identity.vmfb"
    source.write_text(program())
    devices = ("--iree-hal-target-device=local", "--iree-hal-local-target-device-backends=vmvx")
    flags = (*devices, "--iree-input-demote-f64-to-f32=false", "-o", str(module))
    subprocess.run([str(tools.iree_compile), str(source), *flags], check=True, timeout=120)
    return Tool(release=request.param, run_module=tools.iree_run_module, module=module)


def tensor(path: Path, element: str, array: Array) -> str:
    """Write raw contents; return how the tool is told of them."""
    path.write_bytes(array.tobytes())
    return f"{array.size}x{TOOL_NAMES.get(element, element)}=@{path}"


def our_verdict(actual: Path, expected: Path, declared: TensorType | None, thresholds: Thresholds) -> str:
    wanted = contents.of_file(expected, declared, is_npy=expected.name.endswith(".npy"))
    try:
        found = contents.of_output(actual, wanted.type)
    except IntegrityError:
        return FAIL
    return FAIL if compare(0, found, wanted, thresholds=thresholds).kind else PASS


@pytest.mark.parametrize("element", ELEMENTS)
def test_the_verdicts_differ_only_where_it_is_known(tool: Tool, element: str, tmp_path: Path) -> None:
    differences = {}
    for pair in pairs(element, tool.release):
        actual, expected = tmp_path / "actual.bin", tmp_path / "expected.bin"
        given, wanted = tensor(actual, element, pair.actual), tensor(expected, element, pair.expected)
        flags = pair.limit.flags(tool.release, element)
        theirs = tool.verdict(function_name(element), f"--input={given}", f"--expected_output={wanted}", *flags)
        thresholds = pair.limit.thresholds(element)
        ours = our_verdict(actual, expected, TensorType(shape=(1,), element=element), thresholds)
        if theirs != ours:
            differences[pair.name] = theirs, ours
    assert differences == known_differences(tool.release, element)


@pytest.mark.parametrize("element", ELEMENTS)
def test_the_tool_dumps_the_bytes_of_every_type(tool: Tool, element: str, tmp_path: Path) -> None:
    values = np.concatenate([pair.actual for pair in pairs(element, tool.release)])
    given, output = tensor(tmp_path / "in.bin", element, values), tmp_path / "out.bin"
    tool.run(function_name(element), f"--input={given}", f"--output=@{output}").check_returncode()
    assert output.read_bytes() == values.tobytes()


def test_no_width_is_left_out() -> None:
    signless = {element.lstrip("su") for element in ELEMENTS}
    assert signless == {element.lstrip("su") for element in set(ELEMENT_BITS) - NOT_EVERYWHERE}


@pytest.mark.parametrize(("declared", "told"), [("3x2xf32", FAIL), ("2x3xi32", FAIL), ("2x3xf32", PASS)])
def test_raw_contents_name_neither_shape_nor_type(tool: Tool, tmp_path: Path, declared: str, told: str) -> None:
    raw = tmp_path / "raw.bin"
    tensor(raw, "f32", np.arange(6, dtype="<f4"))
    assert tool.verdict("matrix", f"--input=2x3xf32=@{raw}", f"--expected_output={declared}=@{raw}") == told
    assert our_verdict(raw, raw, TensorType.parse(declared), Thresholds()) == PASS


def test_another_size_fails_with_both(tool: Tool, tmp_path: Path) -> None:
    given = tensor(tmp_path / "six.bin", "f32", np.zeros(6, "<f4"))
    wanted = tensor(tmp_path / "five.bin", "f32", np.zeros(5, "<f4"))
    assert tool.verdict(function_name("f32"), f"--input={given}", f"--expected_output={wanted}") == FAIL
    expected = TensorType(shape=(5,), element="f32")
    assert our_verdict(tmp_path / "six.bin", tmp_path / "five.bin", expected, Thresholds()) == FAIL


@pytest.mark.parametrize(("element", "told"), [("f32", PASS), ("i32", FAIL)])
def test_the_tool_takes_npy_integers_for_signed(tool: Tool, tmp_path: Path, element: str, told: str) -> None:
    raw, npy = tmp_path / "raw.bin", tmp_path / "array.npy"
    array = np.arange(6).astype(numpy_type(element))
    np.save(npy, array)
    given = tensor(raw, element, array)
    assert tool.verdict(function_name(element), f"--input={given}", f"--expected_output=@{npy}") == told
    assert our_verdict(raw, npy, None, Thresholds()) == PASS


def test_the_tool_never_matches_a_scalar_result(tool: Tool, tmp_path: Path) -> None:
    raw = tmp_path / "scalar.bin"
    tool.run("scalar", "--input=1.5", f"--output=@{raw}").check_returncode()
    assert tool.verdict("scalar", "--input=1.5", "--expected_output=1.5") == FAIL
    assert raw.read_bytes() == np.float32(1.5).tobytes()
    assert our_verdict(raw, raw, TensorType(shape=(), element="f32"), Thresholds()) == PASS
