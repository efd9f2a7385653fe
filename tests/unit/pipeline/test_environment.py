"""A release is described at once, and read before anything of it runs; an environment has emulators of its own."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from harness.containers.container import ContainerEnvironment
from harness.core.callbacks import Notice, ignore
from harness.core.errors import DeviceError
from harness.core.settings import ContainerSettings, RunSettings, Settings
from harness.host.cancel import CancelToken
from harness.host.emulators import Emulator
from harness.iree.toolchain import Toolchain
from harness.pipeline import targets
from harness.pipeline.environment import Environment, EnvironmentRequest, InstalledRelease
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


def test_a_container_has_emulators_of_its_own(tmp_path: Path) -> None:
    mirage = Emulator(kind="mirage", root=Path("/r"), build="1", configs={"gfx942": Path("c")})
    here = Environment(name="docker", toolchain=steps(tmp_path).toolchain)
    inside = replace(here, emulators=(mirage,))
    assert inside.emulator(RunSettings()) is None
    assert inside.emulator(RunSettings(emulator="auto")) == mirage
    with pytest.raises(DeviceError, match=r"^No emulator of AMD GPUs: rocjitsu is not in docker\. Choose an image"):
        inside.emulator(RunSettings(emulator="rocjitsu"))
    with pytest.raises(DeviceError, match=rf"neither rocjitsu nor mirage is in {tmp_path}\."):
        here.emulator(RunSettings(emulator="auto", emulator_root=tmp_path))


def test_in_a_container_the_usual_chips_are_emulated() -> None:
    settings = Settings(run=RunSettings(emulator="auto"), container=ContainerSettings(engine="docker"))
    assert targets.emulated(settings.target, settings).chips == ("gfx942", "gfx950")


def test_a_container_has_the_memory_that_the_user_lets_it_use(tmp_path: Path) -> None:
    installed = steps(tmp_path).toolchain
    here = Environment(name="local", toolchain=installed).capacity(RunSettings(jobs=3))
    assert (here.compile, here.compare) == (3, len(os.sched_getaffinity(0)))
    assert here.memory_bytes
    small = ContainerEnvironment(name="c", toolchain=installed, image="i", run_words=(), memory_bytes=1 << 20)
    assert small.capacity(RunSettings(jobs=3)).memory_bytes == 1 << 20
    whole = ContainerEnvironment(name="c", toolchain=installed, image="i", run_words=())
    assert whole.capacity(RunSettings()).compile == here.compare
