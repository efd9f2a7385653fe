"""What the compiler says of kernels that it is given."""

import pytest

from harness.localize.transplant import NoKernelsError, check_log

NOTE = "NOTE: hal.executable `f_dispatch_1` substituted with object file at `0.0.hsaco`\n"


def test_a_kernel_that_the_compiler_left_out_is_no_transplant() -> None:
    check_log(NOTE, ["f_dispatch_1"])
    check_log("", [])
    with pytest.raises(NoKernelsError, match="the kernel of f_dispatch_10 into"):
        check_log(NOTE, ["f_dispatch_1", "f_dispatch_10"])
