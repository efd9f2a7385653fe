"""Finds the form in which both sides take the program, and how the bad side fails with it."""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from harness.core.errors import ImportFailedError, NoVerdictError
from harness.core.statuses import Kind, Phase, Status
from harness.core.values import frozen
from harness.importers.frameworks import Framework
from harness.iree import releases
from harness.iree.releases import ReleaseWheels
from harness.localize import difference
from harness.localize.editor import Editor
from harness.localize.laboratory import BAD, BOTH, GOOD, Laboratory, program_of
from harness.localize.onnx_laboratory import OnnxLaboratory
from harness.localize.program import Program
from harness.localize.subject import Failure, Mark, Subject
from harness.pipeline.import_steps import TENSORS, WorkerRunner
from harness.pipeline.steps import Compile, Run


class NothingToFindError(NoVerdictError):
    """The sides do not differ, or the program cannot be cut."""

    kind = Kind.TOOL


class _AlikeError(NothingToFindError):
    """Both sides take the program, and compute the same."""


@frozen
class Form:
    """In which form programs are written.

    Attributes:
        release: the release whose bindings write them.
        is_generic: whether they write the form that every release of MLIR prints alike.
    """

    release: ReleaseWheels
    is_generic: bool


def subject(laboratory: Laboratory) -> Subject:
    """Return the function of the case as one that fails on the bad side alone, and how it does.

    The bindings of the newer release are tried first, then those of the other one; then both again, writing the generic
    form, which old releases read where they do not know a newer syntax. A form in which it fails as the case
    does comes first.

    Raises:
        NothingToFindError: it fails on both sides or on none, or it cannot be cut.
        ImportFailedError: an ONNX file cannot be cut.
    """
    if isinstance(laboratory, OnnxLaboratory):
        return _subject(laboratory, [laboratory.editor] * len(BOTH))
    reasons, found, own = list[str](), list[Subject](), _own_failure(laboratory)
    for form in _forms(laboratory):
        try:
            found.append(_subject(laboratory, [editor(laboratory, side, form) for side in BOTH]))
        except (ImportFailedError, NothingToFindError) as error:
            if isinstance(error, _AlikeError) and own is None:  # so it does in every form
                raise
            reasons.append(str(error))
        else:
            if found[-1].failure == own:
                return found[-1]
    if found:  # in none of the forms does it fail quite as it is written
        return found[0]
    raise NothingToFindError(reasons[0])


def _own_failure(laboratory: Laboratory) -> Failure | None:
    """Return how the program failed on the bad side as it is written: the form may make a crash of an error."""
    prepared = laboratory.prepared[BAD]
    for step in prepared.plans[laboratory.cases[BAD].id].own:
        result = prepared.results.get(step)
        phase = Phase.COMPILE if isinstance(step, Compile) else Phase.RUN if isinstance(step, Run) else None
        if phase and result and result.verdict and result.verdict.status is Status.FAILED:
            return phase, result.verdict.kind
    return None


def _forms(laboratory: Laboratory) -> Iterator[Form]:
    known = releases.locked()
    wanted = {side.release.release.name for side in laboratory.sides}
    order = [each for name, each in known.items() if name in wanted] or [known[releases.newest().name]]
    for is_generic in (False, True):
        for each in reversed(order):
            yield Form(release=each, is_generic=is_generic)


def _subject(laboratory: Laboratory, editors: Sequence[Editor]) -> Subject:
    functions = [case.spec.run_function for case in laboratory.cases]
    programs = [each.read(function) for each, function in zip(editors, functions, strict=True)]
    program = programs[BAD]
    if program.blocks != 1:
        raise NothingToFindError(f"{program.function} has {program.blocks} blocks; only a function of one can be cut.")
    found = Subject(
        laboratory=laboratory,
        editors=editors,
        program=program,
        inputs=laboratory.cases[BAD].spec.inputs,
        matched=matched(program, programs[GOOD]),
        is_compiled_alone=laboratory.cases[BAD].spec.compile_only,
        most_values=TENSORS if isinstance(laboratory, OnnxLaboratory) else None,
    )
    _learn_failure(found)
    return found


