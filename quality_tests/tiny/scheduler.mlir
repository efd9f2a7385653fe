module @compiled_scheduler {
  func.func @run_scale(%arg0: tensor<1x4x16x16xf16>, %arg1: tensor<1xf32>) -> (tensor<1x4x16x16xf16>) {
    %0 = tensor.collapse_shape %arg1 [] : tensor<1xf32> into tensor<f32>
    %1 = tensor.empty() : tensor<1x4x16x16xf16>
    %2 = linalg.generic {indexing_maps = [affine_map<(n, c, h, w) -> (n, c, h, w)>, affine_map<(n, c, h, w) -> ()>, affine_map<(n, c, h, w) -> (n, c, h, w)>], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%arg0, %0 : tensor<1x4x16x16xf16>, tensor<f32>) outs(%1 : tensor<1x4x16x16xf16>) {
    ^bb0(%a_in: f16, %b: f32, %out: f16):
      %a = arith.extf %a_in : f16 to f32
      %s = arith.mulf %b, %b : f32
      %c1 = arith.constant 1.0 : f32
      %v = arith.addf %s, %c1 : f32
      %r = math.sqrt %v : f32
      %y = arith.divf %a, %r : f32
      %narrow = arith.truncf %y : f32 to f16
      linalg.yield %narrow : f16
    } -> tensor<1x4x16x16xf16>
    return %2 : tensor<1x4x16x16xf16>
  }
  func.func @run_step(%arg0: tensor<1x4x16x16xf16>, %arg1: tensor<1x4x16x16xf16>, %arg2: tensor<1xf32>, %arg3: tensor<1xf32>) -> (tensor<1x4x16x16xf16>) {
    %0 = tensor.collapse_shape %arg2 [] : tensor<1xf32> into tensor<f32>
    %1 = tensor.collapse_shape %arg3 [] : tensor<1xf32> into tensor<f32>
    %2 = tensor.empty() : tensor<1x4x16x16xf16>
    %3 = linalg.generic {indexing_maps = [affine_map<(n, c, h, w) -> (n, c, h, w)>, affine_map<(n, c, h, w) -> (n, c, h, w)>, affine_map<(n, c, h, w) -> ()>, affine_map<(n, c, h, w) -> ()>, affine_map<(n, c, h, w) -> (n, c, h, w)>], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%arg0, %arg1, %0, %1 : tensor<1x4x16x16xf16>, tensor<1x4x16x16xf16>, tensor<f32>, tensor<f32>) outs(%2 : tensor<1x4x16x16xf16>) {
    ^bb0(%a_in: f16, %b_in: f16, %c: f32, %d: f32, %out: f16):
      %a = arith.extf %a_in : f16 to f32
      %b = arith.extf %b_in : f16 to f32
      %dt = arith.subf %d, %c : f32
      %m = arith.mulf %b, %dt : f32
      %y = arith.addf %a, %m : f32
      %narrow = arith.truncf %y : f32 to f16
      linalg.yield %narrow : f16
    } -> tensor<1x4x16x16xf16>
    return %3 : tensor<1x4x16x16xf16>
  }
}
