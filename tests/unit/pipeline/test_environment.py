"""A release is described at once, and read before anything of it runs."""

from dataclasses import replace
from pathlib import Path

from harness.core.callbacks import Notice, ignore
from harness.host.process import CancelToken
from harness.iree.toolchain import Toolchain
from harness.pipeline.environment import EnvironmentRequest, InstalledRelease
from harness.pipeline.step_runner import ToolStepRunner
from harness.store.store import Store
from tests.unit.executors import steps


def test_a_release_is_read_before_a_runner_is_handed_out(tmp_path: Path) -> None:
    runner = steps(tmp_path)
    read: list[bool] = []

    def install(_store: Store, _cancel: CancelToken, _notice: Notice, *, is_read: bool = True) -> Toolchain:
        read.append(is_read)
        return replace(runner.toolchain, build="read" if is_read else "described")

    request = EnvironmentRequest(
        cases=(), folders=(), store=runner.store, out_dir=tmp_path, gpus=(), cancel=CancelToken(), notice=ignore
    )
    with InstalledRelease(install=install).open(request) as environment:
        assert (environment.toolchain.build, read) == ("described", [False])
        found = environment.runner(runner)
    assert isinstance(found, ToolStepRunner)
    assert (found.toolchain.build, read) == ("read", [False, True])
