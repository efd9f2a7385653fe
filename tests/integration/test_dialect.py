"""The table of flags and chips against the real compiler of every release."""

import itertools
import re
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from containers import list_flags
from harness.core.cases import Backend
from harness.iree import flag_table, flags, releases
from harness.iree.flag_classes import Tool
from harness.iree.toolchain import Toolchain
from tests.integration.laboratory import ADD, CPU_FLAGS, HIP_FLAGS, Laboratory

TINY = Path(__file__).parents[2] / "quality_tests" / "tiny"
TABLE = flag_table.load()
NEWEST = releases.newest().name
Toolchains = Callable[[str], Toolchain]

# Data tiling changes the matmul, reassociation the sum.
MATMUL_AND_SUM = """
#all = affine_map<(i, j) -> (i, j)>
#row = affine_map<(i, j) -> (i)>
func.func @main(%a: tensor<16x64xf32>, %b: tensor<64x32xf32>) -> tensor<16xf32> {
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : tensor<16x32xf32>
  %zeros = linalg.fill ins(%zero : f32) outs(%empty : tensor<16x32xf32>) -> tensor<16x32xf32>
  %product = linalg.matmul ins(%a, %b : tensor<16x64xf32>, tensor<64x32xf32>)
    outs(%zeros : tensor<16x32xf32>) -> tensor<16x32xf32>
  %row = tensor.empty() : tensor<16xf32>
  %start = linalg.fill ins(%zero : f32) outs(%row : tensor<16xf32>) -> tensor<16xf32>
  %sums = linalg.generic {indexing_maps = [#all, #row], iterator_types = ["parallel", "reduction"]}
    ins(%product : tensor<16x32xf32>) outs(%start : tensor<16xf32>) {
  ^bb0(%x: f32, %sum: f32):
    %next = arith.addf %x, %sum : f32
    linalg.yield %next : f32
  } -> tensor<16xf32>
  return %sums : tensor<16xf32>
}
"""
# The bytes of its modules differ from compilation to compilation.
NOT_REPRODUCIBLE = "3.10.0"


# The first phase that needs the chip; with CUDA that is the last.
UNTIL = {
    Backend.ROCM: ["--compile-to=executable-configurations"],
    Backend.CUDA: [],
    Backend.VULKAN: ["--compile-to=flow"],
}
TODAY = ["--iree-rocm-waves-per-eu=2", "--iree-llvmgpu-prefetch-num-stages=2", "--iree-opt-level=O3"]


