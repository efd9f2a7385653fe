"""AMD GPUs for the tests: a HIP runtime of our own (`hip.c`), and machines whose kernel shows GPUs.

IREE's HIP driver is the real one. What a device does is told for each function by a wrapper before iree-run-module.
"""

import base64
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.integration.laboratory import HIP_FLAGS, Laboratory, written
from tests.unit import kfd

CHIP = "gfx942"
UNIQUE_ID = kfd.UNIQUE_ID  # of the first device
LIBRARY = "libamdhip64.so"
MISSING = "missing"  # told of a function for which there is no library
# The program of a function, in which each function is the sum of two vectors: the only kernel that the library knows.
SUM = """
func.func @{name}(%a: tensor<4xf32>, %b: tensor<4xf32>) -> tensor<4xf32> {{
  %sum = arith.addf %a, %b : tensor<4xf32>
  return %sum : tensor<4xf32>
}}
"""
# A sum that is made before any function is called.
INITIALIZER = """
util.global private mutable @kept : tensor<4xf32>
util.initializer {
  %a = util.unfoldable_constant dense<1.0> : tensor<4xf32>
  %b = util.unfoldable_constant dense<[0.0, 1.0, 2.0, 3.0]> : tensor<4xf32>
  %sum = arith.addf %a, %b : tensor<4xf32>
  util.global.store %sum, @kept : tensor<4xf32>
  util.return
}
func.func @initializer(%b: tensor<4xf32>) -> tensor<4xf32> {
  %kept = util.global.load @kept : tensor<4xf32>
  %sum = arith.addf %kept, %b : tensor<4xf32>
  return %sum : tensor<4xf32>
}
"""
_WRAPPER = """\
#!/bin/sh
# Tells the library what to do for all, and for the function that is run.
export STAND_IN_HIP="$(cat "$0.all")"
for word; do case $word in --function=*) STAND_IN_HIP="$STAND_IN_HIP$(cat "$0.${word#--function=}")" ;; esac; done
[ "${STAND_IN_HIP##* }" = missing ] ||
  export LD_LIBRARY_PATH="$(dirname "$0")/lib" LD_PRELOAD=libamdhip64.so
exec "$@"
"""
# In a mount namespace of its own: a machine whose kernel has the driver of GPUs, and their device files.
_MACHINE = """
mkdir -p "$0/dev" && mount --rbind /dev "$0/dev" && mount -t tmpfs dev /dev && mount -t tmpfs class /sys/class &&
for name in null zero full random urandom tty; do cp -a "$0/dev/$name" /dev/; done &&
mkdir -p /dev/dri /dev/shm && ln -s /proc/self/fd /dev/fd && mknod -m 666 /dev/kfd c 1 3 &&
cp -r "$0/sys/class/." /sys/class/ &&
for node in /sys/class/drm/*; do mknod -m 666 "/dev/dri/${node##*/}" c 1 3; done || exit
"$@"
code=$?
for node in /sys/class/drm/*; do flock --nonblock "$node" true || echo "$node is still locked"; done
exit $code
"""
# For a container, which sees no folder of this machine: the library is in the wrapper, and what it is told.
_PORTABLE = """\
#!/bin/sh
export STAND_IN_HIP=name=Stand-in
for word; do case $word in {cases} esac; done
unset IREE_HIP_DYLIB_PATH
[ "$STAND_IN_HIP" = missing ] || {{
  sed '1,/^exec/d' "$0" | base64 -d >"$TMPDIR/libamdhip64.so"
  export LD_LIBRARY_PATH="$TMPDIR" LD_PRELOAD=libamdhip64.so
}}
exec "$@"
{library}"""
# What a device does, by the function that is run, and how the case then ends: its status, its kind, and what the reason
# says.
FAILURES: Mapping[str, tuple[str, str, str | None, str]] = {
    "right": ("", "passed", None, ""),
    "slow": ("slow=100", "passed", None, ""),
    "wrong": ("wrong=elementwise", "failed", "numeric", "got 12.0, expected 11.0"),
    "launch": (
        "fails=1:719",
        "failed",
        "crash",
        "the model failed while running: INTERNAL; HIP driver error 'hipErrorLaunchFailure'",
    ),
    "address": ("fails=1:700", "failed", "crash", "'hipErrorIllegalAddress' (700)"),
    "abort": ("aborts=1", "failed", "crash", "crashed with SIGABRT: Memory access fault by GPU node-1"),
    "memory": ("memory=1000", "error", "device", "the device ran out of memory: "),
    "launch_memory": ("fails=1:2", "error", "device", "the device ran out of memory: "),
    "lost": ("fails=1:100", "error", "device", "the device was lost: "),
    "broken": ("fails=1:214", "error", "device", "the device was lost: "),
    "absent": ("devices=0", "error", "device", "the device cannot be used: "),
    "missing": (MISSING, "error", "device", "'libamdhip64.so' not available"),
    "hang": ("hangs=1", "failed", "timeout", "killed after 2 s"),
}
TOLD: Mapping[str, str] = {name: each[0] for name, each in FAILURES.items() if name != "hang"}


