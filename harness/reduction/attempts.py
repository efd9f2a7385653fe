"""Tries smaller programs on both sides: made by the bindings of a release, compiled, run and compared."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from harness.core.blobs import Blob
from harness.core.errors import ImportFailedError, IntegrityError
from harness.core.statuses import Phase
from harness.core.tensors import Literal, Tensor
from harness.localize.editor import CutRefusedError, Editor
from harness.localize.laboratory import BAD, GOOD, Experiment, Input, Laboratory, Trial
from harness.localize.program import ARGUMENT, Cut
from harness.localize.subject import Subject, discard
from harness.reduction import keeping, symptom
from harness.reduction.candidate import Candidate, Given, Proposal, Values
from harness.reduction.keeping import Keeper
from harness.reduction.reducer import State
from harness.reduction.symptom import Symptom


class NotFailingError(Exception):
    """A program does not fail as the case does."""


@dataclass(kw_only=True)
class Attempts:
    """Tries programs.

    Attributes:
        laboratory: compiles and runs them.
        editor: reads and cuts a program.
        keeper: keeps their files.
        function: the function that is called.
        symptom: how they have to fail.
    """

    laboratory: Laboratory
    editor: Editor
    keeper: Keeper
    function: str
    symptom: Symptom

    def attempt(self, best: State, proposal: Proposal) -> State | None:
        """Return the state of a smaller program if it fails as the case does; None if not, or if it is no smaller."""
        try:
            given = self._cut(best, proposal) if isinstance(proposal, Cut) else proposal
            bad = self._fail(given)  # most proposals do not, and some are no programs
            state = self.parsed(given)
            if state.candidate.text != given.text:
                discard([bad])
            is_smaller = state.size < best.size if isinstance(proposal, Cut) else state.operations <= best.operations
            if state.candidate.key == best.candidate.key or not is_smaller:
                return None
            return self._shown(state)
        except (ImportFailedError, CutRefusedError, IntegrityError, NotFailingError):
            return None

    def start(self, given: Candidate) -> State:
        """Return the state of a program that may be no smaller.

        Raises:
            ImportFailedError: it cannot be parsed.
            NotFailingError: it does not fail as the case does.
        """
        return self._shown(self.parsed(given))

    def _fail(self, given: Candidate) -> Trial:
        """Return how a program ends on the bad side.

        Raises:
            NotFailingError: it cannot fail so as the case does.
        """
        (bad,) = self.laboratory.tried([self._experiment(given)], [BAD])
        if not self.symptom.is_of(bad):
            discard([bad])
            raise NotFailingError
        return bad

    def _shown(self, state: State) -> State:
        """Return a state with what the sides make of it.

        Raises:
            NotFailingError: it does not fail as the case does.
        """
        trials = [self._fail(state.candidate)]
        try:
            trials += self.laboratory.tried([self._experiment(state.candidate)], [GOOD])
            if not trials[GOOD].is_good:
                raise NotFailingError
            return self._judged(state, *trials)
        finally:
            discard(trials)

    def _judged(self, state: State, bad: Trial, good: Trial) -> State:
        limits: Mapping[str, float] = {}
        if self.symptom.phase is None:
            thresholds = self.laboratory.cases[BAD].spec.thresholds
            if not self.symptom.differs(bad, good, thresholds):
                raise NotFailingError
            limits = self.symptom.limits(bad, good)
            errors = [each.relative for _, each in symptom.differences(bad, good, None)]
            how = "NaN or infinity" if self.symptom.is_stray else f"relative error {max(errors):.1e}"
        else:
            how = keeping.OWN_NAME.sub("program.mlir", bad.outcome.reason)
        outputs = range(len(good.ran.outputs)) if good.ran else ()
        return replace(state, how=how, limits=limits, outputs=tuple(self.values(good.tensor(each)) for each in outputs))

    def parsed(self, given: Candidate) -> State:
        """Return a program as the release prints it.

        Raises:
            ImportFailedError: it cannot be parsed.
            NotFailingError: its function has several blocks.
        """
        editor = self._editor(given.text)
        blob, program = editor.same(self.function)
        if program.blocks != 1:
            raise NotFailingError
        text = blob.local_path.read_text(encoding="utf-8")
        return State(candidate=replace(given, text=text), program=program)

    def _editor(self, text: str) -> Editor:
        return replace(self.editor, path=self.keeper.program(text), name="the program")

    def _experiment(self, given: Candidate) -> Experiment:
        return Experiment(
            program=Blob(url=self.keeper.program(given.text).absolute().as_uri()),
            inputs=tuple(map(self.keeper.input, given.inputs)),
            function=self.function,
            compiles_only=self.symptom.phase is Phase.COMPILE,
        )

    def _cut(self, best: State, cut: Cut) -> Candidate:
        """Return the program of a cut, with its inputs."""
        editor, program = self._editor(best.candidate.text), best.program
        subject = Subject(
            laboratory=self.laboratory,
            editors=(editor, editor),
            program=program,
            inputs=tuple(map(self.keeper.input, best.candidate.inputs)),
            matched={index: index for index in range(len(program.operations))},
            failure=(self.symptom.phase, self.symptom.kind) if self.symptom.phase else None,
        )
        if cut.boundary and subject.needs_values and not subject.learn_values(sorted(cut.boundary)):
            raise NotFailingError
        return self.of_subject(subject, cut, best.candidate.inputs)

    def of_subject(self, subject: Subject, cut: Cut, inputs: Sequence[Given]) -> Candidate:
        """Return a cut as a candidate.

        Raises:
            CutRefusedError: it would not be valid.
            ImportFailedError: the bindings broke down.
        """
        made = subject.made(cut, BAD)
        given = (
            tuple(
                inputs[number] if index == ARGUMENT else self.values(subject.given[index, number])
                for index, number in made.arguments
            )
            if subject.needs_values
            else ()
        )
        return Candidate(text=made.program.local_path.read_text(encoding="utf-8"), inputs=given)

    def given(self, inputs: Sequence[Input]) -> tuple[Given, ...]:
        """Return the inputs of a case as those of candidates.

        Raises:
            FetchError: one cannot be fetched.
            IntegrityError: one does not fit its type.
        """
        drawn = dict(keeping.drawn(inputs))
        return tuple(
            each if isinstance(each, Literal) else self.values(each) if isinstance(each, Tensor) else drawn[number]
            for number, each in enumerate(inputs)
        )

    def values(self, tensor: Tensor) -> Values:
        """Return the content of a tensor."""
        path = self.laboratory.prepared[BAD].steps.fetch(tensor.blob).path
        return keeping.values(path, None if tensor.is_npy else tensor.type)
