"""What the store keeps of a compilation that went well: the module, and beside it what the compiler said and took."""

import json
import re
from pathlib import Path
from typing import TypedDict

from harness.core import strict_json
from harness.core.measurements import Module
from harness.core.records import as_json, read
from harness.core.values import frozen
from harness.host import files
from harness.host.process import ProcessResult
from harness.iree.flags import STATISTICS_NAME
from harness.pipeline import logs
from harness.pipeline.compilation import Compilation
from harness.pipeline.step_results import CompileResult
from harness.pipeline.steps import Compile
from harness.store.entry import Entry

MODULES = "modules"  # the kind of entry
SIGNATURE = "signature.txt"  # what iree-dump-module says of it
_FACTS = "facts.json"
_FACTS_BYTES, _STATISTICS_BYTES = 1 << 16, 16 << 20


def is_usable(module: Entry, step: Compile) -> bool:
    """Whether a step may use a module: what another machine's compilation took says nothing of this one's."""
    return not (module.received and step.measured)


def compile_result(entry: Entry, step: Compile, key: str) -> CompileResult:
    """Return how a compilation ended whose module is in the store."""
    facts = read(_Facts, strict_json.loads(files.read(entry.path / _FACTS, _FACTS_BYTES)))
    module = Module(
        key=key,
        bytes=entry.files[step.module]["bytes"],
        cached=entry.cached,
        sha256=entry.sha256(step.module),
        dispatches=_dispatches(entry.path / STATISTICS_NAME),
        compile_seconds=facts.compile_seconds,
        compile_cpu_seconds=facts.compile_cpu_seconds,
        peak_memory_bytes=facts.peak_memory_bytes,
    )
    signature = (entry.path / SIGNATURE).read_text(encoding="utf-8", errors="replace")
    return CompileResult(
        seconds=0.0 if entry.cached else module.compile_seconds,
        log_path=entry.path / logs.COMPILE_LOG,
        folder=entry.path,
        module=module,
        signature=signature,
        products=tuple((name, entry.sha256(name)) for name in sorted(step.files) if name in entry.files),
        notes=tuple(filter(None, (facts.note, _unchecked(signature)))),
        lacks_stand_ins=facts.lacks_stand_ins,
    )


class _Cost(TypedDict):
    """What a compilation took."""

    compile_seconds: float
    compile_cpu_seconds: float
    peak_memory_bytes: int


@frozen
class _Facts:
    """What a compilation took, and a remark, as they are kept beside the module."""

    compile_seconds: float
    compile_cpu_seconds: float
    peak_memory_bytes: int
    note: str = ""
    lacks_stand_ins: bool = False


def write_facts(folder: Path, found: Compilation, *, lacks_stand_ins: bool) -> None:
    """Write what a compilation took, and its remark, beside the module."""
    facts = _Facts(**cost(found.ended), note=found.note, lacks_stand_ins=lacks_stand_ins)
    (folder / _FACTS).write_text(json.dumps(as_json(facts)), encoding="utf-8")


def cost(ended: ProcessResult) -> _Cost:
    """Return what a compilation took, as results quote it."""
    return _Cost(
        compile_seconds=round(ended.seconds, 3),
        compile_cpu_seconds=round(ended.cpu_seconds, 3),
        peak_memory_bytes=ended.peak_memory_bytes,
    )


def _dispatches(statistics: Path) -> int | None:
    """Return the number of dispatches that the compiler counted; the layout is the same on all releases."""
    try:
        found = strict_json.loads(files.read(statistics, _STATISTICS_BYTES))
        return int(found["stream-aggregate"]["execution"]["dispatch-count"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _unchecked(signature: str) -> str:
    """Return a remark on the checks of a program that the runtime leaves out; a `?` marks an optional import."""
    calls = dict.fromkeys(re.findall(r"\?(check\.\w+)\(", signature))
    return f"nothing checks {', '.join(calls)}: iree-run-module leaves out the check dialect" if calls else ""
