"""Turns the end of an IREE program, and what it printed, into a verdict.

Both programs exit with 1 on nearly every failure, so the text decides. The patterns were tried on what the releases
3.0.0 to 3.13.0 print; line numbers and paths vary and are not matched.
"""

import dataclasses
import re
from collections.abc import Iterator, Sequence

from harness.core.statuses import Kind, Status, Verdict
from harness.host.process import NO_SPACE, ProcessResult
from harness.iree import flags
from harness.pipeline import device_faults, machine_faults, output_types
from harness.pipeline.steps import Compile, Run

_ANSI = r"\x1b\[[0-9;]*[A-Za-z]"
# Logs quote source lines and operations, whose names and texts may contain anything. So a message of the program itself
# is recognised by the start of its line, and an error by the severity that comes first.
_DIAGNOSTIC = r"(?m)^(?:\S.*?:\d+: |[\w.-]+: |LLVM )?(error|ERROR|warning|note|remark): .*$"
_OPTION = r"(?m)^\S*iree-compile: for the (--\S+) option: (.*)"
_FLAG = r"(?m)^(\S*iree-compile: )Unknown command line argument '([^']*)'.*(?:\n\1Did you mean '([^'=]*))?"
_CHIP = r"error: (?:Unknown (?:HIP|ROCM) target '([^']*)'|missing GPU target in #hal\.executable\.target)"
# The compiler says so of whatever went wrong; where it could not make a module, an error before says why.
_FILES = r"(?m)^error opening input file: (?!failed to generate )(.*)"
_SYSTEM_STATUS = r"(?m)^(?:\S+:\d+: )?([A-Z][A-Z_]+; .*)$"
_TARGET = (
    r"target backend '.*' not registered|unregistered device alias|no HAL devices defined in the module"
    r"|does not provide any executable targets"
)
_LINE_CHARS = 1000
_ATTRIBUTES = r"\{[^{}]{100,}\}"  # all features of a CPU, for example
_EXECUTED = r"(?m)^EXEC @"
_ASSERTION = r"(?m)^<vm>:\d+: FAILED_PRECONDITION; "


def compile_verdict(
    step: Compile, ended: ProcessResult, log: str, *, missing: Sequence[str], timeout_s: float
) -> Verdict | None:
    """Return what went wrong in a compilation, or None.

    Args:
        step: the compilation.
        ended: how iree-compile ended.
        log: what it printed.
        missing: the products that it did not write, or left empty.
        timeout_s: the time limit, in seconds.
    """
    log = re.sub(_ANSI, "", log)
    error = first_error(log)
    if ended.exit_code == 0 and not error and not missing:
        return None
    if verdict := _killed("iree-compile", ended, log, timeout_s, option="--store"):
        return verdict
    if verdict := _not_the_models_fault(log, step.release):
        return verdict
    if ended.exit_code:
        return _failed(Kind.COMPILE, error or f"iree-compile exited with code {ended.exit_code} and printed no error")
    if error:
        return _failed(Kind.COMPILE, f"iree-compile exited with code 0 but printed an error: {error}")
    return _failed(Kind.COMPILE, f"iree-compile exited with code 0 but did not write {', '.join(missing)}")


def run_verdict(
    step: Run,
    ended: ProcessResult,
    log: str,
    *,
    missing: Sequence[str],
    timeout_s: float,
    memory_limited: bool = False,
    lacks_stand_ins: bool = False,
) -> Verdict | None:
    """Return what went wrong in a run, or None.

    Args:
        step: the run.
        ended: how iree-run-module ended.
        log: what it printed.
        missing: the outputs that it did not write.
        timeout_s: the time limit, in seconds.
        memory_limited: whether this process may use less memory than the machine has.
        lacks_stand_ins: whether the compiler made the weights, and leaves out parameters as this program names them.
    """
    log = re.sub(_ANSI, "", log)
    if ended.exit_code == 0:
        said = f"iree-run-module exited with code 0 but did not write {', '.join(missing)}"
        return _failed(Kind.SHAPE, said) if missing else None
    if failed := re.search(r"^\[FAILED\] (.*)$", log, re.MULTILINE):
        kind = Kind.SHAPE if re.search(r"metadata is|list elements|variant types", failed[1]) else Kind.NUMERIC
        return _failed(kind, f"iree-run-module: {failed[1]}")
    status = run_status(log)
    # Some releases hang or crash after they have said what is wrong.
    if not status or not (ended.exit_code or ended.timed_out or machine_faults.is_crash(ended)):
        killed = _killed("iree-run-module", ended, log, timeout_s, option="--out")
        if killed:
            return killed
        status = f"exit code {ended.exit_code}, without a message"
    found = _told_by_status(step, status, log, memory_limited=memory_limited)
    if lacks_stand_ins and found.reason.startswith(_WEIGHTS.reason):
        return dataclasses.replace(found, reason=found.reason + _STAND_INS_HINT)
    return found


