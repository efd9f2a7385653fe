"""What the integration tests share: real toolchains in one store, and a laboratory for specs."""

import http.server
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from harness import releases
from harness import toolchain as toolchains
from harness.blobs import objects
from harness.serve import serving
from harness.store import Store
from harness.toolchain import Toolchain
from tests.integration.bench import PROXIES, Bench
from tests.integration.faulty_server import FaultyServer
from tests.integration.hosts import OF_THIS_MACHINE, Fetch, fetch_into
from tests.integration.laboratory import Laboratory
from tests.integration.shelf import BODY, URL, client_of, keep


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
    objects._shared.cache_clear()
    yield monkeypatch
    objects._shared.cache_clear()


@pytest.fixture
def fetch(tmp_path: Path) -> Fetch:
    """Return a function that fetches a URL into a store of the test."""
    return fetch_into(tmp_path / "store")
