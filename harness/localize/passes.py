"""Names the pass of the compiler that goes wrong, with the smallest program that shows it.

A compilation that fails is done once more with `--mlir-print-ir-after-failure`: the first pass of MLIR that failed is
the innermost one. For a wrong number, LLVM leaves out all its optional passes after the N-th (`--opt-bisect-limit=N`),
and halving finds the first one that makes the number wrong.
"""

import re
from collections.abc import Iterator
from dataclasses import replace

from harness.core.statuses import Phase
from harness.localize.laboratory import BAD, BOTH, GOOD, Experiment, Trial
from harness.localize.program import Cut
from harness.localize.subject import Mark, Subject
from harness.pipeline import logs

_PRINT = "--mlir-print-ir-after-failure"
_LIMIT = "--opt-bisect-limit"
_FAILED = re.compile(r"// -----// IR Dump After (\S+) Failed \(([^)]*)\)")
_RUNNING = re.compile(r"BISECT: (?:NOT )?running pass \((\d+)\) (.+)")


def guilty(subject: Subject, cut: Cut) -> str:
    """Return the pass that goes wrong on the bad side with a cut that shows the failure; empty if none is found."""
    if subject.failure:
        return _failed(subject, cut) if subject.failure[0] is Phase.COMPILE else ""
    return _wrong(subject, cut)


def _failed(subject: Subject, cut: Cut) -> str:
    experiment = subject.experiment(cut, BAD)
    (trial,) = subject.laboratory.tried([replace(experiment, flags=(_PRINT,))], [BAD])
    found = next((_FAILED.search(line) for line in _lines(trial) if _FAILED.search(line)), None)
    return f"{found[1]} ({found[2]})" if found else ""


def _wrong(subject: Subject, cut: Cut) -> str:
    """Return the pass of LLVM after which the numbers are wrong; empty if they are also wrong without any of them."""
    experiments = [subject.experiment(cut, side) for side in BOTH]
    names = dict(_numbered(_limited(subject, experiments[BAD], 0)))
    if not names or _is_wrong(subject, cut, experiments, 0) or not _is_wrong(subject, cut, experiments, max(names)):
        return ""
    low, high = 1, max(names)
    while low < high:
        middle = (low + high) // 2
        if _is_wrong(subject, cut, experiments, middle):
            high = middle
        else:
            low = middle + 1
    return names[high]


def _limited(subject: Subject, experiment: Experiment, limit: int) -> Trial:
    (trial,) = subject.laboratory.tried([replace(experiment, flags=(f"{_LIMIT}={limit}",))], [BAD])
    return trial


def _is_wrong(subject: Subject, cut: Cut, experiments: list[Experiment], limit: int) -> bool:
    bad = _limited(subject, experiments[BAD], limit)
    (good,) = subject.laboratory.tried([experiments[GOOD]], [GOOD])
    return subject.judged(cut.returns, (bad, good)).mark is Mark.FAILS


def _numbered(trial: Trial) -> Iterator[tuple[int, str]]:
    for line in _lines(trial):
        if found := _RUNNING.match(line):
            yield int(found[1]), found[2]


def _lines(trial: Trial) -> Iterator[str]:
    """Yield the lines that the compiler wrote."""
    for name, path in trial.outcome.logs.items():
        if name.startswith("compile"):
            yield from logs.text(trial.out_dir / path).splitlines()