def started(tools: Toolchain, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    argv = [str(tools.iree_compile), *arguments]
    return subprocess.run(argv, capture_output=True, text=True, check=False, cwd=folder, timeout=60)


def known_flags(tools: Toolchain, folder: Path) -> set[str]:
    return set(re.findall(r"^ +(--[\w-]+)", started(tools, folder, "--help-hidden").stdout, re.MULTILINE))


def is_accepted(tools: Toolchain, folder: Path, backend: Backend, chip: str) -> bool:
    """Whether a program compiles for a chip. To know none, 3.0.0 may say so and end with 0, and 3.3.0 may crash."""
    chosen = flags.target_flags(backend, chip, tools.release)
    done = started(
        tools, folder, "add.mlir", *flags.BACKEND_FLAGS[backend], *chosen, *UNTIL[backend], "-o", "/dev/null"
    )
    return done.returncode == 0 and "error:" not in done.stderr


def spellings() -> Iterator[str]:
    """Yield every flag of the table, with each value that it has there."""
    yield from itertools.chain(TABLE.known, TABLE.dropped)
    for name, entry in TABLE.expanded.items():
        yield from (f"{name}={level}" for level in entry.flags)
    for each in TABLE.renamed:
        for name, values in ((each.old, each.new_of), (each.new, each.old_of)):
            yield from (f"{name}={value}" for value in (["1"] if values is None else values))


@pytest.mark.parametrize("name", releases.locked())
def test_flags_are_what_the_runtime_says(name: str, toolchain: Toolchains) -> None:
    has, newest_has = (list_flags.flags(toolchain(each))[Tool.RUN].keys() for each in (name, NEWEST))
    known = {flag for flag in TABLE.known_run if flags.unknown_run_flag((flag,), releases.find(name).release) is None}
    assert known == has & TABLE.known_run.keys()
    assert has ^ newest_has <= TABLE.known_run.keys(), "all that differs is in the table"


@pytest.mark.parametrize("name", releases.locked())
def test_flags_are_what_the_compiler_says(name: str, toolchain: Toolchains, tmp_path: Path) -> None:
    tools = toolchain(name)
    has, newest_has = known_flags(tools, tmp_path), known_flags(toolchain(NEWEST), tmp_path)
    assert {flag for flag in TABLE.known if flags._unknown(flag, tools.release) is None} == has & {*TABLE.known}
    came_or_went = {flag for flag in has ^ newest_has if flag.startswith("--iree-")}
    assert came_or_went <= {*TABLE.known, *TABLE.dropped}, "all that differs is in the table"
    assert {entry.flag for entry in TABLE.default} <= has
    assert {entry.new for entry in TABLE.renamed} <= {*TABLE.known}
    for flag in spellings():
        now = flags.translated((flag,), tools.release)
        assert now.unsupported or {each.partition("=")[0] for each in now.flags} <= has, flag


def edges(name: str, *, is_whole: bool = False) -> dict[tuple[Backend, str], bool]:
    """Return the chips that a release knows and a neighbour does not, or the reverse, and whether it does; or all."""
    order = list(releases.locked())
    near = order[max(0, order.index(name) - 1) : order.index(name) + 2]
    known = {
        (backend, chip): [flags.unknown_chip(backend, chip, releases.find(each).release) is None for each in near]
        for backend, chips in TABLE.chips.items()
        for chip in chips
    }
    return {each: here[near.index(name)] for each, here in known.items() if is_whole or len(set(here)) > 1}


@pytest.mark.parametrize(
    ("name", "chips"),
    [
        *((name, "edges") for name in releases.locked() if edges(name)),
        *((name, "all") for name in (next(iter(releases.locked())), NEWEST)),
    ],
)
def test_chips_are_what_the_compiler_says(name: str, chips: str, toolchain: Toolchains, tmp_path: Path) -> None:
    tools, expected = toolchain(name), edges(name, is_whole=chips == "all")
    (tmp_path / "add.mlir").write_text(ADD)
    with ThreadPoolExecutor(2) as pool:
        accepted = pool.map(lambda each: is_accepted(tools, tmp_path, *each), expected)
        assert dict(zip(expected, accepted, strict=True)) == expected


def is_between(name: str, level: str) -> bool:
    """Return whether a release is between two with the same defaults; what others do is seen at the edges."""
    order = list(releases.locked())
    near = order[max(0, order.index(name) - 1) : order.index(name) + 2]
    own = (*CPU_FLAGS, f"--iree-opt-level={level}")
    return len(near) == 3 and len({flags.pins(own, releases.find(each).release, Backend.CPU) for each in near}) == 1


@pytest.mark.parametrize(
    ("name", "level"),
    [
        *((name, "O0") for name in releases.locked() if name != NOT_REPRODUCIBLE),
        *((name, "O3") for name in ("3.9.0", "3.11.0", NEWEST)),
    ],
)
def test_defaults_are_what_the_compiler_does(name: str, level: str, toolchain: Toolchains, tmp_path: Path) -> None:
    tools = toolchain(name)
    own = (*CPU_FLAGS, f"--iree-opt-level={level}")
    (tmp_path / "model.mlir").write_text(MATMUL_AND_SUM)

    def module(pins: tuple[str, ...]) -> bytes:
        path = tmp_path / f"{''.join(re.findall(r'=(.)', ' '.join(pins)))}.vmfb"
        argv = flags.translated((*own, *pins), tools.release).flags
        done = started(tools, tmp_path, "model.mlir", "-o", path.name, *argv)
        assert done.returncode == 0, done.stderr
        return path.read_bytes()

    others = () if level == "O0" and is_between(name, level) else ("3.0.0", "3.8.0", NEWEST)
    pins = [flags.pins(own, releases.find(each).release, Backend.CPU) for each in (name, *others)]
    with ThreadPoolExecutor(2) as pool:
        unpinned, *modules = pool.map(module, [(), *dict.fromkeys(pins)])
    assert unpinned == modules[0], "its own defaults change nothing"
    assert len(set(modules)) == len(set(pins)), "others do"


def test_pinned_defaults_are_those_of_a_release_for_an_embedded_model(lab: Laboratory) -> None:
    lab.specs = TINY.parent
    own = lab.run("tiny/clip").case
    result = lab.run("tiny/clip", "--pin-defaults", "3.7.0")
    assert result.verdict == (0, "passed", None)
    assert result.case["modules"][0]["sha256"] != own["modules"][0]["sha256"]
    assert [note.split()[0] for note in result.case["notes"]] == [
        "--iree-opt-data-tiling=true",
        "--iree-llvmcpu-reassociate-fp-reductions=true",
    ]


@pytest.mark.parametrize("name", ["3.0.0", "3.10.0", "3.11.0", "3.13.0"])
def test_a_spec_of_today_compiles_with_every_kind_of_release(lab: Laboratory, name: str) -> None:
    lab.spec("add_rocm", compiler_flags=[*HIP_FLAGS, *TODAY])
    lab.spec("sum_rocm", mlir=lab.file("sum.mlir", MATMUL_AND_SUM), compiler_flags=[*HIP_FLAGS, *TODAY])
    result = lab.run("toy", "--compile-chip", "gfx942", "--iree", name)
    assert [case["status"] for case in result.report["cases"]] == ["compiled", "compiled"], result.text
    assert result.report["environment"]["iree"]["release"] == name
