"""A real registry of images on 127.0.0.1, ended by its process id, nothing left behind."""

import contextlib
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.integration.engines import begun, lent_folder
from tests.integration.laboratory import wait_for

_REGISTRY = """
version: 0.1
log: {{level: warn}}
storage: {{filesystem: {{rootdirectory: {folder}/data}}, delete: {{enabled: true}}}}
http: {{addr: "127.0.0.1:{port}"}}
"""


@dataclass(frozen=True, kw_only=True)
class Registry:
    """A registry: its `HOST:PORT`, and the folder with its data."""

    address: str
    data: Path

    def lie(self, digest: str, other: str) -> None:
        """Answer with another manifest to who asks for one by its digest."""
        asked, answered = (self._blob(each) for each in (digest, other))
        asked.write_bytes(answered.read_bytes())

    def _blob(self, digest: str) -> Path:
        algorithm, _, digits = digest.partition(":")
        return self.data / "docker/registry/v2/blobs" / algorithm / digits[:2] / digits / "data"


@contextlib.contextmanager
def registry() -> Iterator[str]:
    """Have an empty registry, and yield its `HOST:PORT`."""
    with open_registry() as found:
        yield found.address


@contextlib.contextmanager
def open_registry() -> Iterator[Registry]:
    """Have an empty registry whose data can be changed."""
    with lent_folder() as folder:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        config = folder / "registry.yml"
        config.write_text(_REGISTRY.format(folder=folder, port=port))
        with begun(["docker-registry", "serve", str(config)], folder, {}):
            wait_for(lambda: _answers(port))
            yield Registry(address=f"127.0.0.1:{port}", data=folder / "data")


def _answers(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0