def cannot_write_type(ended: ProcessResult, log: str) -> bool:
    """Whether the run failed only because NumPy's format lacks the type of an output."""
    if not ended.exit_code:
        return False
    return "unsupported data encoding; outputting results" in run_status(re.sub(_ANSI, "", log))


def _told_by_status(step: Run, status: str, log: str, *, memory_limited: bool) -> Verdict:
    phase = _phase(log)
    if phase in _MODEL_RUNS and re.search(_ASSERTION, log):  # a message of the model, which may look like any of these
        return _failed(Kind.CRASH, f"the model failed while {phase}: {status}")
    if found := device_faults.fault(status, devices=step.devices, is_running=phase in _MODEL_RUNS):
        return found
    known = (verdict for pattern, verdict in _RUN_VERDICTS if re.search(pattern, status))
    if verdict := next(known, _BROKEN_WEIGHTS if re.search(_ARCHIVE, log) else None):
        reason = f"{verdict.reason}: {status}{_hint(status)}"
        return dataclasses.replace(verdict, reason=reason)
    if "RESOURCE_EXHAUSTED" in status:
        return _exhausted(step, status, log, memory_limited=memory_limited or phase not in _MODEL_RUNS)
    return _by_phase(step, status, log, phase)


def _by_phase(step: Run, status: str, log: str, phase: str | None) -> Verdict:
    """Return the verdict for a status that says nothing by itself."""
    if phase == _LOADS or (phase == _INITIALIZES and "native function hal.executable.create" in log):
        return _failed(Kind.LOAD, f"the runtime refused to load the module: {status}")
    if phase in _MODEL_RUNS:
        failed = _failed(Kind.CRASH, f"the model failed while {phase}: {status}")
        return dataclasses.replace(failed, is_runtime_crash=not _is_on_cpu(step))
    return _error(Kind.TOOL, f"iree-run-module could not start the model: {status}")


_LOADS, _INITIALIZES, _RUNS = "loading", "initializing", "running"
_MODEL_RUNS = {_INITIALIZES, _RUNS}
_MODULE_CODE = r"(?m)^<vm>:|^\[ *\d+\] bytecode |while invoking native function"
_ARCHIVE = r"(?m)^\S*/io/formats/"
_LOADING = r"; (?:loading bytecode module|resolving module|creating VM context)"


def _phase(log: str) -> str | None:
    """Return how far iree-run-module came; None before it had read the module."""
    if re.search(_EXECUTED, log):
        return _RUNS
    loading = re.search(_LOADING, log)
    return (_INITIALIZES if re.search(_MODULE_CODE, log) else _LOADS) if loading else None


def _is_on_cpu(step: Run) -> bool:
    return all(each.startswith("local") for each in step.devices)


def _exhausted(step: Run, status: str, log: str, *, memory_limited: bool) -> Verdict:
    """Return whose fault a lack of memory is; on the CPU, only an allocation that is larger than the machine fails."""
    if not _is_on_cpu(step):
        return _error(Kind.DEVICE, f"the device ran out of memory: {status}")
    if memory_limited or "native function io_parameters" in log:
        said = f"the machine ran out of memory; raise `ulimit -v`, or use a larger machine: {status}"
        return dataclasses.replace(_error(Kind.TOOL, said), lacks_memory=True)
    return _failed(Kind.CRASH, f"the model asked for more memory than this machine has: {status}")


def _hint(status: str) -> str:
    """Return what else helps with a verdict of the table."""
    if re.search(r"parsing value `[^`]*=", status):
        return " (the value of a scalar argument has no type: write 5, not i32=5)"
    if "outputs specified but the provided variant list only has 0 elements" in status:
        return _IN_PLACE_HINT
    if re.search(r"expected (?:f32|cf64) .* but have (?:f64|cf128) ", status):
        return f" ({output_types.DEMOTED})"
    if scope := re.search(r"handles scopes like '([^']*)'", status):
        return f" (the program loads from the scope {scope[1]!r}: name its archive in 'weights', with this scope)"
    return ""


def _killed(program: str, ended: ProcessResult, log: str, timeout_s: float, *, option: str) -> Verdict | None:
    """Return the verdict if a limit, the machine or a crash ended a program; the `option` chooses where it writes."""
    if ended.timed_out:
        return _failed(Kind.TIMEOUT, f"{program} was killed after {timeout_s:g} s; raise the limit with --timeout")
    if verdict := machine_faults.fault(program, ended, log, option=option):
        return verdict
    if not ended.signal:
        return None
    crash = _failed(Kind.CRASH, f"{program} crashed with {ended.signal_name}{device_faults.last_words(log)}")
    return dataclasses.replace(crash, is_runtime_crash=program == "iree-run-module")


def first_error(log: str) -> str | None:
    """Return the first line with the severity `error:` in a log, or None."""
    return next(_errors(re.sub(_ANSI, "", log)), None)


def _errors(log: str) -> Iterator[str]:
    return (_cut(found[0]) for found in re.finditer(_DIAGNOSTIC, log) if found[1].lower() == "error")


