"""Good contents, which are changed at random."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.containers.protocol import Order, Reply
from harness.core.blobs import FetchedBlob
from harness.core.records import as_json
from harness.report import results
from harness.specs import lock
from tests.unit import page_folders, reports
from tests.unit.localize import code, test_exports

DIGEST = hashlib.sha256(b"x").hexdigest()
_QUALITY = Path(__file__).parents[2] / "quality_tests"
_EVERY_FIELD: dict[str, Any] = {
    "$schema": "https://host/spec.schema.json",
    "comment": ["one", "two"],
    "mlir": "model.mlir",
    "inputs": [
        {"value": "2x2xf32=1 2 3 4"},
        {"value": "4x1xi64"},
        {"value": "4xf16", "formula": {"coeff": 2}},
        {"source": "a.npy"},
        {"source": "b.bin", "value": "4xi8"},
    ],
    "seed": 3,
    "run_args": ["--device_allocator=caching"],
    "outputs": [{"value": "(ignored)"}, {"value": "4xf32=4"}, {"source": "https://host/o.bin", "value": "2xbf16"}],
    "modules": [{"mlir": "before.mlir", "compiler_flags": ["--iree-opt-level=O2"]}],
    "real_weights": "hf://owner/name/model.irpa",
    "pipeline_mlir": "second.mlir",
    "pipeline_compiler_flags": ["--iree-opt-level=O2"],
    "add_pipeline_module": True,
    "device": "local-task",
    "compiler_flags": ["--iree-hal-target-device=local", "--iree-hal-local-target-device-backends=llvm-cpu"],
    "flags_for": {">=3.5,<3.9": ["--iree-opt-level=O3"]},
    "threshold_args": ["--expected_f16_threshold=1.0f", "--expected_rtol=1e-3"],
    "run_function": "main",
    "run_test_expecting_to_fail": False,
    "compile_chip_expecting_to_fail": ["gfx90a"],
    "expect": [
        {"fails": ["numeric", "nan"], "chips": ["gfx942"], "iree": ">=3.6", "until": "2099-01-01", "reason": "x"}
    ],
    "budget": {
        "dispatches": 40,
        "module_bytes": {"cpu": 10, "mi300": {"golden": 1e6, "tolerance": 1.1}},
        "latency_ms": {"golden": 3.5, "statistic": "min", "repetitions": 3, "seconds": 1, "warmup_seconds": 0},
    },
    "markers": ["quick", "local-task"],
    "compile_only": False,
    "tuner_file": {"mi300": "tuner.mlir"},
}
_PLAIN: dict[str, Any] = {
    "mlir": "add.mlir",
    "compiler_flags": ["--iree-hal-target-device=local", "--iree-hal-local-target-device-backends=llvm-cpu"],
    "run_function": "add",
    "inputs": [{"value": "4xf32=1 2 3 4"}, {"value": "4xf32=2"}],
    "outputs": [{"value": "4xf32=3 4 5 6"}],
    "atol": {"f32": 1e-5, "i32": 1},
    "rtol": 1e-5,
    "equal_nan": False,
    "judge": [
        {"psnr": ">= 40", "cosine": ">= 0.9", "centred": {"mean": "<= 1"}, "tokens": "equal", "perplexity": "<= 2"}
    ],
}
ADD = """
func.func @add(%a: tensor<4xf32>, %b: tensor<4xf32>) -> tensor<4xf32> {
  %c = arith.addf %a, %b : tensor<4xf32>
  return %c : tensor<4xf32>
}
"""
_OTHER_WEIGHTS: dict[str, Any] = {
    "mlir": "model.mlir",
    "weights": [{"source": "a.irpa", "scope": "model"}, {"random": {"seed": 3}, "scope": "other"}],
    "atol": 0.1,
}
OVERLAY: dict[str, Any] = {"extends": "../clip_cpu.json", "outputs": [{"value": "4xf32=4"}], "atol": {"f32": 1}}
SPECS: tuple[Any, ...] = (
    OVERLAY,
    _EVERY_FIELD,
    _OTHER_WEIGHTS,
    _PLAIN,
    *(json.loads(path.read_text()) for path in sorted(_QUALITY.glob("*/*_cpu.json"))[:4]),
)
CONFIGS = (
    b"""// a config
{ config_name: 'cpu', "iree_run_module_flags": ["--device=local-sync",], /* two
lines */ iree_compile_flags: ["--iree-hal-target-device=local"], skip_run_tests: ['a/b'], golden: +.5e3,
  expected_run_failures: ["a/b", // b
    "a/\\x63", 'a/d\\
e', ],
}
""",
    (
        b'{"config_name": "x", "iree_run_module_flags": [], "iree_compile_flags": ["--iree-hal-target-device=hip", '
        b'"--iree-rocm-target=gfx942"], "expected_run_failures": ["a/b"], "expected_compile_failures": ["a/b", "a/c"]}'
    ),
)
FLAGS = (b"--input=2x0xf32=@a.bin\n\n--input=i64=@../b.bin\n--expected_output=@c.npy\n--expected_output=2xbf16=@d.bin",)
_CPU = ["--iree-hal-target-device=local"]
OPS: tuple[Any, ...] = (
    {
        "function_name": "main",
        "flat_args": [
            {"Formula": {"shape": [2, 3], "dtype": "float16", "coeff": 2, "offset": -1}},
            5,
            [[1, 2.5], [True, 3]],
        ],
        "seed": 9,
        "rtol": 0.001,
        "atol": 1e-8,
        "equal_nan": False,
        "mode": "compare",
        "file_name": "test.mlir",
        "vmfb_name": "out.vmfb",
        "expected_output": [{"url": "https://host/e.npy", "value": None}, {"url": None, "value": "e.npy"}],
    },
)
MODELS: tuple[Any, ...] = (
    {
        "type": "quality",
        "markers": ["cpu", "local-task"],
        "modules": ["toy/modules/toy", "toy/modules/other"],
        "weights": [
            {"type": "url", "url": "https://host/w.irpa", "scope": "model"},
            {"type": "random", "module": "toy/modules/toy", "seed": 42, "scope": "other"},
        ],
        "inputs": [{"url": "https://host/i.bin", "value": "1x4xi64"}, {"value": "4xf32"}],
        "expected_outputs": [{"url": "https://host/o.npy"}],
        "run_args": ["--function=f", "--device=hip", "--expected_f16_threshold=1.0f", "--benchmark_repetitions=10"],
    },
    {
        "type": "benchmark",
        "markers": ["cpu"],
        "modules": ["toy/modules/toy"],
        "run_args": ["--function=f", "--benchmark_repetitions=10", "--benchmark_min_time=1s"],
        "golden_time_ms": 6.2,
        "tolerance_factor": 1,
    },
    {"type": "compstat", "markers": ["hip"], "module": "toy/modules/toy", "golden_dispatch_count": 877},
)
MODULES: tuple[Any, ...] = (
    {"mlir": "https://host/m.mlir", "compiler_flags": _CPU},
    {"mlir": "m.mlir", "compiler_flags": ["--iree-hal-target-device=hip", "--iree-rocm-target=gfx942"]},
)
BENCHMARKS: tuple[Any, ...] = (
    {
        "inputs": ["1x64xi64"],
        "function_run": "f",
        "benchmark_flags": ["--benchmark_repetitions=10", "--device_allocator=caching"],
        "device": "local-task",
        "golden_time_ms": {"cpu": 410.0},
        "golden_time_tolerance_multiplier": {"cpu": 1.1},
        "golden_size": {"cpu": 640000},
        "specific_chip_to_ignore": ["gfx90a"],
        "compilation_required": True,
        "mlir_file_name": "m.mlir",
        "compile_flags": _CPU,
        "modules": ["toy_clip"],
    },
)
# Files of suites beside the one that is read.
BESIDE: Mapping[str, Any] = {
    "torch_models/toy/case.json": {"type": "quality", "markers": [], "modules": ["toy/modules/toy"]},
    "torch_models/toy/modules/toy.json": MODULES[0],
    "torch_models/toy/modules/other.json": MODULES[0],
    "sharktank_models/quality_tests/toy/clip_cpu.json": {"mlir": "m.mlir"},
}
RUNNABLE: tuple[Any, ...] = (_PLAIN,)
_LOCKED = FetchedBlob(url="https://host/x", sha256=DIGEST, bytes=1, etag='"1"', md5="ab" * 16)
LOCKS: tuple[Any, ...] = (json.loads(lock.text({}, {f"https://host/{name}": _LOCKED for name in "xyz"})),)
RESULTS: tuple[Any, ...] = (
    json.loads(results.render(reports.report(*reports.every_status()))),
    json.loads(results.render(reports.report(reports.failed()))),
)
# Documents of searches and benchmarks, by file name.
DOCUMENTS: Mapping[str, Any] = page_folders.documents()
ENTRIES: tuple[Any, ...] = (
    {
        "files": {"blob": {"bytes": 1, "mtime_ns": 1, "ctime_ns": 2, "inode": 7, "sha256": DIGEST}},
        "made": 1767225600.0,
        "boot": "b",
    },
    {"files": {}, "made": 1},
)
URLS: tuple[Any, ...] = ({"url": "https://h/x", "sha256": DIGEST, "size": 1, "etag": '"1"', "private": False},)
DIGESTS: tuple[Any, ...] = ({"sha256": DIGEST, "path": "/x", "bytes": 1, "mtime_ns": 1, "ctime_ns": 2, "inode": 7},)
JOURNAL: tuple[Any, ...] = (
    {"source": "a", "total": 100, "etag": '"1"', "last_modified": None, "date": None, "md5": None},
    {"start": 0, "stop": 50, "crc32": 7},
    {"start": 50, "stop": 100, "crc32": 8},
)
SEARCH: tuple[Any, ...] = (
    {"question": {"case": "a/b[cpu]"}, "key": "ab"},
    {"release": "3.9.0", "status": "passed", "elapsed_s": 1.5},
    {"end": True},
)
_WHEEL = "iree_base_compiler-3.9.0-cp312-cp312-manylinux_2_27_x86_64.manylinux_2_28_x86_64.whl"
PAGES = (
    f'<!DOCTYPE html><html><base href="x/"><body><a href="{_WHEEL}#sha256={DIGEST}">a</a>'
    f'<a href="{_WHEEL.replace("compiler", "runtime")}">b</a><a href="http://h/{_WHEEL}">c</a></body></html>'.encode(),
)
MESSAGES: tuple[Any, ...] = (
    as_json(Reply(error="Cannot start it.")),
    as_json(Reply(files=("0.npy",), free_bytes=1)),
    as_json(Order(argv=("tool",), reads=(("a.bin", True),), writes=("0.npy",), timeout_s=1.0, variables={"A": "b"})),
)
_HEADER = b"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }"
NPYS = (b"\x93NUMPY\1\0" + len(_HEADER).to_bytes(2, "little") + _HEADER + bytes(16),)
PARAMETERS = (
    b"""module @m {
  util.global private @w = #stream.parameter.named<"model"::"w"> : tensor<4x3xf32>
  util.global private mutable @c {noinline} = #flow.parameter.named<"no.scope"> : tensor<5xsi8>
}
""",
)
LITERALS = (b"4xf32=1 2 3 4", b"2xcomplex<f32>=1+2j (3, -4)", b"3xi1=1 0 true", b"2x2xi8=[[1,-2],[255 0]]", b"0x2xf32=")


def blob(folder: Path) -> None:
    """Make the only file of an entry."""
    (folder / "blob").write_bytes(b"x")


CODE_OBJECTS = (code.code_object(code.kernel("add"), code.kernel("any", threads=())),)
EXPORTS = (test_exports.OLD.encode(), test_exports.MIDDLE.encode(), test_exports.ALIASED.encode())
