"""Where the steps of a run are done: what a session asks for, what it gets, and this machine as such a place."""

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.core.cases import Case
from harness.host.devices import Gpu
from harness.host.process import CancelToken
from harness.iree import toolchain
from harness.iree.toolchain import Toolchain
from harness.pipeline.executor import StepRunner
from harness.pipeline.step_runner import LocalStepRunner
from harness.store.store import Store

Notice = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a site is wanted for. All paths are absolute; `folders` are read, the store and `out_dir` written."""

    cases: Sequence[Case]
    folders: Sequence[Path]
    store: Store
    out_dir: Path
    timeout_s: float
    gpus: Sequence[Gpu]
    cancel: CancelToken
    notice: Notice


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A place with an IREE release.

    `facts` are what results quote of it beside the engine and the release; `hand_over` turns what does steps here into
    what has them done there.
    """

    name: str
    toolchain: Toolchain
    facts: Mapping[str, Any]
    hand_over: Callable[[LocalStepRunner], StepRunner]


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """Where a site is to be had: in a `container` or `local`. `open` has it, which may fail.

    `prepare` has, which may fail too, all that takes long to be had before: the toolchain, or the image.
    """

    engine: str
    open: Callable[[Order], AbstractContextManager[Site]]
    prepare: Callable[[Store, CancelToken, Notice], None] = lambda _store, _cancel, _notice: None


def installed(provide: Callable[[Store, CancelToken, Notice], Toolchain]) -> Provider:
    """Return what provides this machine with a release that is installed for it."""

    def prepare(store: Store, cancel: CancelToken, notice: Notice) -> None:
        provide(store, cancel, notice)

    return Provider(engine="local", open=_here(provide), prepare=prepare)


def found(folder: Path | None, search_path: str) -> Provider:
    """Return what provides this machine with the IREE that it has, for which there is nothing to prepare."""
    return Provider(engine="local", open=_here(lambda store, *_: toolchain.found(folder, search_path, store)))


def _here(
    provide: Callable[[Store, CancelToken, Notice], Toolchain],
) -> Callable[[Order], AbstractContextManager[Site]]:
    @contextlib.contextmanager
    def site(order: Order) -> Iterator[Site]:
        tools = provide(order.store, order.cancel, order.notice)
        yield Site(name="local", toolchain=tools, facts={}, hand_over=lambda steps: steps)

    return site
