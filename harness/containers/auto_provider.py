"""Provides containers where the engine is `auto`, and this machine if there is no image or no container can start."""

import contextlib
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

from harness.core.callbacks import Notice
from harness.core.errors import EngineError, FetchError, NoVerdictError
from harness.core.values import frozen
from harness.host.cancel import CancelToken
from harness.pipeline.environment import Environment, EnvironmentProvider, EnvironmentRequest
from harness.store.store import Store

_T = TypeVar("_T")
_DIGEST = re.compile(r"@sha256:[0-9a-f]{64}")


@dataclass(slots=True)
class Choice:
    """Where models run, which the first attempt decides for the whole command.

    Attributes:
        place: `container` or `local`; empty until it is decided.
    """

    place: str = ""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def decide(self, place: str) -> bool:
        """Decide, unless it is decided, and return whether this call did."""
        with self._lock:
            is_new = not self.place
            self.place = self.place or place
        return is_new


@frozen
class AutoProvider:
    """Provides environments of one provider, or of another if the first attempt with the one fails.

    Attributes:
        container: provides containers.
        local: provides this machine.
        choice: shared by all providers of a command.
    """

    container: EnvironmentProvider
    local: EnvironmentProvider
    choice: Choice

    @property
    def engine(self) -> str:
        """`container` or `local`."""
        return self.choice.place or "container"

    def prepare(self, store: Store, cancel: CancelToken, notice: Notice) -> None:
        """Provide the image, or else install the release."""
        self._chosen(lambda each: each.prepare(store, cancel, notice), notice)

    @contextlib.contextmanager
    def open(self, request: EnvironmentRequest) -> Iterator[Environment]:
        """Start a container, or else use this machine."""
        with contextlib.ExitStack() as stack:
            yield self._chosen(lambda each: stack.enter_context(each.open(request)), request.notice)

    def _chosen(self, use: Callable[[EnvironmentProvider], _T], notice: Notice) -> _T:
        if self.choice.place != "local":
            try:
                used = use(self.container)
            except (EngineError, FetchError) as error:
                self._fall_back(error, notice)
            else:
                self.choice.decide("container")
                return used
        return use(self.local)

    def _fall_back(self, error: NoVerdictError, notice: Notice) -> None:
        """Decide for this machine; raise the error if containers were chosen."""
        if self.choice.decide("local"):
            notice(told(str(error.__cause__ if isinstance(error.__cause__, NoVerdictError) else error)))
        if self.choice.place != "local":
            raise error


def told(reason: str) -> str:
    """Return the line that says why models do not run in a container."""
    return f"no container: {_DIGEST.sub('', reason).rstrip('.')}. Models run on this machine."
