"""An AMD GPU that fails in a container."""

from collections.abc import Callable
from pathlib import Path

from tests.integration import hip
from tests.integration.dock import Dock, Yard


def test_a_launch_that_fails_is_a_crash_of_the_model(dock: Dock, yards: Callable[..., Yard], hip_library: Path) -> None:
    yard = yards(dock)
    hip.sums(yard, "launch")
    wrapper = hip.portable_wrapper(yard.root / "wrapper", hip_library, "fails=1:719")
    result = yard.run("--backend", "rocm", "--chip", hip.CHIP, "--run-wrapper", str(wrapper))
    assert result.verdict == (1, "failed", "crash"), result.text
    assert "the model failed while running: INTERNAL; HIP driver error 'hipErrorLaunchFailure'" in result.case["reason"]
    assert yard.left() == []
