"""What the integration tests share: real toolchains in one store, and a laboratory for specs."""

import contextlib
import functools
import http.server
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest

from harness.fetch import object_stores
from harness.fetch.mirror_server import serving
from harness.importers import environment
from harness.importers.environment import ImporterEnvironment
from harness.importers.frameworks import Framework
from harness.iree import releases
from harness.iree import toolchain as toolchains
from harness.iree.toolchain import Toolchain
from harness.store.store import Store
from tests import original_suite
from tests.conftest import LEFT_OUT, NO_VULKAN, leave_out
from tests.integration import engines, hip, onnx_models, registries
from tests.integration.bench import PROXIES, Bench
from tests.integration.dock import Dock, Supplies, Yard, hand_over, open_folder, supplies
from tests.integration.faulty_server import FaultyServer
from tests.integration.hosts import OF_THIS_MACHINE, Fetch, fetch_into
from tests.integration.laboratory import Laboratory
from tests.integration.range_server import RangeServer
from tests.integration.shelf import BODY, URL, client_of, keep
from tests.integration.stand_ins import catalogue as stand_ins
from tests.integration.stand_ins import tuners

_TORCH_INDEX = "https://download.pytorch.org/whl/cpu"


class _Silent(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture(scope="session")
def store_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the store of the whole test run, which has the newest release already: no test waits for an index."""
    folder = tmp_path_factory.mktemp("store")
    toolchains.installed(releases.find(releases.newest().name), Store(folder))
    return folder


@pytest.fixture(scope="session")
def toolchain(store_dir: Path) -> Callable[[str], Toolchain]:
    """Return a function from a release to its installed toolchain."""
    store = Store(store_dir)
    return lambda release: toolchains.installed(releases.find(release), store)


@pytest.fixture(scope="session")
def hip_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the HIP runtime of the tests."""
    return hip.build(tmp_path_factory.mktemp("hip"))


@pytest.fixture(scope="session")
def importer(store_dir: Path) -> ImporterEnvironment:
    """Return the environment that imports ONNX files."""
    return environment.installed(Framework.ONNX, releases.find(releases.newest().name), Store(store_dir))


@pytest.fixture(scope="session")
def jax_ready(store_dir: Path) -> None:
    """Install what exports JAX functions."""
    environment.installed(Framework.JAX, releases.find(releases.newest().name), Store(store_dir))


@pytest.fixture(scope="session")
def torch_mirror(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the option that names a mirror with the wheel of PyTorch, which pip finds wherever it looks."""
    folder = tmp_path_factory.mktemp("wheels")
    argv = [
        "download",
        "--quiet",
        "--quiet",
        "--retries=1",
        "--no-deps",
        "--extra-index-url",
        _TORCH_INDEX,
        "--dest",
        str(folder),
        "torch==2.13.0+cpu",
    ]
    subprocess.run([sys.executable, "-m", "pip", *argv], check=True)
    handler = functools.partial(_Silent, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"--mirror={_TORCH_INDEX}=http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="session")
def onnx_files(importer: ImporterEnvironment, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of ONNX files."""
    folder = tmp_path_factory.mktemp("onnx")
    argv = [sys.executable, "-BIS", onnx_models.__file__, str(importer.folder)]
    subprocess.run(argv, cwd=folder, check=True)
    return folder


@pytest.fixture
def lab(tmp_path: Path, store_dir: Path) -> Laboratory:
    """Return an empty folder of specs in which the real command can be run."""
    return Laboratory(tmp_path, store_dir)


@pytest.fixture(scope="session")
def host() -> Iterator[RangeServer]:
    """Return a host that has the stand-ins at the paths of the catalogue's URLs."""
    with stand_ins.host_of(stand_ins.contents(stand_ins.catalogue())) as server:
        yield server


@pytest.fixture(scope="session")
def tuned(tmp_path_factory: pytest.TempPathFactory) -> Sequence[str]:
    """Return the option that says where tuning specs are."""
    folder = tmp_path_factory.mktemp("external")
    tuners.write_tuners(folder)
    return ("--external-files", str(folder))


@pytest.fixture
def place(lab: Laboratory) -> Laboratory:
    """Return a laboratory whose specs are the repository's."""
    lab.specs = stand_ins.CATALOGUE
    return lab


@pytest.fixture
def original(lab: Laboratory) -> Laboratory:
    """Return a laboratory with the original suite's files."""
    original_suite.write(lab.root / "original", original_suite.documents())
    lab.specs = lab.root / "original"
    return lab


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """Return an empty store and a server that misbehaves on command, in an environment without proxies."""
    for name in (*PROXIES, "SSL_CERT_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))  # no certificate is needed, and to read them all takes long
    with FaultyServer() as server, Store(tmp_path / "store") as store:
        yield Bench(server=server, store=store)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """Return the address of a server that has the files of the folder `www`, and stalls below /stall."""
    folder = tmp_path / "www"
    folder.mkdir()

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments, directory=str(folder))

        def do_GET(self) -> None:
            if self.path.startswith("/stall"):
                self.send_response(200)
                self.send_header("Content-Length", "1000000")
                self.end_headers()
                self.wfile.write(b"x")
                released.wait(60)
            else:
                super().do_GET()

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    released = threading.Event()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as httpd:
        httpd.daemon_threads = True
        thread = threading.Thread(target=httpd.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{httpd.server_port}"
        released.set()
        httpd.shutdown()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Return a store that has one blob."""
    store = Store(tmp_path / "store")
    keep(store, BODY, URL)
    return store


@pytest.fixture
def said() -> list[str]:
    """Return the lines that the server of `served` says."""
    return []


@pytest.fixture
def served(store: Store, said: list[str]) -> Iterator[str]:
    """Return the URL at which the store with one blob is served."""
    with serving(store, "127.0.0.1", 0, said.append) as url:
        yield url


@pytest.fixture
def client(served: str) -> Iterator[httpx.Client]:
    """Return a client of that server."""
    with client_of(served) as client:
        yield client


@pytest.fixture
def own_environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """Hide what this machine has of proxies, certificates and credentials; what is lent says what there is."""
    for name in filter(OF_THIS_MACHINE.fullmatch, list(os.environ)):
        monkeypatch.delenv(name)
    object_stores._shared.cache_clear()
    yield monkeypatch
    object_stores._shared.cache_clear()


@pytest.fixture
def fetch(tmp_path: Path) -> Fetch:
    """Return a function that fetches a URL into a store of the test."""
    return fetch_into(tmp_path / "store")


def _be_able(name: str) -> None:
    """Leave a test out where no engine, or registry, can be started; in CI this is a failure."""
    if reason := engines.obstacle(name):
        leave_out(f"{LEFT_OUT}{name}: {reason}")


@pytest.fixture(scope="session")
def able_to_use_vulkan() -> None:
    """Leave a test out where Mesa's software driver for Vulkan is not installed; in CI this is a failure."""
    if not any(Path("/usr/share/vulkan/icd.d").glob("lvp_icd*.json")):
        leave_out(f"{NO_VULKAN}lvp_icd.json is not there")


@pytest.fixture(scope="session")
def able_to_start_containers() -> None:
    """Leave a test out where no engine can be started."""
    _be_able("docker")


@pytest.fixture(scope="session")
def image_supplies(tmp_path_factory: pytest.TempPathFactory, able_to_start_containers: None) -> Supplies:  # noqa: ARG001
    """Return what images are made of; all processes of a test run share it."""
    folder = tmp_path_factory.getbasetemp()
    shared = folder.parent if os.environ.get("PYTEST_XDIST_WORKER") else folder
    (shared / "images").mkdir(exist_ok=True)
    return supplies(shared / "images")


@pytest.fixture(scope="session")
def docks(image_supplies: Supplies) -> Iterator[Callable[[str], Dock]]:
    """Return a function from an engine's name to the engine, with a store of the user who asks it."""
    with contextlib.ExitStack() as stack:

        @functools.cache
        def dock(name: str) -> Dock:
            engine = engines.named(name)
            if engine is None:
                _be_able(name)
                engine = stack.enter_context(engines.START[name]())
            had = image_supplies
            if engine.user:
                folder = stack.enter_context(open_folder())
                had = Supplies(store_dir=folder / "store", containers=folder / "containers")
                shutil.copytree(image_supplies.store_dir, had.store_dir, ignore=shutil.ignore_patterns("tmp"))
                shutil.copytree(image_supplies.containers, had.containers)
                hand_over(folder, engine.user)
            return Dock(engine=engine, supplies=had, store_dir=had.store_dir)

        yield dock


@pytest.fixture(
    scope="session",
    params=list(engines.START),
)
def each_dock(request: pytest.FixtureRequest, docks: Callable[[str], Dock]) -> Dock:
    """Return each of the engines in turn, with the image for the CPU."""
    dock = docks(request.param)
    assert dock.tag
    return dock


@pytest.fixture(scope="session", params=["docker", "podman"])
def rootful(request: pytest.FixtureRequest, docks: Callable[[str], Dock]) -> Dock:
    """Return each of the engines that root has in turn, with the image for the CPU."""
    dock = docks(request.param)
    assert dock.tag
    return dock


@pytest.fixture(scope="session")
def dock(docks: Callable[[str], Dock]) -> Dock:
    """Return Docker, with the image for the CPU."""
    dock = docks("docker")
    assert dock.tag
    return dock


@pytest.fixture
def yards() -> Iterator[Callable[..., Yard]]:
    """Return a function that makes laboratories whose models run in containers.

    They are of the engine's user or of the one named; their stores are empty unless they are to build images.
    """
    with contextlib.ExitStack() as stack:

        def yard(dock: Dock, *, user: int | None = None, can_build: bool = False) -> Yard:
            folder = stack.enter_context(open_folder())
            store_dir = dock.store_dir if can_build else folder / "store"
            return Yard(folder, dock, dock.engine.user if user is None else user, store_dir)

        yield yard


@pytest.fixture
def registry() -> Iterator[str]:
    """Return the `HOST:PORT` of an empty registry."""
    _be_able("registry")
    with registries.registry() as place:
        yield place
