module @compiled_unet {
  util.global private @conv_in.bias = #stream.parameter.named<"model"::"conv_in.bias"> : tensor<16xf32>
  util.global private @conv_in.weight = #stream.parameter.named<"model"::"conv_in.weight"> : tensor<16x4x3x3xf32>
  util.global private @conv_out.bias = #stream.parameter.named<"model"::"conv_out.bias"> : tensor<4xf32>
  util.global private @conv_out.weight = #stream.parameter.named<"model"::"conv_out.weight"> : tensor<4x16x3x3xf32>
  util.global private @down.conv1.bias = #stream.parameter.named<"model"::"down.conv1.bias"> : tensor<16xf32>
  util.global private @down.conv1.weight = #stream.parameter.named<"model"::"down.conv1.weight"> : tensor<16x16x3x3xf32>
  util.global private @down.conv2.bias = #stream.parameter.named<"model"::"down.conv2.bias"> : tensor<16xf32>
  util.global private @down.conv2.weight = #stream.parameter.named<"model"::"down.conv2.weight"> : tensor<16x16x3x3xf32>
  util.global private @down.norm1.bias = #stream.parameter.named<"model"::"down.norm1.bias"> : tensor<16xf32>
  util.global private @down.norm1.weight = #stream.parameter.named<"model"::"down.norm1.weight"> : tensor<16xf32>
  util.global private @down.norm2.bias = #stream.parameter.named<"model"::"down.norm2.bias"> : tensor<16xf32>
  util.global private @down.norm2.weight = #stream.parameter.named<"model"::"down.norm2.weight"> : tensor<16xf32>
  util.global private @down.time.bias = #stream.parameter.named<"model"::"down.time.bias"> : tensor<16xf32>
  util.global private @down.time.weight = #stream.parameter.named<"model"::"down.time.weight"> : tensor<48x16xf32>
  util.global private @middle.conv1.bias = #stream.parameter.named<"model"::"middle.conv1.bias"> : tensor<24xf32>
  util.global private @middle.conv1.weight = #stream.parameter.named<"model"::"middle.conv1.weight"> : tensor<24x16x3x3xf32>
  util.global private @middle.conv2.bias = #stream.parameter.named<"model"::"middle.conv2.bias"> : tensor<24xf32>
  util.global private @middle.conv2.weight = #stream.parameter.named<"model"::"middle.conv2.weight"> : tensor<24x24x3x3xf32>
  util.global private @middle.norm1.bias = #stream.parameter.named<"model"::"middle.norm1.bias"> : tensor<16xf32>
  util.global private @middle.norm1.weight = #stream.parameter.named<"model"::"middle.norm1.weight"> : tensor<16xf32>
  util.global private @middle.norm2.bias = #stream.parameter.named<"model"::"middle.norm2.bias"> : tensor<24xf32>
  util.global private @middle.norm2.weight = #stream.parameter.named<"model"::"middle.norm2.weight"> : tensor<24xf32>
  util.global private @middle.shortcut.bias = #stream.parameter.named<"model"::"middle.shortcut.bias"> : tensor<24xf32>
  util.global private @middle.shortcut.weight = #stream.parameter.named<"model"::"middle.shortcut.weight"> : tensor<24x16x1x1xf32>
  util.global private @middle.time.bias = #stream.parameter.named<"model"::"middle.time.bias"> : tensor<24xf32>
  util.global private @middle.time.weight = #stream.parameter.named<"model"::"middle.time.weight"> : tensor<48x24xf32>
  util.global private @norm_out.bias = #stream.parameter.named<"model"::"norm_out.bias"> : tensor<16xf32>
  util.global private @norm_out.weight = #stream.parameter.named<"model"::"norm_out.weight"> : tensor<16xf32>
  util.global private @shrink.bias = #stream.parameter.named<"model"::"shrink.bias"> : tensor<16xf32>
  util.global private @shrink.weight = #stream.parameter.named<"model"::"shrink.weight"> : tensor<16x16x3x3xf32>
  util.global private @time1.bias = #stream.parameter.named<"model"::"time1.bias"> : tensor<48xf32>
  util.global private @time1.weight = #stream.parameter.named<"model"::"time1.weight"> : tensor<32x48xf32>
  util.global private @time2.bias = #stream.parameter.named<"model"::"time2.bias"> : tensor<48xf32>
  util.global private @time2.weight = #stream.parameter.named<"model"::"time2.weight"> : tensor<48x48xf32>
  util.global private @up.conv1.bias = #stream.parameter.named<"model"::"up.conv1.bias"> : tensor<16xf32>
  util.global private @up.conv1.weight = #stream.parameter.named<"model"::"up.conv1.weight"> : tensor<16x40x3x3xf32>
  util.global private @up.conv2.bias = #stream.parameter.named<"model"::"up.conv2.bias"> : tensor<16xf32>
  util.global private @up.conv2.weight = #stream.parameter.named<"model"::"up.conv2.weight"> : tensor<16x16x3x3xf32>
  util.global private @up.norm1.bias = #stream.parameter.named<"model"::"up.norm1.bias"> : tensor<40xf32>
  util.global private @up.norm1.weight = #stream.parameter.named<"model"::"up.norm1.weight"> : tensor<40xf32>
  util.global private @up.norm2.bias = #stream.parameter.named<"model"::"up.norm2.bias"> : tensor<16xf32>
  util.global private @up.norm2.weight = #stream.parameter.named<"model"::"up.norm2.weight"> : tensor<16xf32>
  util.global private @up.shortcut.bias = #stream.parameter.named<"model"::"up.shortcut.bias"> : tensor<16xf32>
  util.global private @up.shortcut.weight = #stream.parameter.named<"model"::"up.shortcut.weight"> : tensor<16x40x1x1xf32>
  util.global private @up.time.bias = #stream.parameter.named<"model"::"up.time.bias"> : tensor<16xf32>
  util.global private @up.time.weight = #stream.parameter.named<"model"::"up.time.weight"> : tensor<48x16xf32>
  func.func @run_forward(%arg0: tensor<1x4x8x8xf32>, %arg1: tensor<1xf32>) -> (tensor<1x4x8x8xf32>) {
    %0 = tensor.empty() : tensor<1x16xf32>
    %1 = linalg.generic {indexing_maps = [affine_map<(n, d) -> (n)>, affine_map<(n, d) -> (n, d)>], iterator_types = ["parallel", "parallel"]} ins(%arg1 : tensor<1xf32>) outs(%0 : tensor<1x16xf32>) {
    ^bb0(%a: f32, %out: f32):
      %i = linalg.index 1 : index
      %j = arith.index_cast %i : index to i32
      %k = arith.sitofp %j : i32 to f32
      %l = arith.constant -5.756463e-01 : f32
      %m = arith.mulf %k, %l : f32
      %e = math.exp %m : f32
      %y = arith.mulf %a, %e : f32
      linalg.yield %y : f32
    } -> tensor<1x16xf32>
    %2 = tensor.empty() : tensor<1x16xf32>
    %3 = linalg.generic {indexing_maps = [affine_map<(n, d) -> (n, d)>, affine_map<(n, d) -> (n, d)>], iterator_types = ["parallel", "parallel"]} ins(%1 : tensor<1x16xf32>) outs(%2 : tensor<1x16xf32>) {
    ^bb0(%a: f32, %out: f32):
      %y = math.cos %a : f32
      linalg.yield %y : f32
    } -> tensor<1x16xf32>
    %4 = tensor.empty() : tensor<1x16xf32>
    %5 = linalg.generic {indexing_maps = [affine_map<(n, d) -> (n, d)>, affine_map<(n, d) -> (n, d)>], iterator_types = ["parallel", "parallel"]} ins(%1 : tensor<1x16xf32>) outs(%4 : tensor<1x16xf32>) {
    ^bb0(%a: f32, %out: f32):
      %y = math.sin %a : f32
      linalg.yield %y : f32
    } -> tensor<1x16xf32>
    %6 = tensor.concat dim(1) %3, %5 : (tensor<1x16xf32>, tensor<1x16xf32>) -> tensor<1x32xf32>
    %7 = util.global.load @time1.weight : tensor<32x48xf32>
    %8 = util.global.load @time1.bias : tensor<48xf32>
    %c9 = arith.constant 0.0 : f32
    %9 = tensor.empty() : tensor<1x48xf32>
    %10 = linalg.fill ins(%c9 : f32) outs(%9 : tensor<1x48xf32>) -> tensor<1x48xf32>
    %11 = linalg.matmul ins(%6, %7 : tensor<1x32xf32>, tensor<32x48xf32>) outs(%10 : tensor<1x48xf32>) -> tensor<1x48xf32>
    %12 = tensor.empty() : tensor<1x48xf32>
    %13 = linalg.generic {indexing_maps = [affine_map<(r, d) -> (r, d)>, affine_map<(r, d) -> (d)>, affine_map<(r, d) -> (r, d)>], iterator_types = ["parallel", "parallel"]} ins(%11, %8 : tensor<1x48xf32>, tensor<48xf32>) outs(%12 : tensor<1x48xf32>) {
    ^bb0(%a: f32, %b: f32, %out: f32):
      %y = arith.addf %a, %b : f32
      linalg.yield %y : f32
    } -> tensor<1x48xf32>
    %14 = tensor.empty() : tensor<1x48xf32>
    %15 = linalg.generic {indexing_maps = [affine_map<(n, d) -> (n, d)>, affine_map<(n, d) -> (n, d)>], iterator_types = ["parallel", "parallel"]} ins(%13 : tensor<1x48xf32>) outs(%14 : tensor<1x48xf32>) {
    ^bb0(%a: f32, %out: f32):
      %n = arith.negf %a : f32
      %e = math.exp %n : f32
      %c1 = arith.constant 1.0 : f32
      %d = arith.addf %e, %c1 : f32
      %y = arith.divf %a, %d : f32
      linalg.yield %y : f32
    } -> tensor<1x48xf32>
    %16 = util.global.load @time2.weight : tensor<48x48xf32>
    %17 = util.global.load @time2.bias : tensor<48xf32>
    %c18 = arith.constant 0.0 : f32
    %18 = tensor.empty() : tensor<1x48xf32>
    %19 = linalg.fill ins(%c18 : f32) outs(%18 : tensor<1x48xf32>) -> tensor<1x48xf32>
    %20 = linalg.matmul ins(%15, %16 : tensor<1x48xf32>, tensor<48x48xf32>) outs(%19 : tensor<1x48xf32>) -> tensor<1x48xf32>
    %21 = tensor.empty() : tensor<1x48xf32>
    %22 = linalg.generic {indexing_maps = [affine_map<(r, d) -> (r, d)>, affine_map<(r, d) -> (d)>, affine_map<(r, d) -> (r, d)>], iterator_types = ["parallel", "parallel"]} ins(%20, %17 : tensor<1x48xf32>, tensor<48xf32>) outs(%21 : tensor<1x48xf32>) {
    ^bb0(%a: f32, %b: f32, %out: f32):
      %y = arith.addf %a, %b : f32
      linalg.yield %y : f32
    } -> tensor<1x48xf32>
    %23 = tensor.empty() : tensor<1x48xf32>
    %24 = linalg.generic {indexing_maps = [affine_map<(n, d) -> (n, d)>, affine_map<(n, d) -> (n, d)>], iterator_types = ["parallel", "parallel"]} ins(%22 : tensor<1x48xf32>) outs(%23 : tensor<1x48xf32>) {
    ^bb0(%a: f32, %out: f32):
      %n = arith.negf %a : f32
      %e = math.exp %n : f32
      %c1 = arith.constant 1.0 : f32
      %d = arith.addf %e, %c1 : f32
      %y = arith.divf %a, %d : f32
      linalg.yield %y : f32
    } -> tensor<1x48xf32>
    %25 = util.global.load @conv_in.weight : tensor<16x4x3x3xf32>
    %26 = tensor.pad %arg0 low[0, 0, 1, 1] high[0, 0, 1, 1] {
    ^bb0(%i: index, %j: index, %k: index, %l: index):
      %zero = arith.constant 0.0 : f32
      tensor.yield %zero : f32
    } : tensor<1x4x8x8xf32> to tensor<1x4x10x10xf32>
    %c27 = arith.constant 0.0 : f32
    %27 = tensor.empty() : tensor<1x16x8x8xf32>
    %28 = linalg.fill ins(%c27 : f32) outs(%27 : tensor<1x16x8x8xf32>) -> tensor<1x16x8x8xf32>
    %29 = linalg.conv_2d_nchw_fchw {dilations = dense<1> : tensor<2xi64>, strides = dense<1> : tensor<2xi64>} ins(%26, %25 : tensor<1x4x10x10xf32>, tensor<16x4x3x3xf32>) outs(%28 : tensor<1x16x8x8xf32>) -> tensor<1x16x8x8xf32>
    %30 = util.global.load @conv_in.bias : tensor<16xf32>
    %31 = tensor.empty() : tensor<1x16x8x8xf32>
    %32 = linalg.generic {indexing_maps = [affine_map<(n, c, h, w) -> (n, c, h, w)>, affine_map<(n, c, h, w) -> (c)>, affine_map<(n, c, h, w) -> (n, c, h, w)>], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%29, %30 : tensor<1x16x8x8xf32>, tensor<16xf32>) outs(%31 : tensor<1x16x8x8xf32>) {
    ^bb0(%a: f32, %b: f32, %out: f32):
      %y = arith.addf %a, %b : f32
      linalg.yield %y : f32
    } -> tensor<1x16x8x8xf32>
    %33 = tensor.expand_shape %32 [[0], [1, 2], [3], [4]] output_shape [1, 4, 4, 8, 8] : tensor<1x16x8x8xf32> into tensor<1x4x4x8x8xf32>
    %c34 = arith.constant 0.0 : f32
    %34 = tensor.empty() : tensor<1x4xf32>
    %35 = linalg.fill ins(%c34 : f32) outs(%34 : tensor<1x4xf32>) -> tensor<1x4xf32>
    %36 = linalg.generic {indexing_maps = [affine_map<(n, g, c, h, w) -> (n, g, c, h, w)>, affine_map<(n, g, c, h, w) -> (n, g)>], iterator_types = ["parallel", "parallel", "reduction", "reduction", "reduction"]} ins(%33 : tensor<1x4x4x8x8xf32>) outs(%35 : tensor<1x4xf32>) {
    ^bb0(%a: f32, %out: f32):
      %y = arith.addf %a, %out : f32
      linalg.yield %y : f32
    } -> tensor<1x4xf32>
    %37 = tensor.empty() : tensor<1x4x4x8x8xf32>
    %38 = linalg.generic {indexing_maps = [affine_map<(n, g, c, h, w) -> (n, g, c, h, w)>, affine_map<(n, g, c, h, w) -> (n, g)>, affine_map<(n, g, c, h, w) -> (n, g, c, h, w)>], iterator_types = ["parallel", "parallel", "parallel", "parallel", "parallel"]} ins(%33, %36 : tensor<1x4x4x8x8xf32>, tensor<1x4xf32>) outs(%37 : tensor<1x4x4x8x8xf32>) {
    ^bb0(%a: f32, %b: f32, %out: f32):
      %n = arith.constant 256.0 : f32
      %m = arith.divf %b, %n : f32
      %y = arith.subf %a, %m : f32
      linalg.yield %y : f32
    } -> tensor<1x4x4x8x8xf32>
    %39 = tensor.empty() : tensor<1x4x4x8x8xf32>
    %40 = linalg.generic {indexing_maps = [affine_map<(n, g, c, h, w) -> (n, g, c, h, w)>, affine_map<(n, g, c, h, w) -> (n, g, c, h, w)>], iterator_types = ["parallel", "parallel", "parallel", "parallel", "parallel"]} ins(%38 : tensor<1x4x4x8x8xf32>) outs(%39 : tensor<1x4x4x8x8xf32>) {
    ^bb0(%a: f32, %out: f32):
      %y = arith.mulf %a, %a : f32
      linalg.yield %y : f32
    } -> tensor<1x4x4x8x8xf32>
    %c41 = arith.constant 0.0 : f32
    %41 = tensor.empty() : tensor<1x4xf32>
    %42 = linalg.fill ins(%c41 : f32) outs(%41 : tensor<1x4xf32>) -> tensor<1x4xf32>
    %43 = linalg.generic {indexing_maps = [affine_map<(n, g, c, h, w) -> (n, g, c, h, w)>, affine_map<(n, g, c, h, w) -> (n, g)>], iterator_types = ["parallel", "parallel", "reduction", "reduction", "reduction"]} ins(%40 : tensor<1x4x4x8x8xf32>) outs(%42 : tensor<1x4xf32>) {
    ^bb0(%a: f32, %out: f32):
      %y = arith.addf %a, %out : f32
      linalg.yield %y : f32
    } -> tensor<1x4xf32>
    %44 = tensor.empty() : tensor<1x4x4x8x8xf32>
    %45 = linalg.generic {indexing_maps = [affine_map<(n, g, c, h, w) -> (n, g, c, h, w)>, affine_map<(n, g, c, h, w) -> (n, g)>, affine_map<(n, g, c, h, w) -> (n, g, c, h, w)>], iterator_types = ["parallel", "parallel", "parallel", "parallel", "parallel"]} ins(%38, %43 : tensor<1x4x4x8x8xf32>, tensor<1x4xf32>) outs(%44 : tensor<1x4x4x8x8xf32>) {
    ^bb0(%a: f32, %b: f32, %out: f32):
      %n = arith.constant 256.0 : f32
      %m = arith.divf %b, %n : f32
      %eps = arith.constant 1.0e-05 : f32
      %v = arith.addf %m, %eps : f32
      %r = math.rsqrt %v : f32
      %y = arith.mulf %a, %r : f32
      linalg.yield %y : f32
    } -> tensor<1x4x4x8x8xf32>
    %46 = tensor.collapse_shape %45 [[0], [1, 2], [3], [4]] : tensor<1x4x4x8x8xf32> into tensor<1x16x8x8xf32>
    %47 = util.global.load @down.norm1.weight : tensor<16xf32>
    %48 = util.global.load @down.norm1.bias : tensor<16xf32>
    %49 = tensor.empty() : tensor<1x16x8x8xf32>
    %50 = linalg.generic {indexing_maps = [affine_map<(n, c, h, w) -> (n, c, h, w)>, affine_map<(n, c, h, w) -> (c)>, affine_map<(n, c, h, w) -> (c)>, affine_map<(n, c, h, w) -> (n, c, h, w)>], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%46, %47, %48 : tensor<1x16x8x8xf32>, tensor<16xf32>, tensor<16xf32>) outs(%49 : tensor<1x16x8x8xf32>) {
    ^bb0(%a: f32, %b: f32, %c: f32, %out: f32):
      %g = arith.mulf %a, %b : f32
      %y = arith.addf %g, %c : f32
      linalg.yield %y : f32
    } -> tensor<1x16x8x8xf32>
    %51 = tensor.empty() : tensor<1x16x8x8xf32>
    %52 = linalg.generic {indexing_maps = [affine_map<(n, c, h, w) -> (n, c, h, w)>, affine_map<(n, c, h, w) -> (n, c, h, w)>], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%50 : tensor<1x16x8x8xf32>) outs(%51 : tensor<1x16x8x8xf32>) {
    ^bb0(%a: f32, %out: f32):
      %n = arith.negf %a : f32
      %e = math.exp %n : f32
      %c1 = arith.constant 1.0 : f32
      %d = arith.addf %e, %c1 : f32
      %y = arith.divf %a, %d : f32
      linalg.yield %y : f32
    } -> tensor<1x16x8x8xf32>
    %53 = util.global.load @down.conv1.weight : tensor<16x16x3x3xf32>
    %54 = tensor.pad %52 low[0, 0, 1, 1] high[0, 0, 1, 1] {
    ^bb0(%i: index, %j: index, %k: index, %l: index):
      %zero = arith.constant 0.0 : f32
      tensor.yield %zero : f32
    } : tensor<1x16x8x8xf32> to tensor<1x16x10x10xf32>
    %c55 = arith.constant 0.0 : f32
    %55 = tensor.empty() : tensor<1x16x8x8xf32>
    %56 = linalg.fill ins(%c55 : f32) outs(%55 : tensor<1x16x8x8xf32>) -> tensor<1x16x8x8xf32>
    %57 = linalg.conv_2d_nchw_fchw {dilations = dense<1> : tensor<2xi64>, strides = dense<1> : tensor<2xi64>} ins(%54, %53 : tensor<1x16x10x10xf32>, tensor<16x16x3x3xf32>) outs(%56 : tensor<1x16x8x8xf32>) -> tensor<1x16x8x8xf32>
    %58 = util.global.load @down.conv1.bias : tensor<16xf32>
    %59 = tensor.empty() : tensor<1x16x8x8xf32>
    %60 = linalg.generic {indexing_maps = [affine_map<(n, c, h, w) -> (n, c, h, w)>, affine_map<(n, c, h, w) -> (c)>, affine_map<(n, c, h, w) -> (n, c, h, w)>], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%57, %58 : tensor<1x16x8x8xf32>, tensor<16xf32>) outs(%59 : tensor<1x16x8x8xf32>) {
    ^bb0(%a: f32, %b: f32, %out: f32):
      %y = arith.addf %a, %b : f32
      linalg.yield %y : f32
    } -> tensor<1x16x8x8xf32>
    %61 = util.global.load @down.time.weight : tensor<48x16xf32>
    %62 = util.global.load @down.time.bias : tensor<16xf32>
    %c63 = arith.constant 0.0 : f32
    %63 = tensor.empty() : tensor<1x16xf32>
    %64 = linalg.fill ins(%c63 : f32) outs(%63 : tensor<1x16xf32>) -> tensor<1x16xf32>
    %65 = linalg.matmul ins(%24, %61 : tensor<1x48xf32>, tensor<48x16xf32>) outs(%64 : tensor<1x16xf32>) -> tensor<1x16xf32>
    %66 = tensor.empty() : tensor<1x16xf32>
    %67 = linalg.generic {indexing_maps = [affine_map<(r, d) -> (r, d)>, affine_map<(r, d) -> (d)>, affine_map<(r, d) -> (r, d)>], iterator_types = ["parallel", "parallel"]} ins(%65, %62 : tensor<1x16xf32>, tensor<16xf32>) outs(%66 : tensor<1x16xf32>) {
    ^bb0(%a: f32, %b: f32, %out: f32):
      %y = arith.addf %a, %b : f32
      linalg.yield %y : f32
    } -> tensor<1x16xf32>
    %68 = tensor.empty() : tensor<1x16x8x8xf32>
    %69 = linalg.generic {indexing_maps = [affine_map<(n, c, h, w) -> (n, c, h, w)>, affine_map<(n, c, h, w) -> (n, c)>, affine_map<(n, c, h, w) -> (n, c, h, w)>], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%60, %67 : tensor<1x16x8x8xf32>, tensor<1x16xf32>) outs(%68 : tensor<1x16x8x8xf32>) {
    ^bb0(%a: f32, %b: f32, %out: f32):
      %y = arith.addf %a, %b : f32
      linalg.yield %y : f32
    } -> tensor<1x16x8x8xf32>
    %70 = tensor.expand_shape %69 [[0], [1, 2], [3], [4]] output_shape [1, 4, 4, 8, 8] : tensor<1x16x8x8xf32> into tensor<1x4x4x8x8xf32>
    %c71 = arith.constant 0.0 : f32
    %71 = tensor.empty() : tensor<1x4xf32>
    %72 = linalg.fill ins(%c71 : f32) outs(%71 : tensor<1x4xf32>) -> tensor<1x4xf32>
    %73 = linalg.generic {indexing_maps = [affine_map<(n, g, c, h, w) -> (n, g, c, h, w)>, affine_map<(n, g, c, h, w) -> (n, g)>], iterator_types = ["parallel", "parallel", "reduction", "reduction", "reduction"]} ins(%70 : tensor<1x4x4x8x8xf32>) outs(%72 : tensor<1x4xf32>) {
    ^bb0(%a: f32, %out: f32):
      %y = arith.addf %a, %out : f32
      linalg.yield %y : f32
    } -> tensor<1x4xf32>
    %74 = tensor.empty() : tensor<1x4x4x8x8xf32>
    %75 = linalg.generic {indexing_maps = [affine_map<(n, g, c, h, w) -> (n, g, c, h, w)>, affine_map<(n, g, c, h, w) -> (n, g)>, affine_map<(n, g, c, h, w) -> (n, g, c, h, w)>], iterator_types = ["parallel", "parallel", "parallel", "parallel", "parallel"]} ins(%70, %73 : tensor<1x4x4x8x8xf32>, tensor<1x4xf32>) outs(%74 : tensor<1x4x4x8x8xf32>) {
    ^bb0(%a: f32, %b: f32, %out: f32):
      %n = arith.constant 256.0 : f32
      %m = arith.divf %b, %n : f32
      %y = arith.subf %a, %m : f32
      linalg.yield %y : f32
    } -> tensor<1x4x4x8x8xf32>
    %76 = tensor.empty() : tensor<1x4x4x8x8xf32>
    %77 = linalg.generic {indexing_maps = [affine_map<(n, g, c, h, w) -> (n, g, c, h, w)>, affine_map<(n, g, c, h, w) -> (n, g, c, h, w)>], iterator_types = ["parallel", "parallel", "parallel", "parallel", "parallel"]} ins(%75 : tensor<1x4x4x8x8xf32>) outs(%76 : tensor<1x4x4x8x8xf32>) {
    ^bb0(%a: f32, %out: f32):
      %y = arith.mulf %a, %a : f32
      linalg.yield %y : f32
    } -> tensor<1x4x4x8x8xf32>
    %c78 = arith.constant 0.0 : f32
    %78 = tensor.empty() : tensor<1x4xf32>
    %79 = linalg.fill ins(%c78 : f32) outs(%78 : tensor<1x4xf32>) -> tensor<1x4xf32>
    %80 = linalg.generic {indexing_maps = [affine_map<(n, g, c, h, w) -> (n, g, c, h, w)>, affine_map<(n, g, c, h, w) -> (n, g)>], iterator_types = ["parallel", "parallel", "reduction", "reduction", "reduction"]} ins(%77 : tensor<1x4x4x8x8xf32>) outs(%79 : tensor<1x4xf32>) {
    ^bb0(%a: f32, %out: f32):
      %y = arith.addf %a, %out : f32
      linalg.yield %y : f32
    } -> tensor<1x4xf32>
    %81 = tensor.empty() : tensor<1x4x4x8x8xf32>
    %82 = linalg.generic {indexing_maps = [affine_map<(n, g, c, h, w) -> (n, g, c, h, w)>, affine_map<(n, g, c, h, w) -> (n, g)>, affine_map<(n, g, c, h, w) -> (n, g, c, h, w)>], iterator_types = ["parallel", "parallel", "parallel", "parallel", "parallel"]} ins(%75, %80 : tensor<1x4x4x8x8xf32>, tensor<1x4xf32>) outs(%81 : tensor<1x4x4x8x8xf32>) {
    ^bb0(%a: f32, %b: f32, %out: f32):
      %n = arith.constant 256.0 : f32
      %m = arith.divf %b, %n : f32
      %eps = arith.constant 1.0e-05 : f32
      %v = arith.addf %m, %eps : f32
      %r = math.rsqrt %v : f32
      %y = arith.mulf %a, %r : f32
      linalg.yield %y : f32
    } -> tensor<1x4x4x8x8xf32>
    %83 = tensor.collapse_shape %82 [[0], [1, 2], [3], [4]] : tensor<1x4x4x8x8xf32> into tensor<1x16x8x8xf32>
    %84 = util.global.load @down.norm2.weight : tensor<16xf32>
    %85 = util.global.load @down.norm2.bias : tensor<16xf32>
    %86 = tensor.empty() : tensor<1x16x8x8xf32>
    %87 = linalg.generic {indexing_maps = [affine_map<(n, c, h, w) -> (n, c, h, w)>, affine_map<(n, c, h, w) -> (c)>, affine_map<(n, c, h, w) -> (c)>, affine_map<(n, c, h, w) -> (n, c, h, w)>], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%83, %84, %85 : tensor<1x16x8x8xf32>, tensor<16xf32>, tensor<16xf32>) outs(%86 : tensor<1x16x8x8xf32>) {
    ^bb0(%a: f32, %b: f32, %c: f32, %out: f32):
      %g = arith.mulf %a, %b : f32
      %y = arith.addf %g, %c : f32
      linalg.yield %y : f32
    } -> tensor<1x16x8x8xf32>
    %88 = tensor.empty() : tensor<1x16x8x8xf32>
    %89 = linalg.generic {indexing_maps = [affine_map<(n, c, h, w) -> (n, c, h, w)>, affine_map<(n, c, h, w) -> (n, c, h, w)>], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%87 : tensor<1x16x8x8xf32>) outs(%88 : tensor<1x16x8x8xf32>) {
    ^bb0(%a: f32, %out: f32):
      %n = arith.negf %a : f32
      %e = math.exp %n : f32
      %c1 = arith.constant 1.0 : f32
      %d = arith.addf %e, %c1 : f32
      %y = arith.divf %a, %d : f32
      linalg.yield %y : f32
    } -> tensor<1x16x8x8xf32>
    %90 = util.global.load @down.conv2.weight : tensor<16x16x3x3xf32>
    %91 = tensor.pad %89 low[0, 0, 1, 1] high[0, 0, 1, 1] {
    ^bb0(%i: index, %j: index, %k: index, %l: index):
      %zero = arith.constant 0.0 : f32
      tensor.yield %zero : f32
    } : tensor<1x16x8x8xf32> to tensor<1x16x10x10xf32>
    %c92 = arith.constant 0.0 : f32
    %92 = tensor.empty() : tensor<1x16x8x8xf32>
    %93 = linalg.fill ins(%c92 : f32) outs(%92 : tensor<1x16x8x8xf32>) -> tensor<1x16x8x8xf32>
    %94 = linalg.conv_2d_nchw_fchw {dilations = dense<1> : tensor<2xi64>, strides = dense<1> : tensor<2xi64>} ins(%91, %90 : tensor<1x16x10x10xf32>, tensor<16x16x3x3xf32>) outs(%93 : tensor<1x16x8x8xf32>) -> tensor<1x16x8x8xf32>
    %95 = util.global.load @down.conv2.bias : tensor<16xf32>
    %96 = tensor.empty() : tensor<1x16x8x8xf32>
    %97 = linalg.generic {indexing_maps = [affine_map<(n, c, h, w) -> (n, c, h, w)>, affine_map<(n, c, h, w) -> (c)>, affine_map<(n, c, h, w) -> (n, c, h, w)>], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%94, %95 : tensor<1x16x8x8xf32>, tensor<16xf32>) outs(%96 : tensor<1x16x8x8xf32>) {
    ^bb0(%a: f32, %b: f32, %out: f32):
      %y = arith.addf %a, %b : f32
      linalg.yield %y : f32
    } -> tensor<1x16x8x8xf32>
    %98 = tensor.empty() : tensor<1x16x8x8xf32>
    %99 = linalg.generic {indexing_maps = [affine_map<(n, c, h, w) -> (n, c, h, w)>, affine_map<(n, c, h, w) -> (n, c, h, w)>, affine_map<(n, c, h, w) -> (n, c, h, w)>], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%32, %97 : tensor<1x16x8x8xf32>, tensor<1x16x8x8xf32>) outs(%98 : tensor<1x16x8x8xf32>) {
    ^bb0(%a: f32, %b: f32, %out: f32):
      %y = arith.addf %a, %b : f32
      linalg.yield %y : f32
    } -> tensor<1x16x8x8xf32>
    %100 = util.global.load @shrink.weight : tensor<16x16x3x3xf32>
    %101 = tensor.pad %99 low[0, 0, 1, 1] high[0, 0, 1, 1] {
    ^bb0(%i: index, %j: index, %k: index, %l: index):
      %zero = arith.constant 0.0 : f32
      tensor.yield %zero : f32
    } : tensor<1x16x8x8xf32> to tensor<1x16x10x10xf32>
    %c102 = arith.constant 0.0 : f32
    %102 = tensor.empty() : tensor<1x16x4x4xf32>
    %103 = linalg.fill ins(%c102 : f32) outs(%102 : tensor<1x16x4x4xf32>) -> tensor<1x16x4x4xf32>
    %104 = linalg.conv_2d_nchw_fchw {dilations = dense<1> : tensor<2xi64>, strides = dense<2> : tensor<2xi64>} ins(%101, %100 : tensor<1x16x10x10xf32>, tensor<16x16x3x3xf32>) outs(%103 : tensor<1x16x4x4xf32>) -> tensor<1x16x4x4xf32>
    %105 = util.global.load @shrink.bias : tensor<16xf32>
    %106 = tensor.empty() : tensor<1x16x4x4xf32>
    %107 = linalg.generic {indexing_maps = [affine_map<(n, c, h, w) -> (n, c, h, w)>, affine_map<(n, c, h, w) -> (c)>, affine_map<(n, c, h, w) -> (n, c, h, w)>], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%104, %105 : tensor<1x16x4x4xf32>, tensor<16xf32>) outs(%106 : tensor<1x16x4x4xf32>) {
    ^bb0(%a: f32, %b: f32, %out: f32):
      %y = arith.addf %a, %b : f32
      linalg.yield %y : f32
    } -> tensor<1x16x4x4xf32>
    %108 = tensor.expand_shape %107 [[0], [1, 2], [3], [4]] output_shape [1, 4, 4, 4, 4] : tensor<1x16x4x4xf32> into tensor<1x4x4x4x4xf32>
    %c109 = arith.constant 0.0 : f32
    %109 = tensor.empty() : tensor<1x4xf32>
    %110 = linalg.fill ins(%c109 : f32) outs(%109 : tensor<1x4xf32>) -> tensor<1x4xf32>
    %111 = linalg.generic {indexing_maps = [affine_map<(n, g, c, h, w) -> (n, g, c, h, w)>, affine_map<(n, g, c, h, w) -> (n, g)>], iterator_types = ["parallel", "parallel", "reduction", "reduction", "reduction"]} ins(%108 : tensor<1x4x4x4x4xf32>) outs(%110 : tensor<1x4xf32>) {
    ^bb0(%a: f32, %out: f32):
      %y = arith.addf %a, %out : f32
      linalg.yield %y : f32
    } -> tensor<1x4xf32>
    %112 = tensor.empty() : tensor<1x4x4x4x4xf32>
    %113 = linalg.generic {indexing_maps = [affine_map<(n, g, c, h, w) -> (n, g, c, h, w)>, affine_map<(n, g, c, h, w) -> (n, g)>, affine_map<(n, g, c, h, w) -> (n, g, c, h, w)>], iterator_types = ["parallel", "parallel", "parallel", "parallel", "parallel"]} ins(%108, %111 : tensor<1x4x4x4x4xf32>, tensor<1x4xf32>) outs(%112 : tensor<1x4x4x4x4xf32>) {
    ^bb0(%a: f32, %b: f32, %out: f32):
      %n = arith.constant 64.0 : f32
      %m = arith.divf %b, %n : f32
      %y = arith.subf %a, %m : f32
      linalg.yield %y : f32
    } -> tensor<1x4x4x4x4xf32>
    %114 = tensor.empty() : tensor<1x4x4x4x4xf32>
    %115 = linalg.generic {indexing_maps = [affine_map<(n, g, c, h, w) -> (n, g, c, h, w)>, affine_map<(n, g, c, h, w) -> (n, g, c, h, w)>], iterator_types = ["parallel", "parallel", "parallel", "parallel", "parallel"]} ins(%113 : tensor<1x4x4x4x4xf32>) outs(%114 : tensor<1x4x4x4x4xf32>) {
    ^bb0(%a: f32, %out: f32):
      %y = arith.mulf %a, %a : f32
      linalg.yield %y : f32
    } -> tensor<1x4x4x4x4xf32>
    %c116 = arith.constant 0.0 : f32
    %116 = tensor.empty() : tensor<1x4xf32>
    %117 = linalg.fill ins(%c116 : f32) outs(%116 : tensor<1x4xf32>) -> tensor<1x4xf32>
    %118 = linalg.generic {indexing_maps = [affine_map<(n, g, c, h, w) -> (n, g, c, h, w)>, affine_map<(n, g, c, h, w) -> (n, g)>], iterator_types = ["parallel", "parallel", "reduction", "reduction", "reduction"]} ins(%115 : tensor<1x4x4x4x4xf32>) outs(%117 : tensor<1x4xf32>) {
    ^bb0(%a: f32, %out: f32):
      %y = arith.addf %a, %out : f32
      linalg.yield %y : f32
    } -> tensor<1x4xf32>
    %119 = tensor.empty() : tensor<1x4x4x4x4xf32>
    %120 = linalg.generic {indexing_maps = [affine_map<(n, g, c, h, w) -> (n, g, c, h, w)>, affine_map<(n, g, c, h, w) -> (n, g)>, affine_map<(n, g, c, h, w) -> (n, g, c, h, w)>], iterator_types = ["parallel", "parallel", "parallel", "parallel", "parallel"]} ins(%113, %118 : tensor<1x4x4x4x4xf32>, tensor<1x4xf32>) outs(%119 : tensor<1x4x4x4x4xf32>) {
    ^bb0(%a: f32, %b: f32, %out: f32):
      %n = arith.constant 64.0 : f32
      %m = arith.divf %b, %n : f32
      %eps = arith.constant 1.0e-05 : f32
      %v = arith.addf %m, %eps : f32
      %r = math.rsqrt %v : f32
      %y = arith.mulf %a, %r : f32
      linalg.yield %y : f32
    } -> tensor<1x4x4x4x4xf32>
    %121 = tensor.collapse_shape %120 [[0], [1, 2], [3], [4]] : tensor<1x4x4x4x4xf32> into tensor<1x16x4x4xf32>
    %122 = util.global.load @middle.norm1.weight : tensor<16xf32>
    %123 = util.global.load @middle.norm1.bias : tensor<16xf32>
    %124 = tensor.empty() : tensor<1x16x4x4xf32>
    %125 = linalg.generic {indexing_maps = [affine_map<(n, c, h, w) -> (n, c, h, w)>, affine_map<(n, c, h, w) -> (c)>, affine_map<(n, c, h, w) -> (c)>, affine_map<(n, c, h, w) -> (n, c, h, w)>], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%121, %122, %123 : tensor<1x16x4x4xf32>, tensor<16xf32>, tensor<16xf32>) outs(%124 : tensor<1x16x4x4xf32>) {
    ^bb0(%a: f32, %b: f32, %c: f32, %out: f32):
      %g = arith.mulf %a, %b : f32
      %y = arith.addf %g, %c : f32
      linalg.yield %y : f32
    } -> tensor<1x16x4x4xf32>
    %126 = tensor.empty() : tensor<1x16x4x4xf32>
    %127 = linalg.generic {indexing_maps = [affine_map<(n, c, h, w) -> (n, c, h, w)>, affine_map<(n, c, h, w) -> (n, c, h, w)>], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%125 : tensor<1x16x4x4xf32>) outs(%126 : tensor<1x16x4x4xf32>) {
    ^bb0(%a: f32, %out: f32):
      %n = arith.negf %a : f32
      %e = math.exp %n : f32
      %c1 = arith.constant 1.0 : f32
      %d = arith.addf %e, %c1 : f32
      %y = arith.divf %a, %d : f32
      linalg.yield %y : f32
    } -> tensor<1x16x4x4xf32>
    %128 = util.global.load @middle.conv1.weight : tensor<24x16x3x3xf32>
    %129 = tensor.pad %127 low[0, 0, 1, 1] high[0, 0, 1, 1] {
    ^bb0(%i: index, %j: index, %k: index, %l: index):
      %zero = arith.constant 0.0 : f32
      tensor.yield %zero : f32
    } : tensor<1x16x4x4xf32> to tensor<1x16x6x6xf32>
    %c130 = arith.constant 0.0 : f32
    %130 = tensor.empty() : tensor<1x24x4x4xf32>
    %131 = linalg.fill ins(%c130 : f32) outs(%130 : tensor<1x24x4x4xf32>) -> tensor<1x24x4x4xf32>
    %132 = linalg.conv_2d_nchw_fchw {dilations = dense<1> : tensor<2xi64>, strides = dense<1> : tensor<2xi64>} ins(%129, %128 : tensor<1x16x6x6xf32>, tensor<24x16x3x3xf32>) outs(%131 : tensor<1x24x4x4xf32>) -> tensor<1x24x4x4xf32>
    %133 = util.global.load @middle.conv1.bias : tensor<24xf32>
    %134 = tensor.empty() : tensor<1x24x4x4xf32>
    %135 = linalg.generic {indexing_maps = [affine_map<(n, c, h, w) -> (n, c, h, w)>, affine_map<(n, c, h, w) -> (c)>, affine_map<(n, c, h, w) -> (n, c, h, w)>], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%132, %133 : tensor<1x24x4x4xf32>, tensor<24xf32>) outs(%134 : tensor<1x24x4x4xf32>) {
    ^bb0(%a: f32, %b: f32, %out: f32):
      %y = arith.addf %a, %b : f32
      linalg.yield %y : f32
    } -> tensor<1x24x4x4xf32>
    %136 = util.global.load @middle.time.weight : tensor<48x24xf32>
    %137 = util.global.load @middle.time.bias : tensor<24xf32>
    %c138 = arith.constant 0.0 : f32
    %138 = tensor.empty() : tensor<1x24xf32>
    %139 = linalg.fill ins(%c138 : f32) outs(%138 : tensor<1x24xf32>) -> tensor<1x24xf32>
    %140 = linalg.matmul ins(%24, %136 : tensor<1x48xf32>, tensor<48x24xf32>) outs(%139 : tensor<1x24xf32>) -> tensor<1x24xf32>
    %141 = tensor.empty() : tensor<1x24xf32>
    %142 = linalg.generic {indexing_maps = [affine_map<(r, d) -> (r, d)>, affine_map<(r, d) -> (d)>, affine_map<(r, d) -> (r, d)>], iterator_types = ["parallel", "parallel"]} ins(%140, %137 : tensor<1x24xf32>, tensor<24xf32>) outs(%141 : tensor<1x24xf32>) {
    ^bb0(%a: f32, %b: f32, %out: f32):
      %y = arith.addf %a, %b : f32
      linalg.yield %y : f32
    } -> tensor<1x24xf32>
    %143 = tensor.empty() : tensor<1x24x4x4xf32>
    %144 = linalg.generic {indexing_maps = [affine_map<(n, c, h, w) -> (n, c, h, w)>, affine_map<(n, c, h, w) -> (n, c)>, affine_map<(n, c, h, w) -> (n, c, h, w)>], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%135, %142 : tensor<1x24x4x4xf32>, tensor<1x24xf32>) outs(%143 : tensor<1x24x4x4xf32>) {
    ^bb0(%a: f32, %b: f32, %out: f32):
      %y = arith.addf %a, %b : f32
      linalg.yield %y : f32
    } -> tensor<1x24x4x4xf32>
    %145 = tensor.expand_shape %144 [[0], [1, 2], [3], [4]] output_shape [1, 4, 6, 4, 4] : tensor<1x24x4x4xf32> into tensor<1x4x6x4x4xf32>
    %c146 = arith.constant 0.0 : f32
    %146 = tensor.empty() : tensor<1x4xf32>
    %147 = linalg.fill ins(%c146 : f32) outs(%146 : tensor<1x4xf32>) -> tensor<1x4xf32>
    %148 = linalg.generic {indexing_maps = [affine_map<(n, g, c, h, w) -> (n, g, c, h, w)>, affine_map<(n, g, c, h, w) -> (n, g)>], iterator_types = ["parallel", "parallel", "reduction", "reduction", "reduction"]} ins(%145 : tensor<1x4x6x4x4xf32>) outs(%147 : tensor<1x4xf32>) {
    ^bb0(%a: f32, %out: f32):
      %y = arith.addf %a, %out : f32
      linalg.yield %y : f32
    } -> tensor<1x4xf32>
    %149 = tensor.empty() : tensor<1x4x6x4x4xf32>
    %150 = linalg.generic {indexing_maps = [affine_map<(n, g, c, h, w) -> (n, g, c, h, w)>, affine_map<(n, g, c, h, w) -> (n, g)>, affine_map<(n, g, c, h, w) -> (n, g, c, h, w)>], iterator_types = ["parallel", "parallel", "parallel", "parallel", "parallel"]} ins(%145, %148 : tensor<1x4x6x4x4xf32>, tensor<1x4xf32>) outs(%149 : tensor<1x4x6x4x4xf32>) {
    ^bb0(%a: f32, %b: f32, %out: f32):
      %n = arith.constant 96.0 : f32
      %m = arith.divf %b, %n : f32
      %y = arith.subf %a, %m : f32
      linalg.yield %y : f32
    } -> tensor<1x4x6x4x4xf32>
    %151 = tensor.empty() : tensor<1x4x6x4x4xf32>
    %152 = linalg.generic {indexing_maps = [affine_map<(n, g, c, h, w) -> (n, g, c, h, w)>, affine_map<(n, g, c, h, w) -> (n, g, c, h, w)>], iterator_types = ["parallel", "parallel", "parallel", "parallel", "parallel"]} ins(%150 : tensor<1x4x6x4x4xf32>) outs(%151 : tensor<1x4x6x4x4xf32>) {
    ^bb0(%a: f32, %out: f32):
      %y = arith.mulf %a, %a : f32
      linalg.yield %y : f32
    } -> tensor<1x4x6x4x4xf32>
    %c153 = arith.constant 0.0 : f32
    %153 = tensor.empty() : tensor<1x4xf32>
    %154 = linalg.fill ins(%c153 : f32) outs(%153 : tensor<1x4xf32>) -> tensor<1x4xf32>
    %155 = linalg.generic {indexing_maps = [affine_map<(n, g, c, h, w) -> (n, g, c, h, w)>, affine_map<(n, g, c, h, w) -> (n, g)>], iterator_types = ["parallel", "parallel", "reduction", "reduction", "reduction"]} ins(%152 : tensor<1x4x6x4x4xf32>) outs(%154 : tensor<1x4xf32>) {
    ^bb0(%a: f32, %out: f32):
      %y = arith.addf %a, %out : f32
      linalg.yield %y : f32
    } -> tensor<1x4xf32>
    %156 = tensor.empty() : tensor<1x4x6x4x4xf32>
    %157 = linalg.generic {indexing_maps = [affine_map<(n, g, c, h, w) -> (n, g, c, h, w)>, affine_map<(n, g, c, h, w) -> (n, g)>, affine_map<(n, g, c, h, w) -> (n, g, c, h, w)>], iterator_types = ["parallel", "parallel", "parallel", "parallel", "parallel"]} ins(%150, %155 : tensor<1x4x6x4x4xf32>, tensor<1x4xf32>) outs(%156 : tensor<1x4x6x4x4xf32>) {
    ^bb0(%a: f32, %b: f32, %out: f32):
      %n = arith.constant 96.0 : f32
      %m = arith.divf %b, %n : f32
      %eps = arith.constant 1.0e-05 : f32
      %v = arith.addf %m, %eps : f32
      %r = math.rsqrt %v : f32
      %y = arith.mulf %a, %r : f32
      linalg.yield %y : f32
    } -> tensor<1x4x6x4x4xf32>
    %158 = tensor.collapse_shape %157 [[0], [1, 2], [3], [4]] : tensor<1x4x6x4x4xf32> into tensor<1x24x4x4xf32>
    %159 = util.global.load @middle.norm2.weight : tensor<24xf32>
    %160 = util.global.load @middle.norm2.bias : tensor<24xf32>
    %161 = tensor.empty() : tensor<1x24x4x4xf32>
    %162 = linalg.generic {indexing_maps = [affine_map<(n, c, h, w) -> (n, c, h, w)>, affine_map<(n, c, h, w) -> (c)>, affine_map<(n, c, h, w) -> (c)>, affine_map<(n, c, h, w) -> (n, c, h, w)>], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%158, %159, %160 : tensor<1x24x4x4xf32>, tensor<24xf32>, tensor<24xf32>) outs(%161 : tensor<1x24x4x4xf32>) {
    ^bb0(%a: f32, %b: f32, %c: f32, %out: f32):
      %g = arith.mulf %a, %b : f32
      %y = arith.addf %g, %c : f32
      linalg.yield %y : f32
    } -> tensor<1x24x4x4xf32>
    %163 = tensor.empty() : tensor<1x24x4x4xf32>
    %164 = linalg.generic {indexing_maps = [affine_map<(n, c, h, w) -> (n, c, h, w)>, affine_map<(n, c, h, w) -> (n, c, h, w)>], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%162 : tensor<1x24x4x4xf32>) outs(%163 : tensor<1x24x4x4xf32>) {
    ^bb0(%a: f32, %out: f32):
      %n = arith.negf %a : f32
      %e = math.exp %n : f32
      %c1 = arith.constant 1.0 : f32
      %d = arith.addf %e, %c1 : f32
      %y = arith.divf %a, %d : f32
      linalg.yield %y : f32
    } -> tensor<1x24x4x4xf32>
    %165 = util.global.load @middle.conv2.weight : tensor<24x24x3x3xf32>
    %166 = tensor.pad %164 low[0, 0, 1, 1] high[0, 0, 1, 1] {
    ^bb0(%i: index, %j: index, %k: index, %l: index):
      %zero = arith.constant 0.0 : f32
      tensor.yield %zero : f32
    } : tensor<1x24x4x4xf32> to tensor<1x24x6x6xf32>
    %c167 = arith.constant 0.0 : f32
    %167 = tensor.empty() : tensor<1x24x4x4xf32>
    %168 = linalg.fill ins(%c167 : f32) outs(%167 : tensor<1x24x4x4xf32>) -> tensor<1x24x4x4xf32>
    %169 = linalg.conv_2d_nchw_fchw {dilations = dense<1> : tensor<2xi64>, strides = dense<1> : tensor<2xi64>} ins(%166, %165 : tensor<1x24x6x6xf32>, tensor<24x24x3x3xf32>) outs(%168 : tensor<1x24x4x4xf32>) -> tensor<1x24x4x4xf32>
    %170 = util.global.load @middle.conv2.bias : tensor<24xf32>
    %171 = tensor.empty() : tensor<1x24x4x4xf32>
    %172 = linalg.generic {indexing_maps = [affine_map<(n, c, h, w) -> (n, c, h, w)>, affine_map<(n, c, h, w) -> (c)>, affine_map<(n, c, h, w) -> (n, c, h, w)>], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%169, %170 : tensor<1x24x4x4xf32>, tensor<24xf32>) outs(%171 : tensor<1x24x4x4xf32>) {
    ^bb0(%a: f32, %b: f32, %out: f32):
      %y = arith.addf %a, %b : f32
      linalg.yield %y : f32
    } -> tensor<1x24x4x4xf32>
    %173 = util.global.load @middle.shortcut.weight : tensor<24x16x1x1xf32>
    %c174 = arith.constant 0.0 : f32
    %174 = tensor.empty() : tensor<1x24x4x4xf32>
    %175 = linalg.fill ins(%c174 : f32) outs(%174 : tensor<1x24x4x4xf32>) -> tensor<1x24x4x4xf32>
    %176 = linalg.conv_2d_nchw_fchw {dilations = dense<1> : tensor<2xi64>, strides = dense<1> : tensor<2xi64>} ins(%107, %173 : tensor<1x16x4x4xf32>, tensor<24x16x1x1xf32>) outs(%175 : tensor<1x24x4x4xf32>) -> tensor<1x24x4x4xf32>
    %177 = util.global.load @middle.shortcut.bias : tensor<24xf32>
    %178 = tensor.empty() : tensor<1x24x4x4xf32>
    %179 = linalg.generic {indexing_maps = [affine_map<(n, c, h, w) -> (n, c, h, w)>, affine_map<(n, c, h, w) -> (c)>, affine_map<(n, c, h, w) -> (n, c, h, w)>], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%176, %177 : tensor<1x24x4x4xf32>, tensor<24xf32>) outs(%178 : tensor<1x24x4x4xf32>) {
    ^bb0(%a: f32, %b: f32, %out: f32):
      %y = arith.addf %a, %b : f32
      linalg.yield %y : f32
    } -> tensor<1x24x4x4xf32>
    %180 = tensor.empty() : tensor<1x24x4x4xf32>
    %181 = linalg.generic {indexing_maps = [affine_map<(n, c, h, w) -> (n, c, h, w)>, affine_map<(n, c, h, w) -> (n, c, h, w)>, affine_map<(n, c, h, w) -> (n, c, h, w)>], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%179, %172 : tensor<1x24x4x4xf32>, tensor<1x24x4x4xf32>) outs(%180 : tensor<1x24x4x4xf32>) {
    ^bb0(%a: f32, %b: f32, %out: f32):
      %y = arith.addf %a, %b : f32
      linalg.yield %y : f32
    } -> tensor<1x24x4x4xf32>
    %182 = tensor.empty() : tensor<1x24x4x2x4x2xf32>
    %183 = linalg.generic {indexing_maps = [affine_map<(n, c, h, i, w, j) -> (n, c, h, w)>, affine_map<(n, c, h, i, w, j) -> (n, c, h, i, w, j)>], iterator_types = ["parallel", "parallel", "parallel", "parallel", "parallel", "parallel"]} ins(%181 : tensor<1x24x4x4xf32>) outs(%182 : tensor<1x24x4x2x4x2xf32>) {
    ^bb0(%a: f32, %out: f32):
      linalg.yield %a : f32
    } -> tensor<1x24x4x2x4x2xf32>
    %184 = tensor.collapse_shape %183 [[0], [1], [2, 3], [4, 5]] : tensor<1x24x4x2x4x2xf32> into tensor<1x24x8x8xf32>
    %185 = tensor.concat dim(1) %184, %99 : (tensor<1x24x8x8xf32>, tensor<1x16x8x8xf32>) -> tensor<1x40x8x8xf32>
    %186 = tensor.expand_shape %185 [[0], [1, 2], [3], [4]] output_shape [1, 4, 10, 8, 8] : tensor<1x40x8x8xf32> into tensor<1x4x10x8x8xf32>
    %c187 = arith.constant 0.0 : f32
    %187 = tensor.empty() : tensor<1x4xf32>
    %188 = linalg.fill ins(%c187 : f32) outs(%187 : tensor<1x4xf32>) -> tensor<1x4xf32>
    %189 = linalg.generic {indexing_maps = [affine_map<(n, g, c, h, w) -> (n, g, c, h, w)>, affine_map<(n, g, c, h, w) -> (n, g)>], iterator_types = ["parallel", "parallel", "reduction", "reduction", "reduction"]} ins(%186 : tensor<1x4x10x8x8xf32>) outs(%188 : tensor<1x4xf32>) {
    ^bb0(%a: f32, %out: f32):
      %y = arith.addf %a, %out : f32
      linalg.yield %y : f32
    } -> tensor<1x4xf32>
    %190 = tensor.empty() : tensor<1x4x10x8x8xf32>
    %191 = linalg.generic {indexing_maps = [affine_map<(n, g, c, h, w) -> (n, g, c, h, w)>, affine_map<(n, g, c, h, w) -> (n, g)>, affine_map<(n, g, c, h, w) -> (n, g, c, h, w)>], iterator_types = ["parallel", "parallel", "parallel", "parallel", "parallel"]} ins(%186, %189 : tensor<1x4x10x8x8xf32>, tensor<1x4xf32>) outs(%190 : tensor<1x4x10x8x8xf32>) {
    ^bb0(%a: f32, %b: f32, %out: f32):
      %n = arith.constant 640.0 : f32
      %m = arith.divf %b, %n : f32
      %y = arith.subf %a, %m : f32
      linalg.yield %y : f32
    } -> tensor<1x4x10x8x8xf32>
    %192 = tensor.empty() : tensor<1x4x10x8x8xf32>
    %193 = linalg.generic {indexing_maps = [affine_map<(n, g, c, h, w) -> (n, g, c, h, w)>, affine_map<(n, g, c, h, w) -> (n, g, c, h, w)>], iterator_types = ["parallel", "parallel", "parallel", "parallel", "parallel"]} ins(%191 : tensor<1x4x10x8x8xf32>) outs(%192 : tensor<1x4x10x8x8xf32>) {
    ^bb0(%a: f32, %out: f32):
      %y = arith.mulf %a, %a : f32
      linalg.yield %y : f32
    } -> tensor<1x4x10x8x8xf32>
    %c194 = arith.constant 0.0 : f32
    %194 = tensor.empty() : tensor<1x4xf32>
    %195 = linalg.fill ins(%c194 : f32) outs(%194 : tensor<1x4xf32>) -> tensor<1x4xf32>
    %196 = linalg.generic {indexing_maps = [affine_map<(n, g, c, h, w) -> (n, g, c, h, w)>, affine_map<(n, g, c, h, w) -> (n, g)>], iterator_types = ["parallel", "parallel", "reduction", "reduction", "reduction"]} ins(%193 : tensor<1x4x10x8x8xf32>) outs(%195 : tensor<1x4xf32>) {
    ^bb0(%a: f32, %out: f32):
      %y = arith.addf %a, %out : f32
      linalg.yield %y : f32
    } -> tensor<1x4xf32>
    %197 = tensor.empty() : tensor<1x4x10x8x8xf32>
    %198 = linalg.generic {indexing_maps = [affine_map<(n, g, c, h, w) -> (n, g, c, h, w)>, affine_map<(n, g, c, h, w) -> (n, g)>, affine_map<(n, g, c, h, w) -> (n, g, c, h, w)>], iterator_types = ["parallel", "parallel", "parallel", "parallel", "parallel"]} ins(%191, %196 : tensor<1x4x10x8x8xf32>, tensor<1x4xf32>) outs(%197 : tensor<1x4x10x8x8xf32>) {
    ^bb0(%a: f32, %b: f32, %out: f32):
      %n = arith.constant 640.0 : f32
      %m = arith.divf %b, %n : f32
      %eps = arith.constant 1.0e-05 : f32
      %v = arith.addf %m, %eps : f32
      %r = math.rsqrt %v : f32
      %y = arith.mulf %a, %r : f32
      linalg.yield %y : f32
    } -> tensor<1x4x10x8x8xf32>
    %199 = tensor.collapse_shape %198 [[0], [1, 2], [3], [4]] : tensor<1x4x10x8x8xf32> into tensor<1x40x8x8xf32>
    %200 = util.global.load @up.norm1.weight : tensor<40xf32>
    %201 = util.global.load @up.norm1.bias : tensor<40xf32>
    %202 = tensor.empty() : tensor<1x40x8x8xf32>
    %203 = linalg.generic {indexing_maps = [affine_map<(n, c, h, w) -> (n, c, h, w)>, affine_map<(n, c, h, w) -> (c)>, affine_map<(n, c, h, w) -> (c)>, affine_map<(n, c, h, w) -> (n, c, h, w)>], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%199, %200, %201 : tensor<1x40x8x8xf32>, tensor<40xf32>, tensor<40xf32>) outs(%202 : tensor<1x40x8x8xf32>) {
    ^bb0(%a: f32, %b: f32, %c: f32, %out: f32):
      %g = arith.mulf %a, %b : f32
      %y = arith.addf %g, %c : f32
      linalg.yield %y : f32
    } -> tensor<1x40x8x8xf32>
    %204 = tensor.empty() : tensor<1x40x8x8xf32>
    %205 = linalg.generic {indexing_maps = [affine_map<(n, c, h, w) -> (n, c, h, w)>, affine_map<(n, c, h, w) -> (n, c, h, w)>], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%203 : tensor<1x40x8x8xf32>) outs(%204 : tensor<1x40x8x8xf32>) {
    ^bb0(%a: f32, %out: f32):
      %n = arith.negf %a : f32
      %e = math.exp %n : f32
      %c1 = arith.constant 1.0 : f32
      %d = arith.addf %e, %c1 : f32
      %y = arith.divf %a, %d : f32
      linalg.yield %y : f32
    } -> tensor<1x40x8x8xf32>
    %206 = util.global.load @up.conv1.weight : tensor<16x40x3x3xf32>
    %207 = tensor.pad %205 low[0, 0, 1, 1] high[0, 0, 1, 1] {
    ^bb0(%i: index, %j: index, %k: index, %l: index):
      %zero = arith.constant 0.0 : f32
      tensor.yield %zero : f32
    } : tensor<1x40x8x8xf32> to tensor<1x40x10x10xf32>
    %c208 = arith.constant 0.0 : f32
    %208 = tensor.empty() : tensor<1x16x8x8xf32>
    %209 = linalg.fill ins(%c208 : f32) outs(%208 : tensor<1x16x8x8xf32>) -> tensor<1x16x8x8xf32>
    %210 = linalg.conv_2d_nchw_fchw {dilations = dense<1> : tensor<2xi64>, strides = dense<1> : tensor<2xi64>} ins(%207, %206 : tensor<1x40x10x10xf32>, tensor<16x40x3x3xf32>) outs(%209 : tensor<1x16x8x8xf32>) -> tensor<1x16x8x8xf32>
    %211 = util.global.load @up.conv1.bias : tensor<16xf32>
    %212 = tensor.empty() : tensor<1x16x8x8xf32>
    %213 = linalg.generic {indexing_maps = [affine_map<(n, c, h, w) -> (n, c, h, w)>, affine_map<(n, c, h, w) -> (c)>, affine_map<(n, c, h, w) -> (n, c, h, w)>], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%210, %211 : tensor<1x16x8x8xf32>, tensor<16xf32>) outs(%212 : tensor<1x16x8x8xf32>) {
    ^bb0(%a: f32, %b: f32, %out: f32):
      %y = arith.addf %a, %b : f32
      linalg.yield %y : f32
    } -> tensor<1x16x8x8xf32>
    %214 = util.global.load @up.time.weight : tensor<48x16xf32>
    %215 = util.global.load @up.time.bias : tensor<16xf32>
    %c216 = arith.constant 0.0 : f32
    %216 = tensor.empty() : tensor<1x16xf32>
    %217 = linalg.fill ins(%c216 : f32) outs(%216 : tensor<1x16xf32>) -> tensor<1x16xf32>
    %218 = linalg.matmul ins(%24, %214 : tensor<1x48xf32>, tensor<48x16xf32>) outs(%217 : tensor<1x16xf32>) -> tensor<1x16xf32>
    %219 = tensor.empty() : tensor<1x16xf32>
    %220 = linalg.generic {indexing_maps = [affine_map<(r, d) -> (r, d)>, affine_map<(r, d) -> (d)>, affine_map<(r, d) -> (r, d)>], iterator_types = ["parallel", "parallel"]} ins(%218, %215 : tensor<1x16xf32>, tensor<16xf32>) outs(%219 : tensor<1x16xf32>) {
    ^bb0(%a: f32, %b: f32, %out: f32):
      %y = arith.addf %a, %b : f32
      linalg.yield %y : f32
    } -> tensor<1x16xf32>
    %221 = tensor.empty() : tensor<1x16x8x8xf32>
    %222 = linalg.generic {indexing_maps = [affine_map<(n, c, h, w) -> (n, c, h, w)>, affine_map<(n, c, h, w) -> (n, c)>, affine_map<(n, c, h, w) -> (n, c, h, w)>], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%213, %220 : tensor<1x16x8x8xf32>, tensor<1x16xf32>) outs(%221 : tensor<1x16x8x8xf32>) {
    ^bb0(%a: f32, %b: f32, %out: f32):
      %y = arith.addf %a, %b : f32
      linalg.yield %y : f32
    } -> tensor<1x16x8x8xf32>
    %223 = tensor.expand_shape %222 [[0], [1, 2], [3], [4]] output_shape [1, 4, 4, 8, 8] : tensor<1x16x8x8xf32> into tensor<1x4x4x8x8xf32>
    %c224 = arith.constant 0.0 : f32
    %224 = tensor.empty() : tensor<1x4xf32>
    %225 = linalg.fill ins(%c224 : f32) outs(%224 : tensor<1x4xf32>) -> tensor<1x4xf32>
    %226 = linalg.generic {indexing_maps = [affine_map<(n, g, c, h, w) -> (n, g, c, h, w)>, affine_map<(n, g, c, h, w) -> (n, g)>], iterator_types = ["parallel", "parallel", "reduction", "reduction", "reduction"]} ins(%223 : tensor<1x4x4x8x8xf32>) outs(%225 : tensor<1x4xf32>) {
    ^bb0(%a: f32, %out: f32):
      %y = arith.addf %a, %out : f32
      linalg.yield %y : f32
    } -> tensor<1x4xf32>
    %227 = tensor.empty() : tensor<1x4x4x8x8xf32>
    %228 = linalg.generic {indexing_maps = [affine_map<(n, g, c, h, w) -> (n, g, c, h, w)>, affine_map<(n, g, c, h, w) -> (n, g)>, affine_map<(n, g, c, h, w) -> (n, g, c, h, w)>], iterator_types = ["parallel", "parallel", "parallel", "parallel", "parallel"]} ins(%223, %226 : tensor<1x4x4x8x8xf32>, tensor<1x4xf32>) outs(%227 : tensor<1x4x4x8x8xf32>) {
    ^bb0(%a: f32, %b: f32, %out: f32):
      %n = arith.constant 256.0 : f32
      %m = arith.divf %b, %n : f32
      %y = arith.subf %a, %m : f32
      linalg.yield %y : f32
    } -> tensor<1x4x4x8x8xf32>
    %229 = tensor.empty() : tensor<1x4x4x8x8xf32>
    %230 = linalg.generic {indexing_maps = [affine_map<(n, g, c, h, w) -> (n, g, c, h, w)>, affine_map<(n, g, c, h, w) -> (n, g, c, h, w)>], iterator_types = ["parallel", "parallel", "parallel", "parallel", "parallel"]} ins(%228 : tensor<1x4x4x8x8xf32>) outs(%229 : tensor<1x4x4x8x8xf32>) {
    ^bb0(%a: f32, %out: f32):
      %y = arith.mulf %a, %a : f32
      linalg.yield %y : f32
    } -> tensor<1x4x4x8x8xf32>
    %c231 = arith.constant 0.0 : f32
    %231 = tensor.empty() : tensor<1x4xf32>
    %232 = linalg.fill ins(%c231 : f32) outs(%231 : tensor<1x4xf32>) -> tensor<1x4xf32>
    %233 = linalg.generic {indexing_maps = [affine_map<(n, g, c, h, w) -> (n, g, c, h, w)>, affine_map<(n, g, c, h, w) -> (n, g)>], iterator_types = ["parallel", "parallel", "reduction", "reduction", "reduction"]} ins(%230 : tensor<1x4x4x8x8xf32>) outs(%232 : tensor<1x4xf32>) {
    ^bb0(%a: f32, %out: f32):
      %y = arith.addf %a, %out : f32
      linalg.yield %y : f32
    } -> tensor<1x4xf32>
    %234 = tensor.empty() : tensor<1x4x4x8x8xf32>
    %235 = linalg.generic {indexing_maps = [affine_map<(n, g, c, h, w) -> (n, g, c, h, w)>, affine_map<(n, g, c, h, w) -> (n, g)>, affine_map<(n, g, c, h, w) -> (n, g, c, h, w)>], iterator_types = ["parallel", "parallel", "parallel", "parallel", "parallel"]} ins(%228, %233 : tensor<1x4x4x8x8xf32>, tensor<1x4xf32>) outs(%234 : tensor<1x4x4x8x8xf32>) {
    ^bb0(%a: f32, %b: f32, %out: f32):
      %n = arith.constant 256.0 : f32
      %m = arith.divf %b, %n : f32
      %eps = arith.constant 1.0e-05 : f32
      %v = arith.addf %m, %eps : f32
      %r = math.rsqrt %v : f32
      %y = arith.mulf %a, %r : f32
      linalg.yield %y : f32
    } -> tensor<1x4x4x8x8xf32>
    %236 = tensor.collapse_shape %235 [[0], [1, 2], [3], [4]] : tensor<1x4x4x8x8xf32> into tensor<1x16x8x8xf32>
    %237 = util.global.load @up.norm2.weight : tensor<16xf32>
    %238 = util.global.load @up.norm2.bias : tensor<16xf32>
    %239 = tensor.empty() : tensor<1x16x8x8xf32>
    %240 = linalg.generic {indexing_maps = [affine_map<(n, c, h, w) -> (n, c, h, w)>, affine_map<(n, c, h, w) -> (c)>, affine_map<(n, c, h, w) -> (c)>, affine_map<(n, c, h, w) -> (n, c, h, w)>], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%236, %237, %238 : tensor<1x16x8x8xf32>, tensor<16xf32>, tensor<16xf32>) outs(%239 : tensor<1x16x8x8xf32>) {
    ^bb0(%a: f32, %b: f32, %c: f32, %out: f32):
      %g = arith.mulf %a, %b : f32
      %y = arith.addf %g, %c : f32
      linalg.yield %y : f32
    } -> tensor<1x16x8x8xf32>
    %241 = tensor.empty() : tensor<1x16x8x8xf32>
    %242 = linalg.generic {indexing_maps = [affine_map<(n, c, h, w) -> (n, c, h, w)>, affine_map<(n, c, h, w) -> (n, c, h, w)>], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%240 : tensor<1x16x8x8xf32>) outs(%241 : tensor<1x16x8x8xf32>) {
    ^bb0(%a: f32, %out: f32):
      %n = arith.negf %a : f32
      %e = math.exp %n : f32
      %c1 = arith.constant 1.0 : f32
      %d = arith.addf %e, %c1 : f32
      %y = arith.divf %a, %d : f32
      linalg.yield %y : f32
    } -> tensor<1x16x8x8xf32>
    %243 = util.global.load @up.conv2.weight : tensor<16x16x3x3xf32>
    %244 = tensor.pad %242 low[0, 0, 1, 1] high[0, 0, 1, 1] {
    ^bb0(%i: index, %j: index, %k: index, %l: index):
      %zero = arith.constant 0.0 : f32
      tensor.yield %zero : f32
    } : tensor<1x16x8x8xf32> to tensor<1x16x10x10xf32>
    %c245 = arith.constant 0.0 : f32
    %245 = tensor.empty() : tensor<1x16x8x8xf32>
    %246 = linalg.fill ins(%c245 : f32) outs(%245 : tensor<1x16x8x8xf32>) -> tensor<1x16x8x8xf32>
    %247 = linalg.conv_2d_nchw_fchw {dilations = dense<1> : tensor<2xi64>, strides = dense<1> : tensor<2xi64>} ins(%244, %243 : tensor<1x16x10x10xf32>, tensor<16x16x3x3xf32>) outs(%246 : tensor<1x16x8x8xf32>) -> tensor<1x16x8x8xf32>
    %248 = util.global.load @up.conv2.bias : tensor<16xf32>
    %249 = tensor.empty() : tensor<1x16x8x8xf32>
    %250 = linalg.generic {indexing_maps = [affine_map<(n, c, h, w) -> (n, c, h, w)>, affine_map<(n, c, h, w) -> (c)>, affine_map<(n, c, h, w) -> (n, c, h, w)>], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%247, %248 : tensor<1x16x8x8xf32>, tensor<16xf32>) outs(%249 : tensor<1x16x8x8xf32>) {
    ^bb0(%a: f32, %b: f32, %out: f32):
      %y = arith.addf %a, %b : f32
      linalg.yield %y : f32
    } -> tensor<1x16x8x8xf32>
    %251 = util.global.load @up.shortcut.weight : tensor<16x40x1x1xf32>
    %c252 = arith.constant 0.0 : f32
    %252 = tensor.empty() : tensor<1x16x8x8xf32>
    %253 = linalg.fill ins(%c252 : f32) outs(%252 : tensor<1x16x8x8xf32>) -> tensor<1x16x8x8xf32>
    %254 = linalg.conv_2d_nchw_fchw {dilations = dense<1> : tensor<2xi64>, strides = dense<1> : tensor<2xi64>} ins(%185, %251 : tensor<1x40x8x8xf32>, tensor<16x40x1x1xf32>) outs(%253 : tensor<1x16x8x8xf32>) -> tensor<1x16x8x8xf32>
    %255 = util.global.load @up.shortcut.bias : tensor<16xf32>
    %256 = tensor.empty() : tensor<1x16x8x8xf32>
    %257 = linalg.generic {indexing_maps = [affine_map<(n, c, h, w) -> (n, c, h, w)>, affine_map<(n, c, h, w) -> (c)>, affine_map<(n, c, h, w) -> (n, c, h, w)>], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%254, %255 : tensor<1x16x8x8xf32>, tensor<16xf32>) outs(%256 : tensor<1x16x8x8xf32>) {
    ^bb0(%a: f32, %b: f32, %out: f32):
      %y = arith.addf %a, %b : f32
      linalg.yield %y : f32
    } -> tensor<1x16x8x8xf32>
    %258 = tensor.empty() : tensor<1x16x8x8xf32>
    %259 = linalg.generic {indexing_maps = [affine_map<(n, c, h, w) -> (n, c, h, w)>, affine_map<(n, c, h, w) -> (n, c, h, w)>, affine_map<(n, c, h, w) -> (n, c, h, w)>], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%257, %250 : tensor<1x16x8x8xf32>, tensor<1x16x8x8xf32>) outs(%258 : tensor<1x16x8x8xf32>) {
    ^bb0(%a: f32, %b: f32, %out: f32):
      %y = arith.addf %a, %b : f32
      linalg.yield %y : f32
    } -> tensor<1x16x8x8xf32>
    %260 = tensor.expand_shape %259 [[0], [1, 2], [3], [4]] output_shape [1, 4, 4, 8, 8] : tensor<1x16x8x8xf32> into tensor<1x4x4x8x8xf32>
    %c261 = arith.constant 0.0 : f32
    %261 = tensor.empty() : tensor<1x4xf32>
    %262 = linalg.fill ins(%c261 : f32) outs(%261 : tensor<1x4xf32>) -> tensor<1x4xf32>
    %263 = linalg.generic {indexing_maps = [affine_map<(n, g, c, h, w) -> (n, g, c, h, w)>, affine_map<(n, g, c, h, w) -> (n, g)>], iterator_types = ["parallel", "parallel", "reduction", "reduction", "reduction"]} ins(%260 : tensor<1x4x4x8x8xf32>) outs(%262 : tensor<1x4xf32>) {
    ^bb0(%a: f32, %out: f32):
      %y = arith.addf %a, %out : f32
      linalg.yield %y : f32
    } -> tensor<1x4xf32>
    %264 = tensor.empty() : tensor<1x4x4x8x8xf32>
    %265 = linalg.generic {indexing_maps = [affine_map<(n, g, c, h, w) -> (n, g, c, h, w)>, affine_map<(n, g, c, h, w) -> (n, g)>, affine_map<(n, g, c, h, w) -> (n, g, c, h, w)>], iterator_types = ["parallel", "parallel", "parallel", "parallel", "parallel"]} ins(%260, %263 : tensor<1x4x4x8x8xf32>, tensor<1x4xf32>) outs(%264 : tensor<1x4x4x8x8xf32>) {
    ^bb0(%a: f32, %b: f32, %out: f32):
      %n = arith.constant 256.0 : f32
      %m = arith.divf %b, %n : f32
      %y = arith.subf %a, %m : f32
      linalg.yield %y : f32
    } -> tensor<1x4x4x8x8xf32>
    %266 = tensor.empty() : tensor<1x4x4x8x8xf32>
    %267 = linalg.generic {indexing_maps = [affine_map<(n, g, c, h, w) -> (n, g, c, h, w)>, affine_map<(n, g, c, h, w) -> (n, g, c, h, w)>], iterator_types = ["parallel", "parallel", "parallel", "parallel", "parallel"]} ins(%265 : tensor<1x4x4x8x8xf32>) outs(%266 : tensor<1x4x4x8x8xf32>) {
    ^bb0(%a: f32, %out: f32):
      %y = arith.mulf %a, %a : f32
      linalg.yield %y : f32
    } -> tensor<1x4x4x8x8xf32>
    %c268 = arith.constant 0.0 : f32
    %268 = tensor.empty() : tensor<1x4xf32>
    %269 = linalg.fill ins(%c268 : f32) outs(%268 : tensor<1x4xf32>) -> tensor<1x4xf32>
    %270 = linalg.generic {indexing_maps = [affine_map<(n, g, c, h, w) -> (n, g, c, h, w)>, affine_map<(n, g, c, h, w) -> (n, g)>], iterator_types = ["parallel", "parallel", "reduction", "reduction", "reduction"]} ins(%267 : tensor<1x4x4x8x8xf32>) outs(%269 : tensor<1x4xf32>) {
    ^bb0(%a: f32, %out: f32):
      %y = arith.addf %a, %out : f32
      linalg.yield %y : f32
    } -> tensor<1x4xf32>
    %271 = tensor.empty() : tensor<1x4x4x8x8xf32>
    %272 = linalg.generic {indexing_maps = [affine_map<(n, g, c, h, w) -> (n, g, c, h, w)>, affine_map<(n, g, c, h, w) -> (n, g)>, affine_map<(n, g, c, h, w) -> (n, g, c, h, w)>], iterator_types = ["parallel", "parallel", "parallel", "parallel", "parallel"]} ins(%265, %270 : tensor<1x4x4x8x8xf32>, tensor<1x4xf32>) outs(%271 : tensor<1x4x4x8x8xf32>) {
    ^bb0(%a: f32, %b: f32, %out: f32):
      %n = arith.constant 256.0 : f32
      %m = arith.divf %b, %n : f32
      %eps = arith.constant 1.0e-05 : f32
      %v = arith.addf %m, %eps : f32
      %r = math.rsqrt %v : f32
      %y = arith.mulf %a, %r : f32
      linalg.yield %y : f32
    } -> tensor<1x4x4x8x8xf32>
    %273 = tensor.collapse_shape %272 [[0], [1, 2], [3], [4]] : tensor<1x4x4x8x8xf32> into tensor<1x16x8x8xf32>
    %274 = util.global.load @norm_out.weight : tensor<16xf32>
    %275 = util.global.load @norm_out.bias : tensor<16xf32>
    %276 = tensor.empty() : tensor<1x16x8x8xf32>
    %277 = linalg.generic {indexing_maps = [affine_map<(n, c, h, w) -> (n, c, h, w)>, affine_map<(n, c, h, w) -> (c)>, affine_map<(n, c, h, w) -> (c)>, affine_map<(n, c, h, w) -> (n, c, h, w)>], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%273, %274, %275 : tensor<1x16x8x8xf32>, tensor<16xf32>, tensor<16xf32>) outs(%276 : tensor<1x16x8x8xf32>) {
    ^bb0(%a: f32, %b: f32, %c: f32, %out: f32):
      %g = arith.mulf %a, %b : f32
      %y = arith.addf %g, %c : f32
      linalg.yield %y : f32
    } -> tensor<1x16x8x8xf32>
    %278 = tensor.empty() : tensor<1x16x8x8xf32>
    %279 = linalg.generic {indexing_maps = [affine_map<(n, c, h, w) -> (n, c, h, w)>, affine_map<(n, c, h, w) -> (n, c, h, w)>], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%277 : tensor<1x16x8x8xf32>) outs(%278 : tensor<1x16x8x8xf32>) {
    ^bb0(%a: f32, %out: f32):
      %n = arith.negf %a : f32
      %e = math.exp %n : f32
      %c1 = arith.constant 1.0 : f32
      %d = arith.addf %e, %c1 : f32
      %y = arith.divf %a, %d : f32
      linalg.yield %y : f32
    } -> tensor<1x16x8x8xf32>
    %280 = util.global.load @conv_out.weight : tensor<4x16x3x3xf32>
    %281 = tensor.pad %279 low[0, 0, 1, 1] high[0, 0, 1, 1] {
    ^bb0(%i: index, %j: index, %k: index, %l: index):
      %zero = arith.constant 0.0 : f32
      tensor.yield %zero : f32
    } : tensor<1x16x8x8xf32> to tensor<1x16x10x10xf32>
    %c282 = arith.constant 0.0 : f32
    %282 = tensor.empty() : tensor<1x4x8x8xf32>
    %283 = linalg.fill ins(%c282 : f32) outs(%282 : tensor<1x4x8x8xf32>) -> tensor<1x4x8x8xf32>
    %284 = linalg.conv_2d_nchw_fchw {dilations = dense<1> : tensor<2xi64>, strides = dense<1> : tensor<2xi64>} ins(%281, %280 : tensor<1x16x10x10xf32>, tensor<4x16x3x3xf32>) outs(%283 : tensor<1x4x8x8xf32>) -> tensor<1x4x8x8xf32>
    %285 = util.global.load @conv_out.bias : tensor<4xf32>
    %286 = tensor.empty() : tensor<1x4x8x8xf32>
    %287 = linalg.generic {indexing_maps = [affine_map<(n, c, h, w) -> (n, c, h, w)>, affine_map<(n, c, h, w) -> (c)>, affine_map<(n, c, h, w) -> (n, c, h, w)>], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%284, %285 : tensor<1x4x8x8xf32>, tensor<4xf32>) outs(%286 : tensor<1x4x8x8xf32>) {
    ^bb0(%a: f32, %b: f32, %out: f32):
      %y = arith.addf %a, %b : f32
      linalg.yield %y : f32
    } -> tensor<1x4x8x8xf32>
    return %287 : tensor<1x4x8x8xf32>
  }
}