def _cut(text: str) -> str:
    """Return a line short enough to read: a tool may quote a whole program in one."""
    return text.strip() if len(text) <= _LINE_CHARS else f"{text.strip()[:_LINE_CHARS]}..."


def run_status(log: str) -> str:
    """Return `STATUS; message; context` of iree-run-module, without the source file and line of IREE."""
    found = re.search(_SYSTEM_STATUS, log)
    return _cut(re.sub(_ATTRIBUTES, "{...}", found[1])).strip(" ;:") if found else ""


def _not_the_models_fault(log: str, release: str) -> Verdict | None:
    """Return the verdict if iree-compile refused the command line, the chip or a file."""
    if match := re.search(_OPTION, log):
        return _error(Kind.TOOL, f"invalid value for {match[1]}: {match[2]}")
    if match := re.search(_FLAG, log):
        return _refused_flag(match[2], match[3], release)
    if match := re.search(_FILES, log):
        return _error(Kind.TOOL, f"iree-compile could not open a file: {match[1]}")
    verdicts = (_unfit_target(error, release) for error in _errors(log))
    return next(filter(None, verdicts), None)


def _unfit_target(error: str, release: str) -> Verdict | None:
    if match := re.search(_CHIP, error):
        return _refused_chip(match[1] or "asked for", release)
    if re.search(_TARGET, error):
        return _error(Kind.TOOL, f"iree-compile does not know this target; correct compiler_flags: {error}")
    return None


def _refused_flag(flag: str, near: str | None, release: str) -> Verdict:
    """Return `unsupported` for a flag that another release has; any other is a mistake."""
    if flags.is_known_flag(flag):
        return _unsupported(f"IREE {release} has no flag {flag}")
    hint = f"did you mean {near}?" if near else "check its spelling"
    return _error(Kind.TOOL, f"no known IREE release has the flag {flag}; {hint}")


def _refused_chip(chip: str, release: str) -> Verdict:
    """Return `unsupported` for a chip that another release knows; any other is a mistake."""
    if flags.is_known_chip(chip):
        return _unsupported(f"IREE {release} does not know the chip {chip}")
    return _error(Kind.TOOL, f"no known IREE release knows the chip {chip}; check its spelling")


def _unsupported(reason: str) -> Verdict:
    return Verdict(status=Status.UNSUPPORTED, kind=None, reason=reason)


def _failed(kind: Kind, reason: str) -> Verdict:
    return Verdict(status=Status.FAILED, kind=kind, reason=reason)


def _error(kind: Kind, reason: str) -> Verdict:
    return Verdict(status=Status.ERROR, kind=kind, reason=reason)


_IN_PLACE_HINT = " (if it writes into its arguments, see 'A second program' in docs/spec.md)"
_MISMATCH = _error(Kind.TOOL, "the runtime does not fit the compiler of this module")
_MODULE = _error(
    Kind.TOOL, "the program calls a module that is missing; name its program in 'modules', before those that call it"
)
_INPUTS = dataclasses.replace(_error(Kind.TOOL, "the inputs do not fit the model; correct the spec"), is_of_inputs=True)
_WEIGHTS = _error(Kind.INTEGRITY, "the weights lack what the model loads")
_BROKEN_WEIGHTS = _error(Kind.INTEGRITY, "the weights cannot be read")
# How a program names parameters that the weights made by the compiler leave out.
STREAM_PARAMETER = b"#stream.parameter.named"
_STAND_INS_HINT = (
    " (the spec has no real_weights, and the weights that the compiler makes leave out parameters named by "
    "#stream.parameter.named: name real_weights, or write #flow.parameter.named)"
)

# Patterns for `STATUS; message`, compiled when they are first needed; the first match decides.
_RUN_VERDICTS: tuple[tuple[str, Verdict], ...] = (
    (r"; [1-9]\d* physical devices available; 0 visible", _unsupported("this release hides the device of Vulkan")),
    (
        r"opaque and sub-byte aligned element types cannot be indexed",
        _unsupported("this release cannot read elements smaller than a byte"),
    ),
    (r"bytecode version mismatch|signature mismatch between module|version mismatch", _MISMATCH),
    (r"required module '.*' not (available|registered)", _MODULE),
    (r"required module|does not support this version of the runtime", _MISMATCH),
    (r"no parameter found in index with key|no provider registered that handles scopes", _WEIGHTS),
    (
        r"outputs specified|expected fewer input values.*parsing expected function outputs",
        _failed(Kind.SHAPE, "the model returns another number of outputs than the spec expects"),
    ),
    (r"input list and function mismatch|(input\d+|tensor) (shape|element type)|shape rank mismatch", _INPUTS),
    (r"parsing function inputs|input data string underflow|function expected fewer input", _INPUTS),
    (r"no function `", _error(Kind.TOOL, "the model has no such function; correct run_function")),
    (
        rf"{NO_SPACE}|possibly out of disk space",
        _error(Kind.DISK, "no space left for the outputs; free disk space, or choose another folder with --out"),
    ),
    (
        r"; outputting results",
        _error(Kind.DISK, "the outputs cannot be written; choose another folder with --out"),
    ),
)
