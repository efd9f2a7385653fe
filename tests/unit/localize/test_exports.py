"""What releases print of a program that is compiled up to its executables."""

import pytest

from harness.localize import exports
from harness.localize.exports import Export

# iree-compile --compile-to=executable-targets, 3.1.0, without bodies
OLD = """\
module attributes {stream.affinity.default = #hal.device.affinity<@__device_0>} {
  hal.executable private @g_dispatch_0 {
    hal.executable.variant public @rocm_hsaco_fb target(<"rocm", "rocm-hsaco-fb", {abi = "hip"}>) {
      hal.executable.export public @g_dispatch_0_matmul_256x64x128_f32 ordinal(0) layout(#hal.pipeline.layout<\
bindings = [#hal.pipeline.binding<storage_buffer, Indirect>], flags = Indirect>) attributes {\
subgroup_size = 64 : index, workgroup_local_memory = 17152 : index, \
workgroup_size = [256 : index, 1 : index, 1 : index]} {
      ^bb0(%arg0: !hal.device):
        %c4 = arith.constant 4 : index
        %c1 = arith.constant 1 : index
        hal.return %c4, %c1, %c1 : index, index, index
      }
      builtin.module {
"""
# 3.9.0
MIDDLE = """\
module @net attributes {stream.affinity.default = #hal.device.affinity<@__device_0>} {
  hal.executable private @main$async_dispatch_0 {
    hal.executable.variant public @rocm_hsaco_fb target(<"rocm", "rocm-hsaco-fb", {abi = "hip"}>) {
      hal.executable.export public @main$async_dispatch_0_matmul_Dx64x128_f32 ordinal(0) layout(#pipeline_layout) \
count(%arg0: !hal.device, %arg1: index) -> (index, index, index) {
        %0 = affine.min affine_map<()[s0] -> (s0 * 64, 2147483647)>()[%arg1]
        %c1 = arith.constant 1 : index
        %c1_0 = arith.constant 1 : index
        hal.return %0, %c1, %c1_0 : index, index, index
      } attributes {subgroup_size = 64 : index, workgroup_size = [64 : index, 1 : index, 1 : index]}
"""
# 3.13.0, and the same with an alias for the map
NEW = MIDDLE.replace(
    """        %0 = affine.min affine_map<()[s0] -> (s0 * 64, 2147483647)>()[%arg1]
        %c1 = arith.constant 1 : index
        %c1_0 = arith.constant 1 : index
        hal.return %0, %c1, %c1_0 : index, index, index
      } attributes {subgroup_size = 64 : index, workgroup_size = [64 : index, 1 : index, 1 : index]}
""",
    """        %c1 = arith.constant 1 : index
        %0 = affine.min affine_map<()[s0] -> (2147483647, s0 * 64)>()[%arg1]
        hal.return %0, %c1, %c1 : index, index, index
      } <workgroup_size = [64 : index, 1 : index, 1 : index], subgroup_size = 64>
""",
)
MAP = "affine_map<()[s0] -> (2147483647, s0 * 64)>"
ALIASED = f"#map = {MAP}\n#map1 = affine_map<() -> ()>\n{NEW.replace(MAP, '#map')}"


def test_the_oldest_releases_print_a_block() -> None:
    assert exports.read(OLD.splitlines()) == [
        Export(
            executable="g_dispatch_0",
            kernel="g_dispatch_0_matmul_256x64x128_f32",
            file="module_g_dispatch_0_rocm_hsaco_fb.hsaco",
            grid="4 x 1 x 1",
            memory_bytes=17152,
        )
    ]


@pytest.mark.parametrize("text", [MIDDLE, NEW, ALIASED], ids=["3.9.0", "3.13.0", "alias"])
def test_grids_that_are_computed_alike_are_equal(text: str) -> None:
    (export,) = exports.read(text.splitlines())
    assert export.file == "net_main$async_dispatch_0_rocm_hsaco_fb.hsaco"
    assert export.grid == "[affine.min affine_map<()[s0] -> (2147483647, s0 * 64)>()[w1]] x 1 x 1"


def test_another_grid_differs() -> None:
    (export,) = exports.read(NEW.replace("s0 * 64", "s0 * 32").splitlines())
    assert export.grid
    assert "s0 * 32" in export.grid


@pytest.mark.parametrize(
    "text", [NEW.replace("affine.min", "scf.if {\n"), NEW[: NEW.index("        hal.return")], NEW.replace(" {\n", "\n")]
)
def test_a_grid_that_cannot_be_told_is_none(text: str) -> None:
    assert {each.grid for each in exports.read(text.splitlines())} <= {None}


def test_names_that_are_no_file_names_are_left_out() -> None:
    text = OLD.replace("@g_dispatch_0 {", '@"../g" {')
    assert not any("/" in each.file for each in exports.read(text.splitlines()))
