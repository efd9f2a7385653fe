"""A real registry of images on 127.0.0.1, ended by its process id, nothing left behind."""

import contextlib
import socket
from collections.abc import Iterator

from tests.integration.engines import begun, lent_folder
from tests.integration.laboratory import wait_for

_REGISTRY = """
version: 0.1
log: {{level: warn}}
storage: {{filesystem: {{rootdirectory: {folder}/data}}, delete: {{enabled: true}}}}
http: {{addr: "127.0.0.1:{port}"}}
"""


@contextlib.contextmanager
def registry() -> Iterator[str]:
    """Have an empty registry, and yield its `HOST:PORT`."""
    with lent_folder() as folder:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        config = folder / "registry.yml"
        config.write_text(_REGISTRY.format(folder=folder, port=port))
        with begun(["docker-registry", "serve", str(config)], folder, {}):
            wait_for(lambda: _answers(port))
            yield f"127.0.0.1:{port}"


def _answers(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0
