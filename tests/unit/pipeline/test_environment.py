"""A release is described at once, and read before its tools run; an environment has emulators of its own."""

import os
from collections.abc import Collection, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from harness.containers.container import ContainerEnvironment
from harness.core.callbacks import Notice, ignore
from harness.core.errors import DeviceError, FetchError, ToolError
from harness.core.settings import ContainerSettings, RunSettings, Settings
from harness.host.cancel import CancelToken
from harness.host.emulators import Emulator
from harness.iree import toolchain
from harness.iree.toolchain import Toolchain
from harness.pipeline import targets
from harness.pipeline.environment import Environment, EnvironmentRequest, InstalledRelease
from harness.pipeline.step_runner import ToolStepRunner
from harness.pipeline.tools import ToolRun
from harness.store.store import Store
from tests.unit.executors import steps


@pytest.fixture
def folders() -> list[Collection[str]]:
    """The folders of the release that were read, each time it was installed."""
    return []


@pytest.fixture
def local(tmp_path: Path, folders: list[Collection[str]]) -> Iterator[tuple[ToolStepRunner, Environment]]:
    """What does steps with a release, and this machine with that release."""
    runner = steps(tmp_path)
    root = tmp_path / "release"
    tools = replace(
        runner.toolchain,
        iree_compile=root / toolchain.PROGRAMS[0] / "iree-compile",
        iree_run_module=root / toolchain.PROGRAMS[1] / "iree-run-module",
    )

    def install(
        _store: Store, _cancel: CancelToken, _notice: Notice, *, read: Collection[str] = toolchain.PROGRAMS
    ) -> Toolchain:
        folders.append(read)
        if (root / "lost").exists():
            raise FetchError("Cannot download it.")
        return tools

    request = EnvironmentRequest(
        cases=(), folders=(), store=runner.store, out_dir=tmp_path, gpus=(), cancel=CancelToken(), notice=ignore
    )
    with InstalledRelease(install=install).open(request) as environment:
        found = environment.runner(runner)
        assert isinstance(found, ToolStepRunner)
        yield found, environment


def started(runner: ToolStepRunner, *argv: str | Path) -> None:
    """Start a tool that does not exist."""
    folder = runner.out_dir / "tool"
    folder.mkdir(parents=True, exist_ok=True)
    asked = ToolRun(argv=tuple(map(str, argv)), folder=folder, log_path=folder / "log", timeout_s=1)
    with pytest.raises(ToolError, match="Cannot start"):
        runner.tools.run(asked, CancelToken())


def test_a_release_is_read_before_its_tools_run_each_folder_once(
    local: tuple[ToolStepRunner, Environment], folders: list[Collection[str]]
) -> None:
    runner, _ = local
    of_compiler, of_runtime = toolchain.PROGRAMS
    assert folders == [()]
    started(runner, runner.toolchain.iree_run_module)
    assert folders == [(), [of_runtime]]
    started(runner, "no-such-wrapper", runner.toolchain.iree_compile)
    started(runner, runner.toolchain.iree_compile.with_name("iree-opt"))
    started(runner, runner.toolchain.iree_run_module.with_name("iree-dump-module"))
    assert folders == [(), [of_runtime], [of_compiler]]


def test_what_lists_devices_is_read_before_it_runs(
    local: tuple[ToolStepRunner, Environment], folders: list[Collection[str]], tmp_path: Path
) -> None:
    _, environment = local
    environment.lister(tmp_path, CancelToken()).vulkan([])
    assert folders == [(), [toolchain.PROGRAMS[1]]]


def test_a_release_that_cannot_be_installed_again_is_asked_for_once(
    local: tuple[ToolStepRunner, Environment], folders: list[Collection[str]]
) -> None:
    runner, _ = local
    lost = toolchain.folder(runner.toolchain) / "lost"
    lost.mkdir(parents=True)
    asked = ToolRun(argv=(str(runner.toolchain.iree_compile),), folder=lost, log_path=lost / "log", timeout_s=1)
    for _ in range(2):
        with pytest.raises(FetchError, match=r"^Cannot download it\.$"):
            runner.tools.run(asked, CancelToken())
    assert folders == [(), [toolchain.PROGRAMS[0]]]


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
