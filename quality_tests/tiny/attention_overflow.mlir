module @compiled_attention {
  func.func @attention(%arg0: tensor<2x16x16xf16>, %arg1: tensor<2x16x16xf16>, %arg2: tensor<2x16x16xf16>) -> (tensor<2x16x16xf16>) {
    %0 = tensor.empty() : tensor<2x16x16xf16>
    %1 = linalg.generic {indexing_maps = [affine_map<(b, d, k) -> (b, k, d)>, affine_map<(b, d, k) -> (b, d, k)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%arg1 : tensor<2x16x16xf16>) outs(%0 : tensor<2x16x16xf16>) {
    ^bb0(%a_in: f16, %out: f16):
      %a = arith.extf %a_in : f16 to f32
      %narrow = arith.truncf %a : f32 to f16
      linalg.yield %narrow : f16
    } -> tensor<2x16x16xf16>
    %c2 = arith.constant 0.0 : f32
    %2 = tensor.empty() : tensor<2x16x16xf32>
    %3 = linalg.fill ins(%c2 : f32) outs(%2 : tensor<2x16x16xf32>) -> tensor<2x16x16xf32>
    %4 = linalg.batch_matmul ins(%arg0, %1 : tensor<2x16x16xf16>, tensor<2x16x16xf16>) outs(%3 : tensor<2x16x16xf32>) -> tensor<2x16x16xf32>
    %5 = tensor.empty() : tensor<2x16x16xf16>
    %6 = linalg.generic {indexing_maps = [affine_map<(b, q, k) -> (b, q, k)>, affine_map<(b, q, k) -> (b, q, k)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%4 : tensor<2x16x16xf32>) outs(%5 : tensor<2x16x16xf16>) {
    ^bb0(%a: f32, %out: f16):
      %s = arith.constant 0.25 : f32
      %y = arith.mulf %a, %s : f32
      %narrow = arith.truncf %y : f32 to f16
      linalg.yield %narrow : f16
    } -> tensor<2x16x16xf16>
    %7 = tensor.empty() : tensor<2x16x16xf16>
    %8 = linalg.generic {indexing_maps = [affine_map<(b, q, k) -> (b, q, k)>, affine_map<(b, q, k) -> (b, q, k)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%6 : tensor<2x16x16xf16>) outs(%7 : tensor<2x16x16xf16>) {
    ^bb0(%a: f16, %out: f16):
      %y = math.exp %a : f16
      linalg.yield %y : f16
    } -> tensor<2x16x16xf16>
    %c9 = arith.constant 0.0 : f16
    %9 = tensor.empty() : tensor<2x16xf16>
    %10 = linalg.fill ins(%c9 : f16) outs(%9 : tensor<2x16xf16>) -> tensor<2x16xf16>
    %11 = linalg.generic {indexing_maps = [affine_map<(b, q, k) -> (b, q, k)>, affine_map<(b, q, k) -> (b, q)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%8 : tensor<2x16x16xf16>) outs(%10 : tensor<2x16xf16>) {
    ^bb0(%a: f16, %out: f16):
      %y = arith.addf %a, %out : f16
      linalg.yield %y : f16
    } -> tensor<2x16xf16>
    %12 = tensor.empty() : tensor<2x16x16xf16>
    %13 = linalg.generic {indexing_maps = [affine_map<(b, q, k) -> (b, q, k)>, affine_map<(b, q, k) -> (b, q)>, affine_map<(b, q, k) -> (b, q, k)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%8, %11 : tensor<2x16x16xf16>, tensor<2x16xf16>) outs(%12 : tensor<2x16x16xf16>) {
    ^bb0(%a: f16, %b: f16, %out: f16):
      %y = arith.divf %a, %b : f16
      linalg.yield %y : f16
    } -> tensor<2x16x16xf16>
    %c14 = arith.constant 0.0 : f32
    %14 = tensor.empty() : tensor<2x16x16xf32>
    %15 = linalg.fill ins(%c14 : f32) outs(%14 : tensor<2x16x16xf32>) -> tensor<2x16x16xf32>
    %16 = linalg.batch_matmul ins(%13, %arg2 : tensor<2x16x16xf16>, tensor<2x16x16xf16>) outs(%15 : tensor<2x16x16xf32>) -> tensor<2x16x16xf32>
    %17 = tensor.empty() : tensor<2x16x16xf16>
    %18 = linalg.generic {indexing_maps = [affine_map<(b, q, d) -> (b, q, d)>, affine_map<(b, q, d) -> (b, q, d)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%16 : tensor<2x16x16xf32>) outs(%17 : tensor<2x16x16xf16>) {
    ^bb0(%a: f32, %out: f16):
      %narrow = arith.truncf %a : f32 to f16
      linalg.yield %narrow : f16
    } -> tensor<2x16x16xf16>
    return %18 : tensor<2x16x16xf16>
  }
}
