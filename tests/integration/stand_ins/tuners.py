"""Tuning specs, which have no URL: each tells the compiler how to multiply matrices of f16 that are in the UNets."""

from pathlib import Path

from tests.original_suite import PUNET_TUNER, UNET_TUNER

_SPEC = """\
module attributes { transform.with_named_sequence } {
  transform.named_sequence @apply(
      %op: !transform.any_op {transform.readonly}, %config: !transform.any_param {transform.readonly}) {
    transform.annotate %op "compilation_info" = %config : !transform.any_op, !transform.any_param
    transform.yield
  }

  transform.named_sequence @match(%op: !transform.any_op {transform.readonly})
      -> (!transform.any_op, !transform.any_param) {
    transform.iree.match.has_no_lowering_config %op : !transform.any_op
    %ins, %outs = transform.iree.match.cast_compatible_dag_from_root %op {
    ^bb0(%lhs: tensor<?x?xf16>, %rhs: tensor<?x?xf16>, %out: tensor<?x?xf32>):
      %product = linalg.generic {
          indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (k, n)>,
                           affine_map<(m, n, k) -> (m, n)>],
          iterator_types = ["parallel", "parallel", "reduction"]}
          ins(%lhs, %rhs : tensor<?x?xf16>, tensor<?x?xf16>) outs(%out : tensor<?x?xf32>) {
      ^bb0(%a: f16, %b: f16, %sum: f32):
        %wide_a = arith.extf %a : f16 to f32
        %wide_b = arith.extf %b : f16 to f32
        %p = arith.mulf %wide_a, %wide_b : f32
        %y = arith.addf %sum, %p : f32
        linalg.yield %y : f32
      } -> tensor<?x?xf32>
    } : (!transform.any_op) -> (!transform.any_value, !transform.any_value)
    %right = transform.get_operand %op[1] : (!transform.any_op) -> !transform.any_value
    transform.iree.match.cast_compatible_type %right = tensor<64x64xf16> : !transform.any_value
    %config = transform.param.constant #iree_codegen.compilation_info<
        lowering_config = #iree_gpu.lowering_config<{
            mma_kind = #iree_gpu.mma_layout<MFMA_F32_16x16x16_F16>, promote_operands = [0, 1],
            reduction = [0, 0, 32], subgroup_basis = [[1, 4, 1], [0, 1, 2]], workgroup = [32, 64, 0]}>,
        translation_info = #iree_codegen.translation_info<
            pipeline = #iree_gpu.pipeline<VectorDistribute> workgroup_size = [256, 1, 1] subgroup_size = 64>>
        -> !transform.any_param
    transform.yield %op, %config : !transform.any_op, !transform.any_param
  }

  transform.named_sequence @__kernel_config(%variant: !transform.any_op {transform.consumed}) {
    transform.foreach_match in %variant @match -> @apply : (!transform.any_op) -> !transform.any_op
    transform.yield
  }
}
"""


def write_tuners(folder: Path) -> None:
    """Write them where `--external-files` is to find them."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in (PUNET_TUNER, UNET_TUNER):
        (folder / name).write_text(_SPEC)
