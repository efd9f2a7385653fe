"""What the integration tests share: real toolchains in one store, and a laboratory for specs."""

import http.server
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from harness import releases
from harness import toolchain as toolchains
from harness.store import Store
from harness.toolchain import Toolchain
from tests.integration.bench import PROXIES, Bench
from tests.integration.faulty_server import FaultyServer
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
