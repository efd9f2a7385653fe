"""Makes the case whose outputs are those to compare with: of the same program, compiled or run in another way."""

from collections.abc import Sequence
from dataclasses import replace

from harness.core.cases import EMPTY, Backend, Case, Program, Target
from harness.core.errors import UsageError
from harness.core.references import DRIVERS, Reference
from harness.iree import flags

_DEVICE = "local-task"


def of(case: Case, reference: Reference) -> Case:
    """Return the case that makes the outputs of a reference; that it is of a release, the settings say.

    Raises:
        UsageError: the program is not compiled for the device.
    """
    if reference.release:
        return case
    if not reference.device:
        return on_cpu(case)
    fitting = DRIVERS[case.target.backend]
    if reference.device.partition("://")[0] not in fitting:
        expected = " or ".join(fitting)
        raise UsageError(f"--reference {reference.device}: {case.id} is not compiled for it; expected {expected}.")
    return replace(case, spec=replace(case.spec, devices=(reference.device,)))


def on_cpu(case: Case) -> Case:
    """Return the same program, with the same inputs and weights, for the CPU.

    It is independent of what the case is about: of the flags of the spec it has only those that say what the program
    means. So a case for the CPU with flags of its own has something to be compared with, too.
    """
    spec = case.spec
    plain = replace(
        spec,
        backend=Backend.CPU,
        chip=None,
        devices=(_DEVICE,),
        compiler_flags=_plain(spec.compiler_flags),
        pipeline_compiler_flags=_plain(spec.pipeline_compiler_flags),
        modules=tuple(Program(mlir=each.mlir, compiler_flags=_plain(each.compiler_flags)) for each in spec.modules),
        flags_for={releases: flags.of_meaning(own) for releases, own in spec.flags_for.items()},
        tuner_file=EMPTY,
        run_args=(),
        outputs=(),
        listing=None,
    )
    return Case(spec=plain, target=Target(backend=Backend.CPU))


def is_plain(case: Case) -> bool:
    """Whether a case is for the CPU, without flags of its own, so that `on_cpu` is the same program again."""
    spec = case.spec
    every = (
        *(each.compiler_flags for each in spec.programs.values()),
        *spec.flags_for.values(),
    )
    return case.target.backend is Backend.CPU and all(map(flags.is_plain, every))


def _plain(own: Sequence[str]) -> tuple[str, ...]:
    return (*flags.CPU_FLAGS, *flags.of_meaning(own))
