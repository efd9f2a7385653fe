"""What the servers of the tests share: real sockets on 127.0.0.1, in a thread of their own."""

import socketserver
import threading
from typing import Any, Self


class SocketServer(socketserver.ThreadingTCPServer):
    """A server whose handlers ask its owner."""

    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, owner: Any, handler: type[socketserver.BaseRequestHandler]) -> None:
        super().__init__(("127.0.0.1", 0), handler)
        self.owner = owner


class Running:
    """Serves from when it is entered until it is left."""

    def __init__(self, server: SocketServer) -> None:
        self._server = server
        self._thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.005})

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.end()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def end(self) -> None:
        """Let go of those who are being served."""
