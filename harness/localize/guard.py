"""Says which kernels of one module can be launched by another one, which has its own grid, threads and arguments."""

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum

from harness.core.values import frozen
from harness.localize.code_objects import Launch
from harness.localize.exports import Export


class Guard(StrEnum):
    """What a kernel can be used for."""

    TRANSPLANTABLE = "transplantable"
    RECONFIGURED = "reconfigured"  # the other side launches it in another way, so neither runs in the other's module
    UNMATCHED = "unmatched"  # the other side has no such kernel


@frozen
class Kernel:
    """A kernel of one side.

    Attributes:
        export: how its module launches it.
        launch: what its code says; None if the code is not there or says nothing.
    """

    export: Export
    launch: Launch | None


@frozen
class Guarded:
    """A kernel of the bad side, or of the good side alone.

    Attributes:
        program: the program of the case that has it, such as `main`.
        executable: its executable, such as `f_dispatch_0`.
        kernel: its name.
        guard: what it can be used for.
        differences: what keeps it from more.
    """

    program: str
    executable: str
    kernel: str
    guard: Guard
    differences: tuple[str, ...] = ()


def guarded(program: str, bad: Sequence[Kernel], good: Sequence[Kernel]) -> Iterator[Guarded]:
    """Yield what each kernel of a program can be used for, those of the bad side first."""
    others = {each.export.executable: each for each in good}
    own = {each.export.executable for each in bad}
    for each in bad:
        yield _guarded(program, each, others)
    for each in good:
        if each.export.executable not in own:
            yield _unmatched(program, each, "only the good side has it")


def _guarded(program: str, kernel: Kernel, others: Mapping[str, Kernel]) -> Guarded:
    other = others.get(kernel.export.executable)
    if other is None:
        return _unmatched(program, kernel, "only the bad side has it")
    if kernel.export.kernel != other.export.kernel:
        return _unmatched(program, kernel, f"on the good side it is {other.export.kernel}")
    differences = tuple(_differences(kernel, other))
    return Guarded(
        program=program,
        executable=kernel.export.executable,
        kernel=kernel.export.kernel,
        guard=Guard.RECONFIGURED if differences else Guard.TRANSPLANTABLE,
        differences=differences,
    )


def _unmatched(program: str, kernel: Kernel, why: str) -> Guarded:
    return Guarded(
        program=program,
        executable=kernel.export.executable,
        kernel=kernel.export.kernel,
        guard=Guard.UNMATCHED,
        differences=(why,),
    )


def _differences(bad: Kernel, good: Kernel) -> Iterator[str]:
    """Yield what differs between the launches of a kernel, as the bad side has it and as the good side has it."""
    if bad.launch is None or good.launch is None:
        yield f"the {'good' if bad.launch else 'bad'} side's code does not say how it is launched"
        return
    one, other = bad.launch, good.launch
    if one.workgroup_size != other.workgroup_size:
        yield f"{_by(one.workgroup_size)} threads, on the good side {_by(other.workgroup_size)}"
    if (one.arguments, one.argument_bytes) != (other.arguments, other.argument_bytes):
        yield f"{_arguments(one)}, on the good side {_arguments(other)}"
    if bad.export.grid is None or good.export.grid is None:
        yield f"the number of workgroups is not known on the {'good' if bad.export.grid else 'bad'} side"
    elif bad.export.grid != good.export.grid:
        yield f"{bad.export.grid} workgroups, on the good side {good.export.grid}"
    if bad.export.memory_bytes != good.export.memory_bytes:
        yield f"{bad.export.memory_bytes} bytes of shared memory, on the good side {good.export.memory_bytes}"


def _by(sizes: Sequence[int]) -> str:
    return " x ".join(map(str, sizes))


def _arguments(launch: Launch) -> str:
    kinds = [kind.removeprefix("global_") for _, _, kind in launch.arguments]
    counts = ", ".join(f"{kinds.count(kind)} {kind}" for kind in dict.fromkeys(kinds)) or "none"
    return f"arguments of {launch.argument_bytes} bytes ({counts})"
