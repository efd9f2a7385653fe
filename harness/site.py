"""Where the steps of a run are done: what a session asks for, what it gets, and this machine as such a place."""

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness import toolchain
from harness.devices import Gpu
from harness.model import Case
from harness.process import Cancel
from harness.run import Doer
from harness.steps import Steps
from harness.store import Store
from harness.toolchain import Toolchain


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a site is wanted for. All paths are absolute; `folders` are read, the store and `out_dir` written."""

    cases: Sequence[Case]
    folders: Sequence[Path]
    store: Store
    out_dir: Path
    timeout_s: float
    gpus: Sequence[Gpu]
    cancel: Cancel
    notice: Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A place with an IREE release.

    `facts` are what results quote of it beside the engine and the release; `hand_over` turns what does steps here into
    what has them done there.
    """

    name: str
    toolchain: Toolchain
    facts: Mapping[str, Any]
    hand_over: Callable[[Steps], Doer]


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """Where a site is to be had: in a `container` or `local`. `open` has it, which may fail."""

    engine: str
    open: Callable[[Order], AbstractContextManager[Site]]
    prepare: Callable[[Store, Cancel, Callable[[str], None]], None] = lambda _store, _cancel, _notice: None


def installed(release: str, *, offline: bool) -> Provider:
    """Return what provides this machine with a locked release."""

    def provide(order: Order) -> Toolchain:
        return toolchain.installed(release, order.store, offline=offline, cancel=order.cancel, notice=order.notice)

    return _here(provide)


def found(folder: Path | None, search_path: str) -> Provider:
    """Return what provides this machine with the IREE that it has."""
    return _here(lambda order: toolchain.found(folder, search_path, order.store))


def _here(provide: Callable[[Order], Toolchain]) -> Provider:
    @contextlib.contextmanager
    def site(order: Order) -> Iterator[Site]:
        yield Site(name="local", toolchain=provide(order), facts={}, hand_over=lambda steps: steps)

    return Provider(engine="local", open=site)
