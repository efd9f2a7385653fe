"""Finds the program from which a reduction goes on: that of the culprit, or all of it."""

import math
from collections.abc import Sequence

from harness.core.callbacks import Notice
from harness.core.errors import ImportFailedError
from harness.iree import releases
from harness.localize import reproducing, start
from harness.localize.by_operation import Located, Locator
from harness.localize.editor import CutRefusedError
from harness.localize.laboratory import BAD, BOTH, Laboratory, Trial
from harness.localize.program import Cut
from harness.localize.reproducing import Suspects
from harness.localize.start import Form
from harness.localize.subject import Subject, discard
from harness.reduction import symptom
from harness.reduction.attempts import Attempts, NotFailingError
from harness.reduction.candidate import Candidate
from harness.reduction.keeping import Begun, Keeper
from harness.reduction.reducer import State
from harness.reduction.symptom import Symptom


def begun(laboratory: Laboratory, keeper: Keeper, notice: Notice) -> tuple[Attempts, State, Begun]:
    """Locate the culprit, and return its program, or else the whole one.

    Raises:
        NothingToFindError: the sides do not differ, or not again.
        ImportFailedError: the bindings of MLIR broke down.
    """
    subject = start.subject(laboratory)
    suspects = reproducing.suspects(subject)
    located = Locator(subject=subject, suspects=suspects.operations, notice=notice).located()
    editor, program = subject.editors[BAD], subject.program
    for cut in (*(each.cut for each in located.culprits[:1]), None):
        trials = _trials(subject, cut)
        if subject.failure and trials[BAD].failure != subject.failure:  # an error in place of a crash
            continue
        attempts = Attempts(
            laboratory=laboratory,
            editor=editor,
            keeper=keeper,
            function=program.function,
            symptom=_symptom(subject, trials),
        )
        if (state := _state(attempts, subject, cut)) is None:
            continue
        found = Begun(
            symptom=attempts.symptom,
            function=program.function,
            release=editor.runner.release.release.name,
            is_generic=editor.is_generic,
            operations=len(program.operations),
            found=_found(subject, located),
            named=_named(suspects, located),
        )
        return attempts, state, found
    raise start.NothingToFindError("The program does not fail again with the same inputs.")


def resumed(laboratory: Laboratory, keeper: Keeper, begun_: Begun) -> Attempts:
    """Return what tries programs as it did when a reduction began."""
    form = Form(release=releases.locked()[begun_.release], is_generic=begun_.is_generic)
    return Attempts(
        laboratory=laboratory,
        editor=start.editor(laboratory, BAD, form),
        keeper=keeper,
        function=begun_.function,
        symptom=begun_.symptom,
    )


def _trials(subject: Subject, cut: Cut | None) -> Sequence[Trial]:
    """Return how a cut, or the whole program, ends on both sides."""
    if cut:
        return subject.shown(cut).trials
    return subject.laboratory.tried([subject.whole(side) for side in BOTH])


def _symptom(subject: Subject, trials: Sequence[Trial]) -> Symptom:
    """Return how a program fails."""
    bad, good = trials
    if subject.failure:
        phase, kind = subject.failure
        return Symptom(phase=phase, kind=kind, signature=symptom.signature(bad.outcome.reason))
    errors = symptom.differences(bad, good, None)
    discard(trials)
    return Symptom(
        noticeable=subject.noticeable,
        by_thresholds=subject.thresholds is not None,
        is_stray=any(math.isinf(each.relative) for _, each in errors),
    )


def _state(attempts: Attempts, subject: Subject, cut: Cut | None) -> State | None:
    """Return a cut, or the whole program, if it fails again when it is written and read as a reduction does."""
    inputs = attempts.given(subject.inputs) if subject.needs_values else ()
    try:
        if cut:
            return attempts.start(attempts.of_subject(subject, cut, inputs))
        blob, _ = subject.editors[BAD].same(subject.program.function)
        return attempts.start(Candidate(text=blob.local_path.read_text(encoding="utf-8"), inputs=inputs))
    except (CutRefusedError, ImportFailedError, NotFailingError):
        return None


def _named(suspects: Suspects, located: Located) -> str:
    """Return what the compiler says that the failure is about, as a sentence."""
    if not suspects.operations:
        return f"{suspects.why[:1].upper()}{suspects.why[1:]}." if suspects.why else ""
    blamed = {each for culprit in located.culprits[:1] for each in culprit.operations}
    helped = "the reduction began there" if blamed and blamed <= suspects.operations else "alone, these do not fail so"
    return f"{suspects.why[:1].upper()}{suspects.why[1:]}; {helped}."


def _found(subject: Subject, located: Located) -> str:
    """Return what was located, as a phrase; empty if nothing was."""
    culprit = next(iter(located.culprits), None)
    if culprit is None:
        return ", ".join(f"argument {each}, which nothing uses" for each in located.unused)
    operations = [subject.program.operations[each] for each in culprit.operations]
    return " with ".join(f"{each.name}{f' (line {each.line})' if each.line else ''}" for each in operations)
