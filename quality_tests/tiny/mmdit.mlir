module @compiled_mmdit {
  util.global private @image.fc1.bias = #stream.parameter.named<"model"::"image.fc1.bias"> : tensor<128xf16>
  util.global private @image.fc1.weight = #stream.parameter.named<"model"::"image.fc1.weight"> : tensor<64x128xf16>
  util.global private @image.fc2.bias = #stream.parameter.named<"model"::"image.fc2.bias"> : tensor<64xf16>
  util.global private @image.fc2.weight = #stream.parameter.named<"model"::"image.fc2.weight"> : tensor<128x64xf16>
  util.global private @image.key.bias = #stream.parameter.named<"model"::"image.key.bias"> : tensor<64xf16>
  util.global private @image.key.weight = #stream.parameter.named<"model"::"image.key.weight"> : tensor<64x64xf16>
  util.global private @image.modulation.bias = #stream.parameter.named<"model"::"image.modulation.bias"> : tensor<384xf16>
  util.global private @image.modulation.weight = #stream.parameter.named<"model"::"image.modulation.weight"> : tensor<32x384xf16>
  util.global private @image.out.bias = #stream.parameter.named<"model"::"image.out.bias"> : tensor<64xf16>
  util.global private @image.out.weight = #stream.parameter.named<"model"::"image.out.weight"> : tensor<64x64xf16>
  util.global private @image.query.bias = #stream.parameter.named<"model"::"image.query.bias"> : tensor<64xf16>
  util.global private @image.query.weight = #stream.parameter.named<"model"::"image.query.weight"> : tensor<64x64xf16>
  util.global private @image.value.bias = #stream.parameter.named<"model"::"image.value.bias"> : tensor<64xf16>
  util.global private @image.value.weight = #stream.parameter.named<"model"::"image.value.weight"> : tensor<64x64xf16>
  util.global private @text.fc1.bias = #stream.parameter.named<"model"::"text.fc1.bias"> : tensor<128xf16>
  util.global private @text.fc1.weight = #stream.parameter.named<"model"::"text.fc1.weight"> : tensor<64x128xf16>
  util.global private @text.fc2.bias = #stream.parameter.named<"model"::"text.fc2.bias"> : tensor<64xf16>
  util.global private @text.fc2.weight = #stream.parameter.named<"model"::"text.fc2.weight"> : tensor<128x64xf16>
  util.global private @text.key.bias = #stream.parameter.named<"model"::"text.key.bias"> : tensor<64xf16>
  util.global private @text.key.weight = #stream.parameter.named<"model"::"text.key.weight"> : tensor<64x64xf16>
  util.global private @text.modulation.bias = #stream.parameter.named<"model"::"text.modulation.bias"> : tensor<384xf16>
  util.global private @text.modulation.weight = #stream.parameter.named<"model"::"text.modulation.weight"> : tensor<32x384xf16>
  util.global private @text.out.bias = #stream.parameter.named<"model"::"text.out.bias"> : tensor<64xf16>
  util.global private @text.out.weight = #stream.parameter.named<"model"::"text.out.weight"> : tensor<64x64xf16>
  util.global private @text.query.bias = #stream.parameter.named<"model"::"text.query.bias"> : tensor<64xf16>
  util.global private @text.query.weight = #stream.parameter.named<"model"::"text.query.weight"> : tensor<64x64xf16>
  util.global private @text.value.bias = #stream.parameter.named<"model"::"text.value.bias"> : tensor<64xf16>
  util.global private @text.value.weight = #stream.parameter.named<"model"::"text.value.weight"> : tensor<64x64xf16>
  func.func @run_forward(%arg0: tensor<2x16x64xf16>, %arg1: tensor<2x8x64xf16>, %arg2: tensor<2x32xf16>) -> (tensor<2x16x64xf16>, tensor<2x8x64xf16>) {
    %0 = tensor.empty() : tensor<2x32xf16>
    %1 = linalg.generic {indexing_maps = [affine_map<(b, d) -> (b, d)>, affine_map<(b, d) -> (b, d)>], iterator_types = ["parallel", "parallel"]} ins(%arg2 : tensor<2x32xf16>) outs(%0 : tensor<2x32xf16>) {
    ^bb0(%a_in: f16, %out: f16):
      %a = arith.extf %a_in : f16 to f32
      %n = arith.negf %a : f32
      %e = math.exp %n : f32
      %c1 = arith.constant 1.0 : f32
      %d = arith.addf %e, %c1 : f32
      %y = arith.divf %a, %d : f32
      %narrow = arith.truncf %y : f32 to f16
      linalg.yield %narrow : f16
    } -> tensor<2x32xf16>
    %2 = util.global.load @image.modulation.weight : tensor<32x384xf16>
    %3 = util.global.load @image.modulation.bias : tensor<384xf16>
    %c4 = arith.constant 0.0 : f32
    %4 = tensor.empty() : tensor<2x384xf32>
    %5 = linalg.fill ins(%c4 : f32) outs(%4 : tensor<2x384xf32>) -> tensor<2x384xf32>
    %6 = linalg.matmul ins(%1, %2 : tensor<2x32xf16>, tensor<32x384xf16>) outs(%5 : tensor<2x384xf32>) -> tensor<2x384xf32>
    %7 = tensor.empty() : tensor<2x384xf16>
    %8 = linalg.generic {indexing_maps = [affine_map<(r, d) -> (r, d)>, affine_map<(r, d) -> (d)>, affine_map<(r, d) -> (r, d)>], iterator_types = ["parallel", "parallel"]} ins(%6, %3 : tensor<2x384xf32>, tensor<384xf16>) outs(%7 : tensor<2x384xf16>) {
    ^bb0(%a: f32, %b_in: f16, %out: f16):
      %b = arith.extf %b_in : f16 to f32
      %y = arith.addf %a, %b : f32
      %narrow = arith.truncf %y : f32 to f16
      linalg.yield %narrow : f16
    } -> tensor<2x384xf16>
    %9 = tensor.expand_shape %8 [[0], [1, 2]] output_shape [2, 6, 64] : tensor<2x384xf16> into tensor<2x6x64xf16>
    %10 = tensor.extract_slice %9[0, 0, 0] [2, 1, 64] [1, 1, 1] : tensor<2x6x64xf16> to tensor<2x1x64xf16>
    %11 = tensor.collapse_shape %10 [[0], [1, 2]] : tensor<2x1x64xf16> into tensor<2x64xf16>
    %12 = tensor.extract_slice %9[0, 1, 0] [2, 1, 64] [1, 1, 1] : tensor<2x6x64xf16> to tensor<2x1x64xf16>
    %13 = tensor.collapse_shape %12 [[0], [1, 2]] : tensor<2x1x64xf16> into tensor<2x64xf16>
    %14 = tensor.extract_slice %9[0, 2, 0] [2, 1, 64] [1, 1, 1] : tensor<2x6x64xf16> to tensor<2x1x64xf16>
    %15 = tensor.collapse_shape %14 [[0], [1, 2]] : tensor<2x1x64xf16> into tensor<2x64xf16>
    %16 = tensor.extract_slice %9[0, 3, 0] [2, 1, 64] [1, 1, 1] : tensor<2x6x64xf16> to tensor<2x1x64xf16>
    %17 = tensor.collapse_shape %16 [[0], [1, 2]] : tensor<2x1x64xf16> into tensor<2x64xf16>
    %18 = tensor.extract_slice %9[0, 4, 0] [2, 1, 64] [1, 1, 1] : tensor<2x6x64xf16> to tensor<2x1x64xf16>
    %19 = tensor.collapse_shape %18 [[0], [1, 2]] : tensor<2x1x64xf16> into tensor<2x64xf16>
    %20 = tensor.extract_slice %9[0, 5, 0] [2, 1, 64] [1, 1, 1] : tensor<2x6x64xf16> to tensor<2x1x64xf16>
    %21 = tensor.collapse_shape %20 [[0], [1, 2]] : tensor<2x1x64xf16> into tensor<2x64xf16>
    %22 = util.global.load @text.modulation.weight : tensor<32x384xf16>
    %23 = util.global.load @text.modulation.bias : tensor<384xf16>
    %c24 = arith.constant 0.0 : f32
    %24 = tensor.empty() : tensor<2x384xf32>
    %25 = linalg.fill ins(%c24 : f32) outs(%24 : tensor<2x384xf32>) -> tensor<2x384xf32>
    %26 = linalg.matmul ins(%1, %22 : tensor<2x32xf16>, tensor<32x384xf16>) outs(%25 : tensor<2x384xf32>) -> tensor<2x384xf32>
    %27 = tensor.empty() : tensor<2x384xf16>
    %28 = linalg.generic {indexing_maps = [affine_map<(r, d) -> (r, d)>, affine_map<(r, d) -> (d)>, affine_map<(r, d) -> (r, d)>], iterator_types = ["parallel", "parallel"]} ins(%26, %23 : tensor<2x384xf32>, tensor<384xf16>) outs(%27 : tensor<2x384xf16>) {
    ^bb0(%a: f32, %b_in: f16, %out: f16):
      %b = arith.extf %b_in : f16 to f32
      %y = arith.addf %a, %b : f32
      %narrow = arith.truncf %y : f32 to f16
      linalg.yield %narrow : f16
    } -> tensor<2x384xf16>
    %29 = tensor.expand_shape %28 [[0], [1, 2]] output_shape [2, 6, 64] : tensor<2x384xf16> into tensor<2x6x64xf16>
    %30 = tensor.extract_slice %29[0, 0, 0] [2, 1, 64] [1, 1, 1] : tensor<2x6x64xf16> to tensor<2x1x64xf16>
    %31 = tensor.collapse_shape %30 [[0], [1, 2]] : tensor<2x1x64xf16> into tensor<2x64xf16>
    %32 = tensor.extract_slice %29[0, 1, 0] [2, 1, 64] [1, 1, 1] : tensor<2x6x64xf16> to tensor<2x1x64xf16>
    %33 = tensor.collapse_shape %32 [[0], [1, 2]] : tensor<2x1x64xf16> into tensor<2x64xf16>
    %34 = tensor.extract_slice %29[0, 2, 0] [2, 1, 64] [1, 1, 1] : tensor<2x6x64xf16> to tensor<2x1x64xf16>
    %35 = tensor.collapse_shape %34 [[0], [1, 2]] : tensor<2x1x64xf16> into tensor<2x64xf16>
    %36 = tensor.extract_slice %29[0, 3, 0] [2, 1, 64] [1, 1, 1] : tensor<2x6x64xf16> to tensor<2x1x64xf16>
    %37 = tensor.collapse_shape %36 [[0], [1, 2]] : tensor<2x1x64xf16> into tensor<2x64xf16>
    %38 = tensor.extract_slice %29[0, 4, 0] [2, 1, 64] [1, 1, 1] : tensor<2x6x64xf16> to tensor<2x1x64xf16>
    %39 = tensor.collapse_shape %38 [[0], [1, 2]] : tensor<2x1x64xf16> into tensor<2x64xf16>
    %40 = tensor.extract_slice %29[0, 5, 0] [2, 1, 64] [1, 1, 1] : tensor<2x6x64xf16> to tensor<2x1x64xf16>
    %41 = tensor.collapse_shape %40 [[0], [1, 2]] : tensor<2x1x64xf16> into tensor<2x64xf16>
    %c42 = arith.constant 0.0 : f32
    %42 = tensor.empty() : tensor<2x16xf32>
    %43 = linalg.fill ins(%c42 : f32) outs(%42 : tensor<2x16xf32>) -> tensor<2x16xf32>
    %44 = linalg.generic {indexing_maps = [affine_map<(b, t, d) -> (b, t, d)>, affine_map<(b, t, d) -> (b, t)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%arg0 : tensor<2x16x64xf16>) outs(%43 : tensor<2x16xf32>) {
    ^bb0(%a_in: f16, %out: f32):
      %a = arith.extf %a_in : f16 to f32
      %y = arith.addf %a, %out : f32
      linalg.yield %y : f32
    } -> tensor<2x16xf32>
    %45 = tensor.empty() : tensor<2x16x64xf32>
    %46 = linalg.generic {indexing_maps = [affine_map<(b, t, d) -> (b, t, d)>, affine_map<(b, t, d) -> (b, t)>, affine_map<(b, t, d) -> (b, t, d)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%arg0, %44 : tensor<2x16x64xf16>, tensor<2x16xf32>) outs(%45 : tensor<2x16x64xf32>) {
    ^bb0(%a_in: f16, %b: f32, %out: f32):
      %a = arith.extf %a_in : f16 to f32
      %n = arith.constant 64.0 : f32
      %m = arith.divf %b, %n : f32
      %y = arith.subf %a, %m : f32
      linalg.yield %y : f32
    } -> tensor<2x16x64xf32>
    %47 = tensor.empty() : tensor<2x16x64xf32>
    %48 = linalg.generic {indexing_maps = [affine_map<(b, t, d) -> (b, t, d)>, affine_map<(b, t, d) -> (b, t, d)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%46 : tensor<2x16x64xf32>) outs(%47 : tensor<2x16x64xf32>) {
    ^bb0(%a: f32, %out: f32):
      %y = arith.mulf %a, %a : f32
      linalg.yield %y : f32
    } -> tensor<2x16x64xf32>
    %c49 = arith.constant 0.0 : f32
    %49 = tensor.empty() : tensor<2x16xf32>
    %50 = linalg.fill ins(%c49 : f32) outs(%49 : tensor<2x16xf32>) -> tensor<2x16xf32>
    %51 = linalg.generic {indexing_maps = [affine_map<(b, t, d) -> (b, t, d)>, affine_map<(b, t, d) -> (b, t)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%48 : tensor<2x16x64xf32>) outs(%50 : tensor<2x16xf32>) {
    ^bb0(%a: f32, %out: f32):
      %y = arith.addf %a, %out : f32
      linalg.yield %y : f32
    } -> tensor<2x16xf32>
    %52 = tensor.empty() : tensor<2x16x64xf32>
    %53 = linalg.generic {indexing_maps = [affine_map<(b, t, d) -> (b, t, d)>, affine_map<(b, t, d) -> (b, t)>, affine_map<(b, t, d) -> (b, t, d)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%46, %51 : tensor<2x16x64xf32>, tensor<2x16xf32>) outs(%52 : tensor<2x16x64xf32>) {
    ^bb0(%a: f32, %b: f32, %out: f32):
      %n = arith.constant 64.0 : f32
      %m = arith.divf %b, %n : f32
      %eps = arith.constant 1.0e-05 : f32
      %v = arith.addf %m, %eps : f32
      %r = math.rsqrt %v : f32
      %y = arith.mulf %a, %r : f32
      linalg.yield %y : f32
    } -> tensor<2x16x64xf32>
    %54 = tensor.empty() : tensor<2x16x64xf16>
    %55 = linalg.generic {indexing_maps = [affine_map<(b, t, d) -> (b, t, d)>, affine_map<(b, t, d) -> (b, d)>, affine_map<(b, t, d) -> (b, d)>, affine_map<(b, t, d) -> (b, t, d)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%53, %11, %13 : tensor<2x16x64xf32>, tensor<2x64xf16>, tensor<2x64xf16>) outs(%54 : tensor<2x16x64xf16>) {
    ^bb0(%a: f32, %b_in: f16, %c_in: f16, %out: f16):
      %b = arith.extf %b_in : f16 to f32
      %c = arith.extf %c_in : f16 to f32
      %c1 = arith.constant 1.0 : f32
      %s = arith.addf %c, %c1 : f32
      %m = arith.mulf %a, %s : f32
      %y = arith.addf %m, %b : f32
      %narrow = arith.truncf %y : f32 to f16
      linalg.yield %narrow : f16
    } -> tensor<2x16x64xf16>
    %c56 = arith.constant 0.0 : f32
    %56 = tensor.empty() : tensor<2x8xf32>
    %57 = linalg.fill ins(%c56 : f32) outs(%56 : tensor<2x8xf32>) -> tensor<2x8xf32>
    %58 = linalg.generic {indexing_maps = [affine_map<(b, t, d) -> (b, t, d)>, affine_map<(b, t, d) -> (b, t)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%arg1 : tensor<2x8x64xf16>) outs(%57 : tensor<2x8xf32>) {
    ^bb0(%a_in: f16, %out: f32):
      %a = arith.extf %a_in : f16 to f32
      %y = arith.addf %a, %out : f32
      linalg.yield %y : f32
    } -> tensor<2x8xf32>
    %59 = tensor.empty() : tensor<2x8x64xf32>
    %60 = linalg.generic {indexing_maps = [affine_map<(b, t, d) -> (b, t, d)>, affine_map<(b, t, d) -> (b, t)>, affine_map<(b, t, d) -> (b, t, d)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%arg1, %58 : tensor<2x8x64xf16>, tensor<2x8xf32>) outs(%59 : tensor<2x8x64xf32>) {
    ^bb0(%a_in: f16, %b: f32, %out: f32):
      %a = arith.extf %a_in : f16 to f32
      %n = arith.constant 64.0 : f32
      %m = arith.divf %b, %n : f32
      %y = arith.subf %a, %m : f32
      linalg.yield %y : f32
    } -> tensor<2x8x64xf32>
    %61 = tensor.empty() : tensor<2x8x64xf32>
    %62 = linalg.generic {indexing_maps = [affine_map<(b, t, d) -> (b, t, d)>, affine_map<(b, t, d) -> (b, t, d)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%60 : tensor<2x8x64xf32>) outs(%61 : tensor<2x8x64xf32>) {
    ^bb0(%a: f32, %out: f32):
      %y = arith.mulf %a, %a : f32
      linalg.yield %y : f32
    } -> tensor<2x8x64xf32>
    %c63 = arith.constant 0.0 : f32
    %63 = tensor.empty() : tensor<2x8xf32>
    %64 = linalg.fill ins(%c63 : f32) outs(%63 : tensor<2x8xf32>) -> tensor<2x8xf32>
    %65 = linalg.generic {indexing_maps = [affine_map<(b, t, d) -> (b, t, d)>, affine_map<(b, t, d) -> (b, t)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%62 : tensor<2x8x64xf32>) outs(%64 : tensor<2x8xf32>) {
    ^bb0(%a: f32, %out: f32):
      %y = arith.addf %a, %out : f32
      linalg.yield %y : f32
    } -> tensor<2x8xf32>
    %66 = tensor.empty() : tensor<2x8x64xf32>
    %67 = linalg.generic {indexing_maps = [affine_map<(b, t, d) -> (b, t, d)>, affine_map<(b, t, d) -> (b, t)>, affine_map<(b, t, d) -> (b, t, d)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%60, %65 : tensor<2x8x64xf32>, tensor<2x8xf32>) outs(%66 : tensor<2x8x64xf32>) {
    ^bb0(%a: f32, %b: f32, %out: f32):
      %n = arith.constant 64.0 : f32
      %m = arith.divf %b, %n : f32
      %eps = arith.constant 1.0e-05 : f32
      %v = arith.addf %m, %eps : f32
      %r = math.rsqrt %v : f32
      %y = arith.mulf %a, %r : f32
      linalg.yield %y : f32
    } -> tensor<2x8x64xf32>
    %68 = tensor.empty() : tensor<2x8x64xf16>
    %69 = linalg.generic {indexing_maps = [affine_map<(b, t, d) -> (b, t, d)>, affine_map<(b, t, d) -> (b, d)>, affine_map<(b, t, d) -> (b, d)>, affine_map<(b, t, d) -> (b, t, d)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%67, %31, %33 : tensor<2x8x64xf32>, tensor<2x64xf16>, tensor<2x64xf16>) outs(%68 : tensor<2x8x64xf16>) {
    ^bb0(%a: f32, %b_in: f16, %c_in: f16, %out: f16):
      %b = arith.extf %b_in : f16 to f32
      %c = arith.extf %c_in : f16 to f32
      %c1 = arith.constant 1.0 : f32
      %s = arith.addf %c, %c1 : f32
      %m = arith.mulf %a, %s : f32
      %y = arith.addf %m, %b : f32
      %narrow = arith.truncf %y : f32 to f16
      linalg.yield %narrow : f16
    } -> tensor<2x8x64xf16>
    %70 = util.global.load @image.query.weight : tensor<64x64xf16>
    %71 = util.global.load @image.query.bias : tensor<64xf16>
    %72 = tensor.collapse_shape %55 [[0, 1], [2]] : tensor<2x16x64xf16> into tensor<32x64xf16>
    %c73 = arith.constant 0.0 : f32
    %73 = tensor.empty() : tensor<32x64xf32>
    %74 = linalg.fill ins(%c73 : f32) outs(%73 : tensor<32x64xf32>) -> tensor<32x64xf32>
    %75 = linalg.matmul ins(%72, %70 : tensor<32x64xf16>, tensor<64x64xf16>) outs(%74 : tensor<32x64xf32>) -> tensor<32x64xf32>
    %76 = tensor.empty() : tensor<32x64xf16>
    %77 = linalg.generic {indexing_maps = [affine_map<(r, d) -> (r, d)>, affine_map<(r, d) -> (d)>, affine_map<(r, d) -> (r, d)>], iterator_types = ["parallel", "parallel"]} ins(%75, %71 : tensor<32x64xf32>, tensor<64xf16>) outs(%76 : tensor<32x64xf16>) {
    ^bb0(%a: f32, %b_in: f16, %out: f16):
      %b = arith.extf %b_in : f16 to f32
      %y = arith.addf %a, %b : f32
      %narrow = arith.truncf %y : f32 to f16
      linalg.yield %narrow : f16
    } -> tensor<32x64xf16>
    %78 = tensor.expand_shape %77 [[0, 1], [2]] output_shape [2, 16, 64] : tensor<32x64xf16> into tensor<2x16x64xf16>
    %79 = util.global.load @text.query.weight : tensor<64x64xf16>
    %80 = util.global.load @text.query.bias : tensor<64xf16>
    %81 = tensor.collapse_shape %69 [[0, 1], [2]] : tensor<2x8x64xf16> into tensor<16x64xf16>
    %c82 = arith.constant 0.0 : f32
    %82 = tensor.empty() : tensor<16x64xf32>
    %83 = linalg.fill ins(%c82 : f32) outs(%82 : tensor<16x64xf32>) -> tensor<16x64xf32>
    %84 = linalg.matmul ins(%81, %79 : tensor<16x64xf16>, tensor<64x64xf16>) outs(%83 : tensor<16x64xf32>) -> tensor<16x64xf32>
    %85 = tensor.empty() : tensor<16x64xf16>
    %86 = linalg.generic {indexing_maps = [affine_map<(r, d) -> (r, d)>, affine_map<(r, d) -> (d)>, affine_map<(r, d) -> (r, d)>], iterator_types = ["parallel", "parallel"]} ins(%84, %80 : tensor<16x64xf32>, tensor<64xf16>) outs(%85 : tensor<16x64xf16>) {
    ^bb0(%a: f32, %b_in: f16, %out: f16):
      %b = arith.extf %b_in : f16 to f32
      %y = arith.addf %a, %b : f32
      %narrow = arith.truncf %y : f32 to f16
      linalg.yield %narrow : f16
    } -> tensor<16x64xf16>
    %87 = tensor.expand_shape %86 [[0, 1], [2]] output_shape [2, 8, 64] : tensor<16x64xf16> into tensor<2x8x64xf16>
    %88 = tensor.concat dim(1) %78, %87 : (tensor<2x16x64xf16>, tensor<2x8x64xf16>) -> tensor<2x24x64xf16>
    %89 = util.global.load @image.key.weight : tensor<64x64xf16>
    %90 = util.global.load @image.key.bias : tensor<64xf16>
    %91 = tensor.collapse_shape %55 [[0, 1], [2]] : tensor<2x16x64xf16> into tensor<32x64xf16>
    %c92 = arith.constant 0.0 : f32
    %92 = tensor.empty() : tensor<32x64xf32>
    %93 = linalg.fill ins(%c92 : f32) outs(%92 : tensor<32x64xf32>) -> tensor<32x64xf32>
    %94 = linalg.matmul ins(%91, %89 : tensor<32x64xf16>, tensor<64x64xf16>) outs(%93 : tensor<32x64xf32>) -> tensor<32x64xf32>
    %95 = tensor.empty() : tensor<32x64xf16>
    %96 = linalg.generic {indexing_maps = [affine_map<(r, d) -> (r, d)>, affine_map<(r, d) -> (d)>, affine_map<(r, d) -> (r, d)>], iterator_types = ["parallel", "parallel"]} ins(%94, %90 : tensor<32x64xf32>, tensor<64xf16>) outs(%95 : tensor<32x64xf16>) {
    ^bb0(%a: f32, %b_in: f16, %out: f16):
      %b = arith.extf %b_in : f16 to f32
      %y = arith.addf %a, %b : f32
      %narrow = arith.truncf %y : f32 to f16
      linalg.yield %narrow : f16
    } -> tensor<32x64xf16>
    %97 = tensor.expand_shape %96 [[0, 1], [2]] output_shape [2, 16, 64] : tensor<32x64xf16> into tensor<2x16x64xf16>
    %98 = util.global.load @text.key.weight : tensor<64x64xf16>
    %99 = util.global.load @text.key.bias : tensor<64xf16>
    %100 = tensor.collapse_shape %69 [[0, 1], [2]] : tensor<2x8x64xf16> into tensor<16x64xf16>
    %c101 = arith.constant 0.0 : f32
    %101 = tensor.empty() : tensor<16x64xf32>
    %102 = linalg.fill ins(%c101 : f32) outs(%101 : tensor<16x64xf32>) -> tensor<16x64xf32>
    %103 = linalg.matmul ins(%100, %98 : tensor<16x64xf16>, tensor<64x64xf16>) outs(%102 : tensor<16x64xf32>) -> tensor<16x64xf32>
    %104 = tensor.empty() : tensor<16x64xf16>
    %105 = linalg.generic {indexing_maps = [affine_map<(r, d) -> (r, d)>, affine_map<(r, d) -> (d)>, affine_map<(r, d) -> (r, d)>], iterator_types = ["parallel", "parallel"]} ins(%103, %99 : tensor<16x64xf32>, tensor<64xf16>) outs(%104 : tensor<16x64xf16>) {
    ^bb0(%a: f32, %b_in: f16, %out: f16):
      %b = arith.extf %b_in : f16 to f32
      %y = arith.addf %a, %b : f32
      %narrow = arith.truncf %y : f32 to f16
      linalg.yield %narrow : f16
    } -> tensor<16x64xf16>
    %106 = tensor.expand_shape %105 [[0, 1], [2]] output_shape [2, 8, 64] : tensor<16x64xf16> into tensor<2x8x64xf16>
    %107 = tensor.concat dim(1) %97, %106 : (tensor<2x16x64xf16>, tensor<2x8x64xf16>) -> tensor<2x24x64xf16>
    %108 = util.global.load @image.value.weight : tensor<64x64xf16>
    %109 = util.global.load @image.value.bias : tensor<64xf16>
    %110 = tensor.collapse_shape %55 [[0, 1], [2]] : tensor<2x16x64xf16> into tensor<32x64xf16>
    %c111 = arith.constant 0.0 : f32
    %111 = tensor.empty() : tensor<32x64xf32>
    %112 = linalg.fill ins(%c111 : f32) outs(%111 : tensor<32x64xf32>) -> tensor<32x64xf32>
    %113 = linalg.matmul ins(%110, %108 : tensor<32x64xf16>, tensor<64x64xf16>) outs(%112 : tensor<32x64xf32>) -> tensor<32x64xf32>
    %114 = tensor.empty() : tensor<32x64xf16>
    %115 = linalg.generic {indexing_maps = [affine_map<(r, d) -> (r, d)>, affine_map<(r, d) -> (d)>, affine_map<(r, d) -> (r, d)>], iterator_types = ["parallel", "parallel"]} ins(%113, %109 : tensor<32x64xf32>, tensor<64xf16>) outs(%114 : tensor<32x64xf16>) {
    ^bb0(%a: f32, %b_in: f16, %out: f16):
      %b = arith.extf %b_in : f16 to f32
      %y = arith.addf %a, %b : f32
      %narrow = arith.truncf %y : f32 to f16
      linalg.yield %narrow : f16
    } -> tensor<32x64xf16>
    %116 = tensor.expand_shape %115 [[0, 1], [2]] output_shape [2, 16, 64] : tensor<32x64xf16> into tensor<2x16x64xf16>
    %117 = util.global.load @text.value.weight : tensor<64x64xf16>
    %118 = util.global.load @text.value.bias : tensor<64xf16>
    %119 = tensor.collapse_shape %69 [[0, 1], [2]] : tensor<2x8x64xf16> into tensor<16x64xf16>
    %c120 = arith.constant 0.0 : f32
    %120 = tensor.empty() : tensor<16x64xf32>
    %121 = linalg.fill ins(%c120 : f32) outs(%120 : tensor<16x64xf32>) -> tensor<16x64xf32>
    %122 = linalg.matmul ins(%119, %117 : tensor<16x64xf16>, tensor<64x64xf16>) outs(%121 : tensor<16x64xf32>) -> tensor<16x64xf32>
    %123 = tensor.empty() : tensor<16x64xf16>
    %124 = linalg.generic {indexing_maps = [affine_map<(r, d) -> (r, d)>, affine_map<(r, d) -> (d)>, affine_map<(r, d) -> (r, d)>], iterator_types = ["parallel", "parallel"]} ins(%122, %118 : tensor<16x64xf32>, tensor<64xf16>) outs(%123 : tensor<16x64xf16>) {
    ^bb0(%a: f32, %b_in: f16, %out: f16):
      %b = arith.extf %b_in : f16 to f32
      %y = arith.addf %a, %b : f32
      %narrow = arith.truncf %y : f32 to f16
      linalg.yield %narrow : f16
    } -> tensor<16x64xf16>
    %125 = tensor.expand_shape %124 [[0, 1], [2]] output_shape [2, 8, 64] : tensor<16x64xf16> into tensor<2x8x64xf16>
    %126 = tensor.concat dim(1) %116, %125 : (tensor<2x16x64xf16>, tensor<2x8x64xf16>) -> tensor<2x24x64xf16>
    %127 = tensor.expand_shape %88 [[0], [1], [2, 3]] output_shape [2, 24, 4, 16] : tensor<2x24x64xf16> into tensor<2x24x4x16xf16>
    %128 = tensor.empty() : tensor<2x4x24x16xf16>
    %129 = linalg.generic {indexing_maps = [affine_map<(b, h, t, d) -> (b, t, h, d)>, affine_map<(b, h, t, d) -> (b, h, t, d)>], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%127 : tensor<2x24x4x16xf16>) outs(%128 : tensor<2x4x24x16xf16>) {
    ^bb0(%a_in: f16, %out: f16):
      %a = arith.extf %a_in : f16 to f32
      %narrow = arith.truncf %a : f32 to f16
      linalg.yield %narrow : f16
    } -> tensor<2x4x24x16xf16>
    %130 = tensor.collapse_shape %129 [[0, 1], [2], [3]] : tensor<2x4x24x16xf16> into tensor<8x24x16xf16>
    %131 = tensor.expand_shape %107 [[0], [1], [2, 3]] output_shape [2, 24, 4, 16] : tensor<2x24x64xf16> into tensor<2x24x4x16xf16>
    %132 = tensor.empty() : tensor<2x4x16x24xf16>
    %133 = linalg.generic {indexing_maps = [affine_map<(b, h, d, t) -> (b, t, h, d)>, affine_map<(b, h, d, t) -> (b, h, d, t)>], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%131 : tensor<2x24x4x16xf16>) outs(%132 : tensor<2x4x16x24xf16>) {
    ^bb0(%a_in: f16, %out: f16):
      %a = arith.extf %a_in : f16 to f32
      %narrow = arith.truncf %a : f32 to f16
      linalg.yield %narrow : f16
    } -> tensor<2x4x16x24xf16>
    %134 = tensor.collapse_shape %133 [[0, 1], [2], [3]] : tensor<2x4x16x24xf16> into tensor<8x16x24xf16>
    %135 = tensor.expand_shape %126 [[0], [1], [2, 3]] output_shape [2, 24, 4, 16] : tensor<2x24x64xf16> into tensor<2x24x4x16xf16>
    %136 = tensor.empty() : tensor<2x4x24x16xf16>
    %137 = linalg.generic {indexing_maps = [affine_map<(b, h, t, d) -> (b, t, h, d)>, affine_map<(b, h, t, d) -> (b, h, t, d)>], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%135 : tensor<2x24x4x16xf16>) outs(%136 : tensor<2x4x24x16xf16>) {
    ^bb0(%a_in: f16, %out: f16):
      %a = arith.extf %a_in : f16 to f32
      %narrow = arith.truncf %a : f32 to f16
      linalg.yield %narrow : f16
    } -> tensor<2x4x24x16xf16>
    %138 = tensor.collapse_shape %137 [[0, 1], [2], [3]] : tensor<2x4x24x16xf16> into tensor<8x24x16xf16>
    %c139 = arith.constant 0.0 : f32
    %139 = tensor.empty() : tensor<8x24x24xf32>
    %140 = linalg.fill ins(%c139 : f32) outs(%139 : tensor<8x24x24xf32>) -> tensor<8x24x24xf32>
    %141 = linalg.batch_matmul ins(%130, %134 : tensor<8x24x16xf16>, tensor<8x16x24xf16>) outs(%140 : tensor<8x24x24xf32>) -> tensor<8x24x24xf32>
    %142 = tensor.empty() : tensor<8x24x24xf32>
    %143 = linalg.generic {indexing_maps = [affine_map<(b, q, k) -> (b, q, k)>, affine_map<(b, q, k) -> (b, q, k)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%141 : tensor<8x24x24xf32>) outs(%142 : tensor<8x24x24xf32>) {
    ^bb0(%a: f32, %out: f32):
      %s = arith.constant 2.500000e-01 : f32
      %x = arith.mulf %a, %s : f32
      linalg.yield %x : f32
    } -> tensor<8x24x24xf32>
    %c144 = arith.constant 0xFF800000 : f32
    %144 = tensor.empty() : tensor<8x24xf32>
    %145 = linalg.fill ins(%c144 : f32) outs(%144 : tensor<8x24xf32>) -> tensor<8x24xf32>
    %146 = linalg.generic {indexing_maps = [affine_map<(b, q, k) -> (b, q, k)>, affine_map<(b, q, k) -> (b, q)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%143 : tensor<8x24x24xf32>) outs(%145 : tensor<8x24xf32>) {
    ^bb0(%a: f32, %out: f32):
      %y = arith.maximumf %a, %out : f32
      linalg.yield %y : f32
    } -> tensor<8x24xf32>
    %147 = tensor.empty() : tensor<8x24x24xf32>
    %148 = linalg.generic {indexing_maps = [affine_map<(b, q, k) -> (b, q, k)>, affine_map<(b, q, k) -> (b, q)>, affine_map<(b, q, k) -> (b, q, k)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%143, %146 : tensor<8x24x24xf32>, tensor<8x24xf32>) outs(%147 : tensor<8x24x24xf32>) {
    ^bb0(%a: f32, %b: f32, %out: f32):
      %d = arith.subf %a, %b : f32
      %y = math.exp %d : f32
      linalg.yield %y : f32
    } -> tensor<8x24x24xf32>
    %c149 = arith.constant 0.0 : f32
    %149 = tensor.empty() : tensor<8x24xf32>
    %150 = linalg.fill ins(%c149 : f32) outs(%149 : tensor<8x24xf32>) -> tensor<8x24xf32>
    %151 = linalg.generic {indexing_maps = [affine_map<(b, q, k) -> (b, q, k)>, affine_map<(b, q, k) -> (b, q)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%148 : tensor<8x24x24xf32>) outs(%150 : tensor<8x24xf32>) {
    ^bb0(%a: f32, %out: f32):
      %y = arith.addf %a, %out : f32
      linalg.yield %y : f32
    } -> tensor<8x24xf32>
    %152 = tensor.empty() : tensor<8x24x24xf16>
    %153 = linalg.generic {indexing_maps = [affine_map<(b, q, k) -> (b, q, k)>, affine_map<(b, q, k) -> (b, q)>, affine_map<(b, q, k) -> (b, q, k)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%148, %151 : tensor<8x24x24xf32>, tensor<8x24xf32>) outs(%152 : tensor<8x24x24xf16>) {
    ^bb0(%a: f32, %b: f32, %out: f16):
      %y = arith.divf %a, %b : f32
      %narrow = arith.truncf %y : f32 to f16
      linalg.yield %narrow : f16
    } -> tensor<8x24x24xf16>
    %c154 = arith.constant 0.0 : f32
    %154 = tensor.empty() : tensor<8x24x16xf32>
    %155 = linalg.fill ins(%c154 : f32) outs(%154 : tensor<8x24x16xf32>) -> tensor<8x24x16xf32>
    %156 = linalg.batch_matmul ins(%153, %138 : tensor<8x24x24xf16>, tensor<8x24x16xf16>) outs(%155 : tensor<8x24x16xf32>) -> tensor<8x24x16xf32>
    %157 = tensor.expand_shape %156 [[0, 1], [2], [3]] output_shape [2, 4, 24, 16] : tensor<8x24x16xf32> into tensor<2x4x24x16xf32>
    %158 = tensor.empty() : tensor<2x24x4x16xf16>
    %159 = linalg.generic {indexing_maps = [affine_map<(b, t, h, d) -> (b, h, t, d)>, affine_map<(b, t, h, d) -> (b, t, h, d)>], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%157 : tensor<2x4x24x16xf32>) outs(%158 : tensor<2x24x4x16xf16>) {
    ^bb0(%a: f32, %out: f16):
      %narrow = arith.truncf %a : f32 to f16
      linalg.yield %narrow : f16
    } -> tensor<2x24x4x16xf16>
    %160 = tensor.collapse_shape %159 [[0], [1], [2, 3]] : tensor<2x24x4x16xf16> into tensor<2x24x64xf16>
    %161 = tensor.extract_slice %160[0, 0, 0] [2, 16, 64] [1, 1, 1] : tensor<2x24x64xf16> to tensor<2x16x64xf16>
    %162 = tensor.extract_slice %160[0, 16, 0] [2, 8, 64] [1, 1, 1] : tensor<2x24x64xf16> to tensor<2x8x64xf16>
    %163 = util.global.load @image.out.weight : tensor<64x64xf16>
    %164 = util.global.load @image.out.bias : tensor<64xf16>
    %165 = tensor.collapse_shape %161 [[0, 1], [2]] : tensor<2x16x64xf16> into tensor<32x64xf16>
    %c166 = arith.constant 0.0 : f32
    %166 = tensor.empty() : tensor<32x64xf32>
    %167 = linalg.fill ins(%c166 : f32) outs(%166 : tensor<32x64xf32>) -> tensor<32x64xf32>
    %168 = linalg.matmul ins(%165, %163 : tensor<32x64xf16>, tensor<64x64xf16>) outs(%167 : tensor<32x64xf32>) -> tensor<32x64xf32>
    %169 = tensor.empty() : tensor<32x64xf16>
    %170 = linalg.generic {indexing_maps = [affine_map<(r, d) -> (r, d)>, affine_map<(r, d) -> (d)>, affine_map<(r, d) -> (r, d)>], iterator_types = ["parallel", "parallel"]} ins(%168, %164 : tensor<32x64xf32>, tensor<64xf16>) outs(%169 : tensor<32x64xf16>) {
    ^bb0(%a: f32, %b_in: f16, %out: f16):
      %b = arith.extf %b_in : f16 to f32
      %y = arith.addf %a, %b : f32
      %narrow = arith.truncf %y : f32 to f16
      linalg.yield %narrow : f16
    } -> tensor<32x64xf16>
    %171 = tensor.expand_shape %170 [[0, 1], [2]] output_shape [2, 16, 64] : tensor<32x64xf16> into tensor<2x16x64xf16>
    %172 = tensor.empty() : tensor<2x16x64xf32>
    %173 = linalg.generic {indexing_maps = [affine_map<(b, t, d) -> (b, d)>, affine_map<(b, t, d) -> (b, t, d)>, affine_map<(b, t, d) -> (b, t, d)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%15, %171 : tensor<2x64xf16>, tensor<2x16x64xf16>) outs(%172 : tensor<2x16x64xf32>) {
    ^bb0(%a_in: f16, %b_in: f16, %out: f32):
      %a = arith.extf %a_in : f16 to f32
      %b = arith.extf %b_in : f16 to f32
      %y = arith.mulf %a, %b : f32
      linalg.yield %y : f32
    } -> tensor<2x16x64xf32>
    %174 = tensor.empty() : tensor<2x16x64xf16>
    %175 = linalg.generic {indexing_maps = [affine_map<(b, t, d) -> (b, t, d)>, affine_map<(b, t, d) -> (b, t, d)>, affine_map<(b, t, d) -> (b, t, d)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%arg0, %173 : tensor<2x16x64xf16>, tensor<2x16x64xf32>) outs(%174 : tensor<2x16x64xf16>) {
    ^bb0(%a_in: f16, %b: f32, %out: f16):
      %a = arith.extf %a_in : f16 to f32
      %y = arith.addf %a, %b : f32
      %narrow = arith.truncf %y : f32 to f16
      linalg.yield %narrow : f16
    } -> tensor<2x16x64xf16>
    %c176 = arith.constant 0.0 : f32
    %176 = tensor.empty() : tensor<2x16xf32>
    %177 = linalg.fill ins(%c176 : f32) outs(%176 : tensor<2x16xf32>) -> tensor<2x16xf32>
    %178 = linalg.generic {indexing_maps = [affine_map<(b, t, d) -> (b, t, d)>, affine_map<(b, t, d) -> (b, t)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%175 : tensor<2x16x64xf16>) outs(%177 : tensor<2x16xf32>) {
    ^bb0(%a_in: f16, %out: f32):
      %a = arith.extf %a_in : f16 to f32
      %y = arith.addf %a, %out : f32
      linalg.yield %y : f32
    } -> tensor<2x16xf32>
    %179 = tensor.empty() : tensor<2x16x64xf32>
    %180 = linalg.generic {indexing_maps = [affine_map<(b, t, d) -> (b, t, d)>, affine_map<(b, t, d) -> (b, t)>, affine_map<(b, t, d) -> (b, t, d)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%175, %178 : tensor<2x16x64xf16>, tensor<2x16xf32>) outs(%179 : tensor<2x16x64xf32>) {
    ^bb0(%a_in: f16, %b: f32, %out: f32):
      %a = arith.extf %a_in : f16 to f32
      %n = arith.constant 64.0 : f32
      %m = arith.divf %b, %n : f32
      %y = arith.subf %a, %m : f32
      linalg.yield %y : f32
    } -> tensor<2x16x64xf32>
    %181 = tensor.empty() : tensor<2x16x64xf32>
    %182 = linalg.generic {indexing_maps = [affine_map<(b, t, d) -> (b, t, d)>, affine_map<(b, t, d) -> (b, t, d)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%180 : tensor<2x16x64xf32>) outs(%181 : tensor<2x16x64xf32>) {
    ^bb0(%a: f32, %out: f32):
      %y = arith.mulf %a, %a : f32
      linalg.yield %y : f32
    } -> tensor<2x16x64xf32>
    %c183 = arith.constant 0.0 : f32
    %183 = tensor.empty() : tensor<2x16xf32>
    %184 = linalg.fill ins(%c183 : f32) outs(%183 : tensor<2x16xf32>) -> tensor<2x16xf32>
    %185 = linalg.generic {indexing_maps = [affine_map<(b, t, d) -> (b, t, d)>, affine_map<(b, t, d) -> (b, t)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%182 : tensor<2x16x64xf32>) outs(%184 : tensor<2x16xf32>) {
    ^bb0(%a: f32, %out: f32):
      %y = arith.addf %a, %out : f32
      linalg.yield %y : f32
    } -> tensor<2x16xf32>
    %186 = tensor.empty() : tensor<2x16x64xf32>
    %187 = linalg.generic {indexing_maps = [affine_map<(b, t, d) -> (b, t, d)>, affine_map<(b, t, d) -> (b, t)>, affine_map<(b, t, d) -> (b, t, d)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%180, %185 : tensor<2x16x64xf32>, tensor<2x16xf32>) outs(%186 : tensor<2x16x64xf32>) {
    ^bb0(%a: f32, %b: f32, %out: f32):
      %n = arith.constant 64.0 : f32
      %m = arith.divf %b, %n : f32
      %eps = arith.constant 1.0e-05 : f32
      %v = arith.addf %m, %eps : f32
      %r = math.rsqrt %v : f32
      %y = arith.mulf %a, %r : f32
      linalg.yield %y : f32
    } -> tensor<2x16x64xf32>
    %188 = tensor.empty() : tensor<2x16x64xf16>
    %189 = linalg.generic {indexing_maps = [affine_map<(b, t, d) -> (b, t, d)>, affine_map<(b, t, d) -> (b, d)>, affine_map<(b, t, d) -> (b, d)>, affine_map<(b, t, d) -> (b, t, d)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%187, %17, %19 : tensor<2x16x64xf32>, tensor<2x64xf16>, tensor<2x64xf16>) outs(%188 : tensor<2x16x64xf16>) {
    ^bb0(%a: f32, %b_in: f16, %c_in: f16, %out: f16):
      %b = arith.extf %b_in : f16 to f32
      %c = arith.extf %c_in : f16 to f32
      %c1 = arith.constant 1.0 : f32
      %s = arith.addf %c, %c1 : f32
      %m = arith.mulf %a, %s : f32
      %y = arith.addf %m, %b : f32
      %narrow = arith.truncf %y : f32 to f16
      linalg.yield %narrow : f16
    } -> tensor<2x16x64xf16>
    %190 = util.global.load @image.fc1.weight : tensor<64x128xf16>
    %191 = util.global.load @image.fc1.bias : tensor<128xf16>
    %192 = tensor.collapse_shape %189 [[0, 1], [2]] : tensor<2x16x64xf16> into tensor<32x64xf16>
    %c193 = arith.constant 0.0 : f32
    %193 = tensor.empty() : tensor<32x128xf32>
    %194 = linalg.fill ins(%c193 : f32) outs(%193 : tensor<32x128xf32>) -> tensor<32x128xf32>
    %195 = linalg.matmul ins(%192, %190 : tensor<32x64xf16>, tensor<64x128xf16>) outs(%194 : tensor<32x128xf32>) -> tensor<32x128xf32>
    %196 = tensor.empty() : tensor<32x128xf16>
    %197 = linalg.generic {indexing_maps = [affine_map<(r, d) -> (r, d)>, affine_map<(r, d) -> (d)>, affine_map<(r, d) -> (r, d)>], iterator_types = ["parallel", "parallel"]} ins(%195, %191 : tensor<32x128xf32>, tensor<128xf16>) outs(%196 : tensor<32x128xf16>) {
    ^bb0(%a: f32, %b_in: f16, %out: f16):
      %b = arith.extf %b_in : f16 to f32
      %y = arith.addf %a, %b : f32
      %narrow = arith.truncf %y : f32 to f16
      linalg.yield %narrow : f16
    } -> tensor<32x128xf16>
    %198 = tensor.expand_shape %197 [[0, 1], [2]] output_shape [2, 16, 128] : tensor<32x128xf16> into tensor<2x16x128xf16>
    %199 = tensor.empty() : tensor<2x16x128xf16>
    %200 = linalg.generic {indexing_maps = [affine_map<(b, t, d) -> (b, t, d)>, affine_map<(b, t, d) -> (b, t, d)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%198 : tensor<2x16x128xf16>) outs(%199 : tensor<2x16x128xf16>) {
    ^bb0(%a_in: f16, %out: f16):
      %a = arith.extf %a_in : f16 to f32
      %s = arith.mulf %a, %a : f32
      %q = arith.mulf %s, %a : f32
      %k = arith.constant 0.044715 : f32
      %c = arith.mulf %q, %k : f32
      %i = arith.addf %a, %c : f32
      %r = arith.constant 0.7978845608 : f32
      %j = arith.mulf %i, %r : f32
      %t = math.tanh %j : f32
      %c1 = arith.constant 1.0 : f32
      %o = arith.addf %t, %c1 : f32
      %h = arith.constant 0.5 : f32
      %g = arith.mulf %a, %h : f32
      %y = arith.mulf %g, %o : f32
      %narrow = arith.truncf %y : f32 to f16
      linalg.yield %narrow : f16
    } -> tensor<2x16x128xf16>
    %201 = util.global.load @image.fc2.weight : tensor<128x64xf16>
    %202 = util.global.load @image.fc2.bias : tensor<64xf16>
    %203 = tensor.collapse_shape %200 [[0, 1], [2]] : tensor<2x16x128xf16> into tensor<32x128xf16>
    %c204 = arith.constant 0.0 : f32
    %204 = tensor.empty() : tensor<32x64xf32>
    %205 = linalg.fill ins(%c204 : f32) outs(%204 : tensor<32x64xf32>) -> tensor<32x64xf32>
    %206 = linalg.matmul ins(%203, %201 : tensor<32x128xf16>, tensor<128x64xf16>) outs(%205 : tensor<32x64xf32>) -> tensor<32x64xf32>
    %207 = tensor.empty() : tensor<32x64xf16>
    %208 = linalg.generic {indexing_maps = [affine_map<(r, d) -> (r, d)>, affine_map<(r, d) -> (d)>, affine_map<(r, d) -> (r, d)>], iterator_types = ["parallel", "parallel"]} ins(%206, %202 : tensor<32x64xf32>, tensor<64xf16>) outs(%207 : tensor<32x64xf16>) {
    ^bb0(%a: f32, %b_in: f16, %out: f16):
      %b = arith.extf %b_in : f16 to f32
      %y = arith.addf %a, %b : f32
      %narrow = arith.truncf %y : f32 to f16
      linalg.yield %narrow : f16
    } -> tensor<32x64xf16>
    %209 = tensor.expand_shape %208 [[0, 1], [2]] output_shape [2, 16, 64] : tensor<32x64xf16> into tensor<2x16x64xf16>
    %210 = tensor.empty() : tensor<2x16x64xf32>
    %211 = linalg.generic {indexing_maps = [affine_map<(b, t, d) -> (b, d)>, affine_map<(b, t, d) -> (b, t, d)>, affine_map<(b, t, d) -> (b, t, d)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%21, %209 : tensor<2x64xf16>, tensor<2x16x64xf16>) outs(%210 : tensor<2x16x64xf32>) {
    ^bb0(%a_in: f16, %b_in: f16, %out: f32):
      %a = arith.extf %a_in : f16 to f32
      %b = arith.extf %b_in : f16 to f32
      %y = arith.mulf %a, %b : f32
      linalg.yield %y : f32
    } -> tensor<2x16x64xf32>
    %212 = tensor.empty() : tensor<2x16x64xf16>
    %213 = linalg.generic {indexing_maps = [affine_map<(b, t, d) -> (b, t, d)>, affine_map<(b, t, d) -> (b, t, d)>, affine_map<(b, t, d) -> (b, t, d)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%175, %211 : tensor<2x16x64xf16>, tensor<2x16x64xf32>) outs(%212 : tensor<2x16x64xf16>) {
    ^bb0(%a_in: f16, %b: f32, %out: f16):
      %a = arith.extf %a_in : f16 to f32
      %y = arith.addf %a, %b : f32
      %narrow = arith.truncf %y : f32 to f16
      linalg.yield %narrow : f16
    } -> tensor<2x16x64xf16>
    %214 = util.global.load @text.out.weight : tensor<64x64xf16>
    %215 = util.global.load @text.out.bias : tensor<64xf16>
    %216 = tensor.collapse_shape %162 [[0, 1], [2]] : tensor<2x8x64xf16> into tensor<16x64xf16>
    %c217 = arith.constant 0.0 : f32
    %217 = tensor.empty() : tensor<16x64xf32>
    %218 = linalg.fill ins(%c217 : f32) outs(%217 : tensor<16x64xf32>) -> tensor<16x64xf32>
    %219 = linalg.matmul ins(%216, %214 : tensor<16x64xf16>, tensor<64x64xf16>) outs(%218 : tensor<16x64xf32>) -> tensor<16x64xf32>
    %220 = tensor.empty() : tensor<16x64xf16>
    %221 = linalg.generic {indexing_maps = [affine_map<(r, d) -> (r, d)>, affine_map<(r, d) -> (d)>, affine_map<(r, d) -> (r, d)>], iterator_types = ["parallel", "parallel"]} ins(%219, %215 : tensor<16x64xf32>, tensor<64xf16>) outs(%220 : tensor<16x64xf16>) {
    ^bb0(%a: f32, %b_in: f16, %out: f16):
      %b = arith.extf %b_in : f16 to f32
      %y = arith.addf %a, %b : f32
      %narrow = arith.truncf %y : f32 to f16
      linalg.yield %narrow : f16
    } -> tensor<16x64xf16>
    %222 = tensor.expand_shape %221 [[0, 1], [2]] output_shape [2, 8, 64] : tensor<16x64xf16> into tensor<2x8x64xf16>
    %223 = tensor.empty() : tensor<2x8x64xf32>
    %224 = linalg.generic {indexing_maps = [affine_map<(b, t, d) -> (b, d)>, affine_map<(b, t, d) -> (b, t, d)>, affine_map<(b, t, d) -> (b, t, d)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%35, %222 : tensor<2x64xf16>, tensor<2x8x64xf16>) outs(%223 : tensor<2x8x64xf32>) {
    ^bb0(%a_in: f16, %b_in: f16, %out: f32):
      %a = arith.extf %a_in : f16 to f32
      %b = arith.extf %b_in : f16 to f32
      %y = arith.mulf %a, %b : f32
      linalg.yield %y : f32
    } -> tensor<2x8x64xf32>
    %225 = tensor.empty() : tensor<2x8x64xf16>
    %226 = linalg.generic {indexing_maps = [affine_map<(b, t, d) -> (b, t, d)>, affine_map<(b, t, d) -> (b, t, d)>, affine_map<(b, t, d) -> (b, t, d)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%arg1, %224 : tensor<2x8x64xf16>, tensor<2x8x64xf32>) outs(%225 : tensor<2x8x64xf16>) {
    ^bb0(%a_in: f16, %b: f32, %out: f16):
      %a = arith.extf %a_in : f16 to f32
      %y = arith.addf %a, %b : f32
      %narrow = arith.truncf %y : f32 to f16
      linalg.yield %narrow : f16
    } -> tensor<2x8x64xf16>
    %c227 = arith.constant 0.0 : f32
    %227 = tensor.empty() : tensor<2x8xf32>
    %228 = linalg.fill ins(%c227 : f32) outs(%227 : tensor<2x8xf32>) -> tensor<2x8xf32>
    %229 = linalg.generic {indexing_maps = [affine_map<(b, t, d) -> (b, t, d)>, affine_map<(b, t, d) -> (b, t)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%226 : tensor<2x8x64xf16>) outs(%228 : tensor<2x8xf32>) {
    ^bb0(%a_in: f16, %out: f32):
      %a = arith.extf %a_in : f16 to f32
      %y = arith.addf %a, %out : f32
      linalg.yield %y : f32
    } -> tensor<2x8xf32>
    %230 = tensor.empty() : tensor<2x8x64xf32>
    %231 = linalg.generic {indexing_maps = [affine_map<(b, t, d) -> (b, t, d)>, affine_map<(b, t, d) -> (b, t)>, affine_map<(b, t, d) -> (b, t, d)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%226, %229 : tensor<2x8x64xf16>, tensor<2x8xf32>) outs(%230 : tensor<2x8x64xf32>) {
    ^bb0(%a_in: f16, %b: f32, %out: f32):
      %a = arith.extf %a_in : f16 to f32
      %n = arith.constant 64.0 : f32
      %m = arith.divf %b, %n : f32
      %y = arith.subf %a, %m : f32
      linalg.yield %y : f32
    } -> tensor<2x8x64xf32>
    %232 = tensor.empty() : tensor<2x8x64xf32>
    %233 = linalg.generic {indexing_maps = [affine_map<(b, t, d) -> (b, t, d)>, affine_map<(b, t, d) -> (b, t, d)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%231 : tensor<2x8x64xf32>) outs(%232 : tensor<2x8x64xf32>) {
    ^bb0(%a: f32, %out: f32):
      %y = arith.mulf %a, %a : f32
      linalg.yield %y : f32
    } -> tensor<2x8x64xf32>
    %c234 = arith.constant 0.0 : f32
    %234 = tensor.empty() : tensor<2x8xf32>
    %235 = linalg.fill ins(%c234 : f32) outs(%234 : tensor<2x8xf32>) -> tensor<2x8xf32>
    %236 = linalg.generic {indexing_maps = [affine_map<(b, t, d) -> (b, t, d)>, affine_map<(b, t, d) -> (b, t)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%233 : tensor<2x8x64xf32>) outs(%235 : tensor<2x8xf32>) {
    ^bb0(%a: f32, %out: f32):
      %y = arith.addf %a, %out : f32
      linalg.yield %y : f32
    } -> tensor<2x8xf32>
    %237 = tensor.empty() : tensor<2x8x64xf32>
    %238 = linalg.generic {indexing_maps = [affine_map<(b, t, d) -> (b, t, d)>, affine_map<(b, t, d) -> (b, t)>, affine_map<(b, t, d) -> (b, t, d)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%231, %236 : tensor<2x8x64xf32>, tensor<2x8xf32>) outs(%237 : tensor<2x8x64xf32>) {
    ^bb0(%a: f32, %b: f32, %out: f32):
      %n = arith.constant 64.0 : f32
      %m = arith.divf %b, %n : f32
      %eps = arith.constant 1.0e-05 : f32
      %v = arith.addf %m, %eps : f32
      %r = math.rsqrt %v : f32
      %y = arith.mulf %a, %r : f32
      linalg.yield %y : f32
    } -> tensor<2x8x64xf32>
    %239 = tensor.empty() : tensor<2x8x64xf16>
    %240 = linalg.generic {indexing_maps = [affine_map<(b, t, d) -> (b, t, d)>, affine_map<(b, t, d) -> (b, d)>, affine_map<(b, t, d) -> (b, d)>, affine_map<(b, t, d) -> (b, t, d)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%238, %37, %39 : tensor<2x8x64xf32>, tensor<2x64xf16>, tensor<2x64xf16>) outs(%239 : tensor<2x8x64xf16>) {
    ^bb0(%a: f32, %b_in: f16, %c_in: f16, %out: f16):
      %b = arith.extf %b_in : f16 to f32
      %c = arith.extf %c_in : f16 to f32
      %c1 = arith.constant 1.0 : f32
      %s = arith.addf %c, %c1 : f32
      %m = arith.mulf %a, %s : f32
      %y = arith.addf %m, %b : f32
      %narrow = arith.truncf %y : f32 to f16
      linalg.yield %narrow : f16
    } -> tensor<2x8x64xf16>
    %241 = util.global.load @text.fc1.weight : tensor<64x128xf16>
    %242 = util.global.load @text.fc1.bias : tensor<128xf16>
    %243 = tensor.collapse_shape %240 [[0, 1], [2]] : tensor<2x8x64xf16> into tensor<16x64xf16>
    %c244 = arith.constant 0.0 : f32
    %244 = tensor.empty() : tensor<16x128xf32>
    %245 = linalg.fill ins(%c244 : f32) outs(%244 : tensor<16x128xf32>) -> tensor<16x128xf32>
    %246 = linalg.matmul ins(%243, %241 : tensor<16x64xf16>, tensor<64x128xf16>) outs(%245 : tensor<16x128xf32>) -> tensor<16x128xf32>
    %247 = tensor.empty() : tensor<16x128xf16>
    %248 = linalg.generic {indexing_maps = [affine_map<(r, d) -> (r, d)>, affine_map<(r, d) -> (d)>, affine_map<(r, d) -> (r, d)>], iterator_types = ["parallel", "parallel"]} ins(%246, %242 : tensor<16x128xf32>, tensor<128xf16>) outs(%247 : tensor<16x128xf16>) {
    ^bb0(%a: f32, %b_in: f16, %out: f16):
      %b = arith.extf %b_in : f16 to f32
      %y = arith.addf %a, %b : f32
      %narrow = arith.truncf %y : f32 to f16
      linalg.yield %narrow : f16
    } -> tensor<16x128xf16>
    %249 = tensor.expand_shape %248 [[0, 1], [2]] output_shape [2, 8, 128] : tensor<16x128xf16> into tensor<2x8x128xf16>
    %250 = tensor.empty() : tensor<2x8x128xf16>
    %251 = linalg.generic {indexing_maps = [affine_map<(b, t, d) -> (b, t, d)>, affine_map<(b, t, d) -> (b, t, d)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%249 : tensor<2x8x128xf16>) outs(%250 : tensor<2x8x128xf16>) {
    ^bb0(%a_in: f16, %out: f16):
      %a = arith.extf %a_in : f16 to f32
      %s = arith.mulf %a, %a : f32
      %q = arith.mulf %s, %a : f32
      %k = arith.constant 0.044715 : f32
      %c = arith.mulf %q, %k : f32
      %i = arith.addf %a, %c : f32
      %r = arith.constant 0.7978845608 : f32
      %j = arith.mulf %i, %r : f32
      %t = math.tanh %j : f32
      %c1 = arith.constant 1.0 : f32
      %o = arith.addf %t, %c1 : f32
      %h = arith.constant 0.5 : f32
      %g = arith.mulf %a, %h : f32
      %y = arith.mulf %g, %o : f32
      %narrow = arith.truncf %y : f32 to f16
      linalg.yield %narrow : f16
    } -> tensor<2x8x128xf16>
    %252 = util.global.load @text.fc2.weight : tensor<128x64xf16>
    %253 = util.global.load @text.fc2.bias : tensor<64xf16>
    %254 = tensor.collapse_shape %251 [[0, 1], [2]] : tensor<2x8x128xf16> into tensor<16x128xf16>
    %c255 = arith.constant 0.0 : f32
    %255 = tensor.empty() : tensor<16x64xf32>
    %256 = linalg.fill ins(%c255 : f32) outs(%255 : tensor<16x64xf32>) -> tensor<16x64xf32>
    %257 = linalg.matmul ins(%254, %252 : tensor<16x128xf16>, tensor<128x64xf16>) outs(%256 : tensor<16x64xf32>) -> tensor<16x64xf32>
    %258 = tensor.empty() : tensor<16x64xf16>
    %259 = linalg.generic {indexing_maps = [affine_map<(r, d) -> (r, d)>, affine_map<(r, d) -> (d)>, affine_map<(r, d) -> (r, d)>], iterator_types = ["parallel", "parallel"]} ins(%257, %253 : tensor<16x64xf32>, tensor<64xf16>) outs(%258 : tensor<16x64xf16>) {
    ^bb0(%a: f32, %b_in: f16, %out: f16):
      %b = arith.extf %b_in : f16 to f32
      %y = arith.addf %a, %b : f32
      %narrow = arith.truncf %y : f32 to f16
      linalg.yield %narrow : f16
    } -> tensor<16x64xf16>
    %260 = tensor.expand_shape %259 [[0, 1], [2]] output_shape [2, 8, 64] : tensor<16x64xf16> into tensor<2x8x64xf16>
    %261 = tensor.empty() : tensor<2x8x64xf32>
    %262 = linalg.generic {indexing_maps = [affine_map<(b, t, d) -> (b, d)>, affine_map<(b, t, d) -> (b, t, d)>, affine_map<(b, t, d) -> (b, t, d)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%41, %260 : tensor<2x64xf16>, tensor<2x8x64xf16>) outs(%261 : tensor<2x8x64xf32>) {
    ^bb0(%a_in: f16, %b_in: f16, %out: f32):
      %a = arith.extf %a_in : f16 to f32
      %b = arith.extf %b_in : f16 to f32
      %y = arith.mulf %a, %b : f32
      linalg.yield %y : f32
    } -> tensor<2x8x64xf32>
    %263 = tensor.empty() : tensor<2x8x64xf16>
    %264 = linalg.generic {indexing_maps = [affine_map<(b, t, d) -> (b, t, d)>, affine_map<(b, t, d) -> (b, t, d)>, affine_map<(b, t, d) -> (b, t, d)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%226, %262 : tensor<2x8x64xf16>, tensor<2x8x64xf32>) outs(%263 : tensor<2x8x64xf16>) {
    ^bb0(%a_in: f16, %b: f32, %out: f16):
      %a = arith.extf %a_in : f16 to f32
      %y = arith.addf %a, %b : f32
      %narrow = arith.truncf %y : f32 to f16
      linalg.yield %narrow : f16
    } -> tensor<2x8x64xf16>
    return %213, %264 : tensor<2x16x64xf16>, tensor<2x8x64xf16>
  }
}
