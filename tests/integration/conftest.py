"""What the integration tests share: real toolchains in one store, and a laboratory for specs."""

from collections.abc import Callable
from pathlib import Path

import pytest

from harness import releases
from harness import toolchain as toolchains
from harness.store import Store
from harness.toolchain import Toolchain
from tests.integration.laboratory import Laboratory


@pytest.fixture(scope="session")
def store_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the store of the whole test run, which has the newest release already: no test waits for an index."""
    folder = tmp_path_factory.mktemp("store")
    toolchains.installed(releases.newest().name, Store(folder))
    return folder


@pytest.fixture(scope="session")
def toolchain(store_dir: Path) -> Callable[[str], Toolchain]:
    """Return a function from a release to its installed toolchain."""
    store = Store(store_dir)
    return lambda release: toolchains.installed(release, store)


@pytest.fixture
def lab(tmp_path: Path, store_dir: Path) -> Laboratory:
    """Return an empty folder of specs in which the real command can be run."""
    return Laboratory(tmp_path, store_dir)
