"""Writes small ONNX models into the current folder: a program of its own, run in the environment of the importer."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any


def main(environment: str) -> None:
    sys.path.insert(0, environment)
    import numpy as np  # noqa: PLC0415
    import onnx  # type: ignore[import-not-found]  # noqa: PLC0415
    from onnx import TensorProto, helper, numpy_helper  # noqa: PLC0415

    random = np.random.default_rng(7)

    def weights(name: str, *shape: int, dtype: Any = np.float32) -> Any:
        return numpy_helper.from_array((random.standard_normal(shape) / 4).astype(dtype), name)

    def value(name: str, element: Any, *shape: Any) -> Any:
        return helper.make_tensor_value_info(name, element, shape)

    def model(
        name: str, nodes: Sequence[Any], inputs: Sequence[Any], outputs: Sequence[Any], *inits: Any, opset: int = 17
    ) -> Any:
        graph = helper.make_graph(nodes, "main graph", inputs, outputs, inits)
        opsets = [helper.make_opsetid("", opset), helper.make_opsetid("com.acme", 1)]
        made = helper.make_model(graph, opset_imports=opsets, ir_version=4 if opset < OPSET else 8)
        onnx.save(made, f"{name}.onnx")
        return made

    def mlp(name: str, element: Any = TensorProto.FLOAT, dtype: Any = np.float32, hidden: int = 16, **more: Any) -> Any:
        nodes = [
            helper.make_node("Gemm", ["x", "w1", "b1"], ["a"]),
            helper.make_node("Relu", ["a"], ["h"]),
            helper.make_node("Gemm", ["h", "w2", "b2"], ["y"]),
        ]
        shapes = {"w1": (8, hidden), "b1": (hidden,), "w2": (hidden, 4), "b2": (4,)}
        inits = [weights(each, *shape, dtype=dtype) for each, shape in shapes.items()]
        return model(name, nodes, [value("x", element, "batch", 8)], [value("y", element, "batch", 4)], *inits, **more)

    made = mlp("mlp")
    mlp("old", opset=9)
    mlp("half", TensorProto.FLOAT16, np.float16)
    mlp("large", hidden=32768)
    onnx.save(made, "beside.onnx", save_as_external_data=True, location="beside.data", size_threshold=0)
    for name, location in (("outside", "../beside.data"), ("linked", "linked.data")):
        for each in (moved := onnx.load("beside.onnx", load_external_data=False)).graph.initializer:
            next(field for field in each.external_data if field.key == "location").value = location
        onnx.save(moved, f"{name}.onnx")
    Path("linked.data").symlink_to(Path(__file__))
    layers = [
        helper.make_node("Conv", ["x", "k"], ["c"], pads=[1, 1, 1, 1]),
        helper.make_node("GlobalAveragePool", ["c"], ["p"]),
        helper.make_node("Flatten", ["p"], ["y"]),
    ]
    image, classes = value("x", TensorProto.FLOAT, 1, 3, 8, 8), value("y", TensorProto.FLOAT, 1, 4)
    model("cnn", layers, [image], [classes], weights("k", 4, 3, 3, 3))
    upscaled = [  # no release puts channels where DepthToSpace has them, unless blocksize is their number
        helper.make_node("Conv", ["x", "k"], ["a"], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("Constant", [], ["two"], value_float=2.0),
        helper.make_node("Mul", ["b", "two"], ["c"]),
        helper.make_node("Sigmoid", ["c"], ["d"]),
        helper.make_node("DepthToSpace", ["d"], ["e"], name="upscale", blocksize=3, mode="CRD"),
        helper.make_node("Conv", ["e", "l"], ["f"], pads=[1, 1, 1, 1]),
        helper.make_node("Tanh", ["f"], ["g"]),
        helper.make_node("AveragePool", ["g"], ["h"], kernel_shape=[3, 3], strides=[3, 3]),
        helper.make_node("Flatten", ["h"], ["i"]),
        helper.make_node("MatMul", ["i", "w"], ["j"]),
        helper.make_node("Tanh", ["j"], ["y"]),
    ]
    small = value("x", TensorProto.FLOAT, "batch", 3, 8, 8)
    kernels = (weights("k", 18, 3, 3, 3), weights("l", 4, 2, 3, 3), weights("w", 256, 4))
    model("upscaled", upscaled, [small], [value("y", TensorProto.FLOAT, "batch", 4)], *kernels)
    channels = value("x", TensorProto.FLOAT, "batch", 12, 4, 4)
    uncompiled = [  # no release compiles LpPool with another p than 1 and 2
        helper.make_node("Sigmoid", ["x"], ["a"]),
        helper.make_node("Tanh", ["a"], ["b"]),
        helper.make_node("Exp", ["b"], ["c"]),
        helper.make_node("LpPool", ["c"], ["d"], kernel_shape=[2, 2], p=3),
        helper.make_node("Neg", ["d"], ["y"]),
    ]
    model("uncompiled", uncompiled, [channels], [value("y", TensorProto.FLOAT, "batch", 12, 3, 3)])
    quantized = [
        helper.make_node("Sigmoid", ["x"], ["a"]),
        helper.make_node("QuantizeLinear", ["a", "scale", "zero"], ["b"]),
        helper.make_node("DequantizeLinear", ["b", "scale", "zero"], ["c"]),
        helper.make_node("DepthToSpace", ["c"], ["d"], blocksize=2, mode="CRD"),
        helper.make_node("QuantizeLinear", ["d", "scale", "zero"], ["y"]),
    ]
    grid = (numpy_helper.from_array(np.float32(0.01), "scale"), numpy_helper.from_array(np.uint8(128), "zero"))
    model("quantized", quantized, [channels], [value("y", TensorProto.UINT8, "batch", 3, 8, 8)], *grid)
    gathered = [
        helper.make_node("Gather", ["table", "ids"], ["e"]),
        helper.make_node("Where", ["mask", "e", "zero"], ["y"]),
    ]
    words = [value("ids", TensorProto.INT64, None, "tokens"), value("mask", TensorProto.BOOL, 1, 1, 6)]
    vectors = [value("y", TensorProto.FLOAT, None, "tokens", 6)]
    model(
        "embedding", gathered, words, vectors, weights("table", 16, 6), numpy_helper.from_array(np.float32(0), "zero")
    )
    for name, element, node in (
        ("double", TensorProto.DOUBLE, helper.make_node("Mul", ["x", "x"], ["y"])),
        ("custom", TensorProto.FLOAT, helper.make_node("Frobnicate", ["x"], ["y"], domain="com.acme")),
    ):
        model(name, [node], [value("x", element, 4)], [value("y", element, 4)])
    Path("garbage.onnx").write_bytes(b"this is no ONNX file" * 10)
    Path("empty.onnx").write_bytes(b"")


OPSET = 17
if __name__ == "__main__":
    main(sys.argv[1])
