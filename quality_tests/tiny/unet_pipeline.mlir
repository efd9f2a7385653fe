!latents = tensor<1x4x8x8xf32>
!scalar = tensor<1xf32>

module @compiled_pipeline {
  func.func @run_scale(%arg0: tensor<1x4x8x8xf32>, %arg1: tensor<1xf32>) -> (tensor<1x4x8x8xf32>) {
    %0 = tensor.collapse_shape %arg1 [] : tensor<1xf32> into tensor<f32>
    %1 = tensor.empty() : tensor<1x4x8x8xf32>
    %2 = linalg.generic {indexing_maps = [affine_map<(n, c, h, w) -> (n, c, h, w)>, affine_map<(n, c, h, w) -> ()>, affine_map<(n, c, h, w) -> (n, c, h, w)>], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%arg0, %0 : tensor<1x4x8x8xf32>, tensor<f32>) outs(%1 : tensor<1x4x8x8xf32>) {
    ^bb0(%a: f32, %b: f32, %out: f32):
      %s = arith.mulf %b, %b : f32
      %c1 = arith.constant 1.0 : f32
      %v = arith.addf %s, %c1 : f32
      %r = math.sqrt %v : f32
      %y = arith.divf %a, %r : f32
      linalg.yield %y : f32
    } -> tensor<1x4x8x8xf32>
    return %2 : tensor<1x4x8x8xf32>
  }
  func.func @run_step(%arg0: tensor<1x4x8x8xf32>, %arg1: tensor<1x4x8x8xf32>, %arg2: tensor<1xf32>, %arg3: tensor<1xf32>) -> (tensor<1x4x8x8xf32>) {
    %0 = tensor.collapse_shape %arg2 [] : tensor<1xf32> into tensor<f32>
    %1 = tensor.collapse_shape %arg3 [] : tensor<1xf32> into tensor<f32>
    %2 = tensor.empty() : tensor<1x4x8x8xf32>
    %3 = linalg.generic {indexing_maps = [affine_map<(n, c, h, w) -> (n, c, h, w)>, affine_map<(n, c, h, w) -> (n, c, h, w)>, affine_map<(n, c, h, w) -> ()>, affine_map<(n, c, h, w) -> ()>, affine_map<(n, c, h, w) -> (n, c, h, w)>], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%arg0, %arg1, %0, %1 : tensor<1x4x8x8xf32>, tensor<1x4x8x8xf32>, tensor<f32>, tensor<f32>) outs(%2 : tensor<1x4x8x8xf32>) {
    ^bb0(%a: f32, %b: f32, %c: f32, %d: f32, %out: f32):
      %dt = arith.subf %d, %c : f32
      %m = arith.mulf %b, %dt : f32
      %y = arith.addf %a, %m : f32
      linalg.yield %y : f32
    } -> tensor<1x4x8x8xf32>
    return %3 : tensor<1x4x8x8xf32>
  }
  func.func private @compiled_unet.run_forward(!latents, !scalar) -> !latents

  func.func @produce_image_latents(%noise: !latents, %timesteps: tensor<4xf32>, %sigmas: tensor<5xf32>) -> !latents {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c4 = arith.constant 4 : index
    %denoised = scf.for %step = %c0 to %c4 step %c1 iter_args(%sample = %noise) -> (!latents) {
      %next_step = arith.addi %step, %c1 : index
      %timestep = tensor.extract_slice %timesteps[%step] [1] [1] : tensor<4xf32> to !scalar
      %sigma = tensor.extract_slice %sigmas[%step] [1] [1] : tensor<5xf32> to !scalar
      %next_sigma = tensor.extract_slice %sigmas[%next_step] [1] [1] : tensor<5xf32> to !scalar
      %scaled = func.call @run_scale(%sample, %sigma) : (!latents, !scalar) -> !latents
      %predicted = func.call @compiled_unet.run_forward(%scaled, %timestep) : (!latents, !scalar) -> !latents
      %next = func.call @run_step(%sample, %predicted, %sigma, %next_sigma)
        : (!latents, !latents, !scalar, !scalar) -> !latents
      scf.yield %next : !latents
    }
    return %denoised : !latents
  }
}
