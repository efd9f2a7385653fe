"""Makes the embedded models: MLIR text, weights, inputs, expected outputs and specs."""
