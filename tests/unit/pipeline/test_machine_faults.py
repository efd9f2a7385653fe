"""Texts as compilers, linkers and runtimes printed them where a limit was set or a tool was missing."""

import signal

import pytest

from harness.core.statuses import Kind, Status
from harness.host.process import ProcessResult
from harness.pipeline.machine_faults import fault

ABORTED = -signal.SIGABRT
LINKER = "Linking failed; escaped command line returned exit code"


def ended(code: int) -> ProcessResult:
    how = {"exit_code": code if code >= 0 else None, "signal": -code if code < 0 else None, "timed_out": False}
    return ProcessResult(**how, seconds=1.0, cpu_seconds=1.0, peak_memory_bytes=1)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("code", "log", "kind", "advice"),
    [
        (-signal.SIGKILL, "", Kind.TOOL, "probably out of memory; try --jobs 1"),
        (137, "", Kind.TOOL, "was killed by SIGKILL"),  # as a shell or a wrapper ends
        (-signal.SIGTERM, "", Kind.TOOL, "another process stopped it"),
        (-signal.SIGHUP, "", Kind.TOOL, "another process stopped it"),
        (-signal.SIGXCPU, "", Kind.TOOL, "`ulimit -t`"),
        (-signal.SIGXFSZ, "Please report issues to https://github.com/iree-org/iree/issues", Kind.DISK, "`ulimit -f`"),
        (ABORTED, "LLVM ERROR: out of memory\nAllocation failed\n", Kind.TOOL, "out of memory"),
        (ABORTED, "terminate called ...\n  what():  std::bad_alloc\n", Kind.TOOL, "out of memory"),
        (1, "a.mlir:1:1: error: cannot map file: Cannot allocate memory\n", Kind.TOOL, "out of memory"),
        (1, "ld.lld: error: out of memory\n", Kind.TOOL, "out of memory"),
        (1, "/usr/bin/ld: final link failed: memory exhausted\n", Kind.TOOL, "out of memory"),
        (1, "collect2: fatal error: ld terminated with signal 9 [Killed]\n", Kind.TOOL, "out of memory"),
        (1, "clang: error: unable to execute command: Killed\n", Kind.TOOL, "out of memory"),
        (1, f"Killed\n{LINKER} 35072:\n", Kind.TOOL, "out of memory"),
        (1, f"{LINKER} 9:\n", Kind.TOOL, "out of memory"),
        (ABORTED, "  what():  Resource temporarily unavailable\n", Kind.TOOL, "`ulimit -u`"),
        (1, "error: cannot open /a/b.so: Too many open files\n", Kind.TOOL, "`ulimit -n`"),
        (1, "could not write out.vmfb: No space left on device\n", Kind.DISK, "--store"),
        (1, "error: could not write out.vmfb: Disk quota exceeded\n", Kind.DISK, "--store"),
        (1, "error: cannot write model.vmfb: File too large\n", Kind.DISK, "`ulimit -f`"),
        (1, f"No Unix linker tool found in environment.\nsh: 1: -o: not found\n{LINKER} 32512:\n", Kind.TOOL, "lld"),
        (1, f"sh: 1: /opt/my: not found\n{LINKER} 32512:\n", Kind.TOOL, "`ulimit -f`"),
        (1, f"sh: 1: Syntax error: Unterminated quoted string\n{LINKER} 512:\n", Kind.TOOL, "`ulimit -f`"),
        (
            1,
            f"iree-lld: error: cannot open p/a.o: No such file or directory\n{LINKER} 256:\n",
            Kind.TOOL,
            "`ulimit -f`",
        ),
        (
            127,
            "/a/iree-compile: error while loading shared libraries: libIREECompiler.so: failed to map segment\n",
            Kind.TOOL,
            "a library could not be loaded",
        ),
        (
            1,
            "/a/iree-compile: /lib/x86_64-linux-gnu/libc.so.6: version `GLIBC_2.38' not found (required by b)\n",
            Kind.TOOL,
            "the libraries of this system do not fit this release",
        ),
        (127, "/a/iree-compile: symbol lookup error: /a/lib.so: undefined symbol: f\n", Kind.TOOL, "a newer system"),
        (1, "cc1plus: out of memory allocating 65536 bytes after a total of 4096 bytes\n", Kind.TOOL, "out of memory"),
        (ABORTED, "failed to generate temporary file: No such file or directoryPlease report", Kind.DISK, "TMPDIR"),
    ],
)
def test_the_machine_is_not_the_model(code: int, log: str, kind: Kind, advice: str) -> None:
    found = fault("iree-compile", ended(code), log, option="--store")
    assert found is not None
    assert (found.status, found.kind) == (Status.ERROR, kind)
    assert advice in found.reason


@pytest.mark.parametrize(
    ("code", "log"),
    [
        (ABORTED, "Assertion `x' failed.\n"),
        (-signal.SIGSEGV, "Stack dump:\n"),
        (1, "iree-lld: error: undefined symbol: expf\n" + f"{LINKER} 256:\n"),
        (1, 'a.mlir:3:3: error: assertion "out of memory" is wrong\n'),
        (1, 'a.mlir:3:3: error: attribute "No space left on device" is wrong\n'),
        (1, "  Killed by name: func.func @sh: 1: f()\n"),
        (1, "a.mlir:1:1: error: failed to legalize operation 'memory.exit code'\n"),
        (1, "a.mlir:3:3: error: 'x': version `2' not found in symbol lookup error: x\n"),
        (0, ""),
    ],
)
def test_what_a_model_does_is_left_to_it(code: int, log: str) -> None:
    assert fault("iree-compile", ended(code), log, option="--store") is None


def test_a_long_log_of_long_lines_is_read_quickly() -> None:
    line = "a: " * 100_000 + "memory"
    assert fault("iree-compile", ended(1), f"{line}\n" * 20, option="--store") is None
