"""A folder of specs, the programs that tests put into it, and the real command run on it."""

import json
import os
import re
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from iree.runtime import ParameterIndex

from tests.integration.warm import HARNESS, ran
from tests.patience import PATIENCE_S, comes_true

OLDEST, NEWEST = "3.0.0", "3.13.0"
# What a run leaves in its folder.
REPORTS = ["junit.xml", "logs", "report.html", "results.json", "results.md"]
OWN_PROCESS = "-m harness "  # on the command line of the harness, and of no process that it starts
CPU_FLAGS = [
    "--iree-hal-target-device=local",
    "--iree-hal-local-target-device-backends=llvm-cpu",
    "--iree-llvmcpu-target-cpu=generic",
]
HIP_FLAGS = ["--iree-hal-target-device=hip"]
# By the end of a spec's name: the device, and the flags.
BACKENDS = {
    "cpu": ("local-task", CPU_FLAGS),
    "rocm": ("hip", HIP_FLAGS),
    "cuda": ("cuda", ["--iree-hal-target-device=cuda"]),
    "vulkan": ("vulkan", ["--iree-hal-target-device=vulkan"]),
}

ADD = """
func.func @add(%a: tensor<4xf32>, %b: tensor<4xf32>) -> tensor<4xf32> {
  %sum = arith.addf %a, %b : tensor<4xf32>
  return %sum : tensor<4xf32>
}
"""
ENDLESS = """
func.func @add(%a: tensor<4xf32>, %b: tensor<4xf32>) -> tensor<4xf32> {
  %zero = arith.constant 0 : index
  %first = tensor.extract %a[%zero] : tensor<4xf32>
  %limit = arith.constant 0.0 : f32
  %end = scf.while (%t = %b) : (tensor<4xf32>) -> tensor<4xf32> {
    %more = arith.cmpf ogt, %first, %limit : f32
    scf.condition(%more) %t : tensor<4xf32>
  } do {
  ^bb0(%t: tensor<4xf32>):
    %next = arith.addf %t, %a : tensor<4xf32>
    scf.yield %next : tensor<4xf32>
  }
  return %end : tensor<4xf32>
}
"""
TUNER = """
module attributes { transform.with_named_sequence } {
  transform.named_sequence @__kernel_config(%op: !transform.any_op {transform.readonly}) {
    transform.yield
  }
}
"""

A, B = np.array([1, 2, 3, 4], np.float32), np.array([10, 20, 30, 40], np.float32)

Array = npt.NDArray[Any]


@dataclass(frozen=True, kw_only=True)
class Result:
    """How a run of the command ended."""

    code: int
    text: str
    out_dir: Path

    @property
    def report(self) -> Any:
        """What results.json says."""
        return json.loads((self.out_dir / "results.json").read_text())

    @property
    def case(self) -> Any:
        """The only case."""
        (case,) = self.report["cases"]
        return case

    @property
    def verdict(self) -> tuple[int, str, str | None]:
        """Exit code, status and kind of the only case."""
        return self.code, self.case["status"], self.case["kind"]


