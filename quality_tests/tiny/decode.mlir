module @compiled_decode {
  util.global private @frequencies = #stream.parameter.named<"model"::"frequencies"> : tensor<8xf32>
  util.global private @layer0.down = #stream.parameter.named<"model"::"layer0.down"> : tensor<80x64xf16>
  util.global private @layer0.gate = #stream.parameter.named<"model"::"layer0.gate"> : tensor<64x80xf16>
  util.global private @layer0.key = #stream.parameter.named<"model"::"layer0.key"> : tensor<64x32xf16>
  util.global private @layer0.norm1 = #stream.parameter.named<"model"::"layer0.norm1"> : tensor<64xf16>
  util.global private @layer0.norm2 = #stream.parameter.named<"model"::"layer0.norm2"> : tensor<64xf16>
  util.global private @layer0.out = #stream.parameter.named<"model"::"layer0.out"> : tensor<64x64xf16>
  util.global private @layer0.query = #stream.parameter.named<"model"::"layer0.query"> : tensor<64x64xf16>
  util.global private @layer0.up = #stream.parameter.named<"model"::"layer0.up"> : tensor<64x80xf16>
  util.global private @layer0.value = #stream.parameter.named<"model"::"layer0.value"> : tensor<64x32xf16>
  util.global private @layer1.down = #stream.parameter.named<"model"::"layer1.down"> : tensor<80x64xf16>
  util.global private @layer1.gate = #stream.parameter.named<"model"::"layer1.gate"> : tensor<64x80xf16>
  util.global private @layer1.key = #stream.parameter.named<"model"::"layer1.key"> : tensor<64x32xf16>
  util.global private @layer1.norm1 = #stream.parameter.named<"model"::"layer1.norm1"> : tensor<64xf16>
  util.global private @layer1.norm2 = #stream.parameter.named<"model"::"layer1.norm2"> : tensor<64xf16>
  util.global private @layer1.out = #stream.parameter.named<"model"::"layer1.out"> : tensor<64x64xf16>
  util.global private @layer1.query = #stream.parameter.named<"model"::"layer1.query"> : tensor<64x64xf16>
  util.global private @layer1.up = #stream.parameter.named<"model"::"layer1.up"> : tensor<64x80xf16>
  util.global private @layer1.value = #stream.parameter.named<"model"::"layer1.value"> : tensor<64x32xf16>
  util.global private @logits = #stream.parameter.named<"model"::"logits"> : tensor<64x96xf16>
  util.global private @norm = #stream.parameter.named<"model"::"norm"> : tensor<64xf16>
  util.global private @slots = #stream.parameter.named<"model"::"slots"> : tensor<24xi64>
  util.global private @tokens = #stream.parameter.named<"model"::"tokens"> : tensor<96x64xf16>
  func.func @decode_bs2(%arg0: tensor<2xi64>, %arg1: tensor<2xi64>, %arg2: tensor<4x2x24x2x16xf16>) -> (tensor<2x96xf32>, tensor<4x2x24x2x16xf16>) {
    %0 = util.global.load @tokens : tensor<96x64xf16>
    %1 = tensor.expand_shape %arg0 [[0, 1]] output_shape [2, 1] : tensor<2xi64> into tensor<2x1xi64>
    %2 = tensor.empty() : tensor<2x1x64xf16>
    %3 = linalg.generic {indexing_maps = [affine_map<(b, t, d) -> (b, t)>, affine_map<(b, t, d) -> (b, t, d)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%1 : tensor<2x1xi64>) outs(%2 : tensor<2x1x64xf16>) {
    ^bb0(%a: i64, %out: f16):
      %i = arith.index_cast %a : i64 to index
      %j = linalg.index 2 : index
      %y = tensor.extract %0[%i, %j] : tensor<96x64xf16>
      linalg.yield %y : f16
    } -> tensor<2x1x64xf16>
    %4 = tensor.collapse_shape %3 [[0], [1, 2]] : tensor<2x1x64xf16> into tensor<2x64xf16>
    %5 = tensor.empty() : tensor<2x64xf32>
    %6 = linalg.generic {indexing_maps = [affine_map<(b, d) -> (b, d)>, affine_map<(b, d) -> (b, d)>], iterator_types = ["parallel", "parallel"]} ins(%4 : tensor<2x64xf16>) outs(%5 : tensor<2x64xf32>) {
    ^bb0(%a_in: f16, %out: f32):
      %a = arith.extf %a_in : f16 to f32
      %y = arith.mulf %a, %a : f32
      linalg.yield %y : f32
    } -> tensor<2x64xf32>
    %c7 = arith.constant 0.0 : f32
    %7 = tensor.empty() : tensor<2xf32>
    %8 = linalg.fill ins(%c7 : f32) outs(%7 : tensor<2xf32>) -> tensor<2xf32>
    %9 = linalg.generic {indexing_maps = [affine_map<(b, d) -> (b, d)>, affine_map<(b, d) -> (b)>], iterator_types = ["parallel", "reduction"]} ins(%6 : tensor<2x64xf32>) outs(%8 : tensor<2xf32>) {
    ^bb0(%a: f32, %out: f32):
      %y = arith.addf %a, %out : f32
      linalg.yield %y : f32
    } -> tensor<2xf32>
    %10 = tensor.empty() : tensor<2x64xf32>
    %11 = linalg.generic {indexing_maps = [affine_map<(b, d) -> (b, d)>, affine_map<(b, d) -> (b)>, affine_map<(b, d) -> (b, d)>], iterator_types = ["parallel", "parallel"]} ins(%4, %9 : tensor<2x64xf16>, tensor<2xf32>) outs(%10 : tensor<2x64xf32>) {
    ^bb0(%a_in: f16, %b: f32, %out: f32):
      %a = arith.extf %a_in : f16 to f32
      %n = arith.constant 64.0 : f32
      %m = arith.divf %b, %n : f32
      %eps = arith.constant 1.0e-05 : f32
      %v = arith.addf %m, %eps : f32
      %r = math.rsqrt %v : f32
      %y = arith.mulf %a, %r : f32
      linalg.yield %y : f32
    } -> tensor<2x64xf32>
    %12 = util.global.load @layer0.norm1 : tensor<64xf16>
    %13 = tensor.empty() : tensor<2x64xf16>
    %14 = linalg.generic {indexing_maps = [affine_map<(b, d) -> (b, d)>, affine_map<(b, d) -> (d)>, affine_map<(b, d) -> (b, d)>], iterator_types = ["parallel", "parallel"]} ins(%11, %12 : tensor<2x64xf32>, tensor<64xf16>) outs(%13 : tensor<2x64xf16>) {
    ^bb0(%a: f32, %b_in: f16, %out: f16):
      %b = arith.extf %b_in : f16 to f32
      %y = arith.mulf %a, %b : f32
      %narrow = arith.truncf %y : f32 to f16
      linalg.yield %narrow : f16
    } -> tensor<2x64xf16>
    %15 = util.global.load @layer0.key : tensor<64x32xf16>
    %c16 = arith.constant 0.0 : f32
    %16 = tensor.empty() : tensor<2x32xf32>
    %17 = linalg.fill ins(%c16 : f32) outs(%16 : tensor<2x32xf32>) -> tensor<2x32xf32>
    %18 = linalg.matmul ins(%14, %15 : tensor<2x64xf16>, tensor<64x32xf16>) outs(%17 : tensor<2x32xf32>) -> tensor<2x32xf32>
    %19 = tensor.expand_shape %18 [[0], [1, 2]] output_shape [2, 2, 16] : tensor<2x32xf32> into tensor<2x2x16xf32>
    %20 = util.global.load @frequencies : tensor<8xf32>
    %21 = tensor.empty() : tensor<2x8xf32>
    %22 = linalg.generic {indexing_maps = [affine_map<(b, d) -> (b)>, affine_map<(b, d) -> (d)>, affine_map<(b, d) -> (b, d)>], iterator_types = ["parallel", "parallel"]} ins(%arg1, %20 : tensor<2xi64>, tensor<8xf32>) outs(%21 : tensor<2x8xf32>) {
    ^bb0(%a: i64, %b: f32, %out: f32):
      %i = arith.sitofp %a : i64 to f32
      %y = arith.mulf %i, %b : f32
      linalg.yield %y : f32
    } -> tensor<2x8xf32>
    %23 = tensor.empty() : tensor<2x8xf32>
    %24 = linalg.generic {indexing_maps = [affine_map<(b, d) -> (b, d)>, affine_map<(b, d) -> (b, d)>], iterator_types = ["parallel", "parallel"]} ins(%22 : tensor<2x8xf32>) outs(%23 : tensor<2x8xf32>) {
    ^bb0(%a: f32, %out: f32):
      %y = math.cos %a : f32
      linalg.yield %y : f32
    } -> tensor<2x8xf32>
    %25 = tensor.empty() : tensor<2x8xf32>
    %26 = linalg.generic {indexing_maps = [affine_map<(b, d) -> (b, d)>, affine_map<(b, d) -> (b, d)>], iterator_types = ["parallel", "parallel"]} ins(%22 : tensor<2x8xf32>) outs(%25 : tensor<2x8xf32>) {
    ^bb0(%a: f32, %out: f32):
      %y = math.sin %a : f32
      linalg.yield %y : f32
    } -> tensor<2x8xf32>
    %27 = tensor.extract_slice %19[0, 0, 0] [2, 2, 8] [1, 1, 1] : tensor<2x2x16xf32> to tensor<2x2x8xf32>
    %28 = tensor.extract_slice %19[0, 0, 8] [2, 2, 8] [1, 1, 1] : tensor<2x2x16xf32> to tensor<2x2x8xf32>
    %29 = tensor.empty() : tensor<2x2x8xf16>
    %30 = linalg.generic {indexing_maps = [affine_map<(b, h, d) -> (b, h, d)>, affine_map<(b, h, d) -> (b, h, d)>, affine_map<(b, h, d) -> (b, d)>, affine_map<(b, h, d) -> (b, d)>, affine_map<(b, h, d) -> (b, h, d)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%27, %28, %24, %26 : tensor<2x2x8xf32>, tensor<2x2x8xf32>, tensor<2x8xf32>, tensor<2x8xf32>) outs(%29 : tensor<2x2x8xf16>) {
    ^bb0(%a: f32, %b: f32, %c: f32, %d: f32, %out: f16):
      %p = arith.mulf %a, %c : f32
      %q = arith.mulf %b, %d : f32
      %y = arith.subf %p, %q : f32
      %narrow = arith.truncf %y : f32 to f16
      linalg.yield %narrow : f16
    } -> tensor<2x2x8xf16>
    %31 = tensor.empty() : tensor<2x2x8xf16>
    %32 = linalg.generic {indexing_maps = [affine_map<(b, h, d) -> (b, h, d)>, affine_map<(b, h, d) -> (b, h, d)>, affine_map<(b, h, d) -> (b, d)>, affine_map<(b, h, d) -> (b, d)>, affine_map<(b, h, d) -> (b, h, d)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%28, %27, %24, %26 : tensor<2x2x8xf32>, tensor<2x2x8xf32>, tensor<2x8xf32>, tensor<2x8xf32>) outs(%31 : tensor<2x2x8xf16>) {
    ^bb0(%a: f32, %b: f32, %c: f32, %d: f32, %out: f16):
      %p = arith.mulf %a, %c : f32
      %q = arith.mulf %b, %d : f32
      %y = arith.addf %p, %q : f32
      %narrow = arith.truncf %y : f32 to f16
      linalg.yield %narrow : f16
    } -> tensor<2x2x8xf16>
    %33 = tensor.concat dim(2) %30, %32 : (tensor<2x2x8xf16>, tensor<2x2x8xf16>) -> tensor<2x2x16xf16>
    %34 = util.global.load @layer0.value : tensor<64x32xf16>
    %c35 = arith.constant 0.0 : f32
    %35 = tensor.empty() : tensor<2x32xf32>
    %36 = linalg.fill ins(%c35 : f32) outs(%35 : tensor<2x32xf32>) -> tensor<2x32xf32>
    %37 = linalg.matmul ins(%14, %34 : tensor<2x64xf16>, tensor<64x32xf16>) outs(%36 : tensor<2x32xf32>) -> tensor<2x32xf32>
    %38 = tensor.expand_shape %37 [[0], [1, 2]] output_shape [2, 2, 16] : tensor<2x32xf32> into tensor<2x2x16xf32>
    %39 = tensor.empty() : tensor<2x2x16xf16>
    %40 = linalg.generic {indexing_maps = [affine_map<(b, g, d) -> (b, g, d)>, affine_map<(b, g, d) -> (b, g, d)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%38 : tensor<2x2x16xf32>) outs(%39 : tensor<2x2x16xf16>) {
    ^bb0(%a: f32, %out: f16):
      %narrow = arith.truncf %a : f32 to f16
      linalg.yield %narrow : f16
    } -> tensor<2x2x16xf16>
    %41 = tensor.extract_slice %arg2[0, 0, 0, 0, 0] [1, 2, 24, 2, 16] [1, 1, 1, 1, 1] : tensor<4x2x24x2x16xf16> to tensor<1x2x24x2x16xf16>
    %42 = tensor.collapse_shape %41 [[0, 1], [2], [3], [4]] : tensor<1x2x24x2x16xf16> into tensor<2x24x2x16xf16>
    %43 = util.global.load @slots : tensor<24xi64>
    %44 = tensor.empty() : tensor<2x24x2x16xf16>
    %45 = linalg.generic {indexing_maps = [affine_map<(b, t, g, d) -> (b, t, g, d)>, affine_map<(b, t, g, d) -> (b, g, d)>, affine_map<(b, t, g, d) -> (b)>, affine_map<(b, t, g, d) -> (t)>, affine_map<(b, t, g, d) -> (b, t, g, d)>], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%42, %33, %arg1, %43 : tensor<2x24x2x16xf16>, tensor<2x2x16xf16>, tensor<2xi64>, tensor<24xi64>) outs(%44 : tensor<2x24x2x16xf16>) {
    ^bb0(%a: f16, %b: f16, %c: i64, %d: i64, %out: f16):
      %c_here = arith.cmpi eq, %c, %d : i64
      %y = arith.select %c_here, %b, %a : f16
      linalg.yield %y : f16
    } -> tensor<2x24x2x16xf16>
    %46 = tensor.extract_slice %arg2[1, 0, 0, 0, 0] [1, 2, 24, 2, 16] [1, 1, 1, 1, 1] : tensor<4x2x24x2x16xf16> to tensor<1x2x24x2x16xf16>
    %47 = tensor.collapse_shape %46 [[0, 1], [2], [3], [4]] : tensor<1x2x24x2x16xf16> into tensor<2x24x2x16xf16>
    %48 = tensor.empty() : tensor<2x24x2x16xf16>
    %49 = linalg.generic {indexing_maps = [affine_map<(b, t, g, d) -> (b, t, g, d)>, affine_map<(b, t, g, d) -> (b, g, d)>, affine_map<(b, t, g, d) -> (b)>, affine_map<(b, t, g, d) -> (t)>, affine_map<(b, t, g, d) -> (b, t, g, d)>], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%47, %40, %arg1, %43 : tensor<2x24x2x16xf16>, tensor<2x2x16xf16>, tensor<2xi64>, tensor<24xi64>) outs(%48 : tensor<2x24x2x16xf16>) {
    ^bb0(%a: f16, %b: f16, %c: i64, %d: i64, %out: f16):
      %c_here = arith.cmpi eq, %c, %d : i64
      %y = arith.select %c_here, %b, %a : f16
      linalg.yield %y : f16
    } -> tensor<2x24x2x16xf16>
    %50 = util.global.load @layer0.query : tensor<64x64xf16>
    %c51 = arith.constant 0.0 : f32
    %51 = tensor.empty() : tensor<2x64xf32>
    %52 = linalg.fill ins(%c51 : f32) outs(%51 : tensor<2x64xf32>) -> tensor<2x64xf32>
    %53 = linalg.matmul ins(%14, %50 : tensor<2x64xf16>, tensor<64x64xf16>) outs(%52 : tensor<2x64xf32>) -> tensor<2x64xf32>
    %54 = tensor.expand_shape %53 [[0], [1, 2]] output_shape [2, 4, 16] : tensor<2x64xf32> into tensor<2x4x16xf32>
    %55 = tensor.empty() : tensor<2x8xf32>
    %56 = linalg.generic {indexing_maps = [affine_map<(b, d) -> (b)>, affine_map<(b, d) -> (d)>, affine_map<(b, d) -> (b, d)>], iterator_types = ["parallel", "parallel"]} ins(%arg1, %20 : tensor<2xi64>, tensor<8xf32>) outs(%55 : tensor<2x8xf32>) {
    ^bb0(%a: i64, %b: f32, %out: f32):
      %i = arith.sitofp %a : i64 to f32
      %y = arith.mulf %i, %b : f32
      linalg.yield %y : f32
    } -> tensor<2x8xf32>
    %57 = tensor.empty() : tensor<2x8xf32>
    %58 = linalg.generic {indexing_maps = [affine_map<(b, d) -> (b, d)>, affine_map<(b, d) -> (b, d)>], iterator_types = ["parallel", "parallel"]} ins(%56 : tensor<2x8xf32>) outs(%57 : tensor<2x8xf32>) {
    ^bb0(%a: f32, %out: f32):
      %y = math.cos %a : f32
      linalg.yield %y : f32
    } -> tensor<2x8xf32>
    %59 = tensor.empty() : tensor<2x8xf32>
    %60 = linalg.generic {indexing_maps = [affine_map<(b, d) -> (b, d)>, affine_map<(b, d) -> (b, d)>], iterator_types = ["parallel", "parallel"]} ins(%56 : tensor<2x8xf32>) outs(%59 : tensor<2x8xf32>) {
    ^bb0(%a: f32, %out: f32):
      %y = math.sin %a : f32
      linalg.yield %y : f32
    } -> tensor<2x8xf32>
    %61 = tensor.extract_slice %54[0, 0, 0] [2, 4, 8] [1, 1, 1] : tensor<2x4x16xf32> to tensor<2x4x8xf32>
    %62 = tensor.extract_slice %54[0, 0, 8] [2, 4, 8] [1, 1, 1] : tensor<2x4x16xf32> to tensor<2x4x8xf32>
    %63 = tensor.empty() : tensor<2x4x8xf16>
    %64 = linalg.generic {indexing_maps = [affine_map<(b, h, d) -> (b, h, d)>, affine_map<(b, h, d) -> (b, h, d)>, affine_map<(b, h, d) -> (b, d)>, affine_map<(b, h, d) -> (b, d)>, affine_map<(b, h, d) -> (b, h, d)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%61, %62, %58, %60 : tensor<2x4x8xf32>, tensor<2x4x8xf32>, tensor<2x8xf32>, tensor<2x8xf32>) outs(%63 : tensor<2x4x8xf16>) {
    ^bb0(%a: f32, %b: f32, %c: f32, %d: f32, %out: f16):
      %p = arith.mulf %a, %c : f32
      %q = arith.mulf %b, %d : f32
      %y = arith.subf %p, %q : f32
      %narrow = arith.truncf %y : f32 to f16
      linalg.yield %narrow : f16
    } -> tensor<2x4x8xf16>
    %65 = tensor.empty() : tensor<2x4x8xf16>
    %66 = linalg.generic {indexing_maps = [affine_map<(b, h, d) -> (b, h, d)>, affine_map<(b, h, d) -> (b, h, d)>, affine_map<(b, h, d) -> (b, d)>, affine_map<(b, h, d) -> (b, d)>, affine_map<(b, h, d) -> (b, h, d)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%62, %61, %58, %60 : tensor<2x4x8xf32>, tensor<2x4x8xf32>, tensor<2x8xf32>, tensor<2x8xf32>) outs(%65 : tensor<2x4x8xf16>) {
    ^bb0(%a: f32, %b: f32, %c: f32, %d: f32, %out: f16):
      %p = arith.mulf %a, %c : f32
      %q = arith.mulf %b, %d : f32
      %y = arith.addf %p, %q : f32
      %narrow = arith.truncf %y : f32 to f16
      linalg.yield %narrow : f16
    } -> tensor<2x4x8xf16>
    %67 = tensor.concat dim(2) %64, %66 : (tensor<2x4x8xf16>, tensor<2x4x8xf16>) -> tensor<2x4x16xf16>
    %68 = tensor.expand_shape %67 [[0], [1, 2], [3]] output_shape [2, 2, 2, 16] : tensor<2x4x16xf16> into tensor<2x2x2x16xf16>
    %c69 = arith.constant 0.0 : f32
    %69 = tensor.empty() : tensor<2x2x2x24xf32>
    %70 = linalg.fill ins(%c69 : f32) outs(%69 : tensor<2x2x2x24xf32>) -> tensor<2x2x2x24xf32>
    %71 = linalg.generic {indexing_maps = [affine_map<(b, g, h, t, d) -> (b, g, h, d)>, affine_map<(b, g, h, t, d) -> (b, t, g, d)>, affine_map<(b, g, h, t, d) -> (b, g, h, t)>], iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction"]} ins(%68, %45 : tensor<2x2x2x16xf16>, tensor<2x24x2x16xf16>) outs(%70 : tensor<2x2x2x24xf32>) {
    ^bb0(%a_in: f16, %b_in: f16, %out: f32):
      %a = arith.extf %a_in : f16 to f32
      %b = arith.extf %b_in : f16 to f32
      %p = arith.mulf %a, %b : f32
      %y = arith.addf %p, %out : f32
      linalg.yield %y : f32
    } -> tensor<2x2x2x24xf32>
    %72 = tensor.collapse_shape %71 [[0], [1, 2], [3]] : tensor<2x2x2x24xf32> into tensor<2x4x24xf32>
    %73 = tensor.empty() : tensor<2x4x24xf32>
    %74 = linalg.generic {indexing_maps = [affine_map<(b, q, k) -> (b, q, k)>, affine_map<(b, q, k) -> (b)>, affine_map<(b, q, k) -> (k)>, affine_map<(b, q, k) -> (b, q, k)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%72, %arg1, %43 : tensor<2x4x24xf32>, tensor<2xi64>, tensor<24xi64>) outs(%73 : tensor<2x4x24xf32>) {
    ^bb0(%a: f32, %b: i64, %c: i64, %out: f32):
      %s = arith.constant 0.25 : f32
      %x = arith.mulf %a, %s : f32
      %m = arith.constant -10000.0 : f32
      %v = arith.cmpi sle, %c, %b : i64
      %y = arith.select %v, %x, %m : f32
      linalg.yield %y : f32
    } -> tensor<2x4x24xf32>
    %c75 = arith.constant 0xFF800000 : f32
    %75 = tensor.empty() : tensor<2x4xf32>
    %76 = linalg.fill ins(%c75 : f32) outs(%75 : tensor<2x4xf32>) -> tensor<2x4xf32>
    %77 = linalg.generic {indexing_maps = [affine_map<(b, q, k) -> (b, q, k)>, affine_map<(b, q, k) -> (b, q)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%74 : tensor<2x4x24xf32>) outs(%76 : tensor<2x4xf32>) {
    ^bb0(%a: f32, %out: f32):
      %y = arith.maximumf %a, %out : f32
      linalg.yield %y : f32
    } -> tensor<2x4xf32>
    %78 = tensor.empty() : tensor<2x4x24xf32>
    %79 = linalg.generic {indexing_maps = [affine_map<(b, q, k) -> (b, q, k)>, affine_map<(b, q, k) -> (b, q)>, affine_map<(b, q, k) -> (b, q, k)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%74, %77 : tensor<2x4x24xf32>, tensor<2x4xf32>) outs(%78 : tensor<2x4x24xf32>) {
    ^bb0(%a: f32, %b: f32, %out: f32):
      %d = arith.subf %a, %b : f32
      %y = math.exp %d : f32
      linalg.yield %y : f32
    } -> tensor<2x4x24xf32>
    %c80 = arith.constant 0.0 : f32
    %80 = tensor.empty() : tensor<2x4xf32>
    %81 = linalg.fill ins(%c80 : f32) outs(%80 : tensor<2x4xf32>) -> tensor<2x4xf32>
    %82 = linalg.generic {indexing_maps = [affine_map<(b, q, k) -> (b, q, k)>, affine_map<(b, q, k) -> (b, q)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%79 : tensor<2x4x24xf32>) outs(%81 : tensor<2x4xf32>) {
    ^bb0(%a: f32, %out: f32):
      %y = arith.addf %a, %out : f32
      linalg.yield %y : f32
    } -> tensor<2x4xf32>
    %83 = tensor.empty() : tensor<2x4x24xf16>
    %84 = linalg.generic {indexing_maps = [affine_map<(b, q, k) -> (b, q, k)>, affine_map<(b, q, k) -> (b, q)>, affine_map<(b, q, k) -> (b, q, k)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%79, %82 : tensor<2x4x24xf32>, tensor<2x4xf32>) outs(%83 : tensor<2x4x24xf16>) {
    ^bb0(%a: f32, %b: f32, %out: f16):
      %y = arith.divf %a, %b : f32
      %narrow = arith.truncf %y : f32 to f16
      linalg.yield %narrow : f16
    } -> tensor<2x4x24xf16>
    %85 = tensor.expand_shape %84 [[0], [1, 2], [3]] output_shape [2, 2, 2, 24] : tensor<2x4x24xf16> into tensor<2x2x2x24xf16>
    %c86 = arith.constant 0.0 : f32
    %86 = tensor.empty() : tensor<2x2x2x16xf32>
    %87 = linalg.fill ins(%c86 : f32) outs(%86 : tensor<2x2x2x16xf32>) -> tensor<2x2x2x16xf32>
    %88 = linalg.generic {indexing_maps = [affine_map<(b, g, h, d, t) -> (b, g, h, t)>, affine_map<(b, g, h, d, t) -> (b, t, g, d)>, affine_map<(b, g, h, d, t) -> (b, g, h, d)>], iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction"]} ins(%85, %49 : tensor<2x2x2x24xf16>, tensor<2x24x2x16xf16>) outs(%87 : tensor<2x2x2x16xf32>) {
    ^bb0(%a_in: f16, %b_in: f16, %out: f32):
      %a = arith.extf %a_in : f16 to f32
      %b = arith.extf %b_in : f16 to f32
      %p = arith.mulf %a, %b : f32
      %y = arith.addf %p, %out : f32
      linalg.yield %y : f32
    } -> tensor<2x2x2x16xf32>
    %89 = tensor.empty() : tensor<2x2x2x16xf16>
    %90 = linalg.generic {indexing_maps = [affine_map<(b, g, h, d) -> (b, g, h, d)>, affine_map<(b, g, h, d) -> (b, g, h, d)>], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%88 : tensor<2x2x2x16xf32>) outs(%89 : tensor<2x2x2x16xf16>) {
    ^bb0(%a: f32, %out: f16):
      %narrow = arith.truncf %a : f32 to f16
      linalg.yield %narrow : f16
    } -> tensor<2x2x2x16xf16>
    %91 = tensor.collapse_shape %90 [[0], [1, 2, 3]] : tensor<2x2x2x16xf16> into tensor<2x64xf16>
    %92 = util.global.load @layer0.out : tensor<64x64xf16>
    %c93 = arith.constant 0.0 : f32
    %93 = tensor.empty() : tensor<2x64xf32>
    %94 = linalg.fill ins(%c93 : f32) outs(%93 : tensor<2x64xf32>) -> tensor<2x64xf32>
    %95 = linalg.matmul ins(%91, %92 : tensor<2x64xf16>, tensor<64x64xf16>) outs(%94 : tensor<2x64xf32>) -> tensor<2x64xf32>
    %96 = tensor.empty() : tensor<2x64xf16>
    %97 = linalg.generic {indexing_maps = [affine_map<(b, d) -> (b, d)>, affine_map<(b, d) -> (b, d)>, affine_map<(b, d) -> (b, d)>], iterator_types = ["parallel", "parallel"]} ins(%4, %95 : tensor<2x64xf16>, tensor<2x64xf32>) outs(%96 : tensor<2x64xf16>) {
    ^bb0(%a_in: f16, %b: f32, %out: f16):
      %a = arith.extf %a_in : f16 to f32
      %y = arith.addf %a, %b : f32
      %narrow = arith.truncf %y : f32 to f16
      linalg.yield %narrow : f16
    } -> tensor<2x64xf16>
    %98 = tensor.empty() : tensor<2x64xf32>
    %99 = linalg.generic {indexing_maps = [affine_map<(b, d) -> (b, d)>, affine_map<(b, d) -> (b, d)>], iterator_types = ["parallel", "parallel"]} ins(%97 : tensor<2x64xf16>) outs(%98 : tensor<2x64xf32>) {
    ^bb0(%a_in: f16, %out: f32):
      %a = arith.extf %a_in : f16 to f32
      %y = arith.mulf %a, %a : f32
      linalg.yield %y : f32
    } -> tensor<2x64xf32>
    %c100 = arith.constant 0.0 : f32
    %100 = tensor.empty() : tensor<2xf32>
    %101 = linalg.fill ins(%c100 : f32) outs(%100 : tensor<2xf32>) -> tensor<2xf32>
    %102 = linalg.generic {indexing_maps = [affine_map<(b, d) -> (b, d)>, affine_map<(b, d) -> (b)>], iterator_types = ["parallel", "reduction"]} ins(%99 : tensor<2x64xf32>) outs(%101 : tensor<2xf32>) {
    ^bb0(%a: f32, %out: f32):
      %y = arith.addf %a, %out : f32
      linalg.yield %y : f32
    } -> tensor<2xf32>
    %103 = tensor.empty() : tensor<2x64xf32>
    %104 = linalg.generic {indexing_maps = [affine_map<(b, d) -> (b, d)>, affine_map<(b, d) -> (b)>, affine_map<(b, d) -> (b, d)>], iterator_types = ["parallel", "parallel"]} ins(%97, %102 : tensor<2x64xf16>, tensor<2xf32>) outs(%103 : tensor<2x64xf32>) {
    ^bb0(%a_in: f16, %b: f32, %out: f32):
      %a = arith.extf %a_in : f16 to f32
      %n = arith.constant 64.0 : f32
      %m = arith.divf %b, %n : f32
      %eps = arith.constant 1.0e-05 : f32
      %v = arith.addf %m, %eps : f32
      %r = math.rsqrt %v : f32
      %y = arith.mulf %a, %r : f32
      linalg.yield %y : f32
    } -> tensor<2x64xf32>
    %105 = util.global.load @layer0.norm2 : tensor<64xf16>
    %106 = tensor.empty() : tensor<2x64xf16>
    %107 = linalg.generic {indexing_maps = [affine_map<(b, d) -> (b, d)>, affine_map<(b, d) -> (d)>, affine_map<(b, d) -> (b, d)>], iterator_types = ["parallel", "parallel"]} ins(%104, %105 : tensor<2x64xf32>, tensor<64xf16>) outs(%106 : tensor<2x64xf16>) {
    ^bb0(%a: f32, %b_in: f16, %out: f16):
      %b = arith.extf %b_in : f16 to f32
      %y = arith.mulf %a, %b : f32
      %narrow = arith.truncf %y : f32 to f16
      linalg.yield %narrow : f16
    } -> tensor<2x64xf16>
    %108 = util.global.load @layer0.gate : tensor<64x80xf16>
    %c109 = arith.constant 0.0 : f32
    %109 = tensor.empty() : tensor<2x80xf32>
    %110 = linalg.fill ins(%c109 : f32) outs(%109 : tensor<2x80xf32>) -> tensor<2x80xf32>
    %111 = linalg.matmul ins(%107, %108 : tensor<2x64xf16>, tensor<64x80xf16>) outs(%110 : tensor<2x80xf32>) -> tensor<2x80xf32>
    %112 = util.global.load @layer0.up : tensor<64x80xf16>
    %c113 = arith.constant 0.0 : f32
    %113 = tensor.empty() : tensor<2x80xf32>
    %114 = linalg.fill ins(%c113 : f32) outs(%113 : tensor<2x80xf32>) -> tensor<2x80xf32>
    %115 = linalg.matmul ins(%107, %112 : tensor<2x64xf16>, tensor<64x80xf16>) outs(%114 : tensor<2x80xf32>) -> tensor<2x80xf32>
    %116 = tensor.empty() : tensor<2x80xf32>
    %117 = linalg.generic {indexing_maps = [affine_map<(b, d) -> (b, d)>, affine_map<(b, d) -> (b, d)>], iterator_types = ["parallel", "parallel"]} ins(%111 : tensor<2x80xf32>) outs(%116 : tensor<2x80xf32>) {
    ^bb0(%a: f32, %out: f32):
      %n = arith.negf %a : f32
      %e = math.exp %n : f32
      %c1 = arith.constant 1.0 : f32
      %d = arith.addf %e, %c1 : f32
      %y = arith.divf %a, %d : f32
      linalg.yield %y : f32
    } -> tensor<2x80xf32>
    %118 = tensor.empty() : tensor<2x80xf16>
    %119 = linalg.generic {indexing_maps = [affine_map<(b, d) -> (b, d)>, affine_map<(b, d) -> (b, d)>, affine_map<(b, d) -> (b, d)>], iterator_types = ["parallel", "parallel"]} ins(%117, %115 : tensor<2x80xf32>, tensor<2x80xf32>) outs(%118 : tensor<2x80xf16>) {
    ^bb0(%a: f32, %b: f32, %out: f16):
      %y = arith.mulf %a, %b : f32
      %narrow = arith.truncf %y : f32 to f16
      linalg.yield %narrow : f16
    } -> tensor<2x80xf16>
    %120 = util.global.load @layer0.down : tensor<80x64xf16>
    %c121 = arith.constant 0.0 : f32
    %121 = tensor.empty() : tensor<2x64xf32>
    %122 = linalg.fill ins(%c121 : f32) outs(%121 : tensor<2x64xf32>) -> tensor<2x64xf32>
    %123 = linalg.matmul ins(%119, %120 : tensor<2x80xf16>, tensor<80x64xf16>) outs(%122 : tensor<2x64xf32>) -> tensor<2x64xf32>
    %124 = tensor.empty() : tensor<2x64xf16>
    %125 = linalg.generic {indexing_maps = [affine_map<(b, d) -> (b, d)>, affine_map<(b, d) -> (b, d)>, affine_map<(b, d) -> (b, d)>], iterator_types = ["parallel", "parallel"]} ins(%97, %123 : tensor<2x64xf16>, tensor<2x64xf32>) outs(%124 : tensor<2x64xf16>) {
    ^bb0(%a_in: f16, %b: f32, %out: f16):
      %a = arith.extf %a_in : f16 to f32
      %y = arith.addf %a, %b : f32
      %narrow = arith.truncf %y : f32 to f16
      linalg.yield %narrow : f16
    } -> tensor<2x64xf16>
    %126 = tensor.empty() : tensor<2x64xf32>
    %127 = linalg.generic {indexing_maps = [affine_map<(b, d) -> (b, d)>, affine_map<(b, d) -> (b, d)>], iterator_types = ["parallel", "parallel"]} ins(%125 : tensor<2x64xf16>) outs(%126 : tensor<2x64xf32>) {
    ^bb0(%a_in: f16, %out: f32):
      %a = arith.extf %a_in : f16 to f32
      %y = arith.mulf %a, %a : f32
      linalg.yield %y : f32
    } -> tensor<2x64xf32>
    %c128 = arith.constant 0.0 : f32
    %128 = tensor.empty() : tensor<2xf32>
    %129 = linalg.fill ins(%c128 : f32) outs(%128 : tensor<2xf32>) -> tensor<2xf32>
    %130 = linalg.generic {indexing_maps = [affine_map<(b, d) -> (b, d)>, affine_map<(b, d) -> (b)>], iterator_types = ["parallel", "reduction"]} ins(%127 : tensor<2x64xf32>) outs(%129 : tensor<2xf32>) {
    ^bb0(%a: f32, %out: f32):
      %y = arith.addf %a, %out : f32
      linalg.yield %y : f32
    } -> tensor<2xf32>
    %131 = tensor.empty() : tensor<2x64xf32>
    %132 = linalg.generic {indexing_maps = [affine_map<(b, d) -> (b, d)>, affine_map<(b, d) -> (b)>, affine_map<(b, d) -> (b, d)>], iterator_types = ["parallel", "parallel"]} ins(%125, %130 : tensor<2x64xf16>, tensor<2xf32>) outs(%131 : tensor<2x64xf32>) {
    ^bb0(%a_in: f16, %b: f32, %out: f32):
      %a = arith.extf %a_in : f16 to f32
      %n = arith.constant 64.0 : f32
      %m = arith.divf %b, %n : f32
      %eps = arith.constant 1.0e-05 : f32
      %v = arith.addf %m, %eps : f32
      %r = math.rsqrt %v : f32
      %y = arith.mulf %a, %r : f32
      linalg.yield %y : f32
    } -> tensor<2x64xf32>
    %133 = util.global.load @layer1.norm1 : tensor<64xf16>
    %134 = tensor.empty() : tensor<2x64xf16>
    %135 = linalg.generic {indexing_maps = [affine_map<(b, d) -> (b, d)>, affine_map<(b, d) -> (d)>, affine_map<(b, d) -> (b, d)>], iterator_types = ["parallel", "parallel"]} ins(%132, %133 : tensor<2x64xf32>, tensor<64xf16>) outs(%134 : tensor<2x64xf16>) {
    ^bb0(%a: f32, %b_in: f16, %out: f16):
      %b = arith.extf %b_in : f16 to f32
      %y = arith.mulf %a, %b : f32
      %narrow = arith.truncf %y : f32 to f16
      linalg.yield %narrow : f16
    } -> tensor<2x64xf16>
    %136 = util.global.load @layer1.key : tensor<64x32xf16>
    %c137 = arith.constant 0.0 : f32
    %137 = tensor.empty() : tensor<2x32xf32>
    %138 = linalg.fill ins(%c137 : f32) outs(%137 : tensor<2x32xf32>) -> tensor<2x32xf32>
    %139 = linalg.matmul ins(%135, %136 : tensor<2x64xf16>, tensor<64x32xf16>) outs(%138 : tensor<2x32xf32>) -> tensor<2x32xf32>
    %140 = tensor.expand_shape %139 [[0], [1, 2]] output_shape [2, 2, 16] : tensor<2x32xf32> into tensor<2x2x16xf32>
    %141 = tensor.empty() : tensor<2x8xf32>
    %142 = linalg.generic {indexing_maps = [affine_map<(b, d) -> (b)>, affine_map<(b, d) -> (d)>, affine_map<(b, d) -> (b, d)>], iterator_types = ["parallel", "parallel"]} ins(%arg1, %20 : tensor<2xi64>, tensor<8xf32>) outs(%141 : tensor<2x8xf32>) {
    ^bb0(%a: i64, %b: f32, %out: f32):
      %i = arith.sitofp %a : i64 to f32
      %y = arith.mulf %i, %b : f32
      linalg.yield %y : f32
    } -> tensor<2x8xf32>
    %143 = tensor.empty() : tensor<2x8xf32>
    %144 = linalg.generic {indexing_maps = [affine_map<(b, d) -> (b, d)>, affine_map<(b, d) -> (b, d)>], iterator_types = ["parallel", "parallel"]} ins(%142 : tensor<2x8xf32>) outs(%143 : tensor<2x8xf32>) {
    ^bb0(%a: f32, %out: f32):
      %y = math.cos %a : f32
      linalg.yield %y : f32
    } -> tensor<2x8xf32>
    %145 = tensor.empty() : tensor<2x8xf32>
    %146 = linalg.generic {indexing_maps = [affine_map<(b, d) -> (b, d)>, affine_map<(b, d) -> (b, d)>], iterator_types = ["parallel", "parallel"]} ins(%142 : tensor<2x8xf32>) outs(%145 : tensor<2x8xf32>) {
    ^bb0(%a: f32, %out: f32):
      %y = math.sin %a : f32
      linalg.yield %y : f32
    } -> tensor<2x8xf32>
    %147 = tensor.extract_slice %140[0, 0, 0] [2, 2, 8] [1, 1, 1] : tensor<2x2x16xf32> to tensor<2x2x8xf32>
    %148 = tensor.extract_slice %140[0, 0, 8] [2, 2, 8] [1, 1, 1] : tensor<2x2x16xf32> to tensor<2x2x8xf32>
    %149 = tensor.empty() : tensor<2x2x8xf16>
    %150 = linalg.generic {indexing_maps = [affine_map<(b, h, d) -> (b, h, d)>, affine_map<(b, h, d) -> (b, h, d)>, affine_map<(b, h, d) -> (b, d)>, affine_map<(b, h, d) -> (b, d)>, affine_map<(b, h, d) -> (b, h, d)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%147, %148, %144, %146 : tensor<2x2x8xf32>, tensor<2x2x8xf32>, tensor<2x8xf32>, tensor<2x8xf32>) outs(%149 : tensor<2x2x8xf16>) {
    ^bb0(%a: f32, %b: f32, %c: f32, %d: f32, %out: f16):
      %p = arith.mulf %a, %c : f32
      %q = arith.mulf %b, %d : f32
      %y = arith.subf %p, %q : f32
      %narrow = arith.truncf %y : f32 to f16
      linalg.yield %narrow : f16
    } -> tensor<2x2x8xf16>
    %151 = tensor.empty() : tensor<2x2x8xf16>
    %152 = linalg.generic {indexing_maps = [affine_map<(b, h, d) -> (b, h, d)>, affine_map<(b, h, d) -> (b, h, d)>, affine_map<(b, h, d) -> (b, d)>, affine_map<(b, h, d) -> (b, d)>, affine_map<(b, h, d) -> (b, h, d)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%148, %147, %144, %146 : tensor<2x2x8xf32>, tensor<2x2x8xf32>, tensor<2x8xf32>, tensor<2x8xf32>) outs(%151 : tensor<2x2x8xf16>) {
    ^bb0(%a: f32, %b: f32, %c: f32, %d: f32, %out: f16):
      %p = arith.mulf %a, %c : f32
      %q = arith.mulf %b, %d : f32
      %y = arith.addf %p, %q : f32
      %narrow = arith.truncf %y : f32 to f16
      linalg.yield %narrow : f16
    } -> tensor<2x2x8xf16>
    %153 = tensor.concat dim(2) %150, %152 : (tensor<2x2x8xf16>, tensor<2x2x8xf16>) -> tensor<2x2x16xf16>
    %154 = util.global.load @layer1.value : tensor<64x32xf16>
    %c155 = arith.constant 0.0 : f32
    %155 = tensor.empty() : tensor<2x32xf32>
    %156 = linalg.fill ins(%c155 : f32) outs(%155 : tensor<2x32xf32>) -> tensor<2x32xf32>
    %157 = linalg.matmul ins(%135, %154 : tensor<2x64xf16>, tensor<64x32xf16>) outs(%156 : tensor<2x32xf32>) -> tensor<2x32xf32>
    %158 = tensor.expand_shape %157 [[0], [1, 2]] output_shape [2, 2, 16] : tensor<2x32xf32> into tensor<2x2x16xf32>
    %159 = tensor.empty() : tensor<2x2x16xf16>
    %160 = linalg.generic {indexing_maps = [affine_map<(b, g, d) -> (b, g, d)>, affine_map<(b, g, d) -> (b, g, d)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%158 : tensor<2x2x16xf32>) outs(%159 : tensor<2x2x16xf16>) {
    ^bb0(%a: f32, %out: f16):
      %narrow = arith.truncf %a : f32 to f16
      linalg.yield %narrow : f16
    } -> tensor<2x2x16xf16>
    %161 = tensor.extract_slice %arg2[2, 0, 0, 0, 0] [1, 2, 24, 2, 16] [1, 1, 1, 1, 1] : tensor<4x2x24x2x16xf16> to tensor<1x2x24x2x16xf16>
    %162 = tensor.collapse_shape %161 [[0, 1], [2], [3], [4]] : tensor<1x2x24x2x16xf16> into tensor<2x24x2x16xf16>
    %163 = tensor.empty() : tensor<2x24x2x16xf16>
    %164 = linalg.generic {indexing_maps = [affine_map<(b, t, g, d) -> (b, t, g, d)>, affine_map<(b, t, g, d) -> (b, g, d)>, affine_map<(b, t, g, d) -> (b)>, affine_map<(b, t, g, d) -> (t)>, affine_map<(b, t, g, d) -> (b, t, g, d)>], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%162, %153, %arg1, %43 : tensor<2x24x2x16xf16>, tensor<2x2x16xf16>, tensor<2xi64>, tensor<24xi64>) outs(%163 : tensor<2x24x2x16xf16>) {
    ^bb0(%a: f16, %b: f16, %c: i64, %d: i64, %out: f16):
      %c_here = arith.cmpi eq, %c, %d : i64
      %y = arith.select %c_here, %b, %a : f16
      linalg.yield %y : f16
    } -> tensor<2x24x2x16xf16>
    %165 = tensor.extract_slice %arg2[3, 0, 0, 0, 0] [1, 2, 24, 2, 16] [1, 1, 1, 1, 1] : tensor<4x2x24x2x16xf16> to tensor<1x2x24x2x16xf16>
    %166 = tensor.collapse_shape %165 [[0, 1], [2], [3], [4]] : tensor<1x2x24x2x16xf16> into tensor<2x24x2x16xf16>
    %167 = tensor.empty() : tensor<2x24x2x16xf16>
    %168 = linalg.generic {indexing_maps = [affine_map<(b, t, g, d) -> (b, t, g, d)>, affine_map<(b, t, g, d) -> (b, g, d)>, affine_map<(b, t, g, d) -> (b)>, affine_map<(b, t, g, d) -> (t)>, affine_map<(b, t, g, d) -> (b, t, g, d)>], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%166, %160, %arg1, %43 : tensor<2x24x2x16xf16>, tensor<2x2x16xf16>, tensor<2xi64>, tensor<24xi64>) outs(%167 : tensor<2x24x2x16xf16>) {
    ^bb0(%a: f16, %b: f16, %c: i64, %d: i64, %out: f16):
      %c_here = arith.cmpi eq, %c, %d : i64
      %y = arith.select %c_here, %b, %a : f16
      linalg.yield %y : f16
    } -> tensor<2x24x2x16xf16>
    %169 = util.global.load @layer1.query : tensor<64x64xf16>
    %c170 = arith.constant 0.0 : f32
    %170 = tensor.empty() : tensor<2x64xf32>
    %171 = linalg.fill ins(%c170 : f32) outs(%170 : tensor<2x64xf32>) -> tensor<2x64xf32>
    %172 = linalg.matmul ins(%135, %169 : tensor<2x64xf16>, tensor<64x64xf16>) outs(%171 : tensor<2x64xf32>) -> tensor<2x64xf32>
    %173 = tensor.expand_shape %172 [[0], [1, 2]] output_shape [2, 4, 16] : tensor<2x64xf32> into tensor<2x4x16xf32>
    %174 = tensor.empty() : tensor<2x8xf32>
    %175 = linalg.generic {indexing_maps = [affine_map<(b, d) -> (b)>, affine_map<(b, d) -> (d)>, affine_map<(b, d) -> (b, d)>], iterator_types = ["parallel", "parallel"]} ins(%arg1, %20 : tensor<2xi64>, tensor<8xf32>) outs(%174 : tensor<2x8xf32>) {
    ^bb0(%a: i64, %b: f32, %out: f32):
      %i = arith.sitofp %a : i64 to f32
      %y = arith.mulf %i, %b : f32
      linalg.yield %y : f32
    } -> tensor<2x8xf32>
    %176 = tensor.empty() : tensor<2x8xf32>
    %177 = linalg.generic {indexing_maps = [affine_map<(b, d) -> (b, d)>, affine_map<(b, d) -> (b, d)>], iterator_types = ["parallel", "parallel"]} ins(%175 : tensor<2x8xf32>) outs(%176 : tensor<2x8xf32>) {
    ^bb0(%a: f32, %out: f32):
      %y = math.cos %a : f32
      linalg.yield %y : f32
    } -> tensor<2x8xf32>
    %178 = tensor.empty() : tensor<2x8xf32>
    %179 = linalg.generic {indexing_maps = [affine_map<(b, d) -> (b, d)>, affine_map<(b, d) -> (b, d)>], iterator_types = ["parallel", "parallel"]} ins(%175 : tensor<2x8xf32>) outs(%178 : tensor<2x8xf32>) {
    ^bb0(%a: f32, %out: f32):
      %y = math.sin %a : f32
      linalg.yield %y : f32
    } -> tensor<2x8xf32>
    %180 = tensor.extract_slice %173[0, 0, 0] [2, 4, 8] [1, 1, 1] : tensor<2x4x16xf32> to tensor<2x4x8xf32>
    %181 = tensor.extract_slice %173[0, 0, 8] [2, 4, 8] [1, 1, 1] : tensor<2x4x16xf32> to tensor<2x4x8xf32>
    %182 = tensor.empty() : tensor<2x4x8xf16>
    %183 = linalg.generic {indexing_maps = [affine_map<(b, h, d) -> (b, h, d)>, affine_map<(b, h, d) -> (b, h, d)>, affine_map<(b, h, d) -> (b, d)>, affine_map<(b, h, d) -> (b, d)>, affine_map<(b, h, d) -> (b, h, d)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%180, %181, %177, %179 : tensor<2x4x8xf32>, tensor<2x4x8xf32>, tensor<2x8xf32>, tensor<2x8xf32>) outs(%182 : tensor<2x4x8xf16>) {
    ^bb0(%a: f32, %b: f32, %c: f32, %d: f32, %out: f16):
      %p = arith.mulf %a, %c : f32
      %q = arith.mulf %b, %d : f32
      %y = arith.subf %p, %q : f32
      %narrow = arith.truncf %y : f32 to f16
      linalg.yield %narrow : f16
    } -> tensor<2x4x8xf16>
    %184 = tensor.empty() : tensor<2x4x8xf16>
    %185 = linalg.generic {indexing_maps = [affine_map<(b, h, d) -> (b, h, d)>, affine_map<(b, h, d) -> (b, h, d)>, affine_map<(b, h, d) -> (b, d)>, affine_map<(b, h, d) -> (b, d)>, affine_map<(b, h, d) -> (b, h, d)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%181, %180, %177, %179 : tensor<2x4x8xf32>, tensor<2x4x8xf32>, tensor<2x8xf32>, tensor<2x8xf32>) outs(%184 : tensor<2x4x8xf16>) {
    ^bb0(%a: f32, %b: f32, %c: f32, %d: f32, %out: f16):
      %p = arith.mulf %a, %c : f32
      %q = arith.mulf %b, %d : f32
      %y = arith.addf %p, %q : f32
      %narrow = arith.truncf %y : f32 to f16
      linalg.yield %narrow : f16
    } -> tensor<2x4x8xf16>
    %186 = tensor.concat dim(2) %183, %185 : (tensor<2x4x8xf16>, tensor<2x4x8xf16>) -> tensor<2x4x16xf16>
    %187 = tensor.expand_shape %186 [[0], [1, 2], [3]] output_shape [2, 2, 2, 16] : tensor<2x4x16xf16> into tensor<2x2x2x16xf16>
    %c188 = arith.constant 0.0 : f32
    %188 = tensor.empty() : tensor<2x2x2x24xf32>
    %189 = linalg.fill ins(%c188 : f32) outs(%188 : tensor<2x2x2x24xf32>) -> tensor<2x2x2x24xf32>
    %190 = linalg.generic {indexing_maps = [affine_map<(b, g, h, t, d) -> (b, g, h, d)>, affine_map<(b, g, h, t, d) -> (b, t, g, d)>, affine_map<(b, g, h, t, d) -> (b, g, h, t)>], iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction"]} ins(%187, %164 : tensor<2x2x2x16xf16>, tensor<2x24x2x16xf16>) outs(%189 : tensor<2x2x2x24xf32>) {
    ^bb0(%a_in: f16, %b_in: f16, %out: f32):
      %a = arith.extf %a_in : f16 to f32
      %b = arith.extf %b_in : f16 to f32
      %p = arith.mulf %a, %b : f32
      %y = arith.addf %p, %out : f32
      linalg.yield %y : f32
    } -> tensor<2x2x2x24xf32>
    %191 = tensor.collapse_shape %190 [[0], [1, 2], [3]] : tensor<2x2x2x24xf32> into tensor<2x4x24xf32>
    %192 = tensor.empty() : tensor<2x4x24xf32>
    %193 = linalg.generic {indexing_maps = [affine_map<(b, q, k) -> (b, q, k)>, affine_map<(b, q, k) -> (b)>, affine_map<(b, q, k) -> (k)>, affine_map<(b, q, k) -> (b, q, k)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%191, %arg1, %43 : tensor<2x4x24xf32>, tensor<2xi64>, tensor<24xi64>) outs(%192 : tensor<2x4x24xf32>) {
    ^bb0(%a: f32, %b: i64, %c: i64, %out: f32):
      %s = arith.constant 0.25 : f32
      %x = arith.mulf %a, %s : f32
      %m = arith.constant -10000.0 : f32
      %v = arith.cmpi sle, %c, %b : i64
      %y = arith.select %v, %x, %m : f32
      linalg.yield %y : f32
    } -> tensor<2x4x24xf32>
    %c194 = arith.constant 0xFF800000 : f32
    %194 = tensor.empty() : tensor<2x4xf32>
    %195 = linalg.fill ins(%c194 : f32) outs(%194 : tensor<2x4xf32>) -> tensor<2x4xf32>
    %196 = linalg.generic {indexing_maps = [affine_map<(b, q, k) -> (b, q, k)>, affine_map<(b, q, k) -> (b, q)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%193 : tensor<2x4x24xf32>) outs(%195 : tensor<2x4xf32>) {
    ^bb0(%a: f32, %out: f32):
      %y = arith.maximumf %a, %out : f32
      linalg.yield %y : f32
    } -> tensor<2x4xf32>
    %197 = tensor.empty() : tensor<2x4x24xf32>
    %198 = linalg.generic {indexing_maps = [affine_map<(b, q, k) -> (b, q, k)>, affine_map<(b, q, k) -> (b, q)>, affine_map<(b, q, k) -> (b, q, k)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%193, %196 : tensor<2x4x24xf32>, tensor<2x4xf32>) outs(%197 : tensor<2x4x24xf32>) {
    ^bb0(%a: f32, %b: f32, %out: f32):
      %d = arith.subf %a, %b : f32
      %y = math.exp %d : f32
      linalg.yield %y : f32
    } -> tensor<2x4x24xf32>
    %c199 = arith.constant 0.0 : f32
    %199 = tensor.empty() : tensor<2x4xf32>
    %200 = linalg.fill ins(%c199 : f32) outs(%199 : tensor<2x4xf32>) -> tensor<2x4xf32>
    %201 = linalg.generic {indexing_maps = [affine_map<(b, q, k) -> (b, q, k)>, affine_map<(b, q, k) -> (b, q)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%198 : tensor<2x4x24xf32>) outs(%200 : tensor<2x4xf32>) {
    ^bb0(%a: f32, %out: f32):
      %y = arith.addf %a, %out : f32
      linalg.yield %y : f32
    } -> tensor<2x4xf32>
    %202 = tensor.empty() : tensor<2x4x24xf16>
    %203 = linalg.generic {indexing_maps = [affine_map<(b, q, k) -> (b, q, k)>, affine_map<(b, q, k) -> (b, q)>, affine_map<(b, q, k) -> (b, q, k)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%198, %201 : tensor<2x4x24xf32>, tensor<2x4xf32>) outs(%202 : tensor<2x4x24xf16>) {
    ^bb0(%a: f32, %b: f32, %out: f16):
      %y = arith.divf %a, %b : f32
      %narrow = arith.truncf %y : f32 to f16
      linalg.yield %narrow : f16
    } -> tensor<2x4x24xf16>
    %204 = tensor.expand_shape %203 [[0], [1, 2], [3]] output_shape [2, 2, 2, 24] : tensor<2x4x24xf16> into tensor<2x2x2x24xf16>
    %c205 = arith.constant 0.0 : f32
    %205 = tensor.empty() : tensor<2x2x2x16xf32>
    %206 = linalg.fill ins(%c205 : f32) outs(%205 : tensor<2x2x2x16xf32>) -> tensor<2x2x2x16xf32>
    %207 = linalg.generic {indexing_maps = [affine_map<(b, g, h, d, t) -> (b, g, h, t)>, affine_map<(b, g, h, d, t) -> (b, t, g, d)>, affine_map<(b, g, h, d, t) -> (b, g, h, d)>], iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction"]} ins(%204, %168 : tensor<2x2x2x24xf16>, tensor<2x24x2x16xf16>) outs(%206 : tensor<2x2x2x16xf32>) {
    ^bb0(%a_in: f16, %b_in: f16, %out: f32):
      %a = arith.extf %a_in : f16 to f32
      %b = arith.extf %b_in : f16 to f32
      %p = arith.mulf %a, %b : f32
      %y = arith.addf %p, %out : f32
      linalg.yield %y : f32
    } -> tensor<2x2x2x16xf32>
    %208 = tensor.empty() : tensor<2x2x2x16xf16>
    %209 = linalg.generic {indexing_maps = [affine_map<(b, g, h, d) -> (b, g, h, d)>, affine_map<(b, g, h, d) -> (b, g, h, d)>], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%207 : tensor<2x2x2x16xf32>) outs(%208 : tensor<2x2x2x16xf16>) {
    ^bb0(%a: f32, %out: f16):
      %narrow = arith.truncf %a : f32 to f16
      linalg.yield %narrow : f16
    } -> tensor<2x2x2x16xf16>
    %210 = tensor.collapse_shape %209 [[0], [1, 2, 3]] : tensor<2x2x2x16xf16> into tensor<2x64xf16>
    %211 = util.global.load @layer1.out : tensor<64x64xf16>
    %c212 = arith.constant 0.0 : f32
    %212 = tensor.empty() : tensor<2x64xf32>
    %213 = linalg.fill ins(%c212 : f32) outs(%212 : tensor<2x64xf32>) -> tensor<2x64xf32>
    %214 = linalg.matmul ins(%210, %211 : tensor<2x64xf16>, tensor<64x64xf16>) outs(%213 : tensor<2x64xf32>) -> tensor<2x64xf32>
    %215 = tensor.empty() : tensor<2x64xf16>
    %216 = linalg.generic {indexing_maps = [affine_map<(b, d) -> (b, d)>, affine_map<(b, d) -> (b, d)>, affine_map<(b, d) -> (b, d)>], iterator_types = ["parallel", "parallel"]} ins(%125, %214 : tensor<2x64xf16>, tensor<2x64xf32>) outs(%215 : tensor<2x64xf16>) {
    ^bb0(%a_in: f16, %b: f32, %out: f16):
      %a = arith.extf %a_in : f16 to f32
      %y = arith.addf %a, %b : f32
      %narrow = arith.truncf %y : f32 to f16
      linalg.yield %narrow : f16
    } -> tensor<2x64xf16>
    %217 = tensor.empty() : tensor<2x64xf32>
    %218 = linalg.generic {indexing_maps = [affine_map<(b, d) -> (b, d)>, affine_map<(b, d) -> (b, d)>], iterator_types = ["parallel", "parallel"]} ins(%216 : tensor<2x64xf16>) outs(%217 : tensor<2x64xf32>) {
    ^bb0(%a_in: f16, %out: f32):
      %a = arith.extf %a_in : f16 to f32
      %y = arith.mulf %a, %a : f32
      linalg.yield %y : f32
    } -> tensor<2x64xf32>
    %c219 = arith.constant 0.0 : f32
    %219 = tensor.empty() : tensor<2xf32>
    %220 = linalg.fill ins(%c219 : f32) outs(%219 : tensor<2xf32>) -> tensor<2xf32>
    %221 = linalg.generic {indexing_maps = [affine_map<(b, d) -> (b, d)>, affine_map<(b, d) -> (b)>], iterator_types = ["parallel", "reduction"]} ins(%218 : tensor<2x64xf32>) outs(%220 : tensor<2xf32>) {
    ^bb0(%a: f32, %out: f32):
      %y = arith.addf %a, %out : f32
      linalg.yield %y : f32
    } -> tensor<2xf32>
    %222 = tensor.empty() : tensor<2x64xf32>
    %223 = linalg.generic {indexing_maps = [affine_map<(b, d) -> (b, d)>, affine_map<(b, d) -> (b)>, affine_map<(b, d) -> (b, d)>], iterator_types = ["parallel", "parallel"]} ins(%216, %221 : tensor<2x64xf16>, tensor<2xf32>) outs(%222 : tensor<2x64xf32>) {
    ^bb0(%a_in: f16, %b: f32, %out: f32):
      %a = arith.extf %a_in : f16 to f32
      %n = arith.constant 64.0 : f32
      %m = arith.divf %b, %n : f32
      %eps = arith.constant 1.0e-05 : f32
      %v = arith.addf %m, %eps : f32
      %r = math.rsqrt %v : f32
      %y = arith.mulf %a, %r : f32
      linalg.yield %y : f32
    } -> tensor<2x64xf32>
    %224 = util.global.load @layer1.norm2 : tensor<64xf16>
    %225 = tensor.empty() : tensor<2x64xf16>
    %226 = linalg.generic {indexing_maps = [affine_map<(b, d) -> (b, d)>, affine_map<(b, d) -> (d)>, affine_map<(b, d) -> (b, d)>], iterator_types = ["parallel", "parallel"]} ins(%223, %224 : tensor<2x64xf32>, tensor<64xf16>) outs(%225 : tensor<2x64xf16>) {
    ^bb0(%a: f32, %b_in: f16, %out: f16):
      %b = arith.extf %b_in : f16 to f32
      %y = arith.mulf %a, %b : f32
      %narrow = arith.truncf %y : f32 to f16
      linalg.yield %narrow : f16
    } -> tensor<2x64xf16>
    %227 = util.global.load @layer1.gate : tensor<64x80xf16>
    %c228 = arith.constant 0.0 : f32
    %228 = tensor.empty() : tensor<2x80xf32>
    %229 = linalg.fill ins(%c228 : f32) outs(%228 : tensor<2x80xf32>) -> tensor<2x80xf32>
    %230 = linalg.matmul ins(%226, %227 : tensor<2x64xf16>, tensor<64x80xf16>) outs(%229 : tensor<2x80xf32>) -> tensor<2x80xf32>
    %231 = util.global.load @layer1.up : tensor<64x80xf16>
    %c232 = arith.constant 0.0 : f32
    %232 = tensor.empty() : tensor<2x80xf32>
    %233 = linalg.fill ins(%c232 : f32) outs(%232 : tensor<2x80xf32>) -> tensor<2x80xf32>
    %234 = linalg.matmul ins(%226, %231 : tensor<2x64xf16>, tensor<64x80xf16>) outs(%233 : tensor<2x80xf32>) -> tensor<2x80xf32>
    %235 = tensor.empty() : tensor<2x80xf32>
    %236 = linalg.generic {indexing_maps = [affine_map<(b, d) -> (b, d)>, affine_map<(b, d) -> (b, d)>], iterator_types = ["parallel", "parallel"]} ins(%230 : tensor<2x80xf32>) outs(%235 : tensor<2x80xf32>) {
    ^bb0(%a: f32, %out: f32):
      %n = arith.negf %a : f32
      %e = math.exp %n : f32
      %c1 = arith.constant 1.0 : f32
      %d = arith.addf %e, %c1 : f32
      %y = arith.divf %a, %d : f32
      linalg.yield %y : f32
    } -> tensor<2x80xf32>
    %237 = tensor.empty() : tensor<2x80xf16>
    %238 = linalg.generic {indexing_maps = [affine_map<(b, d) -> (b, d)>, affine_map<(b, d) -> (b, d)>, affine_map<(b, d) -> (b, d)>], iterator_types = ["parallel", "parallel"]} ins(%236, %234 : tensor<2x80xf32>, tensor<2x80xf32>) outs(%237 : tensor<2x80xf16>) {
    ^bb0(%a: f32, %b: f32, %out: f16):
      %y = arith.mulf %a, %b : f32
      %narrow = arith.truncf %y : f32 to f16
      linalg.yield %narrow : f16
    } -> tensor<2x80xf16>
    %239 = util.global.load @layer1.down : tensor<80x64xf16>
    %c240 = arith.constant 0.0 : f32
    %240 = tensor.empty() : tensor<2x64xf32>
    %241 = linalg.fill ins(%c240 : f32) outs(%240 : tensor<2x64xf32>) -> tensor<2x64xf32>
    %242 = linalg.matmul ins(%238, %239 : tensor<2x80xf16>, tensor<80x64xf16>) outs(%241 : tensor<2x64xf32>) -> tensor<2x64xf32>
    %243 = tensor.empty() : tensor<2x64xf16>
    %244 = linalg.generic {indexing_maps = [affine_map<(b, d) -> (b, d)>, affine_map<(b, d) -> (b, d)>, affine_map<(b, d) -> (b, d)>], iterator_types = ["parallel", "parallel"]} ins(%216, %242 : tensor<2x64xf16>, tensor<2x64xf32>) outs(%243 : tensor<2x64xf16>) {
    ^bb0(%a_in: f16, %b: f32, %out: f16):
      %a = arith.extf %a_in : f16 to f32
      %y = arith.addf %a, %b : f32
      %narrow = arith.truncf %y : f32 to f16
      linalg.yield %narrow : f16
    } -> tensor<2x64xf16>
    %245 = tensor.empty() : tensor<2x64xf32>
    %246 = linalg.generic {indexing_maps = [affine_map<(b, d) -> (b, d)>, affine_map<(b, d) -> (b, d)>], iterator_types = ["parallel", "parallel"]} ins(%244 : tensor<2x64xf16>) outs(%245 : tensor<2x64xf32>) {
    ^bb0(%a_in: f16, %out: f32):
      %a = arith.extf %a_in : f16 to f32
      %y = arith.mulf %a, %a : f32
      linalg.yield %y : f32
    } -> tensor<2x64xf32>
    %c247 = arith.constant 0.0 : f32
    %247 = tensor.empty() : tensor<2xf32>
    %248 = linalg.fill ins(%c247 : f32) outs(%247 : tensor<2xf32>) -> tensor<2xf32>
    %249 = linalg.generic {indexing_maps = [affine_map<(b, d) -> (b, d)>, affine_map<(b, d) -> (b)>], iterator_types = ["parallel", "reduction"]} ins(%246 : tensor<2x64xf32>) outs(%248 : tensor<2xf32>) {
    ^bb0(%a: f32, %out: f32):
      %y = arith.addf %a, %out : f32
      linalg.yield %y : f32
    } -> tensor<2xf32>
    %250 = tensor.empty() : tensor<2x64xf32>
    %251 = linalg.generic {indexing_maps = [affine_map<(b, d) -> (b, d)>, affine_map<(b, d) -> (b)>, affine_map<(b, d) -> (b, d)>], iterator_types = ["parallel", "parallel"]} ins(%244, %249 : tensor<2x64xf16>, tensor<2xf32>) outs(%250 : tensor<2x64xf32>) {
    ^bb0(%a_in: f16, %b: f32, %out: f32):
      %a = arith.extf %a_in : f16 to f32
      %n = arith.constant 64.0 : f32
      %m = arith.divf %b, %n : f32
      %eps = arith.constant 1.0e-05 : f32
      %v = arith.addf %m, %eps : f32
      %r = math.rsqrt %v : f32
      %y = arith.mulf %a, %r : f32
      linalg.yield %y : f32
    } -> tensor<2x64xf32>
    %252 = util.global.load @norm : tensor<64xf16>
    %253 = tensor.empty() : tensor<2x64xf16>
    %254 = linalg.generic {indexing_maps = [affine_map<(b, d) -> (b, d)>, affine_map<(b, d) -> (d)>, affine_map<(b, d) -> (b, d)>], iterator_types = ["parallel", "parallel"]} ins(%251, %252 : tensor<2x64xf32>, tensor<64xf16>) outs(%253 : tensor<2x64xf16>) {
    ^bb0(%a: f32, %b_in: f16, %out: f16):
      %b = arith.extf %b_in : f16 to f32
      %y = arith.mulf %a, %b : f32
      %narrow = arith.truncf %y : f32 to f16
      linalg.yield %narrow : f16
    } -> tensor<2x64xf16>
    %255 = util.global.load @logits : tensor<64x96xf16>
    %c256 = arith.constant 0.0 : f32
    %256 = tensor.empty() : tensor<2x96xf32>
    %257 = linalg.fill ins(%c256 : f32) outs(%256 : tensor<2x96xf32>) -> tensor<2x96xf32>
    %258 = linalg.matmul ins(%254, %255 : tensor<2x64xf16>, tensor<64x96xf16>) outs(%257 : tensor<2x96xf32>) -> tensor<2x96xf32>
    %259 = tensor.expand_shape %45 [[0, 1], [2], [3], [4]] output_shape [1, 2, 24, 2, 16] : tensor<2x24x2x16xf16> into tensor<1x2x24x2x16xf16>
    %260 = tensor.expand_shape %49 [[0, 1], [2], [3], [4]] output_shape [1, 2, 24, 2, 16] : tensor<2x24x2x16xf16> into tensor<1x2x24x2x16xf16>
    %261 = tensor.expand_shape %164 [[0, 1], [2], [3], [4]] output_shape [1, 2, 24, 2, 16] : tensor<2x24x2x16xf16> into tensor<1x2x24x2x16xf16>
    %262 = tensor.expand_shape %168 [[0, 1], [2], [3], [4]] output_shape [1, 2, 24, 2, 16] : tensor<2x24x2x16xf16> into tensor<1x2x24x2x16xf16>
    %263 = tensor.concat dim(0) %259, %260 : (tensor<1x2x24x2x16xf16>, tensor<1x2x24x2x16xf16>) -> tensor<2x2x24x2x16xf16>
    %264 = tensor.concat dim(0) %263, %261 : (tensor<2x2x24x2x16xf16>, tensor<1x2x24x2x16xf16>) -> tensor<3x2x24x2x16xf16>
    %265 = tensor.concat dim(0) %264, %262 : (tensor<3x2x24x2x16xf16>, tensor<1x2x24x2x16xf16>) -> tensor<4x2x24x2x16xf16>
    return %258, %265 : tensor<2x96xf32>, tensor<4x2x24x2x16xf16>
  }
}
