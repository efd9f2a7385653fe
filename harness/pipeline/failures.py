"""Keeps how compilations failed, so that a compiler is not started again to say the same of the same files.

An entry of kind `failures` has the key of the module that was not made. It holds facts, not a verdict: how the compiler
ended, and its log. Each use diagnoses them anew, so a better diagnosis counts for old entries too. The caller holds the
lock of the module.
"""

import contextlib
import json
from pathlib import Path

from harness.core import strict_json
from harness.core.errors import DiskError
from harness.core.records import as_json, read
from harness.core.statuses import Kind, Status
from harness.core.values import frozen
from harness.host.disk import disk_errors
from harness.host.process import ProcessResult
from harness.pipeline import diagnose, logs
from harness.pipeline.compilation import Compilation
from harness.pipeline.steps import Compile
from harness.store.store import Store

KIND = "failures"
_END = "end.json"
_END_BYTES = 1 << 16


@frozen
class KnownFailure:
    """A compilation that failed before, and its log in the store."""

    compilation: Compilation
    log_path: Path


def find(store: Store, key: str, step: Compile) -> KnownFailure | None:
    """Return the failure of a compilation, or None if there is none that would come again."""
    if not (entry := (store.find if step.is_private else store.find_shared)(KIND, key)):
        return None
    log = entry.path / logs.COMPILE_LOG
    try:
        ended = read(ProcessResult, strict_json.loads(store.files.read(entry.path / _END, _END_BYTES)))
        text = logs.text(log)
    except (OSError, ValueError):
        return None
    verdict = diagnose.compile_verdict(step, ended, text, missing=(), timeout_s=0)
    found = Compilation(verdict=verdict, ended=ended)
    return KnownFailure(compilation=found, log_path=log) if _is_deterministic(found, text) else None


def note(store: Store, key: str, found: Compilation, log: Path, *, private: bool = False) -> None:
    """Keep a compilation if it failed and would fail again; otherwise forget an earlier failure.

    A store that cannot be written does not keep it. Other machines learn of it unless it is private.
    """
    with contextlib.suppress(DiskError):
        if found.verdict and _is_deterministic(found, logs.text(log)):
            _keep(store, key, found.ended, log, private=private)
        elif store.listed(KIND, key):
            with store.lock(f"{KIND}-{key}"), disk_errors(store.root):
                store.remove(store.path(KIND, key))


def _is_deterministic(found: Compilation, log: str) -> bool:
    """Whether the compiler ended by itself and said what is wrong with the program or the flags."""
    match found.verdict:
        case None:
            return False
        case verdict if verdict.status is Status.UNSUPPORTED:
            return True
        case verdict:
            return verdict.kind is Kind.COMPILE and diagnose.first_error(log) is not None


def _keep(store: Store, key: str, ended: ProcessResult, log: Path, *, private: bool) -> None:
    def make(folder: Path) -> None:
        logs.copied(log, folder / logs.COMPILE_LOG, root=store.root)
        store.files.write(folder / _END, json.dumps(as_json(ended)).encode())

    activity = "recording a failed compilation"
    store.provide(KIND, key, make, is_good=lambda _: False, activity=activity, private=private)
