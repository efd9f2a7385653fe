"""Which kernels the other side can launch."""

from dataclasses import replace

import pytest

from harness.localize.code_objects import Launch
from harness.localize.exports import Export
from harness.localize.guard import Guard, Kernel, guarded

BUFFER = "global_buffer"
EXPORT = Export(executable="f_dispatch_0", kernel="f_dispatch_0_add", file="", grid="48 x 1 x 1")
LAUNCH = Launch(name="f_dispatch_0_add", workgroup_size=(64, 1, 1), arguments=((0, 8, BUFFER),), argument_bytes=8)
KERNEL = Kernel(export=EXPORT, launch=LAUNCH)


def test_kernels_that_are_launched_alike_are_transplantable() -> None:
    (found,) = guarded("model", [KERNEL], [KERNEL])
    assert (found.guard, found.differences) == (Guard.TRANSPLANTABLE, ())


@pytest.mark.parametrize(
    ("good", "why"),
    [
        (
            replace(KERNEL, launch=replace(LAUNCH, workgroup_size=(128, 1, 1))),
            "64 x 1 x 1 threads, on the good side 128 x 1 x 1",
        ),
        (
            replace(KERNEL, launch=replace(LAUNCH, arguments=((0, 8, BUFFER), (8, 4, "by_value")), argument_bytes=12)),
            "arguments of 8 bytes (1 buffer), on the good side arguments of 12 bytes (1 buffer, 1 by_value)",
        ),
        (
            replace(KERNEL, export=replace(EXPORT, grid="2 x 1 x 1")),
            "48 x 1 x 1 workgroups, on the good side 2 x 1 x 1",
        ),
        (replace(KERNEL, export=replace(EXPORT, grid=None)), "the number of workgroups is not known on the good side"),
        (
            replace(KERNEL, export=replace(EXPORT, memory_bytes=64)),
            "0 bytes of shared memory, on the good side 64",
        ),
        (replace(KERNEL, launch=None), "the good side's code does not say how it is launched"),
    ],
)
def test_kernels_that_are_launched_otherwise_are_not(good: Kernel, why: str) -> None:
    (found,) = guarded("model", [KERNEL], [good])
    assert (found.guard, found.differences) == (Guard.RECONFIGURED, (why,))


def test_kernels_that_one_side_lacks_are_named() -> None:
    other = Kernel(export=replace(EXPORT, executable="f_dispatch_1"), launch=LAUNCH)
    renamed = Kernel(export=replace(EXPORT, kernel="f_dispatch_0_mul"), launch=LAUNCH)
    assert [each.differences for each in guarded("model", [KERNEL], [other])] == [
        ("only the bad side has it",),
        ("only the good side has it",),
    ]
    (found,) = guarded("model", [KERNEL], [renamed])
    assert (found.guard, found.differences) == (Guard.UNMATCHED, ("on the good side it is f_dispatch_0_mul",))
