"""Both providers are fakes of the protocol; the choice between them is what is tested."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from harness.containers.auto_provider import AutoProvider, Choice
from harness.core.callbacks import Notice
from harness.core.cases import Release
from harness.core.errors import DiskError, EngineError, FetchError, HarnessError
from harness.host.cancel import CancelToken
from harness.iree.toolchain import Toolchain
from harness.pipeline.environment import Environment, EnvironmentRequest
from harness.store.store import Store

NOWHERE = Path("/nowhere")
TOOLS = Toolchain(
    release=Release(name="3.13.0"),
    iree_compile=NOWHERE,
    iree_run_module=NOWHERE,
    iree_dump_module=NOWHERE,
    compiler_commit=None,
    runtime_commit=None,
    build="",
    runtime_build="",
)
DIGEST = "@sha256:" + "ab" * 32


@dataclass(kw_only=True)
class Fake:
    """A provider whose uses fail as told, in this order; it notes what it did."""

    engine: str
    failures: list[HarnessError | None] = field(default_factory=list)
    did: list[str] = field(default_factory=list)

    def prepare(self, _store: Store, _cancel: CancelToken, _notice: Notice) -> None:
        self._do("prepare")

    @contextlib.contextmanager
    def open(self, _request: EnvironmentRequest) -> Iterator[Environment]:
        self._do("open")
        yield Environment(name=self.engine, toolchain=TOOLS)
        self.did.append("closed")

    def _do(self, what: str) -> None:
        self.did.append(what)
        if self.failures and (failure := self.failures.pop(0)):
            raise failure


@dataclass
class Machine:
    """A provider of both, and what the user was told."""

    container: Fake
    choice: Choice = field(default_factory=Choice)
    local: Fake = field(default_factory=lambda: Fake(engine="local"))
    told: list[str] = field(default_factory=list)

    @property
    def auto(self) -> AutoProvider:
        return AutoProvider(container=self.container, local=self.local, choice=self.choice)

    def opened(self, tmp_path: Path) -> str:
        wanted: dict[str, Any] = {"cases": (), "folders": (), "gpus": (), "out_dir": tmp_path}
        request = EnvironmentRequest(store=Store(tmp_path), cancel=CancelToken(), notice=self.told.append, **wanted)
        with self.auto.open(request) as environment:
            return environment.name

    def prepare(self, tmp_path: Path) -> None:
        self.auto.prepare(Store(tmp_path), CancelToken(), self.told.append)


def failing(*failures: HarnessError | None) -> Machine:
    return Machine(container=Fake(engine="container", failures=list(failures)))


def test_a_container_if_it_can_be_had(tmp_path: Path) -> None:
    machine = failing()
    assert machine.auto.engine == "container"
    assert machine.opened(tmp_path) == machine.auto.engine == "container"
    assert (machine.container.did, machine.local.did, machine.told) == (["open", "closed"], [], [])


@pytest.mark.parametrize("error", [EngineError, FetchError])
def test_this_machine_otherwise_with_one_line(tmp_path: Path, error: type[HarnessError]) -> None:
    machine = failing(error(f"Cannot pull h/python{DIGEST}: no such host."))
    machine.prepare(tmp_path)
    assert machine.opened(tmp_path) == machine.opened(tmp_path) == machine.auto.engine == "local"
    assert machine.container.did == ["prepare"]
    assert machine.told == ["no container: Cannot pull h/python: no such host. Models run on this machine."]


def test_the_line_has_the_cause_without_the_advice(tmp_path: Path) -> None:
    error = EngineError("The base image is missing. Cannot pull h/n: not found. Use --engine local.")
    error.__cause__ = EngineError("Cannot pull h/n: not found.")
    machine = failing(error)
    assert machine.opened(tmp_path) == "local"
    assert machine.told == ["no container: Cannot pull h/n: not found. Models run on this machine."]


def test_once_in_a_container_always_in_a_container(tmp_path: Path) -> None:
    machine = failing(None, EngineError("It ended."))
    assert machine.opened(tmp_path) == "container"
    with pytest.raises(EngineError, match="It ended"):
        machine.opened(tmp_path)
    assert (machine.local.did, machine.told) == ([], [])


def test_another_error_is_no_reason(tmp_path: Path) -> None:
    machine = failing(DiskError("The disk is full."))
    with pytest.raises(DiskError):
        machine.opened(tmp_path)
    assert machine.local.did == []