def editor(laboratory: Laboratory, side: int, form: Form) -> Editor:
    """Return what reads and cuts the program of a side."""
    prepared, settings = laboratory.prepared[side], laboratory.sides[side].settings
    program = program_of(prepared.plans[laboratory.cases[side].id].case.spec)
    runner = WorkerRunner(
        framework=Framework.MLIR,
        release=form.release,
        offline=settings.fetch.offline,
        python=prepared.python,
        tools=prepared.steps.tools,
        store=prepared.steps.store,
        timeout_s=settings.run.timeout_s,
        again=False,
        cancel=laboratory.cancel,
    )
    return Editor(
        runner=runner,
        store=prepared.steps.store,
        path=prepared.steps.fetch(program).path,
        name=program.name,
        is_generic=form.is_generic,
    )


def _learn_failure(found: Subject) -> None:
    """Run the whole program as the bindings write it, and set how it fails on the bad side."""
    program = found.program
    bad, good = found.laboratory.tried([found.whole(side) for side in BOTH])
    if not good.is_good:
        raise NothingToFindError(f"It fails on the good side, too: {good.outcome.reason}")
    if bad.failure:
        found.failure = bad.failure
        return
    if not bad.is_good:
        raise NothingToFindError(f"It could not be tried on the bad side: {bad.outcome.reason}")
    if found.is_compiled_alone:
        raise _AlikeError("Both sides compile it, and it is not run.")
    found.thresholds = found.laboratory.cases[BAD].spec.thresholds
    errors = found.judged(program.returns, (bad, good)).differences
    if isinstance(found.laboratory, OnnxLaboratory) and not any(each.exceeds for each in errors.values()):
        raise _AlikeError("Both sides compute the same, within the thresholds.")
    if any(each.relative > difference.noise(program.element(value)) for value, each in errors.items()):
        found.thresholds = None
        found.learn(errors)
    elif _is_one_compiler(found.laboratory) and any(each.relative for each in errors.values()):
        found.is_exact = True
    elif not any(each.exceeds for each in errors.values()):
        raise _AlikeError("Both sides compute the same, except for rounding.")


def _is_one_compiler(laboratory: Laboratory) -> bool:
    """Whether both sides are compiled by the same release in the same way, as two programs are."""
    specs = [case.spec for case in laboratory.cases]
    made = [
        (prepared.steps.toolchain.build, case.target, spec.compiler_flags, spec.pipeline_compiler_flags)
        for prepared, case, spec in zip(laboratory.prepared, laboratory.cases, specs, strict=True)
    ]
    return made[BAD] == made[GOOD]


def is_fixed_by(found: Subject, flags: tuple[str, ...]) -> bool:
    """Whether the whole program is right on the bad side with further flags."""
    trials = found.laboratory.tried([replace(found.whole(BAD), flags=flags), found.whole(GOOD)])
    return found.judged(found.program.returns, trials).mark is Mark.AGREES


def matched(bad: Program, good: Program) -> Mapping[int, int]:
    """Return the operations of the good side by those of the bad side that they correspond to, in order.

    Operations of other names correspond if as many lie between the same neighbours, with the same types.
    """
    one, other = (_described(side) for side in (bad, good))
    found = dict[int, int]()
    for tag, start, end, its_start, its_end in difflib.SequenceMatcher(None, one, other, autojunk=False).get_opcodes():
        if tag == "equal" or (tag == "replace" and end - start == its_end - its_start):
            pairs = zip(range(start, end), range(its_start, its_end), strict=True)
            found |= {each: its for each, its in pairs if one[each][1] == other[its][1]}
    return found


def _described(program: Program) -> Sequence[tuple[str, tuple[str, ...]]]:
    return [(each.name, each.types) for each in program.operations]
