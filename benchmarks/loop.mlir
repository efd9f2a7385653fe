// A loop in one thread; the tools that read it put in the number of iterations.
func.func @work(%start: tensor<256xf32>) -> tensor<256xf32> {
  %empty = tensor.empty() : tensor<256xf32>
  %done = linalg.generic {
      indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]
  } ins(%start : tensor<256xf32>) outs(%empty : tensor<256xf32>) {
  ^bb0(%first: f32, %unused: f32):
    %zero = arith.constant 0 : index
    %one = arith.constant 1 : index
    %times = arith.constant ITERATIONS : index
    %last = scf.for %i = %zero to %times step %one iter_args(%value = %first) -> (f32) {
      %next = math.fma %value, %value, %first : f32
      scf.yield %next : f32
    }
    linalg.yield %last : f32
  } -> tensor<256xf32>
  return %done : tensor<256xf32>
}
