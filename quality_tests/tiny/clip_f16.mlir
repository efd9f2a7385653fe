module @compiled_clip {
  util.global private @final_norm.bias = #stream.parameter.named<"model"::"final_norm.bias"> : tensor<48xf16>
  util.global private @final_norm.weight = #stream.parameter.named<"model"::"final_norm.weight"> : tensor<48xf16>
  util.global private @layer0.fc1.bias = #stream.parameter.named<"model"::"layer0.fc1.bias"> : tensor<96xf16>
  util.global private @layer0.fc1.weight = #stream.parameter.named<"model"::"layer0.fc1.weight"> : tensor<48x96xf16>
  util.global private @layer0.fc2.bias = #stream.parameter.named<"model"::"layer0.fc2.bias"> : tensor<48xf16>
  util.global private @layer0.fc2.weight = #stream.parameter.named<"model"::"layer0.fc2.weight"> : tensor<96x48xf16>
  util.global private @layer0.key.bias = #stream.parameter.named<"model"::"layer0.key.bias"> : tensor<48xf16>
  util.global private @layer0.key.weight = #stream.parameter.named<"model"::"layer0.key.weight"> : tensor<48x48xf16>
  util.global private @layer0.norm1.bias = #stream.parameter.named<"model"::"layer0.norm1.bias"> : tensor<48xf16>
  util.global private @layer0.norm1.weight = #stream.parameter.named<"model"::"layer0.norm1.weight"> : tensor<48xf16>
  util.global private @layer0.norm2.bias = #stream.parameter.named<"model"::"layer0.norm2.bias"> : tensor<48xf16>
  util.global private @layer0.norm2.weight = #stream.parameter.named<"model"::"layer0.norm2.weight"> : tensor<48xf16>
  util.global private @layer0.out.bias = #stream.parameter.named<"model"::"layer0.out.bias"> : tensor<48xf16>
  util.global private @layer0.out.weight = #stream.parameter.named<"model"::"layer0.out.weight"> : tensor<48x48xf16>
  util.global private @layer0.query.bias = #stream.parameter.named<"model"::"layer0.query.bias"> : tensor<48xf16>
  util.global private @layer0.query.weight = #stream.parameter.named<"model"::"layer0.query.weight"> : tensor<48x48xf16>
  util.global private @layer0.value.bias = #stream.parameter.named<"model"::"layer0.value.bias"> : tensor<48xf16>
  util.global private @layer0.value.weight = #stream.parameter.named<"model"::"layer0.value.weight"> : tensor<48x48xf16>
  util.global private @layer1.fc1.bias = #stream.parameter.named<"model"::"layer1.fc1.bias"> : tensor<96xf16>
  util.global private @layer1.fc1.weight = #stream.parameter.named<"model"::"layer1.fc1.weight"> : tensor<48x96xf16>
  util.global private @layer1.fc2.bias = #stream.parameter.named<"model"::"layer1.fc2.bias"> : tensor<48xf16>
  util.global private @layer1.fc2.weight = #stream.parameter.named<"model"::"layer1.fc2.weight"> : tensor<96x48xf16>
  util.global private @layer1.key.bias = #stream.parameter.named<"model"::"layer1.key.bias"> : tensor<48xf16>
  util.global private @layer1.key.weight = #stream.parameter.named<"model"::"layer1.key.weight"> : tensor<48x48xf16>
  util.global private @layer1.norm1.bias = #stream.parameter.named<"model"::"layer1.norm1.bias"> : tensor<48xf16>
  util.global private @layer1.norm1.weight = #stream.parameter.named<"model"::"layer1.norm1.weight"> : tensor<48xf16>
  util.global private @layer1.norm2.bias = #stream.parameter.named<"model"::"layer1.norm2.bias"> : tensor<48xf16>
  util.global private @layer1.norm2.weight = #stream.parameter.named<"model"::"layer1.norm2.weight"> : tensor<48xf16>
  util.global private @layer1.out.bias = #stream.parameter.named<"model"::"layer1.out.bias"> : tensor<48xf16>
  util.global private @layer1.out.weight = #stream.parameter.named<"model"::"layer1.out.weight"> : tensor<48x48xf16>
  util.global private @layer1.query.bias = #stream.parameter.named<"model"::"layer1.query.bias"> : tensor<48xf16>
  util.global private @layer1.query.weight = #stream.parameter.named<"model"::"layer1.query.weight"> : tensor<48x48xf16>
  util.global private @layer1.value.bias = #stream.parameter.named<"model"::"layer1.value.bias"> : tensor<48xf16>
  util.global private @layer1.value.weight = #stream.parameter.named<"model"::"layer1.value.weight"> : tensor<48x48xf16>
  util.global private @mask = #stream.parameter.named<"model"::"mask"> : tensor<16x16xf16>
  util.global private @positions = #stream.parameter.named<"model"::"positions"> : tensor<16x48xf16>
  util.global private @tokens = #stream.parameter.named<"model"::"tokens"> : tensor<64x48xf16>
  func.func @encode_prompts(%arg0: tensor<2x16xi64>) -> (tensor<2x16x48xf16>, tensor<2x48xf16>) {
    %0 = util.global.load @tokens : tensor<64x48xf16>
    %1 = tensor.empty() : tensor<2x16x48xf16>
    %2 = linalg.generic {indexing_maps = [affine_map<(b, t, d) -> (b, t)>, affine_map<(b, t, d) -> (b, t, d)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%arg0 : tensor<2x16xi64>) outs(%1 : tensor<2x16x48xf16>) {
    ^bb0(%a: i64, %out: f16):
      %i = arith.index_cast %a : i64 to index
      %j = linalg.index 2 : index
      %y = tensor.extract %0[%i, %j] : tensor<64x48xf16>
      linalg.yield %y : f16
    } -> tensor<2x16x48xf16>
    %3 = util.global.load @positions : tensor<16x48xf16>
    %4 = tensor.empty() : tensor<2x16x48xf16>
    %5 = linalg.generic {indexing_maps = [affine_map<(b, t, d) -> (b, t, d)>, affine_map<(b, t, d) -> (t, d)>, affine_map<(b, t, d) -> (b, t, d)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%2, %3 : tensor<2x16x48xf16>, tensor<16x48xf16>) outs(%4 : tensor<2x16x48xf16>) {
    ^bb0(%a_in: f16, %b_in: f16, %out: f16):
      %a = arith.extf %a_in : f16 to f32
      %b = arith.extf %b_in : f16 to f32
      %y = arith.addf %a, %b : f32
      %narrow = arith.truncf %y : f32 to f16
      linalg.yield %narrow : f16
    } -> tensor<2x16x48xf16>
    %c6 = arith.constant 0.0 : f32
    %6 = tensor.empty() : tensor<2x16xf32>
    %7 = linalg.fill ins(%c6 : f32) outs(%6 : tensor<2x16xf32>) -> tensor<2x16xf32>
    %8 = linalg.generic {indexing_maps = [affine_map<(b, t, d) -> (b, t, d)>, affine_map<(b, t, d) -> (b, t)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%5 : tensor<2x16x48xf16>) outs(%7 : tensor<2x16xf32>) {
    ^bb0(%a_in: f16, %out: f32):
      %a = arith.extf %a_in : f16 to f32
      %y = arith.addf %a, %out : f32
      linalg.yield %y : f32
    } -> tensor<2x16xf32>
    %9 = tensor.empty() : tensor<2x16x48xf32>
    %10 = linalg.generic {indexing_maps = [affine_map<(b, t, d) -> (b, t, d)>, affine_map<(b, t, d) -> (b, t)>, affine_map<(b, t, d) -> (b, t, d)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%5, %8 : tensor<2x16x48xf16>, tensor<2x16xf32>) outs(%9 : tensor<2x16x48xf32>) {
    ^bb0(%a_in: f16, %b: f32, %out: f32):
      %a = arith.extf %a_in : f16 to f32
      %n = arith.constant 48.0 : f32
      %m = arith.divf %b, %n : f32
      %y = arith.subf %a, %m : f32
      linalg.yield %y : f32
    } -> tensor<2x16x48xf32>
    %11 = tensor.empty() : tensor<2x16x48xf32>
    %12 = linalg.generic {indexing_maps = [affine_map<(b, t, d) -> (b, t, d)>, affine_map<(b, t, d) -> (b, t, d)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%10 : tensor<2x16x48xf32>) outs(%11 : tensor<2x16x48xf32>) {
    ^bb0(%a: f32, %out: f32):
      %y = arith.mulf %a, %a : f32
      linalg.yield %y : f32
    } -> tensor<2x16x48xf32>
    %c13 = arith.constant 0.0 : f32
    %13 = tensor.empty() : tensor<2x16xf32>
    %14 = linalg.fill ins(%c13 : f32) outs(%13 : tensor<2x16xf32>) -> tensor<2x16xf32>
    %15 = linalg.generic {indexing_maps = [affine_map<(b, t, d) -> (b, t, d)>, affine_map<(b, t, d) -> (b, t)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%12 : tensor<2x16x48xf32>) outs(%14 : tensor<2x16xf32>) {
    ^bb0(%a: f32, %out: f32):
      %y = arith.addf %a, %out : f32
      linalg.yield %y : f32
    } -> tensor<2x16xf32>
    %16 = tensor.empty() : tensor<2x16x48xf32>
    %17 = linalg.generic {indexing_maps = [affine_map<(b, t, d) -> (b, t, d)>, affine_map<(b, t, d) -> (b, t)>, affine_map<(b, t, d) -> (b, t, d)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%10, %15 : tensor<2x16x48xf32>, tensor<2x16xf32>) outs(%16 : tensor<2x16x48xf32>) {
    ^bb0(%a: f32, %b: f32, %out: f32):
      %n = arith.constant 48.0 : f32
      %m = arith.divf %b, %n : f32
      %eps = arith.constant 1.0e-05 : f32
      %v = arith.addf %m, %eps : f32
      %r = math.rsqrt %v : f32
      %y = arith.mulf %a, %r : f32
      linalg.yield %y : f32
    } -> tensor<2x16x48xf32>
    %18 = util.global.load @layer0.norm1.weight : tensor<48xf16>
    %19 = util.global.load @layer0.norm1.bias : tensor<48xf16>
    %20 = tensor.empty() : tensor<2x16x48xf16>
    %21 = linalg.generic {indexing_maps = [affine_map<(b, t, d) -> (b, t, d)>, affine_map<(b, t, d) -> (d)>, affine_map<(b, t, d) -> (d)>, affine_map<(b, t, d) -> (b, t, d)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%17, %18, %19 : tensor<2x16x48xf32>, tensor<48xf16>, tensor<48xf16>) outs(%20 : tensor<2x16x48xf16>) {
    ^bb0(%a: f32, %b_in: f16, %c_in: f16, %out: f16):
      %b = arith.extf %b_in : f16 to f32
      %c = arith.extf %c_in : f16 to f32
      %g = arith.mulf %a, %b : f32
      %y = arith.addf %g, %c : f32
      %narrow = arith.truncf %y : f32 to f16
      linalg.yield %narrow : f16
    } -> tensor<2x16x48xf16>
    %22 = util.global.load @layer0.query.weight : tensor<48x48xf16>
    %23 = util.global.load @layer0.query.bias : tensor<48xf16>
    %24 = tensor.collapse_shape %21 [[0, 1], [2]] : tensor<2x16x48xf16> into tensor<32x48xf16>
    %c25 = arith.constant 0.0 : f32
    %25 = tensor.empty() : tensor<32x48xf32>
    %26 = linalg.fill ins(%c25 : f32) outs(%25 : tensor<32x48xf32>) -> tensor<32x48xf32>
    %27 = linalg.matmul ins(%24, %22 : tensor<32x48xf16>, tensor<48x48xf16>) outs(%26 : tensor<32x48xf32>) -> tensor<32x48xf32>
    %28 = tensor.empty() : tensor<32x48xf16>
    %29 = linalg.generic {indexing_maps = [affine_map<(r, d) -> (r, d)>, affine_map<(r, d) -> (d)>, affine_map<(r, d) -> (r, d)>], iterator_types = ["parallel", "parallel"]} ins(%27, %23 : tensor<32x48xf32>, tensor<48xf16>) outs(%28 : tensor<32x48xf16>) {
    ^bb0(%a: f32, %b_in: f16, %out: f16):
      %b = arith.extf %b_in : f16 to f32
      %y = arith.addf %a, %b : f32
      %narrow = arith.truncf %y : f32 to f16
      linalg.yield %narrow : f16
    } -> tensor<32x48xf16>
    %30 = tensor.expand_shape %29 [[0, 1], [2]] output_shape [2, 16, 48] : tensor<32x48xf16> into tensor<2x16x48xf16>
    %31 = util.global.load @layer0.key.weight : tensor<48x48xf16>
    %32 = util.global.load @layer0.key.bias : tensor<48xf16>
    %33 = tensor.collapse_shape %21 [[0, 1], [2]] : tensor<2x16x48xf16> into tensor<32x48xf16>
    %c34 = arith.constant 0.0 : f32
    %34 = tensor.empty() : tensor<32x48xf32>
    %35 = linalg.fill ins(%c34 : f32) outs(%34 : tensor<32x48xf32>) -> tensor<32x48xf32>
    %36 = linalg.matmul ins(%33, %31 : tensor<32x48xf16>, tensor<48x48xf16>) outs(%35 : tensor<32x48xf32>) -> tensor<32x48xf32>
    %37 = tensor.empty() : tensor<32x48xf16>
    %38 = linalg.generic {indexing_maps = [affine_map<(r, d) -> (r, d)>, affine_map<(r, d) -> (d)>, affine_map<(r, d) -> (r, d)>], iterator_types = ["parallel", "parallel"]} ins(%36, %32 : tensor<32x48xf32>, tensor<48xf16>) outs(%37 : tensor<32x48xf16>) {
    ^bb0(%a: f32, %b_in: f16, %out: f16):
      %b = arith.extf %b_in : f16 to f32
      %y = arith.addf %a, %b : f32
      %narrow = arith.truncf %y : f32 to f16
      linalg.yield %narrow : f16
    } -> tensor<32x48xf16>
    %39 = tensor.expand_shape %38 [[0, 1], [2]] output_shape [2, 16, 48] : tensor<32x48xf16> into tensor<2x16x48xf16>
    %40 = util.global.load @layer0.value.weight : tensor<48x48xf16>
    %41 = util.global.load @layer0.value.bias : tensor<48xf16>
    %42 = tensor.collapse_shape %21 [[0, 1], [2]] : tensor<2x16x48xf16> into tensor<32x48xf16>
    %c43 = arith.constant 0.0 : f32
    %43 = tensor.empty() : tensor<32x48xf32>
    %44 = linalg.fill ins(%c43 : f32) outs(%43 : tensor<32x48xf32>) -> tensor<32x48xf32>
    %45 = linalg.matmul ins(%42, %40 : tensor<32x48xf16>, tensor<48x48xf16>) outs(%44 : tensor<32x48xf32>) -> tensor<32x48xf32>
    %46 = tensor.empty() : tensor<32x48xf16>
    %47 = linalg.generic {indexing_maps = [affine_map<(r, d) -> (r, d)>, affine_map<(r, d) -> (d)>, affine_map<(r, d) -> (r, d)>], iterator_types = ["parallel", "parallel"]} ins(%45, %41 : tensor<32x48xf32>, tensor<48xf16>) outs(%46 : tensor<32x48xf16>) {
    ^bb0(%a: f32, %b_in: f16, %out: f16):
      %b = arith.extf %b_in : f16 to f32
      %y = arith.addf %a, %b : f32
      %narrow = arith.truncf %y : f32 to f16
      linalg.yield %narrow : f16
    } -> tensor<32x48xf16>
    %48 = tensor.expand_shape %47 [[0, 1], [2]] output_shape [2, 16, 48] : tensor<32x48xf16> into tensor<2x16x48xf16>
    %49 = util.global.load @mask : tensor<16x16xf16>
    %50 = tensor.expand_shape %30 [[0], [1], [2, 3]] output_shape [2, 16, 3, 16] : tensor<2x16x48xf16> into tensor<2x16x3x16xf16>
    %51 = tensor.empty() : tensor<2x3x16x16xf16>
    %52 = linalg.generic {indexing_maps = [affine_map<(b, h, t, d) -> (b, t, h, d)>, affine_map<(b, h, t, d) -> (b, h, t, d)>], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%50 : tensor<2x16x3x16xf16>) outs(%51 : tensor<2x3x16x16xf16>) {
    ^bb0(%a_in: f16, %out: f16):
      %a = arith.extf %a_in : f16 to f32
      %narrow = arith.truncf %a : f32 to f16
      linalg.yield %narrow : f16
    } -> tensor<2x3x16x16xf16>
    %53 = tensor.collapse_shape %52 [[0, 1], [2], [3]] : tensor<2x3x16x16xf16> into tensor<6x16x16xf16>
    %54 = tensor.expand_shape %39 [[0], [1], [2, 3]] output_shape [2, 16, 3, 16] : tensor<2x16x48xf16> into tensor<2x16x3x16xf16>
    %55 = tensor.empty() : tensor<2x3x16x16xf16>
    %56 = linalg.generic {indexing_maps = [affine_map<(b, h, d, t) -> (b, t, h, d)>, affine_map<(b, h, d, t) -> (b, h, d, t)>], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%54 : tensor<2x16x3x16xf16>) outs(%55 : tensor<2x3x16x16xf16>) {
    ^bb0(%a_in: f16, %out: f16):
      %a = arith.extf %a_in : f16 to f32
      %narrow = arith.truncf %a : f32 to f16
      linalg.yield %narrow : f16
    } -> tensor<2x3x16x16xf16>
    %57 = tensor.collapse_shape %56 [[0, 1], [2], [3]] : tensor<2x3x16x16xf16> into tensor<6x16x16xf16>
    %58 = tensor.expand_shape %48 [[0], [1], [2, 3]] output_shape [2, 16, 3, 16] : tensor<2x16x48xf16> into tensor<2x16x3x16xf16>
    %59 = tensor.empty() : tensor<2x3x16x16xf16>
    %60 = linalg.generic {indexing_maps = [affine_map<(b, h, t, d) -> (b, t, h, d)>, affine_map<(b, h, t, d) -> (b, h, t, d)>], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%58 : tensor<2x16x3x16xf16>) outs(%59 : tensor<2x3x16x16xf16>) {
    ^bb0(%a_in: f16, %out: f16):
      %a = arith.extf %a_in : f16 to f32
      %narrow = arith.truncf %a : f32 to f16
      linalg.yield %narrow : f16
    } -> tensor<2x3x16x16xf16>
    %61 = tensor.collapse_shape %60 [[0, 1], [2], [3]] : tensor<2x3x16x16xf16> into tensor<6x16x16xf16>
    %c62 = arith.constant 0.0 : f32
    %62 = tensor.empty() : tensor<6x16x16xf32>
    %63 = linalg.fill ins(%c62 : f32) outs(%62 : tensor<6x16x16xf32>) -> tensor<6x16x16xf32>
    %64 = linalg.batch_matmul ins(%53, %57 : tensor<6x16x16xf16>, tensor<6x16x16xf16>) outs(%63 : tensor<6x16x16xf32>) -> tensor<6x16x16xf32>
    %65 = tensor.empty() : tensor<6x16x16xf32>
    %66 = linalg.generic {indexing_maps = [affine_map<(b, q, k) -> (b, q, k)>, affine_map<(b, q, k) -> (q, k)>, affine_map<(b, q, k) -> (b, q, k)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%64, %49 : tensor<6x16x16xf32>, tensor<16x16xf16>) outs(%65 : tensor<6x16x16xf32>) {
    ^bb0(%a: f32, %b_in: f16, %out: f32):
      %b = arith.extf %b_in : f16 to f32
      %s = arith.constant 2.500000e-01 : f32
      %x = arith.mulf %a, %s : f32
      %y = arith.addf %x, %b : f32
      linalg.yield %y : f32
    } -> tensor<6x16x16xf32>
    %c67 = arith.constant 0xFF800000 : f32
    %67 = tensor.empty() : tensor<6x16xf32>
    %68 = linalg.fill ins(%c67 : f32) outs(%67 : tensor<6x16xf32>) -> tensor<6x16xf32>
    %69 = linalg.generic {indexing_maps = [affine_map<(b, q, k) -> (b, q, k)>, affine_map<(b, q, k) -> (b, q)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%66 : tensor<6x16x16xf32>) outs(%68 : tensor<6x16xf32>) {
    ^bb0(%a: f32, %out: f32):
      %y = arith.maximumf %a, %out : f32
      linalg.yield %y : f32
    } -> tensor<6x16xf32>
    %70 = tensor.empty() : tensor<6x16x16xf32>
    %71 = linalg.generic {indexing_maps = [affine_map<(b, q, k) -> (b, q, k)>, affine_map<(b, q, k) -> (b, q)>, affine_map<(b, q, k) -> (b, q, k)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%66, %69 : tensor<6x16x16xf32>, tensor<6x16xf32>) outs(%70 : tensor<6x16x16xf32>) {
    ^bb0(%a: f32, %b: f32, %out: f32):
      %d = arith.subf %a, %b : f32
      %y = math.exp %d : f32
      linalg.yield %y : f32
    } -> tensor<6x16x16xf32>
    %c72 = arith.constant 0.0 : f32
    %72 = tensor.empty() : tensor<6x16xf32>
    %73 = linalg.fill ins(%c72 : f32) outs(%72 : tensor<6x16xf32>) -> tensor<6x16xf32>
    %74 = linalg.generic {indexing_maps = [affine_map<(b, q, k) -> (b, q, k)>, affine_map<(b, q, k) -> (b, q)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%71 : tensor<6x16x16xf32>) outs(%73 : tensor<6x16xf32>) {
    ^bb0(%a: f32, %out: f32):
      %y = arith.addf %a, %out : f32
      linalg.yield %y : f32
    } -> tensor<6x16xf32>
    %75 = tensor.empty() : tensor<6x16x16xf16>
    %76 = linalg.generic {indexing_maps = [affine_map<(b, q, k) -> (b, q, k)>, affine_map<(b, q, k) -> (b, q)>, affine_map<(b, q, k) -> (b, q, k)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%71, %74 : tensor<6x16x16xf32>, tensor<6x16xf32>) outs(%75 : tensor<6x16x16xf16>) {
    ^bb0(%a: f32, %b: f32, %out: f16):
      %y = arith.divf %a, %b : f32
      %narrow = arith.truncf %y : f32 to f16
      linalg.yield %narrow : f16
    } -> tensor<6x16x16xf16>
    %c77 = arith.constant 0.0 : f32
    %77 = tensor.empty() : tensor<6x16x16xf32>
    %78 = linalg.fill ins(%c77 : f32) outs(%77 : tensor<6x16x16xf32>) -> tensor<6x16x16xf32>
    %79 = linalg.batch_matmul ins(%76, %61 : tensor<6x16x16xf16>, tensor<6x16x16xf16>) outs(%78 : tensor<6x16x16xf32>) -> tensor<6x16x16xf32>
    %80 = tensor.expand_shape %79 [[0, 1], [2], [3]] output_shape [2, 3, 16, 16] : tensor<6x16x16xf32> into tensor<2x3x16x16xf32>
    %81 = tensor.empty() : tensor<2x16x3x16xf16>
    %82 = linalg.generic {indexing_maps = [affine_map<(b, t, h, d) -> (b, h, t, d)>, affine_map<(b, t, h, d) -> (b, t, h, d)>], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%80 : tensor<2x3x16x16xf32>) outs(%81 : tensor<2x16x3x16xf16>) {
    ^bb0(%a: f32, %out: f16):
      %narrow = arith.truncf %a : f32 to f16
      linalg.yield %narrow : f16
    } -> tensor<2x16x3x16xf16>
    %83 = tensor.collapse_shape %82 [[0], [1], [2, 3]] : tensor<2x16x3x16xf16> into tensor<2x16x48xf16>
    %84 = util.global.load @layer0.out.weight : tensor<48x48xf16>
    %85 = util.global.load @layer0.out.bias : tensor<48xf16>
    %86 = tensor.collapse_shape %83 [[0, 1], [2]] : tensor<2x16x48xf16> into tensor<32x48xf16>
    %c87 = arith.constant 0.0 : f32
    %87 = tensor.empty() : tensor<32x48xf32>
    %88 = linalg.fill ins(%c87 : f32) outs(%87 : tensor<32x48xf32>) -> tensor<32x48xf32>
    %89 = linalg.matmul ins(%86, %84 : tensor<32x48xf16>, tensor<48x48xf16>) outs(%88 : tensor<32x48xf32>) -> tensor<32x48xf32>
    %90 = tensor.empty() : tensor<32x48xf16>
    %91 = linalg.generic {indexing_maps = [affine_map<(r, d) -> (r, d)>, affine_map<(r, d) -> (d)>, affine_map<(r, d) -> (r, d)>], iterator_types = ["parallel", "parallel"]} ins(%89, %85 : tensor<32x48xf32>, tensor<48xf16>) outs(%90 : tensor<32x48xf16>) {
    ^bb0(%a: f32, %b_in: f16, %out: f16):
      %b = arith.extf %b_in : f16 to f32
      %y = arith.addf %a, %b : f32
      %narrow = arith.truncf %y : f32 to f16
      linalg.yield %narrow : f16
    } -> tensor<32x48xf16>
    %92 = tensor.expand_shape %91 [[0, 1], [2]] output_shape [2, 16, 48] : tensor<32x48xf16> into tensor<2x16x48xf16>
    %93 = tensor.empty() : tensor<2x16x48xf16>
    %94 = linalg.generic {indexing_maps = [affine_map<(b, t, d) -> (b, t, d)>, affine_map<(b, t, d) -> (b, t, d)>, affine_map<(b, t, d) -> (b, t, d)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%5, %92 : tensor<2x16x48xf16>, tensor<2x16x48xf16>) outs(%93 : tensor<2x16x48xf16>) {
    ^bb0(%a_in: f16, %b_in: f16, %out: f16):
      %a = arith.extf %a_in : f16 to f32
      %b = arith.extf %b_in : f16 to f32
      %y = arith.addf %a, %b : f32
      %narrow = arith.truncf %y : f32 to f16
      linalg.yield %narrow : f16
    } -> tensor<2x16x48xf16>
    %c95 = arith.constant 0.0 : f32
    %95 = tensor.empty() : tensor<2x16xf32>
    %96 = linalg.fill ins(%c95 : f32) outs(%95 : tensor<2x16xf32>) -> tensor<2x16xf32>
    %97 = linalg.generic {indexing_maps = [affine_map<(b, t, d) -> (b, t, d)>, affine_map<(b, t, d) -> (b, t)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%94 : tensor<2x16x48xf16>) outs(%96 : tensor<2x16xf32>) {
    ^bb0(%a_in: f16, %out: f32):
      %a = arith.extf %a_in : f16 to f32
      %y = arith.addf %a, %out : f32
      linalg.yield %y : f32
    } -> tensor<2x16xf32>
    %98 = tensor.empty() : tensor<2x16x48xf32>
    %99 = linalg.generic {indexing_maps = [affine_map<(b, t, d) -> (b, t, d)>, affine_map<(b, t, d) -> (b, t)>, affine_map<(b, t, d) -> (b, t, d)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%94, %97 : tensor<2x16x48xf16>, tensor<2x16xf32>) outs(%98 : tensor<2x16x48xf32>) {
    ^bb0(%a_in: f16, %b: f32, %out: f32):
      %a = arith.extf %a_in : f16 to f32
      %n = arith.constant 48.0 : f32
      %m = arith.divf %b, %n : f32
      %y = arith.subf %a, %m : f32
      linalg.yield %y : f32
    } -> tensor<2x16x48xf32>
    %100 = tensor.empty() : tensor<2x16x48xf32>
    %101 = linalg.generic {indexing_maps = [affine_map<(b, t, d) -> (b, t, d)>, affine_map<(b, t, d) -> (b, t, d)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%99 : tensor<2x16x48xf32>) outs(%100 : tensor<2x16x48xf32>) {
    ^bb0(%a: f32, %out: f32):
      %y = arith.mulf %a, %a : f32
      linalg.yield %y : f32
    } -> tensor<2x16x48xf32>
    %c102 = arith.constant 0.0 : f32
    %102 = tensor.empty() : tensor<2x16xf32>
    %103 = linalg.fill ins(%c102 : f32) outs(%102 : tensor<2x16xf32>) -> tensor<2x16xf32>
    %104 = linalg.generic {indexing_maps = [affine_map<(b, t, d) -> (b, t, d)>, affine_map<(b, t, d) -> (b, t)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%101 : tensor<2x16x48xf32>) outs(%103 : tensor<2x16xf32>) {
    ^bb0(%a: f32, %out: f32):
      %y = arith.addf %a, %out : f32
      linalg.yield %y : f32
    } -> tensor<2x16xf32>
    %105 = tensor.empty() : tensor<2x16x48xf32>
    %106 = linalg.generic {indexing_maps = [affine_map<(b, t, d) -> (b, t, d)>, affine_map<(b, t, d) -> (b, t)>, affine_map<(b, t, d) -> (b, t, d)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%99, %104 : tensor<2x16x48xf32>, tensor<2x16xf32>) outs(%105 : tensor<2x16x48xf32>) {
    ^bb0(%a: f32, %b: f32, %out: f32):
      %n = arith.constant 48.0 : f32
      %m = arith.divf %b, %n : f32
      %eps = arith.constant 1.0e-05 : f32
      %v = arith.addf %m, %eps : f32
      %r = math.rsqrt %v : f32
      %y = arith.mulf %a, %r : f32
      linalg.yield %y : f32
    } -> tensor<2x16x48xf32>
    %107 = util.global.load @layer0.norm2.weight : tensor<48xf16>
    %108 = util.global.load @layer0.norm2.bias : tensor<48xf16>
    %109 = tensor.empty() : tensor<2x16x48xf16>
    %110 = linalg.generic {indexing_maps = [affine_map<(b, t, d) -> (b, t, d)>, affine_map<(b, t, d) -> (d)>, affine_map<(b, t, d) -> (d)>, affine_map<(b, t, d) -> (b, t, d)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%106, %107, %108 : tensor<2x16x48xf32>, tensor<48xf16>, tensor<48xf16>) outs(%109 : tensor<2x16x48xf16>) {
    ^bb0(%a: f32, %b_in: f16, %c_in: f16, %out: f16):
      %b = arith.extf %b_in : f16 to f32
      %c = arith.extf %c_in : f16 to f32
      %g = arith.mulf %a, %b : f32
      %y = arith.addf %g, %c : f32
      %narrow = arith.truncf %y : f32 to f16
      linalg.yield %narrow : f16
    } -> tensor<2x16x48xf16>
    %111 = util.global.load @layer0.fc1.weight : tensor<48x96xf16>
    %112 = util.global.load @layer0.fc1.bias : tensor<96xf16>
    %113 = tensor.collapse_shape %110 [[0, 1], [2]] : tensor<2x16x48xf16> into tensor<32x48xf16>
    %c114 = arith.constant 0.0 : f32
    %114 = tensor.empty() : tensor<32x96xf32>
    %115 = linalg.fill ins(%c114 : f32) outs(%114 : tensor<32x96xf32>) -> tensor<32x96xf32>
    %116 = linalg.matmul ins(%113, %111 : tensor<32x48xf16>, tensor<48x96xf16>) outs(%115 : tensor<32x96xf32>) -> tensor<32x96xf32>
    %117 = tensor.empty() : tensor<32x96xf16>
    %118 = linalg.generic {indexing_maps = [affine_map<(r, d) -> (r, d)>, affine_map<(r, d) -> (d)>, affine_map<(r, d) -> (r, d)>], iterator_types = ["parallel", "parallel"]} ins(%116, %112 : tensor<32x96xf32>, tensor<96xf16>) outs(%117 : tensor<32x96xf16>) {
    ^bb0(%a: f32, %b_in: f16, %out: f16):
      %b = arith.extf %b_in : f16 to f32
      %y = arith.addf %a, %b : f32
      %narrow = arith.truncf %y : f32 to f16
      linalg.yield %narrow : f16
    } -> tensor<32x96xf16>
    %119 = tensor.expand_shape %118 [[0, 1], [2]] output_shape [2, 16, 96] : tensor<32x96xf16> into tensor<2x16x96xf16>
    %120 = tensor.empty() : tensor<2x16x96xf16>
    %121 = linalg.generic {indexing_maps = [affine_map<(b, t, d) -> (b, t, d)>, affine_map<(b, t, d) -> (b, t, d)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%119 : tensor<2x16x96xf16>) outs(%120 : tensor<2x16x96xf16>) {
    ^bb0(%a_in: f16, %out: f16):
      %a = arith.extf %a_in : f16 to f32
      %k = arith.constant -1.702 : f32
      %n = arith.mulf %a, %k : f32
      %e = math.exp %n : f32
      %c1 = arith.constant 1.0 : f32
      %d = arith.addf %e, %c1 : f32
      %y = arith.divf %a, %d : f32
      %narrow = arith.truncf %y : f32 to f16
      linalg.yield %narrow : f16
    } -> tensor<2x16x96xf16>
    %122 = util.global.load @layer0.fc2.weight : tensor<96x48xf16>
    %123 = util.global.load @layer0.fc2.bias : tensor<48xf16>
    %124 = tensor.collapse_shape %121 [[0, 1], [2]] : tensor<2x16x96xf16> into tensor<32x96xf16>
    %c125 = arith.constant 0.0 : f32
    %125 = tensor.empty() : tensor<32x48xf32>
    %126 = linalg.fill ins(%c125 : f32) outs(%125 : tensor<32x48xf32>) -> tensor<32x48xf32>
    %127 = linalg.matmul ins(%124, %122 : tensor<32x96xf16>, tensor<96x48xf16>) outs(%126 : tensor<32x48xf32>) -> tensor<32x48xf32>
    %128 = tensor.empty() : tensor<32x48xf16>
    %129 = linalg.generic {indexing_maps = [affine_map<(r, d) -> (r, d)>, affine_map<(r, d) -> (d)>, affine_map<(r, d) -> (r, d)>], iterator_types = ["parallel", "parallel"]} ins(%127, %123 : tensor<32x48xf32>, tensor<48xf16>) outs(%128 : tensor<32x48xf16>) {
    ^bb0(%a: f32, %b_in: f16, %out: f16):
      %b = arith.extf %b_in : f16 to f32
      %y = arith.addf %a, %b : f32
      %narrow = arith.truncf %y : f32 to f16
      linalg.yield %narrow : f16
    } -> tensor<32x48xf16>
    %130 = tensor.expand_shape %129 [[0, 1], [2]] output_shape [2, 16, 48] : tensor<32x48xf16> into tensor<2x16x48xf16>
    %131 = tensor.empty() : tensor<2x16x48xf16>
    %132 = linalg.generic {indexing_maps = [affine_map<(b, t, d) -> (b, t, d)>, affine_map<(b, t, d) -> (b, t, d)>, affine_map<(b, t, d) -> (b, t, d)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%94, %130 : tensor<2x16x48xf16>, tensor<2x16x48xf16>) outs(%131 : tensor<2x16x48xf16>) {
    ^bb0(%a_in: f16, %b_in: f16, %out: f16):
      %a = arith.extf %a_in : f16 to f32
      %b = arith.extf %b_in : f16 to f32
      %y = arith.addf %a, %b : f32
      %narrow = arith.truncf %y : f32 to f16
      linalg.yield %narrow : f16
    } -> tensor<2x16x48xf16>
    %c133 = arith.constant 0.0 : f32
    %133 = tensor.empty() : tensor<2x16xf32>
    %134 = linalg.fill ins(%c133 : f32) outs(%133 : tensor<2x16xf32>) -> tensor<2x16xf32>
    %135 = linalg.generic {indexing_maps = [affine_map<(b, t, d) -> (b, t, d)>, affine_map<(b, t, d) -> (b, t)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%132 : tensor<2x16x48xf16>) outs(%134 : tensor<2x16xf32>) {
    ^bb0(%a_in: f16, %out: f32):
      %a = arith.extf %a_in : f16 to f32
      %y = arith.addf %a, %out : f32
      linalg.yield %y : f32
    } -> tensor<2x16xf32>
    %136 = tensor.empty() : tensor<2x16x48xf32>
    %137 = linalg.generic {indexing_maps = [affine_map<(b, t, d) -> (b, t, d)>, affine_map<(b, t, d) -> (b, t)>, affine_map<(b, t, d) -> (b, t, d)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%132, %135 : tensor<2x16x48xf16>, tensor<2x16xf32>) outs(%136 : tensor<2x16x48xf32>) {
    ^bb0(%a_in: f16, %b: f32, %out: f32):
      %a = arith.extf %a_in : f16 to f32
      %n = arith.constant 48.0 : f32
      %m = arith.divf %b, %n : f32
      %y = arith.subf %a, %m : f32
      linalg.yield %y : f32
    } -> tensor<2x16x48xf32>
    %138 = tensor.empty() : tensor<2x16x48xf32>
    %139 = linalg.generic {indexing_maps = [affine_map<(b, t, d) -> (b, t, d)>, affine_map<(b, t, d) -> (b, t, d)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%137 : tensor<2x16x48xf32>) outs(%138 : tensor<2x16x48xf32>) {
    ^bb0(%a: f32, %out: f32):
      %y = arith.mulf %a, %a : f32
      linalg.yield %y : f32
    } -> tensor<2x16x48xf32>
    %c140 = arith.constant 0.0 : f32
    %140 = tensor.empty() : tensor<2x16xf32>
    %141 = linalg.fill ins(%c140 : f32) outs(%140 : tensor<2x16xf32>) -> tensor<2x16xf32>
    %142 = linalg.generic {indexing_maps = [affine_map<(b, t, d) -> (b, t, d)>, affine_map<(b, t, d) -> (b, t)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%139 : tensor<2x16x48xf32>) outs(%141 : tensor<2x16xf32>) {
    ^bb0(%a: f32, %out: f32):
      %y = arith.addf %a, %out : f32
      linalg.yield %y : f32
    } -> tensor<2x16xf32>
    %143 = tensor.empty() : tensor<2x16x48xf32>
    %144 = linalg.generic {indexing_maps = [affine_map<(b, t, d) -> (b, t, d)>, affine_map<(b, t, d) -> (b, t)>, affine_map<(b, t, d) -> (b, t, d)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%137, %142 : tensor<2x16x48xf32>, tensor<2x16xf32>) outs(%143 : tensor<2x16x48xf32>) {
    ^bb0(%a: f32, %b: f32, %out: f32):
      %n = arith.constant 48.0 : f32
      %m = arith.divf %b, %n : f32
      %eps = arith.constant 1.0e-05 : f32
      %v = arith.addf %m, %eps : f32
      %r = math.rsqrt %v : f32
      %y = arith.mulf %a, %r : f32
      linalg.yield %y : f32
    } -> tensor<2x16x48xf32>
    %145 = util.global.load @layer1.norm1.weight : tensor<48xf16>
    %146 = util.global.load @layer1.norm1.bias : tensor<48xf16>
    %147 = tensor.empty() : tensor<2x16x48xf16>
    %148 = linalg.generic {indexing_maps = [affine_map<(b, t, d) -> (b, t, d)>, affine_map<(b, t, d) -> (d)>, affine_map<(b, t, d) -> (d)>, affine_map<(b, t, d) -> (b, t, d)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%144, %145, %146 : tensor<2x16x48xf32>, tensor<48xf16>, tensor<48xf16>) outs(%147 : tensor<2x16x48xf16>) {
    ^bb0(%a: f32, %b_in: f16, %c_in: f16, %out: f16):
      %b = arith.extf %b_in : f16 to f32
      %c = arith.extf %c_in : f16 to f32
      %g = arith.mulf %a, %b : f32
      %y = arith.addf %g, %c : f32
      %narrow = arith.truncf %y : f32 to f16
      linalg.yield %narrow : f16
    } -> tensor<2x16x48xf16>
    %149 = util.global.load @layer1.query.weight : tensor<48x48xf16>
    %150 = util.global.load @layer1.query.bias : tensor<48xf16>
    %151 = tensor.collapse_shape %148 [[0, 1], [2]] : tensor<2x16x48xf16> into tensor<32x48xf16>
    %c152 = arith.constant 0.0 : f32
    %152 = tensor.empty() : tensor<32x48xf32>
    %153 = linalg.fill ins(%c152 : f32) outs(%152 : tensor<32x48xf32>) -> tensor<32x48xf32>
    %154 = linalg.matmul ins(%151, %149 : tensor<32x48xf16>, tensor<48x48xf16>) outs(%153 : tensor<32x48xf32>) -> tensor<32x48xf32>
    %155 = tensor.empty() : tensor<32x48xf16>
    %156 = linalg.generic {indexing_maps = [affine_map<(r, d) -> (r, d)>, affine_map<(r, d) -> (d)>, affine_map<(r, d) -> (r, d)>], iterator_types = ["parallel", "parallel"]} ins(%154, %150 : tensor<32x48xf32>, tensor<48xf16>) outs(%155 : tensor<32x48xf16>) {
    ^bb0(%a: f32, %b_in: f16, %out: f16):
      %b = arith.extf %b_in : f16 to f32
      %y = arith.addf %a, %b : f32
      %narrow = arith.truncf %y : f32 to f16
      linalg.yield %narrow : f16
    } -> tensor<32x48xf16>
    %157 = tensor.expand_shape %156 [[0, 1], [2]] output_shape [2, 16, 48] : tensor<32x48xf16> into tensor<2x16x48xf16>
    %158 = util.global.load @layer1.key.weight : tensor<48x48xf16>
    %159 = util.global.load @layer1.key.bias : tensor<48xf16>
    %160 = tensor.collapse_shape %148 [[0, 1], [2]] : tensor<2x16x48xf16> into tensor<32x48xf16>
    %c161 = arith.constant 0.0 : f32
    %161 = tensor.empty() : tensor<32x48xf32>
    %162 = linalg.fill ins(%c161 : f32) outs(%161 : tensor<32x48xf32>) -> tensor<32x48xf32>
    %163 = linalg.matmul ins(%160, %158 : tensor<32x48xf16>, tensor<48x48xf16>) outs(%162 : tensor<32x48xf32>) -> tensor<32x48xf32>
    %164 = tensor.empty() : tensor<32x48xf16>
    %165 = linalg.generic {indexing_maps = [affine_map<(r, d) -> (r, d)>, affine_map<(r, d) -> (d)>, affine_map<(r, d) -> (r, d)>], iterator_types = ["parallel", "parallel"]} ins(%163, %159 : tensor<32x48xf32>, tensor<48xf16>) outs(%164 : tensor<32x48xf16>) {
    ^bb0(%a: f32, %b_in: f16, %out: f16):
      %b = arith.extf %b_in : f16 to f32
      %y = arith.addf %a, %b : f32
      %narrow = arith.truncf %y : f32 to f16
      linalg.yield %narrow : f16
    } -> tensor<32x48xf16>
    %166 = tensor.expand_shape %165 [[0, 1], [2]] output_shape [2, 16, 48] : tensor<32x48xf16> into tensor<2x16x48xf16>
    %167 = util.global.load @layer1.value.weight : tensor<48x48xf16>
    %168 = util.global.load @layer1.value.bias : tensor<48xf16>
    %169 = tensor.collapse_shape %148 [[0, 1], [2]] : tensor<2x16x48xf16> into tensor<32x48xf16>
    %c170 = arith.constant 0.0 : f32
    %170 = tensor.empty() : tensor<32x48xf32>
    %171 = linalg.fill ins(%c170 : f32) outs(%170 : tensor<32x48xf32>) -> tensor<32x48xf32>
    %172 = linalg.matmul ins(%169, %167 : tensor<32x48xf16>, tensor<48x48xf16>) outs(%171 : tensor<32x48xf32>) -> tensor<32x48xf32>
    %173 = tensor.empty() : tensor<32x48xf16>
    %174 = linalg.generic {indexing_maps = [affine_map<(r, d) -> (r, d)>, affine_map<(r, d) -> (d)>, affine_map<(r, d) -> (r, d)>], iterator_types = ["parallel", "parallel"]} ins(%172, %168 : tensor<32x48xf32>, tensor<48xf16>) outs(%173 : tensor<32x48xf16>) {
    ^bb0(%a: f32, %b_in: f16, %out: f16):
      %b = arith.extf %b_in : f16 to f32
      %y = arith.addf %a, %b : f32
      %narrow = arith.truncf %y : f32 to f16
      linalg.yield %narrow : f16
    } -> tensor<32x48xf16>
    %175 = tensor.expand_shape %174 [[0, 1], [2]] output_shape [2, 16, 48] : tensor<32x48xf16> into tensor<2x16x48xf16>
    %176 = tensor.expand_shape %157 [[0], [1], [2, 3]] output_shape [2, 16, 3, 16] : tensor<2x16x48xf16> into tensor<2x16x3x16xf16>
    %177 = tensor.empty() : tensor<2x3x16x16xf16>
    %178 = linalg.generic {indexing_maps = [affine_map<(b, h, t, d) -> (b, t, h, d)>, affine_map<(b, h, t, d) -> (b, h, t, d)>], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%176 : tensor<2x16x3x16xf16>) outs(%177 : tensor<2x3x16x16xf16>) {
    ^bb0(%a_in: f16, %out: f16):
      %a = arith.extf %a_in : f16 to f32
      %narrow = arith.truncf %a : f32 to f16
      linalg.yield %narrow : f16
    } -> tensor<2x3x16x16xf16>
    %179 = tensor.collapse_shape %178 [[0, 1], [2], [3]] : tensor<2x3x16x16xf16> into tensor<6x16x16xf16>
    %180 = tensor.expand_shape %166 [[0], [1], [2, 3]] output_shape [2, 16, 3, 16] : tensor<2x16x48xf16> into tensor<2x16x3x16xf16>
    %181 = tensor.empty() : tensor<2x3x16x16xf16>
    %182 = linalg.generic {indexing_maps = [affine_map<(b, h, d, t) -> (b, t, h, d)>, affine_map<(b, h, d, t) -> (b, h, d, t)>], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%180 : tensor<2x16x3x16xf16>) outs(%181 : tensor<2x3x16x16xf16>) {
    ^bb0(%a_in: f16, %out: f16):
      %a = arith.extf %a_in : f16 to f32
      %narrow = arith.truncf %a : f32 to f16
      linalg.yield %narrow : f16
    } -> tensor<2x3x16x16xf16>
    %183 = tensor.collapse_shape %182 [[0, 1], [2], [3]] : tensor<2x3x16x16xf16> into tensor<6x16x16xf16>
    %184 = tensor.expand_shape %175 [[0], [1], [2, 3]] output_shape [2, 16, 3, 16] : tensor<2x16x48xf16> into tensor<2x16x3x16xf16>
    %185 = tensor.empty() : tensor<2x3x16x16xf16>
    %186 = linalg.generic {indexing_maps = [affine_map<(b, h, t, d) -> (b, t, h, d)>, affine_map<(b, h, t, d) -> (b, h, t, d)>], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%184 : tensor<2x16x3x16xf16>) outs(%185 : tensor<2x3x16x16xf16>) {
    ^bb0(%a_in: f16, %out: f16):
      %a = arith.extf %a_in : f16 to f32
      %narrow = arith.truncf %a : f32 to f16
      linalg.yield %narrow : f16
    } -> tensor<2x3x16x16xf16>
    %187 = tensor.collapse_shape %186 [[0, 1], [2], [3]] : tensor<2x3x16x16xf16> into tensor<6x16x16xf16>
    %c188 = arith.constant 0.0 : f32
    %188 = tensor.empty() : tensor<6x16x16xf32>
    %189 = linalg.fill ins(%c188 : f32) outs(%188 : tensor<6x16x16xf32>) -> tensor<6x16x16xf32>
    %190 = linalg.batch_matmul ins(%179, %183 : tensor<6x16x16xf16>, tensor<6x16x16xf16>) outs(%189 : tensor<6x16x16xf32>) -> tensor<6x16x16xf32>
    %191 = tensor.empty() : tensor<6x16x16xf32>
    %192 = linalg.generic {indexing_maps = [affine_map<(b, q, k) -> (b, q, k)>, affine_map<(b, q, k) -> (q, k)>, affine_map<(b, q, k) -> (b, q, k)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%190, %49 : tensor<6x16x16xf32>, tensor<16x16xf16>) outs(%191 : tensor<6x16x16xf32>) {
    ^bb0(%a: f32, %b_in: f16, %out: f32):
      %b = arith.extf %b_in : f16 to f32
      %s = arith.constant 2.500000e-01 : f32
      %x = arith.mulf %a, %s : f32
      %y = arith.addf %x, %b : f32
      linalg.yield %y : f32
    } -> tensor<6x16x16xf32>
    %c193 = arith.constant 0xFF800000 : f32
    %193 = tensor.empty() : tensor<6x16xf32>
    %194 = linalg.fill ins(%c193 : f32) outs(%193 : tensor<6x16xf32>) -> tensor<6x16xf32>
    %195 = linalg.generic {indexing_maps = [affine_map<(b, q, k) -> (b, q, k)>, affine_map<(b, q, k) -> (b, q)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%192 : tensor<6x16x16xf32>) outs(%194 : tensor<6x16xf32>) {
    ^bb0(%a: f32, %out: f32):
      %y = arith.maximumf %a, %out : f32
      linalg.yield %y : f32
    } -> tensor<6x16xf32>
    %196 = tensor.empty() : tensor<6x16x16xf32>
    %197 = linalg.generic {indexing_maps = [affine_map<(b, q, k) -> (b, q, k)>, affine_map<(b, q, k) -> (b, q)>, affine_map<(b, q, k) -> (b, q, k)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%192, %195 : tensor<6x16x16xf32>, tensor<6x16xf32>) outs(%196 : tensor<6x16x16xf32>) {
    ^bb0(%a: f32, %b: f32, %out: f32):
      %d = arith.subf %a, %b : f32
      %y = math.exp %d : f32
      linalg.yield %y : f32
    } -> tensor<6x16x16xf32>
    %c198 = arith.constant 0.0 : f32
    %198 = tensor.empty() : tensor<6x16xf32>
    %199 = linalg.fill ins(%c198 : f32) outs(%198 : tensor<6x16xf32>) -> tensor<6x16xf32>
    %200 = linalg.generic {indexing_maps = [affine_map<(b, q, k) -> (b, q, k)>, affine_map<(b, q, k) -> (b, q)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%197 : tensor<6x16x16xf32>) outs(%199 : tensor<6x16xf32>) {
    ^bb0(%a: f32, %out: f32):
      %y = arith.addf %a, %out : f32
      linalg.yield %y : f32
    } -> tensor<6x16xf32>
    %201 = tensor.empty() : tensor<6x16x16xf16>
    %202 = linalg.generic {indexing_maps = [affine_map<(b, q, k) -> (b, q, k)>, affine_map<(b, q, k) -> (b, q)>, affine_map<(b, q, k) -> (b, q, k)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%197, %200 : tensor<6x16x16xf32>, tensor<6x16xf32>) outs(%201 : tensor<6x16x16xf16>) {
    ^bb0(%a: f32, %b: f32, %out: f16):
      %y = arith.divf %a, %b : f32
      %narrow = arith.truncf %y : f32 to f16
      linalg.yield %narrow : f16
    } -> tensor<6x16x16xf16>
    %c203 = arith.constant 0.0 : f32
    %203 = tensor.empty() : tensor<6x16x16xf32>
    %204 = linalg.fill ins(%c203 : f32) outs(%203 : tensor<6x16x16xf32>) -> tensor<6x16x16xf32>
    %205 = linalg.batch_matmul ins(%202, %187 : tensor<6x16x16xf16>, tensor<6x16x16xf16>) outs(%204 : tensor<6x16x16xf32>) -> tensor<6x16x16xf32>
    %206 = tensor.expand_shape %205 [[0, 1], [2], [3]] output_shape [2, 3, 16, 16] : tensor<6x16x16xf32> into tensor<2x3x16x16xf32>
    %207 = tensor.empty() : tensor<2x16x3x16xf16>
    %208 = linalg.generic {indexing_maps = [affine_map<(b, t, h, d) -> (b, h, t, d)>, affine_map<(b, t, h, d) -> (b, t, h, d)>], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%206 : tensor<2x3x16x16xf32>) outs(%207 : tensor<2x16x3x16xf16>) {
    ^bb0(%a: f32, %out: f16):
      %narrow = arith.truncf %a : f32 to f16
      linalg.yield %narrow : f16
    } -> tensor<2x16x3x16xf16>
    %209 = tensor.collapse_shape %208 [[0], [1], [2, 3]] : tensor<2x16x3x16xf16> into tensor<2x16x48xf16>
    %210 = util.global.load @layer1.out.weight : tensor<48x48xf16>
    %211 = util.global.load @layer1.out.bias : tensor<48xf16>
    %212 = tensor.collapse_shape %209 [[0, 1], [2]] : tensor<2x16x48xf16> into tensor<32x48xf16>
    %c213 = arith.constant 0.0 : f32
    %213 = tensor.empty() : tensor<32x48xf32>
    %214 = linalg.fill ins(%c213 : f32) outs(%213 : tensor<32x48xf32>) -> tensor<32x48xf32>
    %215 = linalg.matmul ins(%212, %210 : tensor<32x48xf16>, tensor<48x48xf16>) outs(%214 : tensor<32x48xf32>) -> tensor<32x48xf32>
    %216 = tensor.empty() : tensor<32x48xf16>
    %217 = linalg.generic {indexing_maps = [affine_map<(r, d) -> (r, d)>, affine_map<(r, d) -> (d)>, affine_map<(r, d) -> (r, d)>], iterator_types = ["parallel", "parallel"]} ins(%215, %211 : tensor<32x48xf32>, tensor<48xf16>) outs(%216 : tensor<32x48xf16>) {
    ^bb0(%a: f32, %b_in: f16, %out: f16):
      %b = arith.extf %b_in : f16 to f32
      %y = arith.addf %a, %b : f32
      %narrow = arith.truncf %y : f32 to f16
      linalg.yield %narrow : f16
    } -> tensor<32x48xf16>
    %218 = tensor.expand_shape %217 [[0, 1], [2]] output_shape [2, 16, 48] : tensor<32x48xf16> into tensor<2x16x48xf16>
    %219 = tensor.empty() : tensor<2x16x48xf16>
    %220 = linalg.generic {indexing_maps = [affine_map<(b, t, d) -> (b, t, d)>, affine_map<(b, t, d) -> (b, t, d)>, affine_map<(b, t, d) -> (b, t, d)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%132, %218 : tensor<2x16x48xf16>, tensor<2x16x48xf16>) outs(%219 : tensor<2x16x48xf16>) {
    ^bb0(%a_in: f16, %b_in: f16, %out: f16):
      %a = arith.extf %a_in : f16 to f32
      %b = arith.extf %b_in : f16 to f32
      %y = arith.addf %a, %b : f32
      %narrow = arith.truncf %y : f32 to f16
      linalg.yield %narrow : f16
    } -> tensor<2x16x48xf16>
    %c221 = arith.constant 0.0 : f32
    %221 = tensor.empty() : tensor<2x16xf32>
    %222 = linalg.fill ins(%c221 : f32) outs(%221 : tensor<2x16xf32>) -> tensor<2x16xf32>
    %223 = linalg.generic {indexing_maps = [affine_map<(b, t, d) -> (b, t, d)>, affine_map<(b, t, d) -> (b, t)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%220 : tensor<2x16x48xf16>) outs(%222 : tensor<2x16xf32>) {
    ^bb0(%a_in: f16, %out: f32):
      %a = arith.extf %a_in : f16 to f32
      %y = arith.addf %a, %out : f32
      linalg.yield %y : f32
    } -> tensor<2x16xf32>
    %224 = tensor.empty() : tensor<2x16x48xf32>
    %225 = linalg.generic {indexing_maps = [affine_map<(b, t, d) -> (b, t, d)>, affine_map<(b, t, d) -> (b, t)>, affine_map<(b, t, d) -> (b, t, d)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%220, %223 : tensor<2x16x48xf16>, tensor<2x16xf32>) outs(%224 : tensor<2x16x48xf32>) {
    ^bb0(%a_in: f16, %b: f32, %out: f32):
      %a = arith.extf %a_in : f16 to f32
      %n = arith.constant 48.0 : f32
      %m = arith.divf %b, %n : f32
      %y = arith.subf %a, %m : f32
      linalg.yield %y : f32
    } -> tensor<2x16x48xf32>
    %226 = tensor.empty() : tensor<2x16x48xf32>
    %227 = linalg.generic {indexing_maps = [affine_map<(b, t, d) -> (b, t, d)>, affine_map<(b, t, d) -> (b, t, d)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%225 : tensor<2x16x48xf32>) outs(%226 : tensor<2x16x48xf32>) {
    ^bb0(%a: f32, %out: f32):
      %y = arith.mulf %a, %a : f32
      linalg.yield %y : f32
    } -> tensor<2x16x48xf32>
    %c228 = arith.constant 0.0 : f32
    %228 = tensor.empty() : tensor<2x16xf32>
    %229 = linalg.fill ins(%c228 : f32) outs(%228 : tensor<2x16xf32>) -> tensor<2x16xf32>
    %230 = linalg.generic {indexing_maps = [affine_map<(b, t, d) -> (b, t, d)>, affine_map<(b, t, d) -> (b, t)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%227 : tensor<2x16x48xf32>) outs(%229 : tensor<2x16xf32>) {
    ^bb0(%a: f32, %out: f32):
      %y = arith.addf %a, %out : f32
      linalg.yield %y : f32
    } -> tensor<2x16xf32>
    %231 = tensor.empty() : tensor<2x16x48xf32>
    %232 = linalg.generic {indexing_maps = [affine_map<(b, t, d) -> (b, t, d)>, affine_map<(b, t, d) -> (b, t)>, affine_map<(b, t, d) -> (b, t, d)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%225, %230 : tensor<2x16x48xf32>, tensor<2x16xf32>) outs(%231 : tensor<2x16x48xf32>) {
    ^bb0(%a: f32, %b: f32, %out: f32):
      %n = arith.constant 48.0 : f32
      %m = arith.divf %b, %n : f32
      %eps = arith.constant 1.0e-05 : f32
      %v = arith.addf %m, %eps : f32
      %r = math.rsqrt %v : f32
      %y = arith.mulf %a, %r : f32
      linalg.yield %y : f32
    } -> tensor<2x16x48xf32>
    %233 = util.global.load @layer1.norm2.weight : tensor<48xf16>
    %234 = util.global.load @layer1.norm2.bias : tensor<48xf16>
    %235 = tensor.empty() : tensor<2x16x48xf16>
    %236 = linalg.generic {indexing_maps = [affine_map<(b, t, d) -> (b, t, d)>, affine_map<(b, t, d) -> (d)>, affine_map<(b, t, d) -> (d)>, affine_map<(b, t, d) -> (b, t, d)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%232, %233, %234 : tensor<2x16x48xf32>, tensor<48xf16>, tensor<48xf16>) outs(%235 : tensor<2x16x48xf16>) {
    ^bb0(%a: f32, %b_in: f16, %c_in: f16, %out: f16):
      %b = arith.extf %b_in : f16 to f32
      %c = arith.extf %c_in : f16 to f32
      %g = arith.mulf %a, %b : f32
      %y = arith.addf %g, %c : f32
      %narrow = arith.truncf %y : f32 to f16
      linalg.yield %narrow : f16
    } -> tensor<2x16x48xf16>
    %237 = util.global.load @layer1.fc1.weight : tensor<48x96xf16>
    %238 = util.global.load @layer1.fc1.bias : tensor<96xf16>
    %239 = tensor.collapse_shape %236 [[0, 1], [2]] : tensor<2x16x48xf16> into tensor<32x48xf16>
    %c240 = arith.constant 0.0 : f32
    %240 = tensor.empty() : tensor<32x96xf32>
    %241 = linalg.fill ins(%c240 : f32) outs(%240 : tensor<32x96xf32>) -> tensor<32x96xf32>
    %242 = linalg.matmul ins(%239, %237 : tensor<32x48xf16>, tensor<48x96xf16>) outs(%241 : tensor<32x96xf32>) -> tensor<32x96xf32>
    %243 = tensor.empty() : tensor<32x96xf16>
    %244 = linalg.generic {indexing_maps = [affine_map<(r, d) -> (r, d)>, affine_map<(r, d) -> (d)>, affine_map<(r, d) -> (r, d)>], iterator_types = ["parallel", "parallel"]} ins(%242, %238 : tensor<32x96xf32>, tensor<96xf16>) outs(%243 : tensor<32x96xf16>) {
    ^bb0(%a: f32, %b_in: f16, %out: f16):
      %b = arith.extf %b_in : f16 to f32
      %y = arith.addf %a, %b : f32
      %narrow = arith.truncf %y : f32 to f16
      linalg.yield %narrow : f16
    } -> tensor<32x96xf16>
    %245 = tensor.expand_shape %244 [[0, 1], [2]] output_shape [2, 16, 96] : tensor<32x96xf16> into tensor<2x16x96xf16>
    %246 = tensor.empty() : tensor<2x16x96xf16>
    %247 = linalg.generic {indexing_maps = [affine_map<(b, t, d) -> (b, t, d)>, affine_map<(b, t, d) -> (b, t, d)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%245 : tensor<2x16x96xf16>) outs(%246 : tensor<2x16x96xf16>) {
    ^bb0(%a_in: f16, %out: f16):
      %a = arith.extf %a_in : f16 to f32
      %k = arith.constant -1.702 : f32
      %n = arith.mulf %a, %k : f32
      %e = math.exp %n : f32
      %c1 = arith.constant 1.0 : f32
      %d = arith.addf %e, %c1 : f32
      %y = arith.divf %a, %d : f32
      %narrow = arith.truncf %y : f32 to f16
      linalg.yield %narrow : f16
    } -> tensor<2x16x96xf16>
    %248 = util.global.load @layer1.fc2.weight : tensor<96x48xf16>
    %249 = util.global.load @layer1.fc2.bias : tensor<48xf16>
    %250 = tensor.collapse_shape %247 [[0, 1], [2]] : tensor<2x16x96xf16> into tensor<32x96xf16>
    %c251 = arith.constant 0.0 : f32
    %251 = tensor.empty() : tensor<32x48xf32>
    %252 = linalg.fill ins(%c251 : f32) outs(%251 : tensor<32x48xf32>) -> tensor<32x48xf32>
    %253 = linalg.matmul ins(%250, %248 : tensor<32x96xf16>, tensor<96x48xf16>) outs(%252 : tensor<32x48xf32>) -> tensor<32x48xf32>
    %254 = tensor.empty() : tensor<32x48xf16>
    %255 = linalg.generic {indexing_maps = [affine_map<(r, d) -> (r, d)>, affine_map<(r, d) -> (d)>, affine_map<(r, d) -> (r, d)>], iterator_types = ["parallel", "parallel"]} ins(%253, %249 : tensor<32x48xf32>, tensor<48xf16>) outs(%254 : tensor<32x48xf16>) {
    ^bb0(%a: f32, %b_in: f16, %out: f16):
      %b = arith.extf %b_in : f16 to f32
      %y = arith.addf %a, %b : f32
      %narrow = arith.truncf %y : f32 to f16
      linalg.yield %narrow : f16
    } -> tensor<32x48xf16>
    %256 = tensor.expand_shape %255 [[0, 1], [2]] output_shape [2, 16, 48] : tensor<32x48xf16> into tensor<2x16x48xf16>
    %257 = tensor.empty() : tensor<2x16x48xf16>
    %258 = linalg.generic {indexing_maps = [affine_map<(b, t, d) -> (b, t, d)>, affine_map<(b, t, d) -> (b, t, d)>, affine_map<(b, t, d) -> (b, t, d)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%220, %256 : tensor<2x16x48xf16>, tensor<2x16x48xf16>) outs(%257 : tensor<2x16x48xf16>) {
    ^bb0(%a_in: f16, %b_in: f16, %out: f16):
      %a = arith.extf %a_in : f16 to f32
      %b = arith.extf %b_in : f16 to f32
      %y = arith.addf %a, %b : f32
      %narrow = arith.truncf %y : f32 to f16
      linalg.yield %narrow : f16
    } -> tensor<2x16x48xf16>
    %c259 = arith.constant 0.0 : f32
    %259 = tensor.empty() : tensor<2x16xf32>
    %260 = linalg.fill ins(%c259 : f32) outs(%259 : tensor<2x16xf32>) -> tensor<2x16xf32>
    %261 = linalg.generic {indexing_maps = [affine_map<(b, t, d) -> (b, t, d)>, affine_map<(b, t, d) -> (b, t)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%258 : tensor<2x16x48xf16>) outs(%260 : tensor<2x16xf32>) {
    ^bb0(%a_in: f16, %out: f32):
      %a = arith.extf %a_in : f16 to f32
      %y = arith.addf %a, %out : f32
      linalg.yield %y : f32
    } -> tensor<2x16xf32>
    %262 = tensor.empty() : tensor<2x16x48xf32>
    %263 = linalg.generic {indexing_maps = [affine_map<(b, t, d) -> (b, t, d)>, affine_map<(b, t, d) -> (b, t)>, affine_map<(b, t, d) -> (b, t, d)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%258, %261 : tensor<2x16x48xf16>, tensor<2x16xf32>) outs(%262 : tensor<2x16x48xf32>) {
    ^bb0(%a_in: f16, %b: f32, %out: f32):
      %a = arith.extf %a_in : f16 to f32
      %n = arith.constant 48.0 : f32
      %m = arith.divf %b, %n : f32
      %y = arith.subf %a, %m : f32
      linalg.yield %y : f32
    } -> tensor<2x16x48xf32>
    %264 = tensor.empty() : tensor<2x16x48xf32>
    %265 = linalg.generic {indexing_maps = [affine_map<(b, t, d) -> (b, t, d)>, affine_map<(b, t, d) -> (b, t, d)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%263 : tensor<2x16x48xf32>) outs(%264 : tensor<2x16x48xf32>) {
    ^bb0(%a: f32, %out: f32):
      %y = arith.mulf %a, %a : f32
      linalg.yield %y : f32
    } -> tensor<2x16x48xf32>
    %c266 = arith.constant 0.0 : f32
    %266 = tensor.empty() : tensor<2x16xf32>
    %267 = linalg.fill ins(%c266 : f32) outs(%266 : tensor<2x16xf32>) -> tensor<2x16xf32>
    %268 = linalg.generic {indexing_maps = [affine_map<(b, t, d) -> (b, t, d)>, affine_map<(b, t, d) -> (b, t)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%265 : tensor<2x16x48xf32>) outs(%267 : tensor<2x16xf32>) {
    ^bb0(%a: f32, %out: f32):
      %y = arith.addf %a, %out : f32
      linalg.yield %y : f32
    } -> tensor<2x16xf32>
    %269 = tensor.empty() : tensor<2x16x48xf32>
    %270 = linalg.generic {indexing_maps = [affine_map<(b, t, d) -> (b, t, d)>, affine_map<(b, t, d) -> (b, t)>, affine_map<(b, t, d) -> (b, t, d)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%263, %268 : tensor<2x16x48xf32>, tensor<2x16xf32>) outs(%269 : tensor<2x16x48xf32>) {
    ^bb0(%a: f32, %b: f32, %out: f32):
      %n = arith.constant 48.0 : f32
      %m = arith.divf %b, %n : f32
      %eps = arith.constant 1.0e-05 : f32
      %v = arith.addf %m, %eps : f32
      %r = math.rsqrt %v : f32
      %y = arith.mulf %a, %r : f32
      linalg.yield %y : f32
    } -> tensor<2x16x48xf32>
    %271 = util.global.load @final_norm.weight : tensor<48xf16>
    %272 = util.global.load @final_norm.bias : tensor<48xf16>
    %273 = tensor.empty() : tensor<2x16x48xf16>
    %274 = linalg.generic {indexing_maps = [affine_map<(b, t, d) -> (b, t, d)>, affine_map<(b, t, d) -> (d)>, affine_map<(b, t, d) -> (d)>, affine_map<(b, t, d) -> (b, t, d)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%270, %271, %272 : tensor<2x16x48xf32>, tensor<48xf16>, tensor<48xf16>) outs(%273 : tensor<2x16x48xf16>) {
    ^bb0(%a: f32, %b_in: f16, %c_in: f16, %out: f16):
      %b = arith.extf %b_in : f16 to f32
      %c = arith.extf %c_in : f16 to f32
      %g = arith.mulf %a, %b : f32
      %y = arith.addf %g, %c : f32
      %narrow = arith.truncf %y : f32 to f16
      linalg.yield %narrow : f16
    } -> tensor<2x16x48xf16>
    %c275 = arith.constant -9223372036854775808 : i64
    %275 = tensor.empty() : tensor<2xi64>
    %276 = linalg.fill ins(%c275 : i64) outs(%275 : tensor<2xi64>) -> tensor<2xi64>
    %277 = linalg.generic {indexing_maps = [affine_map<(b, t) -> (b, t)>, affine_map<(b, t) -> (b)>], iterator_types = ["parallel", "reduction"]} ins(%arg0 : tensor<2x16xi64>) outs(%276 : tensor<2xi64>) {
    ^bb0(%a: i64, %out: i64):
      %y = arith.maxsi %a, %out : i64
      linalg.yield %y : i64
    } -> tensor<2xi64>
    %278 = tensor.empty() : tensor<2x16xi64>
    %279 = linalg.generic {indexing_maps = [affine_map<(b, t) -> (b, t)>, affine_map<(b, t) -> (b)>, affine_map<(b, t) -> (b, t)>], iterator_types = ["parallel", "parallel"]} ins(%arg0, %277 : tensor<2x16xi64>, tensor<2xi64>) outs(%278 : tensor<2x16xi64>) {
    ^bb0(%a: i64, %b: i64, %out: i64):
      %t = linalg.index 1 : index
      %i = arith.index_cast %t : index to i64
      %n = arith.constant 16 : i64
      %c = arith.cmpi eq, %a, %b : i64
      %y = arith.select %c, %i, %n : i64
      linalg.yield %y : i64
    } -> tensor<2x16xi64>
    %c280 = arith.constant 9223372036854775807 : i64
    %280 = tensor.empty() : tensor<2xi64>
    %281 = linalg.fill ins(%c280 : i64) outs(%280 : tensor<2xi64>) -> tensor<2xi64>
    %282 = linalg.generic {indexing_maps = [affine_map<(b, t) -> (b, t)>, affine_map<(b, t) -> (b)>], iterator_types = ["parallel", "reduction"]} ins(%279 : tensor<2x16xi64>) outs(%281 : tensor<2xi64>) {
    ^bb0(%a: i64, %out: i64):
      %y = arith.minsi %a, %out : i64
      linalg.yield %y : i64
    } -> tensor<2xi64>
    %283 = tensor.empty() : tensor<2x48xf16>
    %284 = linalg.generic {indexing_maps = [affine_map<(b, d) -> (b)>, affine_map<(b, d) -> (b, d)>], iterator_types = ["parallel", "parallel"]} ins(%282 : tensor<2xi64>) outs(%283 : tensor<2x48xf16>) {
    ^bb0(%a: i64, %out: f16):
      %t = arith.index_cast %a : i64 to index
      %i = linalg.index 0 : index
      %j = linalg.index 1 : index
      %y = tensor.extract %274[%i, %t, %j] : tensor<2x16x48xf16>
      linalg.yield %y : f16
    } -> tensor<2x48xf16>
    return %274, %284 : tensor<2x16x48xf16>, tensor<2x48xf16>
  }
}
