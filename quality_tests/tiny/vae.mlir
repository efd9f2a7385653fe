module @compiled_vae {
  util.global private @conv_in.bias = #stream.parameter.named<"model"::"conv_in.bias"> : tensor<16xf32>
  util.global private @conv_in.weight = #stream.parameter.named<"model"::"conv_in.weight"> : tensor<16x4x3x3xf32>
  util.global private @conv_out.bias = #stream.parameter.named<"model"::"conv_out.bias"> : tensor<3xf32>
  util.global private @conv_out.weight = #stream.parameter.named<"model"::"conv_out.weight"> : tensor<3x16x3x3xf32>
  util.global private @norm_out.bias = #stream.parameter.named<"model"::"norm_out.bias"> : tensor<16xf32>
  util.global private @norm_out.weight = #stream.parameter.named<"model"::"norm_out.weight"> : tensor<16xf32>
  util.global private @resnet.conv1.bias = #stream.parameter.named<"model"::"resnet.conv1.bias"> : tensor<16xf32>
  util.global private @resnet.conv1.weight = #stream.parameter.named<"model"::"resnet.conv1.weight"> : tensor<16x16x3x3xf32>
  util.global private @resnet.conv2.bias = #stream.parameter.named<"model"::"resnet.conv2.bias"> : tensor<16xf32>
  util.global private @resnet.conv2.weight = #stream.parameter.named<"model"::"resnet.conv2.weight"> : tensor<16x16x3x3xf32>
  util.global private @resnet.norm1.bias = #stream.parameter.named<"model"::"resnet.norm1.bias"> : tensor<16xf32>
  util.global private @resnet.norm1.weight = #stream.parameter.named<"model"::"resnet.norm1.weight"> : tensor<16xf32>
  util.global private @resnet.norm2.bias = #stream.parameter.named<"model"::"resnet.norm2.bias"> : tensor<16xf32>
  util.global private @resnet.norm2.weight = #stream.parameter.named<"model"::"resnet.norm2.weight"> : tensor<16xf32>
  util.global private @upsampled.bias = #stream.parameter.named<"model"::"upsampled.bias"> : tensor<16xf32>
  util.global private @upsampled.weight = #stream.parameter.named<"model"::"upsampled.weight"> : tensor<16x16x3x3xf32>
  func.func @decode(%arg0: tensor<1x4x8x8xf32>) -> (tensor<1x3x16x16xf32>) {
    %0 = util.global.load @conv_in.weight : tensor<16x4x3x3xf32>
    %1 = tensor.pad %arg0 low[0, 0, 1, 1] high[0, 0, 1, 1] {
    ^bb0(%i: index, %j: index, %k: index, %l: index):
      %zero = arith.constant 0.0 : f32
      tensor.yield %zero : f32
    } : tensor<1x4x8x8xf32> to tensor<1x4x10x10xf32>
    %c2 = arith.constant 0.0 : f32
    %2 = tensor.empty() : tensor<1x16x8x8xf32>
    %3 = linalg.fill ins(%c2 : f32) outs(%2 : tensor<1x16x8x8xf32>) -> tensor<1x16x8x8xf32>
    %4 = linalg.conv_2d_nchw_fchw {dilations = dense<1> : tensor<2xi64>, strides = dense<1> : tensor<2xi64>} ins(%1, %0 : tensor<1x4x10x10xf32>, tensor<16x4x3x3xf32>) outs(%3 : tensor<1x16x8x8xf32>) -> tensor<1x16x8x8xf32>
    %5 = util.global.load @conv_in.bias : tensor<16xf32>
    %6 = tensor.empty() : tensor<1x16x8x8xf32>
    %7 = linalg.generic {indexing_maps = [affine_map<(n, c, h, w) -> (n, c, h, w)>, affine_map<(n, c, h, w) -> (c)>, affine_map<(n, c, h, w) -> (n, c, h, w)>], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%4, %5 : tensor<1x16x8x8xf32>, tensor<16xf32>) outs(%6 : tensor<1x16x8x8xf32>) {
    ^bb0(%a: f32, %b: f32, %out: f32):
      %y = arith.addf %a, %b : f32
      linalg.yield %y : f32
    } -> tensor<1x16x8x8xf32>
    %8 = tensor.expand_shape %7 [[0], [1, 2], [3], [4]] output_shape [1, 4, 4, 8, 8] : tensor<1x16x8x8xf32> into tensor<1x4x4x8x8xf32>
    %c9 = arith.constant 0.0 : f32
    %9 = tensor.empty() : tensor<1x4xf32>
    %10 = linalg.fill ins(%c9 : f32) outs(%9 : tensor<1x4xf32>) -> tensor<1x4xf32>
    %11 = linalg.generic {indexing_maps = [affine_map<(n, g, c, h, w) -> (n, g, c, h, w)>, affine_map<(n, g, c, h, w) -> (n, g)>], iterator_types = ["parallel", "parallel", "reduction", "reduction", "reduction"]} ins(%8 : tensor<1x4x4x8x8xf32>) outs(%10 : tensor<1x4xf32>) {
    ^bb0(%a: f32, %out: f32):
      %y = arith.addf %a, %out : f32
      linalg.yield %y : f32
    } -> tensor<1x4xf32>
    %12 = tensor.empty() : tensor<1x4x4x8x8xf32>
    %13 = linalg.generic {indexing_maps = [affine_map<(n, g, c, h, w) -> (n, g, c, h, w)>, affine_map<(n, g, c, h, w) -> (n, g)>, affine_map<(n, g, c, h, w) -> (n, g, c, h, w)>], iterator_types = ["parallel", "parallel", "parallel", "parallel", "parallel"]} ins(%8, %11 : tensor<1x4x4x8x8xf32>, tensor<1x4xf32>) outs(%12 : tensor<1x4x4x8x8xf32>) {
    ^bb0(%a: f32, %b: f32, %out: f32):
      %n = arith.constant 256.0 : f32
      %m = arith.divf %b, %n : f32
      %y = arith.subf %a, %m : f32
      linalg.yield %y : f32
    } -> tensor<1x4x4x8x8xf32>
    %14 = tensor.empty() : tensor<1x4x4x8x8xf32>
    %15 = linalg.generic {indexing_maps = [affine_map<(n, g, c, h, w) -> (n, g, c, h, w)>, affine_map<(n, g, c, h, w) -> (n, g, c, h, w)>], iterator_types = ["parallel", "parallel", "parallel", "parallel", "parallel"]} ins(%13 : tensor<1x4x4x8x8xf32>) outs(%14 : tensor<1x4x4x8x8xf32>) {
    ^bb0(%a: f32, %out: f32):
      %y = arith.mulf %a, %a : f32
      linalg.yield %y : f32
    } -> tensor<1x4x4x8x8xf32>
    %c16 = arith.constant 0.0 : f32
    %16 = tensor.empty() : tensor<1x4xf32>
    %17 = linalg.fill ins(%c16 : f32) outs(%16 : tensor<1x4xf32>) -> tensor<1x4xf32>
    %18 = linalg.generic {indexing_maps = [affine_map<(n, g, c, h, w) -> (n, g, c, h, w)>, affine_map<(n, g, c, h, w) -> (n, g)>], iterator_types = ["parallel", "parallel", "reduction", "reduction", "reduction"]} ins(%15 : tensor<1x4x4x8x8xf32>) outs(%17 : tensor<1x4xf32>) {
    ^bb0(%a: f32, %out: f32):
      %y = arith.addf %a, %out : f32
      linalg.yield %y : f32
    } -> tensor<1x4xf32>
    %19 = tensor.empty() : tensor<1x4x4x8x8xf32>
    %20 = linalg.generic {indexing_maps = [affine_map<(n, g, c, h, w) -> (n, g, c, h, w)>, affine_map<(n, g, c, h, w) -> (n, g)>, affine_map<(n, g, c, h, w) -> (n, g, c, h, w)>], iterator_types = ["parallel", "parallel", "parallel", "parallel", "parallel"]} ins(%13, %18 : tensor<1x4x4x8x8xf32>, tensor<1x4xf32>) outs(%19 : tensor<1x4x4x8x8xf32>) {
    ^bb0(%a: f32, %b: f32, %out: f32):
      %n = arith.constant 256.0 : f32
      %m = arith.divf %b, %n : f32
      %eps = arith.constant 1.0e-05 : f32
      %v = arith.addf %m, %eps : f32
      %r = math.rsqrt %v : f32
      %y = arith.mulf %a, %r : f32
      linalg.yield %y : f32
    } -> tensor<1x4x4x8x8xf32>
    %21 = tensor.collapse_shape %20 [[0], [1, 2], [3], [4]] : tensor<1x4x4x8x8xf32> into tensor<1x16x8x8xf32>
    %22 = util.global.load @resnet.norm1.weight : tensor<16xf32>
    %23 = util.global.load @resnet.norm1.bias : tensor<16xf32>
    %24 = tensor.empty() : tensor<1x16x8x8xf32>
    %25 = linalg.generic {indexing_maps = [affine_map<(n, c, h, w) -> (n, c, h, w)>, affine_map<(n, c, h, w) -> (c)>, affine_map<(n, c, h, w) -> (c)>, affine_map<(n, c, h, w) -> (n, c, h, w)>], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%21, %22, %23 : tensor<1x16x8x8xf32>, tensor<16xf32>, tensor<16xf32>) outs(%24 : tensor<1x16x8x8xf32>) {
    ^bb0(%a: f32, %b: f32, %c: f32, %out: f32):
      %g = arith.mulf %a, %b : f32
      %y = arith.addf %g, %c : f32
      linalg.yield %y : f32
    } -> tensor<1x16x8x8xf32>
    %26 = tensor.empty() : tensor<1x16x8x8xf32>
    %27 = linalg.generic {indexing_maps = [affine_map<(n, c, h, w) -> (n, c, h, w)>, affine_map<(n, c, h, w) -> (n, c, h, w)>], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%25 : tensor<1x16x8x8xf32>) outs(%26 : tensor<1x16x8x8xf32>) {
    ^bb0(%a: f32, %out: f32):
      %n = arith.negf %a : f32
      %e = math.exp %n : f32
      %c1 = arith.constant 1.0 : f32
      %d = arith.addf %e, %c1 : f32
      %y = arith.divf %a, %d : f32
      linalg.yield %y : f32
    } -> tensor<1x16x8x8xf32>
    %28 = util.global.load @resnet.conv1.weight : tensor<16x16x3x3xf32>
    %29 = tensor.pad %27 low[0, 0, 1, 1] high[0, 0, 1, 1] {
    ^bb0(%i: index, %j: index, %k: index, %l: index):
      %zero = arith.constant 0.0 : f32
      tensor.yield %zero : f32
    } : tensor<1x16x8x8xf32> to tensor<1x16x10x10xf32>
    %c30 = arith.constant 0.0 : f32
    %30 = tensor.empty() : tensor<1x16x8x8xf32>
    %31 = linalg.fill ins(%c30 : f32) outs(%30 : tensor<1x16x8x8xf32>) -> tensor<1x16x8x8xf32>
    %32 = linalg.conv_2d_nchw_fchw {dilations = dense<1> : tensor<2xi64>, strides = dense<1> : tensor<2xi64>} ins(%29, %28 : tensor<1x16x10x10xf32>, tensor<16x16x3x3xf32>) outs(%31 : tensor<1x16x8x8xf32>) -> tensor<1x16x8x8xf32>
    %33 = util.global.load @resnet.conv1.bias : tensor<16xf32>
    %34 = tensor.empty() : tensor<1x16x8x8xf32>
    %35 = linalg.generic {indexing_maps = [affine_map<(n, c, h, w) -> (n, c, h, w)>, affine_map<(n, c, h, w) -> (c)>, affine_map<(n, c, h, w) -> (n, c, h, w)>], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%32, %33 : tensor<1x16x8x8xf32>, tensor<16xf32>) outs(%34 : tensor<1x16x8x8xf32>) {
    ^bb0(%a: f32, %b: f32, %out: f32):
      %y = arith.addf %a, %b : f32
      linalg.yield %y : f32
    } -> tensor<1x16x8x8xf32>
    %36 = tensor.expand_shape %35 [[0], [1, 2], [3], [4]] output_shape [1, 4, 4, 8, 8] : tensor<1x16x8x8xf32> into tensor<1x4x4x8x8xf32>
    %c37 = arith.constant 0.0 : f32
    %37 = tensor.empty() : tensor<1x4xf32>
    %38 = linalg.fill ins(%c37 : f32) outs(%37 : tensor<1x4xf32>) -> tensor<1x4xf32>
    %39 = linalg.generic {indexing_maps = [affine_map<(n, g, c, h, w) -> (n, g, c, h, w)>, affine_map<(n, g, c, h, w) -> (n, g)>], iterator_types = ["parallel", "parallel", "reduction", "reduction", "reduction"]} ins(%36 : tensor<1x4x4x8x8xf32>) outs(%38 : tensor<1x4xf32>) {
    ^bb0(%a: f32, %out: f32):
      %y = arith.addf %a, %out : f32
      linalg.yield %y : f32
    } -> tensor<1x4xf32>
    %40 = tensor.empty() : tensor<1x4x4x8x8xf32>
    %41 = linalg.generic {indexing_maps = [affine_map<(n, g, c, h, w) -> (n, g, c, h, w)>, affine_map<(n, g, c, h, w) -> (n, g)>, affine_map<(n, g, c, h, w) -> (n, g, c, h, w)>], iterator_types = ["parallel", "parallel", "parallel", "parallel", "parallel"]} ins(%36, %39 : tensor<1x4x4x8x8xf32>, tensor<1x4xf32>) outs(%40 : tensor<1x4x4x8x8xf32>) {
    ^bb0(%a: f32, %b: f32, %out: f32):
      %n = arith.constant 256.0 : f32
      %m = arith.divf %b, %n : f32
      %y = arith.subf %a, %m : f32
      linalg.yield %y : f32
    } -> tensor<1x4x4x8x8xf32>
    %42 = tensor.empty() : tensor<1x4x4x8x8xf32>
    %43 = linalg.generic {indexing_maps = [affine_map<(n, g, c, h, w) -> (n, g, c, h, w)>, affine_map<(n, g, c, h, w) -> (n, g, c, h, w)>], iterator_types = ["parallel", "parallel", "parallel", "parallel", "parallel"]} ins(%41 : tensor<1x4x4x8x8xf32>) outs(%42 : tensor<1x4x4x8x8xf32>) {
    ^bb0(%a: f32, %out: f32):
      %y = arith.mulf %a, %a : f32
      linalg.yield %y : f32
    } -> tensor<1x4x4x8x8xf32>
    %c44 = arith.constant 0.0 : f32
    %44 = tensor.empty() : tensor<1x4xf32>
    %45 = linalg.fill ins(%c44 : f32) outs(%44 : tensor<1x4xf32>) -> tensor<1x4xf32>
    %46 = linalg.generic {indexing_maps = [affine_map<(n, g, c, h, w) -> (n, g, c, h, w)>, affine_map<(n, g, c, h, w) -> (n, g)>], iterator_types = ["parallel", "parallel", "reduction", "reduction", "reduction"]} ins(%43 : tensor<1x4x4x8x8xf32>) outs(%45 : tensor<1x4xf32>) {
    ^bb0(%a: f32, %out: f32):
      %y = arith.addf %a, %out : f32
      linalg.yield %y : f32
    } -> tensor<1x4xf32>
    %47 = tensor.empty() : tensor<1x4x4x8x8xf32>
    %48 = linalg.generic {indexing_maps = [affine_map<(n, g, c, h, w) -> (n, g, c, h, w)>, affine_map<(n, g, c, h, w) -> (n, g)>, affine_map<(n, g, c, h, w) -> (n, g, c, h, w)>], iterator_types = ["parallel", "parallel", "parallel", "parallel", "parallel"]} ins(%41, %46 : tensor<1x4x4x8x8xf32>, tensor<1x4xf32>) outs(%47 : tensor<1x4x4x8x8xf32>) {
    ^bb0(%a: f32, %b: f32, %out: f32):
      %n = arith.constant 256.0 : f32
      %m = arith.divf %b, %n : f32
      %eps = arith.constant 1.0e-05 : f32
      %v = arith.addf %m, %eps : f32
      %r = math.rsqrt %v : f32
      %y = arith.mulf %a, %r : f32
      linalg.yield %y : f32
    } -> tensor<1x4x4x8x8xf32>
    %49 = tensor.collapse_shape %48 [[0], [1, 2], [3], [4]] : tensor<1x4x4x8x8xf32> into tensor<1x16x8x8xf32>
    %50 = util.global.load @resnet.norm2.weight : tensor<16xf32>
    %51 = util.global.load @resnet.norm2.bias : tensor<16xf32>
    %52 = tensor.empty() : tensor<1x16x8x8xf32>
    %53 = linalg.generic {indexing_maps = [affine_map<(n, c, h, w) -> (n, c, h, w)>, affine_map<(n, c, h, w) -> (c)>, affine_map<(n, c, h, w) -> (c)>, affine_map<(n, c, h, w) -> (n, c, h, w)>], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%49, %50, %51 : tensor<1x16x8x8xf32>, tensor<16xf32>, tensor<16xf32>) outs(%52 : tensor<1x16x8x8xf32>) {
    ^bb0(%a: f32, %b: f32, %c: f32, %out: f32):
      %g = arith.mulf %a, %b : f32
      %y = arith.addf %g, %c : f32
      linalg.yield %y : f32
    } -> tensor<1x16x8x8xf32>
    %54 = tensor.empty() : tensor<1x16x8x8xf32>
    %55 = linalg.generic {indexing_maps = [affine_map<(n, c, h, w) -> (n, c, h, w)>, affine_map<(n, c, h, w) -> (n, c, h, w)>], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%53 : tensor<1x16x8x8xf32>) outs(%54 : tensor<1x16x8x8xf32>) {
    ^bb0(%a: f32, %out: f32):
      %n = arith.negf %a : f32
      %e = math.exp %n : f32
      %c1 = arith.constant 1.0 : f32
      %d = arith.addf %e, %c1 : f32
      %y = arith.divf %a, %d : f32
      linalg.yield %y : f32
    } -> tensor<1x16x8x8xf32>
    %56 = util.global.load @resnet.conv2.weight : tensor<16x16x3x3xf32>
    %57 = tensor.pad %55 low[0, 0, 1, 1] high[0, 0, 1, 1] {
    ^bb0(%i: index, %j: index, %k: index, %l: index):
      %zero = arith.constant 0.0 : f32
      tensor.yield %zero : f32
    } : tensor<1x16x8x8xf32> to tensor<1x16x10x10xf32>
    %c58 = arith.constant 0.0 : f32
    %58 = tensor.empty() : tensor<1x16x8x8xf32>
    %59 = linalg.fill ins(%c58 : f32) outs(%58 : tensor<1x16x8x8xf32>) -> tensor<1x16x8x8xf32>
    %60 = linalg.conv_2d_nchw_fchw {dilations = dense<1> : tensor<2xi64>, strides = dense<1> : tensor<2xi64>} ins(%57, %56 : tensor<1x16x10x10xf32>, tensor<16x16x3x3xf32>) outs(%59 : tensor<1x16x8x8xf32>) -> tensor<1x16x8x8xf32>
    %61 = util.global.load @resnet.conv2.bias : tensor<16xf32>
    %62 = tensor.empty() : tensor<1x16x8x8xf32>
    %63 = linalg.generic {indexing_maps = [affine_map<(n, c, h, w) -> (n, c, h, w)>, affine_map<(n, c, h, w) -> (c)>, affine_map<(n, c, h, w) -> (n, c, h, w)>], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%60, %61 : tensor<1x16x8x8xf32>, tensor<16xf32>) outs(%62 : tensor<1x16x8x8xf32>) {
    ^bb0(%a: f32, %b: f32, %out: f32):
      %y = arith.addf %a, %b : f32
      linalg.yield %y : f32
    } -> tensor<1x16x8x8xf32>
    %64 = tensor.empty() : tensor<1x16x8x8xf32>
    %65 = linalg.generic {indexing_maps = [affine_map<(n, c, h, w) -> (n, c, h, w)>, affine_map<(n, c, h, w) -> (n, c, h, w)>, affine_map<(n, c, h, w) -> (n, c, h, w)>], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%7, %63 : tensor<1x16x8x8xf32>, tensor<1x16x8x8xf32>) outs(%64 : tensor<1x16x8x8xf32>) {
    ^bb0(%a: f32, %b: f32, %out: f32):
      %y = arith.addf %a, %b : f32
      linalg.yield %y : f32
    } -> tensor<1x16x8x8xf32>
    %66 = tensor.empty() : tensor<1x16x8x2x8x2xf32>
    %67 = linalg.generic {indexing_maps = [affine_map<(n, c, h, i, w, j) -> (n, c, h, w)>, affine_map<(n, c, h, i, w, j) -> (n, c, h, i, w, j)>], iterator_types = ["parallel", "parallel", "parallel", "parallel", "parallel", "parallel"]} ins(%65 : tensor<1x16x8x8xf32>) outs(%66 : tensor<1x16x8x2x8x2xf32>) {
    ^bb0(%a: f32, %out: f32):
      linalg.yield %a : f32
    } -> tensor<1x16x8x2x8x2xf32>
    %68 = tensor.collapse_shape %67 [[0], [1], [2, 3], [4, 5]] : tensor<1x16x8x2x8x2xf32> into tensor<1x16x16x16xf32>
    %69 = util.global.load @upsampled.weight : tensor<16x16x3x3xf32>
    %70 = tensor.pad %68 low[0, 0, 1, 1] high[0, 0, 1, 1] {
    ^bb0(%i: index, %j: index, %k: index, %l: index):
      %zero = arith.constant 0.0 : f32
      tensor.yield %zero : f32
    } : tensor<1x16x16x16xf32> to tensor<1x16x18x18xf32>
    %c71 = arith.constant 0.0 : f32
    %71 = tensor.empty() : tensor<1x16x16x16xf32>
    %72 = linalg.fill ins(%c71 : f32) outs(%71 : tensor<1x16x16x16xf32>) -> tensor<1x16x16x16xf32>
    %73 = linalg.conv_2d_nchw_fchw {dilations = dense<1> : tensor<2xi64>, strides = dense<1> : tensor<2xi64>} ins(%70, %69 : tensor<1x16x18x18xf32>, tensor<16x16x3x3xf32>) outs(%72 : tensor<1x16x16x16xf32>) -> tensor<1x16x16x16xf32>
    %74 = util.global.load @upsampled.bias : tensor<16xf32>
    %75 = tensor.empty() : tensor<1x16x16x16xf32>
    %76 = linalg.generic {indexing_maps = [affine_map<(n, c, h, w) -> (n, c, h, w)>, affine_map<(n, c, h, w) -> (c)>, affine_map<(n, c, h, w) -> (n, c, h, w)>], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%73, %74 : tensor<1x16x16x16xf32>, tensor<16xf32>) outs(%75 : tensor<1x16x16x16xf32>) {
    ^bb0(%a: f32, %b: f32, %out: f32):
      %y = arith.addf %a, %b : f32
      linalg.yield %y : f32
    } -> tensor<1x16x16x16xf32>
    %77 = tensor.expand_shape %76 [[0], [1, 2], [3], [4]] output_shape [1, 4, 4, 16, 16] : tensor<1x16x16x16xf32> into tensor<1x4x4x16x16xf32>
    %c78 = arith.constant 0.0 : f32
    %78 = tensor.empty() : tensor<1x4xf32>
    %79 = linalg.fill ins(%c78 : f32) outs(%78 : tensor<1x4xf32>) -> tensor<1x4xf32>
    %80 = linalg.generic {indexing_maps = [affine_map<(n, g, c, h, w) -> (n, g, c, h, w)>, affine_map<(n, g, c, h, w) -> (n, g)>], iterator_types = ["parallel", "parallel", "reduction", "reduction", "reduction"]} ins(%77 : tensor<1x4x4x16x16xf32>) outs(%79 : tensor<1x4xf32>) {
    ^bb0(%a: f32, %out: f32):
      %y = arith.addf %a, %out : f32
      linalg.yield %y : f32
    } -> tensor<1x4xf32>
    %81 = tensor.empty() : tensor<1x4x4x16x16xf32>
    %82 = linalg.generic {indexing_maps = [affine_map<(n, g, c, h, w) -> (n, g, c, h, w)>, affine_map<(n, g, c, h, w) -> (n, g)>, affine_map<(n, g, c, h, w) -> (n, g, c, h, w)>], iterator_types = ["parallel", "parallel", "parallel", "parallel", "parallel"]} ins(%77, %80 : tensor<1x4x4x16x16xf32>, tensor<1x4xf32>) outs(%81 : tensor<1x4x4x16x16xf32>) {
    ^bb0(%a: f32, %b: f32, %out: f32):
      %n = arith.constant 1024.0 : f32
      %m = arith.divf %b, %n : f32
      %y = arith.subf %a, %m : f32
      linalg.yield %y : f32
    } -> tensor<1x4x4x16x16xf32>
    %83 = tensor.empty() : tensor<1x4x4x16x16xf32>
    %84 = linalg.generic {indexing_maps = [affine_map<(n, g, c, h, w) -> (n, g, c, h, w)>, affine_map<(n, g, c, h, w) -> (n, g, c, h, w)>], iterator_types = ["parallel", "parallel", "parallel", "parallel", "parallel"]} ins(%82 : tensor<1x4x4x16x16xf32>) outs(%83 : tensor<1x4x4x16x16xf32>) {
    ^bb0(%a: f32, %out: f32):
      %y = arith.mulf %a, %a : f32
      linalg.yield %y : f32
    } -> tensor<1x4x4x16x16xf32>
    %c85 = arith.constant 0.0 : f32
    %85 = tensor.empty() : tensor<1x4xf32>
    %86 = linalg.fill ins(%c85 : f32) outs(%85 : tensor<1x4xf32>) -> tensor<1x4xf32>
    %87 = linalg.generic {indexing_maps = [affine_map<(n, g, c, h, w) -> (n, g, c, h, w)>, affine_map<(n, g, c, h, w) -> (n, g)>], iterator_types = ["parallel", "parallel", "reduction", "reduction", "reduction"]} ins(%84 : tensor<1x4x4x16x16xf32>) outs(%86 : tensor<1x4xf32>) {
    ^bb0(%a: f32, %out: f32):
      %y = arith.addf %a, %out : f32
      linalg.yield %y : f32
    } -> tensor<1x4xf32>
    %88 = tensor.empty() : tensor<1x4x4x16x16xf32>
    %89 = linalg.generic {indexing_maps = [affine_map<(n, g, c, h, w) -> (n, g, c, h, w)>, affine_map<(n, g, c, h, w) -> (n, g)>, affine_map<(n, g, c, h, w) -> (n, g, c, h, w)>], iterator_types = ["parallel", "parallel", "parallel", "parallel", "parallel"]} ins(%82, %87 : tensor<1x4x4x16x16xf32>, tensor<1x4xf32>) outs(%88 : tensor<1x4x4x16x16xf32>) {
    ^bb0(%a: f32, %b: f32, %out: f32):
      %n = arith.constant 1024.0 : f32
      %m = arith.divf %b, %n : f32
      %eps = arith.constant 1.0e-05 : f32
      %v = arith.addf %m, %eps : f32
      %r = math.rsqrt %v : f32
      %y = arith.mulf %a, %r : f32
      linalg.yield %y : f32
    } -> tensor<1x4x4x16x16xf32>
    %90 = tensor.collapse_shape %89 [[0], [1, 2], [3], [4]] : tensor<1x4x4x16x16xf32> into tensor<1x16x16x16xf32>
    %91 = util.global.load @norm_out.weight : tensor<16xf32>
    %92 = util.global.load @norm_out.bias : tensor<16xf32>
    %93 = tensor.empty() : tensor<1x16x16x16xf32>
    %94 = linalg.generic {indexing_maps = [affine_map<(n, c, h, w) -> (n, c, h, w)>, affine_map<(n, c, h, w) -> (c)>, affine_map<(n, c, h, w) -> (c)>, affine_map<(n, c, h, w) -> (n, c, h, w)>], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%90, %91, %92 : tensor<1x16x16x16xf32>, tensor<16xf32>, tensor<16xf32>) outs(%93 : tensor<1x16x16x16xf32>) {
    ^bb0(%a: f32, %b: f32, %c: f32, %out: f32):
      %g = arith.mulf %a, %b : f32
      %y = arith.addf %g, %c : f32
      linalg.yield %y : f32
    } -> tensor<1x16x16x16xf32>
    %95 = tensor.empty() : tensor<1x16x16x16xf32>
    %96 = linalg.generic {indexing_maps = [affine_map<(n, c, h, w) -> (n, c, h, w)>, affine_map<(n, c, h, w) -> (n, c, h, w)>], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%94 : tensor<1x16x16x16xf32>) outs(%95 : tensor<1x16x16x16xf32>) {
    ^bb0(%a: f32, %out: f32):
      %n = arith.negf %a : f32
      %e = math.exp %n : f32
      %c1 = arith.constant 1.0 : f32
      %d = arith.addf %e, %c1 : f32
      %y = arith.divf %a, %d : f32
      linalg.yield %y : f32
    } -> tensor<1x16x16x16xf32>
    %97 = util.global.load @conv_out.weight : tensor<3x16x3x3xf32>
    %98 = tensor.pad %96 low[0, 0, 1, 1] high[0, 0, 1, 1] {
    ^bb0(%i: index, %j: index, %k: index, %l: index):
      %zero = arith.constant 0.0 : f32
      tensor.yield %zero : f32
    } : tensor<1x16x16x16xf32> to tensor<1x16x18x18xf32>
    %c99 = arith.constant 0.0 : f32
    %99 = tensor.empty() : tensor<1x3x16x16xf32>
    %100 = linalg.fill ins(%c99 : f32) outs(%99 : tensor<1x3x16x16xf32>) -> tensor<1x3x16x16xf32>
    %101 = linalg.conv_2d_nchw_fchw {dilations = dense<1> : tensor<2xi64>, strides = dense<1> : tensor<2xi64>} ins(%98, %97 : tensor<1x16x18x18xf32>, tensor<3x16x3x3xf32>) outs(%100 : tensor<1x3x16x16xf32>) -> tensor<1x3x16x16xf32>
    %102 = util.global.load @conv_out.bias : tensor<3xf32>
    %103 = tensor.empty() : tensor<1x3x16x16xf32>
    %104 = linalg.generic {indexing_maps = [affine_map<(n, c, h, w) -> (n, c, h, w)>, affine_map<(n, c, h, w) -> (c)>, affine_map<(n, c, h, w) -> (n, c, h, w)>], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%101, %102 : tensor<1x3x16x16xf32>, tensor<3xf32>) outs(%103 : tensor<1x3x16x16xf32>) {
    ^bb0(%a: f32, %b: f32, %out: f32):
      %y = arith.addf %a, %b : f32
      linalg.yield %y : f32
    } -> tensor<1x3x16x16xf32>
    return %104 : tensor<1x3x16x16xf32>
  }
}
