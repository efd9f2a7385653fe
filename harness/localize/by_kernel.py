"""Names the kernels that make a case fail: with those of the good side in their place, the bad side is right.

What decides is how the case itself ends, so no tolerance is needed. A kernel that the other module would launch in
another way is left out, and a transplant that fails in another way than the case did shows nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from harness.core.callbacks import Notice
from harness.core.cases import Backend, Case
from harness.core.errors import UsageError
from harness.core.outcomes import Outcome
from harness.core.statuses import Kind, Status
from harness.core.text import counted
from harness.core.values import frozen
from harness.localize.fewest import fewest, groups
from harness.localize.guard import Guard, Guarded, guarded
from harness.localize.laboratory import BAD, BOTH, GOOD, NAMES, Laboratory
from harness.localize.transplant import Name, Transplants

_MOST_GROUPS = 64
_BREAKDOWNS = {Kind.CRASH, Kind.TIMEOUT}


class End(StrEnum):
    """What a transplant shows."""

    PASSES = "passes"
    FAILS = "fails"
    UNKNOWN = "unknown"


@frozen
class ByKernel:
    """What was found.

    Attributes:
        kernels: all kernels, and what each could be used for.
        culprits: those to blame; none if there are none, or it is not known.
        why: what proves it, or why there is no answer.
        failure: how the bad side fails; None if it was not run.
        is_confirmed: whether they also break the good side.
    """

    kernels: tuple[Guarded, ...] = ()
    culprits: tuple[Guarded, ...] = ()
    why: str = ""
    failure: Outcome | None = None
    is_confirmed: bool = False


def check(cases: Sequence[Case]) -> None:
    """Raise UsageError if kernels of one side cannot run in modules of the other one."""
    targets = [each.target for each in cases]
    if others := [each for each in targets if each.backend is not Backend.ROCM]:
        raise UsageError(
            f"--by kernel exchanges code of AMD GPUs, and the case is compiled for {others[0]}: use --by dispatch or "
            "--by operation."
        )
    chips = {each.chip for each in targets}
    if len(chips) != 1:
        raise UsageError(f"--by kernel needs one chip for both sides; got {' and '.join(sorted(map(str, chips)))}.")


def found(laboratory: Laboratory, notice: Notice) -> ByKernel:
    """Return the kernels that make the case of a laboratory fail.

    Raises:
        NoKernelsError: a side does not compile.
    """
    labels = [side.label for side in laboratory.sides]
    return KernelSearch(transplants=Transplants(laboratory=laboratory), labels=labels, notice=notice).found()


@dataclass(kw_only=True)
class KernelSearch:
    """Looks for the kernels to blame.

    Attributes:
        transplants: the kernels of both sides.
        labels: what the bad and the good side are called.
        notice: called with what goes on.
    """

    transplants: Transplants
    labels: Sequence[str]
    notice: Notice
    _failure: Outcome | None = None

    def found(self) -> ByKernel:
        """Return what is to blame.

        Raises:
            NoKernelsError: a side does not compile.
        """
        self.notice("its kernels")
        bad, good = (self.transplants.kernels(side) for side in BOTH)
        programs = dict.fromkeys([*bad, *good])
        kernels = tuple(each for name in programs for each in guarded(name, bad.get(name, ()), good.get(name, ())))
        usable = [each for each in kernels if each.guard is Guard.TRANSPLANTABLE]
        return self._searched(kernels, usable)

    def _searched(self, kernels: tuple[Guarded, ...], usable: Sequence[Guarded]) -> ByKernel:
        if blocked := self.transplants.blocked:
            return ByKernel(kernels=kernels, why=_left(usable, blocked))
        ends = [self.transplants.end(side, ()) for side in BOTH]
        for each in ends:
            if each.status is Status.ERROR:
                return ByKernel(kernels=kernels, why=_left(usable, each.reason))
        if why := _unfit(*ends):
            return ByKernel(kernels=kernels, why=why)
        self._failure = ends[BAD]
        if not usable:
            why = f"{_none_of(kernels)} Run --by operation, which does not depend on kernels."
            return ByKernel(kernels=kernels, why=why, failure=ends[BAD])
        return self._blamed(kernels, usable)

    def _blamed(self, kernels: tuple[Guarded, ...], usable: Sequence[Guarded]) -> ByKernel:
        """Return the fewest kernels that fix the bad side."""
        whole = self._fixed_by(usable)
        if whole is End.FAILS:
            return ByKernel(kernels=kernels, why=self._innocent(kernels, usable), failure=self._failure)
        fixing = next((each for each in groups(usable)[:_MOST_GROUPS] if self._fixed_by(each) is End.PASSES), None)
        if fixing is None:
            why = "No transplant is right, and they crash or fail in another way than the case, which shows nothing."
            return ByKernel(kernels=kernels, why=why, failure=self._failure)
        culprits = tuple(fewest(fixing, lambda fewer: self._fixed_by(fewer) is End.PASSES))
        breaks = self._end(GOOD, culprits) is End.FAILS
        return ByKernel(
            kernels=kernels,
            culprits=culprits,
            why=self._proof(culprits, breaks=breaks),
            failure=self._failure,
            is_confirmed=breaks,
        )

    def _fixed_by(self, kernels: Sequence[Guarded]) -> End:
        return self._end(BAD, kernels)

    def _end(self, side: int, kernels: Sequence[Guarded]) -> End:
        """Return what the case shows on a side with kernels of the other one."""
        self.notice(f"{counted(len(kernels), 'kernel')} of the {NAMES[GOOD if side == BAD else BAD]} side")
        outcome = self.transplants.end(side, [_name(each) for each in kernels])
        if outcome.status is Status.PASSED:
            return End.PASSES
        assert self._failure  # noqa: S101 - nothing is transplanted before it is known
        is_alike = (outcome.status, outcome.phase, outcome.kind) == (
            Status.FAILED,
            self._failure.phase,
            self._failure.kind,
        )
        return End.FAILS if is_alike and outcome.kind not in _BREAKDOWNS else End.UNKNOWN

    def _proof(self, culprits: Sequence[Guarded], *, breaks: bool) -> str:
        bad, good = self.labels
        one = len(culprits) == 1
        fixed = f"With {'this kernel' if one else 'these kernels'} of {good} in its module, {bad} is right"
        if breaks:
            return f"{fixed}; with {'that' if one else 'those'} of {bad}, {good} fails in the same way."
        return f"{fixed}; but with {'that' if one else 'those'} of {bad}, {good} does not fail in the same way."

    def _innocent(self, kernels: Sequence[Guarded], usable: Sequence[Guarded]) -> str:
        bad, good = self.labels
        rest = len(kernels) - len(usable)
        other = f"{counted(rest, 'kernel')} that could not be transplanted, " if rest else ""
        return (
            f"{bad} fails in the same way with {counted(len(usable), 'kernel')} of {good} in its module, so these are "
            f"not the cause. What is left: {other}how the program is split into kernels, host code, and the runtime."
        )


def _name(kernel: Guarded) -> Name:
    return kernel.program, kernel.executable


def _unfit(bad: Outcome, good: Outcome) -> str:
    """Return why transplants would show nothing; empty if they would."""
    if good.status is not Status.PASSED:
        what = f"it ended as {good.status}" if good.status is not Status.FAILED else f"it fails: {good.reason}"
        hint = " The case needs expected outputs." if good.status is Status.RAN else ""
        return f"On the good side, with one executable for each kernel, {what}.{hint}"
    if bad.status is not Status.FAILED:
        return "With one executable for each kernel, the bad side does not fail; the cause may be how they are linked."
    return ""


def _left(usable: Sequence[Guarded], why: str) -> str:
    """Return what is left to do where nothing can be run."""
    if not usable:
        return f"No kernel can be transplanted, and nothing was run: {why}"
    return (
        f"{counted(len(usable), 'kernel')} can be transplanted. To try them, run the same command where the GPU is; "
        f"here nothing was run: {why}"
    )


def _none_of(kernels: Sequence[Guarded]) -> str:
    if not kernels:
        return "The program has no kernels."
    if all(each.guard is Guard.UNMATCHED for each in kernels):
        return "The releases split the program into different kernels."
    return "No kernel of one side can run in the module of the other."