class Laboratory:
    """Writes specs and runs the command on them."""

    def __init__(self, root: Path, store_dir: Path) -> None:
        self.root, self.store_dir = root, store_dir
        self.specs, self.out = root / "specs", root / "out"
        self.model_dir = self.specs / "toy"
        self.model_dir.mkdir(parents=True)

    @property
    def environment(self) -> dict[str, str]:
        """The environment of the command: a clean one, with a history of its own."""
        return clean_environment() | {"XDG_STATE_HOME": str(self.root / "state")}

    def file(self, name: str, content: str | bytes) -> str:
        """Write a file beside the specs and return its name."""
        data = content.encode() if isinstance(content, str) else content
        (self.model_dir / name).write_bytes(data)
        return name

    def tensor(self, name: str, array: Array, value: str | None = None) -> dict[str, str]:
        """Write an array, raw with a type or else as .npy, and return its entry in a spec."""
        if value is None:
            np.save(self.model_dir / name, array)
            return {"source": name}
        return {"source": self.file(name, array.tobytes()), "value": value}

    def weights(self, name: str, arrays: Mapping[str, Array]) -> str:
        """Write an archive of parameters and return its name."""
        index = ParameterIndex()
        for key, array in arrays.items():
            index.add_buffer(key, array)
        index.create_archive_file(str(self.model_dir / name))
        return name

    def spec(self, name: str = "add_cpu", **fields: Any) -> None:
        """Write a spec: a sum of two vectors on the CPU, changed by the fields; None takes a field out."""
        self.file("add.mlir", ADD)
        device, flags = BACKENDS.get(name.rpartition("_")[2], BACKENDS["rocm"])
        default = {
            "mlir": "add.mlir",
            "inputs": [self.tensor("a.bin", A, "4xf32"), self.tensor("b.npy", B)],
            "outputs": [self.tensor("sum.bin", A + B, "4xf32")],
            "device": device,
            "compiler_flags": flags,
            "run_function": "add",
        }
        value = {key: field for key, field in (default | fields).items() if field is not None}
        self.file(f"{name}.json", json.dumps(value, indent=2))

    def argv(self, *arguments: str, command: str = "quality") -> list[str]:
        """Return the command line on this folder; no selector means all of it, and later options win."""
        places = ["--specs", str(self.specs)]
        if command not in {"list", "validate"}:
            places += ["--store", str(self.store_dir)]
        if command in {"quality", "run"}:
            places += ["--out", str(self.out)]
        return [*HARNESS, command, *places, *arguments]

    def run(
        self,
        *arguments: str,
        command: str = "quality",
        environment: Mapping[str, str] | None = None,
        under: Sequence[str] = (),
    ) -> Result:
        """Run the command to its end; `under` goes before it."""
        argv = [*under, *self.argv(*arguments, command=command)]
        done = ran(argv, cwd=self.root, env=self.environment | dict(environment or {}))
        return Result(code=done.returncode, text=done.stdout + done.stderr, out_dir=self.out)

    def run_program(self, program: str, *arguments: str, **fields: Any) -> Result:
        """Run the function `f` of a program; without fields it has no inputs, and nothing is compared."""
        wanted = {"run_function": "f", "inputs": None, "outputs": None} | fields
        self.spec(mlir=self.file("f.mlir", program), **wanted)
        return self.run(*arguments)

    def pasted(
        self, result: Result, environment: Mapping[str, str] | None = None
    ) -> list[subprocess.CompletedProcess[str]]:
        """Run the lines of the tools that the console shows, as they are, in the folder of the user."""
        lines = re.findall("^  tool   (.*)$", result.text, re.MULTILINE)
        options: dict[str, Any] = {"cwd": self.root, "capture_output": True, "text": True, "timeout": 300}
        variables = self.environment | dict(environment or {})
        return [subprocess.run(["sh", "-c", line], env=variables, check=False, **options) for line in lines]

    def bless(self, *arguments: str) -> Result:
        """Run `harness bless --expectations`."""
        return self._of(*HARNESS, "bless", "--expectations", *arguments)

    def issue(self, *arguments: str) -> Result:
        """Run `harness issue`."""
        return self._of(*HARNESS, "issue", *arguments)

    def record(self, *arguments: str) -> Result:
        """Run `harness bless` on this folder, to record outputs."""
        return self._of(*self.argv(*arguments, command="bless"))

    def _of(self, *argv: str) -> Result:
        done = ran(argv, cwd=self.root, env=self.environment)
        return Result(code=done.returncode, text=done.stdout + done.stderr, out_dir=self.out)

    def interrupted(
        self,
        *arguments: str,
        until: str | Callable[[], bool],
        number: signal.Signals = signal.SIGINT,
        command: str = "quality",
    ) -> Result:
        """Run the command, and send it a signal once `until` holds, or a process of ours has it on its command line."""
        log = self.root / "interrupted.log"
        with log.open("w") as file:
            argv = self.argv(*arguments, command=command)
            with subprocess.Popen(argv, stdout=file, stderr=file, cwd=self.root, env=self.environment) as child:
                try:
                    wait_for(until if callable(until) else lambda: bool(self.processes(until)))
                    child.send_signal(number)
                    code = child.wait(PATIENCE_S)
                finally:
                    child.kill()
        return Result(code=code, text=log.read_text(), out_dir=self.out)

    def processes(self, word: str) -> list[int]:
        """Return the processes that work in our folders and have a word on their command line."""
        ours = (str(self.root), str(self.store_dir))
        found = []
        for path in Path("/proc").glob("[0-9]*"):
            try:
                line = (path / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                where = str((path / "cwd").readlink())
            except OSError:
                continue
            if word in line and any(folder in line or where.startswith(folder) for folder in ours):
                found.append(int(path.name))
        return found


def assert_nothing_is_left(lab: Laboratory) -> None:
    """No process runs on, no half-written file is in the store, and both reports are whole."""
    wait_for(lambda: not lab.processes("/iree-"))
    partials = lab.store_dir / "tmp"
    assert not partials.exists() or not list(partials.iterdir())
    assert not list(lab.out.rglob("*.tmp"))
    assert json.loads((lab.out / "results.json").read_text())["schema"] == 1
    assert (lab.out / "junit.xml").read_text().rstrip().endswith("</testsuites>")


def written(*values: str) -> list[dict[str, str]]:
    """Return entries of inputs or outputs that are written out."""
    return [{"value": value} for value in values]


def limited(*limits: str) -> tuple[str, ...]:
    """Return what goes before a command to run it under limits of `ulimit`."""
    return ("bash", "-c", f'ulimit {" ".join(limits)}; exec "$@"', "limited")


def clean_environment() -> dict[str, str]:
    """Return this environment without what changes the harness's defaults or its colours, and with no engine."""
    names = {"BACKEND", "ROCM_CHIP", "SKU", "IREE_TEST_FILES", "TEST_OUTPUT_ARTIFACTS", "CI", "GITHUB_ACTIONS"}
    names |= {
        "HARNESS_CACHE_SIZE",
        "HARNESS_HISTORY",
        "HARNESS_MIRRORS",
        "HARNESS_REGISTRY",
        "HARNESS_STORE_KEY_FILE",
        "HARNESS_STORE_URL",
        "HARNESS_WHEEL_INDEX",
        "AZURE_STORAGE_CONNECTION_STRING",
        "AZURE_STORAGE_ACCOUNT",
    }
    return {name: value for name, value in os.environ.items() if name not in names} | {"HARNESS_ENGINE": "local"}


def wait_for(condition: Any, seconds: float = PATIENCE_S) -> None:
    """Return once the condition holds."""
    assert comes_true(condition, seconds), "waited in vain"
