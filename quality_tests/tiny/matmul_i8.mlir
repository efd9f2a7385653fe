module @compiled_matmul_i8 {
  util.global private @bias = #stream.parameter.named<"model"::"bias"> : tensor<48xi32>
  util.global private @scale = #stream.parameter.named<"model"::"scale"> : tensor<48xf32>
  util.global private @weight = #stream.parameter.named<"model"::"weight"> : tensor<64x48xi8>
  func.func @main(%arg0: tensor<32x64xi8>) -> (tensor<32x48xi8>, tensor<32x48xf32>) {
    %0 = util.global.load @weight : tensor<64x48xi8>
    %1 = tensor.empty() : tensor<64x48xi32>
    %2 = linalg.generic {indexing_maps = [affine_map<(k, n) -> (k, n)>, affine_map<(k, n) -> (k, n)>], iterator_types = ["parallel", "parallel"]} ins(%0 : tensor<64x48xi8>) outs(%1 : tensor<64x48xi32>) {
    ^bb0(%a: i8, %out: i32):
      %y = arith.extsi %a : i8 to i32
      linalg.yield %y : i32
    } -> tensor<64x48xi32>
    %c3 = arith.constant 0 : i32
    %3 = tensor.empty() : tensor<48xi32>
    %4 = linalg.fill ins(%c3 : i32) outs(%3 : tensor<48xi32>) -> tensor<48xi32>
    %5 = linalg.generic {indexing_maps = [affine_map<(n, k) -> (k, n)>, affine_map<(n, k) -> (n)>], iterator_types = ["parallel", "reduction"]} ins(%2 : tensor<64x48xi32>) outs(%4 : tensor<48xi32>) {
    ^bb0(%a: i32, %out: i32):
      %y = arith.addi %a, %out : i32
      linalg.yield %y : i32
    } -> tensor<48xi32>
    %c6 = arith.constant 0 : i32
    %6 = tensor.empty() : tensor<32x48xi32>
    %7 = linalg.fill ins(%c6 : i32) outs(%6 : tensor<32x48xi32>) -> tensor<32x48xi32>
    %8 = linalg.matmul ins(%arg0, %0 : tensor<32x64xi8>, tensor<64x48xi8>) outs(%7 : tensor<32x48xi32>) -> tensor<32x48xi32>
    %9 = util.global.load @bias : tensor<48xi32>
    %10 = util.global.load @scale : tensor<48xf32>
    %11 = tensor.empty() : tensor<32x48xf32>
    %12 = linalg.generic {indexing_maps = [affine_map<(m, n) -> (m, n)>, affine_map<(m, n) -> (n)>, affine_map<(m, n) -> (n)>, affine_map<(m, n) -> (n)>, affine_map<(m, n) -> (m, n)>], iterator_types = ["parallel", "parallel"]} ins(%8, %5, %9, %10 : tensor<32x48xi32>, tensor<48xi32>, tensor<48xi32>, tensor<48xf32>) outs(%11 : tensor<32x48xf32>) {
    ^bb0(%a: i32, %b: i32, %c: i32, %d: f32, %out: f32):
      %z = arith.constant -7 : i32
      %m = arith.muli %b, %z : i32
      %s = arith.subi %a, %m : i32
      %t = arith.addi %s, %c : i32
      %r = arith.sitofp %t : i32 to f32
      %y = arith.mulf %r, %d : f32
      linalg.yield %y : f32
    } -> tensor<32x48xf32>
    %13 = tensor.empty() : tensor<32x48xi8>
    %14 = linalg.generic {indexing_maps = [affine_map<(m, n) -> (m, n)>, affine_map<(m, n) -> (m, n)>], iterator_types = ["parallel", "parallel"]} ins(%12 : tensor<32x48xf32>) outs(%13 : tensor<32x48xi8>) {
    ^bb0(%a: f32, %out: i8):
      %s = arith.constant 8.0 : f32
      %m = arith.mulf %a, %s : f32
      %r = math.roundeven %m : f32
      %z = arith.constant 5.0 : f32
      %q = arith.addf %r, %z : f32
      %l = arith.constant -128.0 : f32
      %o = arith.maximumf %q, %l : f32
      %h = arith.constant 127.0 : f32
      %p = arith.minimumf %o, %h : f32
      %y = arith.fptosi %p : f32 to i8
      linalg.yield %y : i8
    } -> tensor<32x48xi8>
    %15 = tensor.empty() : tensor<32x48xf32>
    %16 = linalg.generic {indexing_maps = [affine_map<(m, n) -> (m, n)>, affine_map<(m, n) -> (m, n)>], iterator_types = ["parallel", "parallel"]} ins(%14 : tensor<32x48xi8>) outs(%15 : tensor<32x48xf32>) {
    ^bb0(%a: i8, %out: f32):
      %r = arith.sitofp %a : i8 to f32
      %z = arith.constant 5.0 : f32
      %d = arith.subf %r, %z : f32
      %s = arith.constant 0.125 : f32
      %y = arith.mulf %d, %s : f32
      linalg.yield %y : f32
    } -> tensor<32x48xf32>
    return %14, %16 : tensor<32x48xi8>, tensor<32x48xf32>
  }
}
