"""What the unit tests share."""

import gc
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from harness.store.store import Store
from tests.unit.daemons import left_to_the_collector

# No example has a deadline: a busy machine is no bug. The number keeps the unit tests short;
# CI has the time for more.
settings.register_profile("harness", max_examples=100 if os.environ.get("CI") else 25, deadline=None)
settings.load_profile("harness")

# Collections of garbage are a tenth of the time: what all these tests import and report is looked through each time.
gc.set_threshold(50_000, 20, 20)


@pytest.fixture(scope="module")
def _sdk() -> Iterator[None]:
    """Leave nothing of docker's SDK open for another module to hear of."""
    with left_to_the_collector():
        yield


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Return a store that is not there yet."""
    return Store(tmp_path / "store")


@pytest.fixture
def public_dir() -> Iterator[Path]:
    """Make a folder that every user may enter, unlike pytest's."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)
