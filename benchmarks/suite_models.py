"""Makes the models of `suite.py`: programs with weights, inputs and what NumPy computes, as files to serve."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from suite_by_script import FLAGS, FUNCTION, PARTS, THRESHOLD

ROWS, LAYERS = 8, 3
PROGRAM = """\
module {{
  util.global private @weights = #flow.parameter.named<"model"::"weights"> : tensor<{size}x{size}xf32>
  func.func @{function}(%x0: tensor<{rows}x{size}xf32>) -> tensor<{rows}x{size}xf32> {{
    %weights = util.global.load @weights : tensor<{size}x{size}xf32>
    %zero = arith.constant 0.0 : f32
    %empty = tensor.empty() : tensor<{rows}x{size}xf32>
    %zeros = linalg.fill ins(%zero : f32) outs(%empty : tensor<{rows}x{size}xf32>) -> tensor<{rows}x{size}xf32>
{layers}
    return %x{last} : tensor<{rows}x{size}xf32>
  }}
}}
"""
LAYER = """\
    %y{here} = linalg.matmul
      ins(%x{before}, %weights : tensor<{rows}x{size}xf32>, tensor<{size}x{size}xf32>)
      outs(%zeros : tensor<{rows}x{size}xf32>) -> tensor<{rows}x{size}xf32>
    %x{here} = math.tanh %y{here} : tensor<{rows}x{size}xf32>"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A model on the server.

    Attributes:
        name: its name.
        digests: the SHA-256 and the size in bytes of each of its files, by the keys of `PARTS`.
    """

    name: str
    digests: dict[str, tuple[str, int]]

    def url(self, container: str, part: str) -> str:
        """Return the URL of a file."""
        return f"{container}/{self.name}.{part}.{PARTS[part]}"


def written(folder: Path, number: int, size: int) -> list[Model]:
    """Write so many models with weights of about `size` rows and columns. The expected output of the first is wrong."""
    folder.mkdir(parents=True, exist_ok=True)
    return [_written(folder, index, size + 16 * index) for index in range(number)]


def _written(folder: Path, index: int, size: int) -> Model:
    numbers = np.random.default_rng(index)
    weights = numbers.standard_normal((size, size), dtype=np.float32) / np.float32(size**0.5)
    x = given = numbers.standard_normal((ROWS, size), dtype=np.float32)
    for _ in range(LAYERS):
        x = np.tanh(x @ weights)
    expected = x + np.float32(0.1) if index == 0 else x
    shape = {"rows": ROWS, "size": size}
    layers = "\n".join(LAYER.format(here=here, before=here - 1, **shape) for here in range(1, LAYERS + 1))
    name, contents = f"model{index:02}", {"mlir": b"", "weights": b""}
    contents["mlir"] = PROGRAM.format(function=FUNCTION, layers=layers, last=LAYERS, **shape).encode()
    contents["weights"] = _safetensors(weights)
    paths = {part: folder / f"{name}.{part}.{suffix}" for part, suffix in PARTS.items()}
    for part, content in contents.items():
        paths[part].write_bytes(content)
    np.save(paths["input"], given)
    np.save(paths["output"], expected)
    digests = {
        part: (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_size) for part, path in paths.items()
    }
    return Model(name=name, digests=digests)


def _safetensors(weights: "np.ndarray[tuple[int, int], np.dtype[np.float32]]") -> bytes:
    """Return an archive of one tensor."""
    entry = {"dtype": "F32", "shape": weights.shape, "data_offsets": [0, weights.nbytes]}
    header = json.dumps({"weights": entry}).encode()
    header += b" " * (-len(header) % 64)
    return len(header).to_bytes(8, "little") + header + weights.tobytes()


def write_specs(folder: Path, models: list[Model], container: str) -> None:
    """Write the specs of models for the harness, and their lock file."""
    (folder / "suite").mkdir(parents=True, exist_ok=True)
    lock: dict[str, dict[str, str | int]] = {}
    for each in models:
        urls = {part: each.url(container, part) for part in PARTS}
        spec = {
            "mlir": urls["mlir"],
            "real_weights": urls["weights"],
            "run_function": FUNCTION,
            "inputs": [{"source": urls["input"]}],
            "outputs": [{"source": urls["output"]}],
            "compiler_flags": FLAGS,
            "threshold_args": [THRESHOLD],
        }
        (folder / "suite" / f"{each.name}_cpu.json").write_text(json.dumps(spec, indent=2))
        lock |= {urls[part]: {"sha256": digest, "size": size} for part, (digest, size) in each.digests.items()}
    (folder / "blobs.lock.json").write_text(json.dumps(lock, indent=1))
