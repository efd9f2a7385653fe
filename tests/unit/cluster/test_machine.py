"""What a worker says of itself."""

from pathlib import Path
from typing import Any

from harness.cluster.machine import Machine
from harness.core.settings import ContainerSettings, FetchSettings


def identity(folder: Path, engine: str, image: str | None = None) -> str:
    unused: Any = None
    container = ContainerSettings(engine=engine, image=image)
    machine = Machine(fetch=FetchSettings(store=folder), container=container, provider=unused, notice=unused)
    return machine.offer().drivers["hip"]


def test_passed_runs_are_those_of_the_same_engine_and_image(tmp_path: Path) -> None:
    """What `--reuse-passed` compares of a worker differs if its steps run in something else."""
    local, docker = identity(tmp_path, "local"), identity(tmp_path, "docker")
    assert len({local, docker, identity(tmp_path, "docker", "cpu-debian")}) == 3
    assert identity(tmp_path, "local") == local
