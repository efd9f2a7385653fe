"""What a compiler writes about a pass that failed, as releases print it (lines left out)."""

import pytest

from harness.localize.failed_part import FailedPart, lines_of_errors, lines_of_part, of_log

LOG = """\
model.mlir:43:8: error: One or more operations with large vector sizes (8192 bytes) were found:
model.mlir:1:1: note: called from
model.mlir:43:8: note: Pipeline failed while executing `SizePass` on 'func.func' operation: @f_dispatch_1: reproducer \
generated at `reproducer.mlir`
model.mlir:0:0: error: failed to run translation of source executable
"""
PART = FailedPart(by="SizePass", kind="func.func", name="f_dispatch_1")
TEXT = """\
#loc = loc("/proc/self/cwd/model.mlir":0:0)
#loc1 = loc("/proc/self/cwd/model.mlir":1:1)
module {
  hal.executable private @f_dispatch_0 {
      builtin.module {
        func.func @f_dispatch_0() attributes {translation_info = #translation} {
          %0 = math.tanh %x : tensor<4xf32> loc(#loc5)
          return loc(#loc9)
        } loc(#loc9)
      } loc(#loc9)
  } loc(#loc9)
  hal.executable private @f_dispatch_1 {
      hal.executable.export public @f_dispatch_1 ordinal(0) {
      ^bb0(%arg0: !hal.device loc("/proc/self/cwd/model.mlir":9:9)):
      } loc(#loc9)
      builtin.module {
        func.func @f_dispatch_1() attributes {translation_info = #translation} {
          %0 = scf.for %arg0 = %c0 to %c1 -> tensor<4xf32> {
            %1 = math.exp %x : tensor<4xf32> loc(#loc6)
          } loc(#loc7)
          %2 = math.exp2 %x : tensor<4xf32> loc("/proc/self/cwd/model.mlir":15:8)
          %3 = math.sin %x : tensor<4xf32> loc(callsite("/elsewhere/other.mlir":77:8 at #loc1))
          return loc(#loc9)
        } loc(#loc9)
      } loc(#loc9)
  } loc(#loc9)
}
#loc2 = loc("/proc/self/cwd/model.mlir":12:8)
#loc3 = loc("/proc/self/cwd/model.mlir":13:8)
#loc4 = loc("named"(#loc3))
#loc5 = loc("/proc/self/cwd/model.mlir":11:8)
#loc6 = loc(callsite(#loc2 at #loc1))
#loc7 = loc(fused<"x">[#loc4, #loc8])
#loc8 = loc("/proc/self/cwd/model.mlir":14:8)
#loc9 = loc("/proc/self/cwd/model.mlir":2:3)
"""


def test_the_log_names_what_failed() -> None:
    assert of_log(LOG) == PART
    module = "Pipeline failed while executing [`Convert` on 'builtin.module' operation]: reproducer generated"
    assert of_log(module) == FailedPart(by="Convert", kind="builtin.module", name="")
    assert of_log("model.mlir:1:1: error: custom op 'linalg.abs' is unknown") is None


def test_the_lines_of_errors_are_those_of_the_program() -> None:
    assert lines_of_errors(LOG, "model.mlir") == {43}
    assert lines_of_errors(LOG, "other.mlir") == frozenset()


def test_a_part_came_from_the_lines_of_its_operations() -> None:
    assert lines_of_part(TEXT, PART, "model.mlir") == {2, 12, 13, 14, 15}


@pytest.mark.parametrize(
    "part",
    [
        FailedPart(by="SizePass", kind="func.func", name="f_dispatch"),
        FailedPart(by="SizePass", kind="builtin.module", name=""),
        FailedPart(by="SizePass", kind="hal.executable", name="f_dispatch_2"),
    ],
)
def test_a_part_that_is_not_there_came_from_nowhere(part: FailedPart) -> None:
    assert lines_of_part(TEXT, part, "model.mlir") == frozenset()
