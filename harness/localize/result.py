"""What localizing found: the operations that make two sides differ, and how the error grows on the way to them."""

from harness.core.floats import Number
from harness.core.statuses import Kind, Phase
from harness.core.values import frozen

SCHEMA = 1
UNUSED = "unused argument"  # in place of the name of an operation


@frozen
class NamedOperation:
    """An operation that is to blame, or one of several that are only together.

    Attributes:
        operation: its name, such as `torch.aten.matmul`; `UNUSED` if an argument is to blame that nothing uses.
        index: its position in the block of its function, from 0; of an argument, its number.
        line: its line in the program, from 1; None if the program says where it was in another file.
        location: where it was in another file; empty for none.
        function: the function that it is in.
        dispatch: the dispatch that it became, as far as it is known.
        together: the number of the culprit that it belongs to, from 0; several operations of one fail only together.
    """

    operation: str
    index: int
    line: int | None
    location: str = ""
    function: str = ""
    dispatch: str | None = None
    together: int = 0


@frozen
class Grown:
    """How far a value is from that of the good side.

    Attributes:
        operation: the operation that computes it.
        index: its position in the block of its function.
        line: its line in the program; None if it is not known.
        type: its type.
        relative: the largest error, relative to the largest number of the value.
        ulp: the same in units of the last place of that number.
        alone: the relative error of the operation alone, given the values of the good side; None if it is not known.
        blamed: whether the operation is among those to blame.
    """

    operation: str
    index: int
    line: int | None
    type: str
    relative: Number
    ulp: Number
    alone: Number | None = None
    blamed: bool = False


@frozen
class ComparedKernel:
    """A kernel, and whether the other side can launch it.

    Attributes:
        program: the program of the case that has it, such as `model`.
        executable: its executable, such as `f_dispatch_0`.
        kernel: its name.
        guard: `transplantable`, `reconfigured`, or `unmatched` if one side lacks it.
        differences: how the sides differ in launching it.
        blamed: whether it is among those to blame.
    """

    program: str
    executable: str
    kernel: str
    guard: str
    differences: tuple[str, ...] = ()
    blamed: bool = False


@frozen
class SideErrors:
    """How far the value of each side is from the right one, relative to its largest number."""

    bad: Number
    good: Number


@frozen
class Verdict:
    """Which side is wrong with the first culprit.

    Attributes:
        by: what says so: `float64`; None if nothing does.
        backend: the backend of IREE that computed in it; empty without one.
        wrong: `bad`, `good`, `both`, or `neither` if both are right but for rounding; None if it is not known.
        errors: the errors of both sides; None without something right.
        why: why it is not known.
    """

    by: str | None = None
    backend: str = ""
    wrong: str | None = None
    errors: SideErrors | None = None
    why: str = ""


@frozen
class SideResult:
    """A side.

    Attributes:
        label: what tells it from the other one, such as `3.13.0`.
        release: its IREE release.
        target: what it is compiled for.
        status: how the case ended on it.
        reason: why.
    """

    label: str
    release: str
    target: str
    status: str
    reason: str = ""


@frozen
class Answer:
    """What is to blame.

    Attributes:
        why: what proves it, or why there is no answer.
        kind: how the bad side fails; None if it does not differ from the good one.
        phase: the phase in which it does.
        culprits: the operations to blame; empty if none was found.
        confirmed: whether a program with these operations alone fails in the same way.
        error_growth: the error of each value of the function, or of each dispatch.
        failed_pass: the pass of the compiler that goes wrong with the first culprit; empty if it is not known.
        kernels: all kernels, if these were looked at.
        oracle: which side is wrong with the first culprit; None if that was not asked, or the failure says it.
    """

    why: str
    kind: Kind | None = None
    phase: Phase | None = None
    culprits: tuple[NamedOperation, ...] = ()
    confirmed: bool = False
    error_growth: tuple[Grown, ...] = ()
    failed_pass: str = ""
    kernels: tuple[ComparedKernel, ...] = ()
    oracle: Verdict | None = None


@frozen
class Localized(Answer):
    """What was found.

    Attributes:
        case: the case.
        bad: the side that is looked into.
        good: the side that it is compared with.
        by: what is named: `operation`, `dispatch` or `kernel`.
        compilations: the number of programs that were compiled.
        defaults: flags with which the bad side's release has the defaults of the good one's, where they differ.
        default_is_cause: whether the bad side is right with them; None if that was not tried.
        seconds: how long it took.
        stopped: the exit code if it was interrupted.
    """

    case: str
    bad: SideResult
    good: SideResult
    by: str
    compilations: int = 0
    defaults: tuple[str, ...] = ()
    default_is_cause: bool | None = None
    seconds: Number = 0.0
    stopped: int | None = None
