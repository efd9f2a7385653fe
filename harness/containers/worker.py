"""The program in a container: does the steps that the harness sends, with the toolchain of the image.

    argv: FOLDER STORE OUT TIMEOUT_S    it listens at FOLDER/socket and logs to FOLDER/log

On the first connection it sends a Hello; the worker exits when that connection ends. Each other connection is for one
step; if it ends before the reply, the step is stopped.
"""

import dataclasses
import os
import socket  # noqa: TID251 - of this machine, not of a network
import sys
import threading
from pathlib import Path
from typing import IO

from harness.containers import manifest, protocol
from harness.core.blobs import Blob, Fetched
from harness.host import devices
from harness.host.process import CancelToken
from harness.iree.toolchain import Toolchain
from harness.pipeline.step_runner import LocalStepRunner
from harness.store.store import Store

SOCKET, LOG = "socket", "log"
_CALLED_WITHIN_S = 60.0


def main() -> None:
    """Serve until the harness closes the first connection."""
    folder, store, out, timeout_s = sys.argv[1:]
    os.chdir(folder)  # the path of a socket has at most 107 bytes
    os.dup2(os.open(LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644), sys.stderr.fileno())
    image = manifest.of_this_image()
    runner = _runner(image.toolchain, Path(store), Path(out), float(timeout_s))
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(SOCKET)
        listener.listen(64)
        listener.settimeout(_CALLED_WITHIN_S)
        first, _ = listener.accept()
        listener.settimeout(None)
        first.sendall(protocol.line(protocol.Hello(manifest=image)))
        threading.Thread(target=_exit_after, args=(first,), daemon=True).start()
        while True:
            threading.Thread(target=_serve, args=(runner, listener.accept()[0]), daemon=True).start()


def _runner(toolchain: Toolchain, store: Path, out: Path, timeout_s: float) -> LocalStepRunner:
    return LocalStepRunner(
        store=Store(store),
        fetch=_fetch,
        toolchain=toolchain,
        host_cpu=devices.cpu_identity(),
        out_dir=out,
        timeout_s=timeout_s,
    )


def _fetch(blob: Blob) -> Fetched:
    raise NotImplementedError(f"{blob.name}: blobs are downloaded outside of the container")


def _exit_after(first: socket.socket) -> None:
    first.recv(1)
    os._exit(0)  # the end of the container ends the tools that still run


def _serve(runner: LocalStepRunner, connection: socket.socket) -> None:
    cancel = CancelToken()
    with connection, connection.makefile("rb") as file:
        request = protocol.read(protocol.Request, file.readline())
        threading.Thread(target=_stop_after, args=(file, cancel), daemon=True).start()
        try:
            result = dataclasses.replace(runner, cancel=cancel).run(request.step, request.results, request.gpus)
            if not cancel.is_set():
                connection.sendall(protocol.line(protocol.Reply(result=result)))
        finally:
            connection.shutdown(socket.SHUT_RDWR)  # closing the file would wait for the thread that reads from it


def _stop_after(file: IO[bytes], cancel: CancelToken) -> None:
    file.read(1)
    cancel.set()


if __name__ == "__main__":
    main()