def ends(report: Any, wanted: Mapping[str, tuple[str, str | None, str]]) -> dict[str, tuple[str, str | None, str]]:
    """Return how cases ended, with as much of the reason as is looked for."""
    found = {}
    for case in report["cases"]:
        text = wanted[case["submodel"]][2]
        found[case["submodel"]] = (case["status"], case["kind"], text if text in case["reason"] else case["reason"])
    return found


def build(folder: Path, told: str = "") -> Path:
    """Compile the library, which does as it is told unless the variable says more, in a folder; return its path."""
    library = folder / LIBRARY
    source = Path(__file__).with_name("hip.c")
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", f'-DTOLD="{told}"', "-pthread", "-o", library, source], check=True)
    return library


def machine(root: Path, gpus: int) -> tuple[str, ...]:
    """Return what goes before a command to run it on a machine with GPUs of a chip, which have the library's UUIDs."""
    kfd.machine(root, *[kfd.MI300X] * gpus)
    for number in range(gpus):
        (root / f"sys/class/drm/renderD{128 + number}").mkdir(parents=True)
    return ("unshare", "--mount", "sh", "-c", _MACHINE, str(root))


def sums(lab: Laboratory, *names: str, **fields: object) -> None:
    """Write a spec for each function of a program; all of them are the same sum."""
    program = lab.file(f"{names[0]}.mlir", "".join(SUM.format(name=name) for name in names))
    inputs, outputs = written("4xf32=[1 2 3 4]", "4xf32=[10 20 30 40]"), written("4xf32=[11 22 33 44]")
    for name in names:
        wanted = {"mlir": program, "run_function": name, "inputs": inputs, "outputs": outputs}
        lab.spec(f"{name}_rocm", **(wanted | fields))


def initializer(lab: Laboratory) -> None:
    """Write a spec whose program has an initializer."""
    lab.spec(
        "initializer_rocm",
        mlir=lab.file("initializer.mlir", INITIALIZER),
        run_function="initializer",
        inputs=written("4xf32=[10 20 30 40]"),
        outputs=written("4xf32=[11 22 33 44]"),
        compiler_flags=[*HIP_FLAGS, "--iree-opt-const-eval=false"],
    )


class HipLaboratory(Laboratory):
    """A laboratory in which models run on devices of the library."""

    def __init__(self, root: Path, store_dir: Path, library: Path) -> None:
        super().__init__(root, store_dir)
        (root / "lib").mkdir()
        (root / "lib" / LIBRARY).symlink_to(library)
        self.wrapper = root / "told"
        self.wrapper.write_text(_WRAPPER)
        self.wrapper.chmod(0o755)
        self.tell_all("name=Stand-in")

    def tell_all(self, words: str) -> None:
        """Say what the library is told for all functions, and when it lists its devices."""
        self._tell("all", f"{words} ")

    def tell(self, told: Mapping[str, str], **fields: object) -> None:
        """Write a spec for each function, and what the library is told when it runs."""
        sums(self, *told, **fields)
        for name, words in told.items():
            self._tell(name, words)

    def _tell(self, name: str, words: str) -> None:
        Path(f"{self.wrapper}.{name}").write_text(words)

    def tell_initializer(self, words: str) -> None:
        """Write a spec whose program has an initializer."""
        self._tell("initializer", words)
        initializer(self)

    @property
    def options(self) -> tuple[str, ...]:
        """The options with which models run on the library's devices."""
        return ("--backend", "rocm", "--run-wrapper", str(self.wrapper))


def portable_wrapper(path: Path, library: Path, told: Mapping[str, str]) -> Path:
    """Write a wrapper that brings the library along, and tells it what to do for each function; return its path."""
    cases = " ".join(f"--function={name}) STAND_IN_HIP=${{STAND_IN_HIP}}' {each}' ;;" for name, each in told.items())
    cases = cases.replace(f"${{STAND_IN_HIP}}' {MISSING}'", MISSING)
    path.write_text(_PORTABLE.format(cases=cases, library=base64.encodebytes(library.read_bytes()).decode()))
    path.chmod(0o755)
    return path
