"""Texts as iree-compile printed them (3.0.0, 3.6.0 and 3.13.0), and what they mean."""

import time

import pytest

from harness.core.statuses import Kind, Status, Verdict
from harness.host.process import ProcessResult
from harness.pipeline.diagnose import compile_verdict
from harness.pipeline.steps import Compile

CONCLUSION = tuple[Status, Kind | None]
COMPILE, CRASH = (Status.FAILED, Kind.COMPILE), (Status.FAILED, Kind.CRASH)
UNSUPPORTED, TOOL, DISK = (Status.UNSUPPORTED, None), (Status.ERROR, Kind.TOOL), (Status.ERROR, Kind.DISK)

TRY = "  Try: '/opt/iree/iree-compile --help'"
UNKNOWN_FLAGS = f"""\
iree-compile: Unknown command line argument '--zzz=1'.{TRY}
iree-compile: Unknown command line argument '--iree-opt-levle=O3'.{TRY}
iree-compile: Did you mean '--iree-opt-level=O3'?
"""
LEGALIZE = """\
model.mlir:5:8: error: failed to legalize operation 'stream.executable' that was explicitly marked illegal
  %r = linalg.matmul ins(%a, %b : tensor<4x4xf32>, tensor<4x4xf32>) outs(%f : tensor<4x4xf32>) -> tensor<4x4xf32>
       ^
model.mlir:5:8: note: see current operation:
"stream.executable"() <{sym_name = "mm_dispatch_0", sym_visibility = "private"}> ({
"""
MISSING_TARGET = LEGALIZE.replace(
    "failed to legalize operation 'stream.executable' that was explicitly marked illegal",
    "missing GPU target in #hal.executable.target",
)
PIPELINE = """\
MLIR Textual PassPipeline Parser:1:1: error: 'nope' does not refer to a registered pass or pass pipeline
nope
^
ERROR: mismatched parenthesis in pass pipeline `builtin.module(nope)`
"""
LIBRARY = """\
nofile.mlir:0:0: error: failed to open transform file: cannot open input file 'nofile.mlir': No such file or directory
model.mlir:5:8: error: Failed to load transform library module: nofile.mlir
"""
WARNING = """\
model.mlir:5:8: warning: while creating CPU target:
Defaulting to targeting a generic CPU for the target architecture will result in poor performance.
1. With command-line flags:
    --iree-llvmcpu-target-cpu=...
"""
# Every diagnostic quotes the line of the source and the operation that it is about.
QUOTES = """\
model.mlir:1:1: warning: a remark about model.mlir:2:2: error: as such
module attributes {x = "a: error: b; iree-compile: Unknown command line argument '--zzz'"} {
^
model.mlir:2:5: note: see current operation: "f"() {x = "m.py:1:2: error: Unknown HIP target 'gfx1'"} : () -> ()
  util.call @"error: missing GPU target in #hal.executable.target"() // iree-compile: for the --a option: error: x
      ^
  error opening input file: x.mlir: No space left on device
<unknown>:0: remark: loc("error: y"): error: z
"""


STEP = Compile(release="3.13.0", argv=(), links=(), module="model.vmfb", products=())


def ended(exit_code: int | None = 1, signal: int | None = None, *, timed_out: bool = False) -> ProcessResult:
    times = {"seconds": 1.0, "cpu_seconds": 1.0, "peak_memory_bytes": 1}
    return ProcessResult(exit_code=exit_code, signal=signal, timed_out=timed_out, **times)  # type: ignore[arg-type]


def verdict(log: str, how: ProcessResult | None = None, *missing: str) -> Verdict:
    found = compile_verdict(STEP, how or ended(), log, missing=missing, timeout_s=60)
    assert found is not None
    return found


def concluded(found: Verdict) -> CONCLUSION:
    return found.status, found.kind


@pytest.mark.parametrize(
    ("log", "conclusion", "reason"),
    [
        pytest.param(UNKNOWN_FLAGS, TOOL, "no known IREE release has the flag --zzz=1; ", id="no release's flag"),
        pytest.param(
            f"iree-compile: Unknown command line argument '--iree-hip-target=gfx942'.{TRY}\n",
            UNSUPPORTED,
            "IREE 3.13.0 has no flag --iree-hip-target=gfx942",
            id="another release's flag",
        ),
        pytest.param(
            "iree-compile: for the --iree-opt-level option: 'Os' value not a valid optimization level, use O0/O1/O2/O3",
            TOOL,
            "invalid value for --iree-opt-level: 'Os' value not a valid optimization level",
            id="value",
        ),
        pytest.param(
            "error opening input file: cannot open output file '/nodir/x.vmfb': No such file or directory\n",
            TOOL,
            "could not open a file: cannot open output file '/nodir/x.vmfb'",
            id="files",
        ),
        pytest.param(
            "model.mlir:0:0: error: outer module does not contain a vm.module op\n"
            "model.mlir:0:0: note: see current operation: \n"
            "error opening input file: failed to generate bytecode\n",
            COMPILE,
            "model.mlir:0:0: error: outer module does not contain a vm.module op",
            id="a program that is none for the compiler",
        ),
        pytest.param(
            "error opening input file: No space left on device\n"
            "LLVM ERROR: IO failure on output stream: No space left on device\n",
            DISK,
            "no space left",
            id="full",
        ),
        pytest.param(
            f"<unknown>:0: error: Unknown HIP target 'gfx950'\n{LEGALIZE}",
            UNSUPPORTED,
            "IREE 3.13.0 does not know the chip gfx950",
            id="another release's chip",
        ),
        pytest.param(
            "<unknown>:0: error: Unknown ROCM target 'gfx999'\nmodel.mlir:0:0: error: device alias \"hip\" does not\n",
            TOOL,
            "no known IREE release knows the chip gfx999",
            id="no release's chip",
        ),
        pytest.param(MISSING_TARGET, TOOL, "no known IREE release knows the chip asked for", id="chip without a name"),
        pytest.param(LEGALIZE, COMPILE, LEGALIZE.splitlines()[0], id="genuine"),
        pytest.param(
            '/home/a b/m.py:12:3: error: failed to legalize operation "x"\n',
            COMPILE,
            "/home/a b/m.py:12:3: error: failed",
            id="place of an importer",
        ),
        pytest.param(
            '<unknown>:0: error: loc("a b/c: warning: y"): failed to legalize operation\n',
            COMPILE,
            '<unknown>:0: error: loc("a b/c: warning: y"): failed',
            id="place with a name",
        ),
        pytest.param("ld.lld: error: undefined symbol: tanhf\n", COMPILE, "ld.lld: error: undefined", id="linker"),
        pytest.param("LLVM ERROR: out of range\n", COMPILE, "LLVM ERROR: out of range", id="llvm"),
        pytest.param(f"{WARNING}{LEGALIZE}", COMPILE, LEGALIZE.splitlines()[0], id="after a warning"),
        pytest.param("", COMPILE, "exited with code 1 and printed no error", id="silent"),
    ],
)
def test_what_a_failed_compilation_says(log: str, conclusion: CONCLUSION, reason: str) -> None:
    for text in (log, log.replace("error", "\x1b[0;1;31merror\x1b[0m")):
        found = verdict(text)
        assert concluded(found) == conclusion
        assert reason in found.reason


