"""What code objects say, and what is none."""

import pytest

from harness.core.errors import IntegrityError
from harness.localize import code_objects
from harness.localize.code_objects import Launch
from tests.unit.localize.code import code_object, kernel

ADD = Launch(
    name="add",
    workgroup_size=(64, 1, 1),
    arguments=((0, 8, "global_buffer"), (8, 8, "global_buffer")),
    argument_bytes=16,
)


def test_each_kernel_says_how_it_is_launched() -> None:
    found = code_objects.launches(code_object(kernel("add", buffers=2), kernel("any", threads=())))
    assert found["add"] == ADD
    assert found["any"].workgroup_size == (64,)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (b"", "no ELF file"),
        (b"\x7fELF\x02\x01", "damaged"),
        (code_object(kernel("add"))[:-40], "damaged"),
        (code_object({".name": "add"}), "damaged"),
        (code_object(kernel("add")).replace(b"AMDGPU\0", b"NVIDIA\0"), "says nothing"),
    ],
)
def test_what_is_damaged_is_refused(code: bytes, message: str) -> None:
    with pytest.raises(IntegrityError, match=message):
        code_objects.launches(code)


def test_no_damage_breaks_the_reader() -> None:
    whole = code_object(kernel("add"))
    for place in range(len(whole)):
        for byte in (0, 1, 0x7F, 0xFF):
            damaged = whole[:place] + bytes([byte]) + whole[place + 1 :]
            try:
                code_objects.launches(damaged)
            except IntegrityError:
                continue