@pytest.mark.parametrize(
    ("log", "error"),
    [
        (PIPELINE, PIPELINE.splitlines()[0]),
        (LIBRARY, LIBRARY.splitlines()[0]),
        (WARNING + PIPELINE.splitlines()[-1], PIPELINE.splitlines()[-1]),
    ],
)
def test_an_error_with_exit_code_0_is_a_failure(log: str, error: str) -> None:
    found = verdict(log, ended(0))
    assert concluded(found) == COMPILE
    assert found.reason == f"iree-compile exited with code 0 but printed an error: {error}"


@pytest.mark.parametrize("log", ["", WARNING, QUOTES, QUOTES * 2 + WARNING])
def test_a_compilation_that_is_well(log: str) -> None:
    assert compile_verdict(STEP, ended(0), log, missing=[], timeout_s=60) is None


def test_words_in_quoted_sources_do_not_excuse_a_failure() -> None:
    found = verdict(QUOTES + LEGALIZE)
    assert (concluded(found), found.reason) == (COMPILE, LEGALIZE.splitlines()[0])


def test_a_hint_belongs_to_the_flag_above_it() -> None:
    first, second, hint = UNKNOWN_FLAGS.splitlines(keepends=True)
    assert verdict(first + second + hint).reason.endswith("check its spelling")
    assert verdict(second + hint + first).reason.endswith("did you mean --iree-opt-level?")


def test_products_that_were_not_written() -> None:
    found = verdict(WARNING, ended(0), "model.vmfb", "weights.irpa")
    assert concluded(found) == COMPILE
    assert found.reason == "iree-compile exited with code 0 but did not write model.vmfb, weights.irpa"


def test_a_crash_is_told_by_the_signal_whatever_was_printed() -> None:
    for log in ("Please report issues to https://github.com/iree-org/iree/issues\n", UNKNOWN_FLAGS, ""):
        found = verdict(log, ended(None, 11), "model.vmfb")
        assert (concluded(found), found.reason) == (CRASH, "iree-compile crashed with SIGSEGV")


def test_a_time_limit_is_a_verdict() -> None:
    found = verdict(LEGALIZE, ended(None, 9, timed_out=True))
    assert concluded(found) == (Status.FAILED, Kind.TIMEOUT)
    assert found.reason == "iree-compile was killed after 60 s; raise the limit with --timeout"


def test_a_log_of_megabytes_is_read_at_once() -> None:
    line = 'module attributes {x = "a: error: b:12: c"} '
    started = time.monotonic()
    for log in (line * 8_000, f"{line}\n" * 8_000, "A" * 400_000, ":1: " * 100_000):
        assert concluded(verdict(log)) == COMPILE
    assert time.monotonic() - started < 120, "it takes some 0.05 s; half an hour, if a pattern looks back"


def test_a_program_quoted_in_one_line_is_cut() -> None:
    log = f"model.mlir:1:1: error: custom op '{'x' * 1_000_000}' is unknown\n"
    verdict = compile_verdict(STEP, ended(1), log, missing=["model.vmfb"], timeout_s=1)
    assert verdict
    assert len(verdict.reason) < 1100


def test_a_kill_that_is_not_ours_is_no_verdict() -> None:
    found = verdict("", ended(None, 9), "model.vmfb")
    assert concluded(found) == TOOL
    assert "probably out of memory" in found.reason


@pytest.mark.parametrize(
    "message",
    [
        "target backend 'x' not registered; registered backends: [llvm-cpu, rocm]",
        'unregistered device alias "x"; available aliases: [hip, local]',
        "no HAL devices defined in the module; use the module-level attribute or provide a flag",
        'device alias "local" does not provide any executable targets',
    ],
)
def test_a_target_that_is_not_there_is_no_verdict(message: str) -> None:
    assert concluded(verdict(f"model.mlir:1:1: error: {message}\n", ended(1), "model.vmfb")) == TOOL
