#!/usr/bin/python3.13
"""What a hostile model may try, as a program that is started in the place of iree-run-module.

The first number of the first input says which try it is; it prints `NAME: what happened`, one line for each of them.
"""

import contextlib
import ctypes
import os
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

INNOCENT, LOOK, LINK, FIFO, FOLDER, SOCKET, SPARSE, DAEMON, STOPPER, KILLER = range(1, 11)
_LIBC = ctypes.CDLL(None, use_errno=True)
_OUTPUT = Path("0.npy")


def main() -> None:
    """Do what the first number says."""
    (number,) = struct.unpack("<f", Path("input.0.bin").read_bytes()[:4])
    actions: dict[int, Callable[[], object]] = {
        INNOCENT: innocent,
        LOOK: look,
        LINK: lambda: _OUTPUT.symlink_to("/etc/passwd"),
        FIFO: lambda: os.mkfifo(_OUTPUT),
        FOLDER: _OUTPUT.mkdir,
        SOCKET: lambda: socket.socket(socket.AF_UNIX).bind(str(_OUTPUT)),
        SPARSE: sparse,
        DAEMON: daemon,
        STOPPER: stopper,
        KILLER: lambda: os.kill(os.getppid(), signal.SIGKILL),
    }
    actions[int(number)]()


def innocent() -> None:
    """Be the model, after a while in which others can try something."""
    time.sleep(1.5)
    os.execv(sys.argv[1], sys.argv[1:])  # noqa: S606


def sparse() -> None:
    """Write an output of eight terabytes that takes no space."""
    _OUTPUT.touch()
    os.truncate(_OUTPUT, 1 << 43)


def daemon() -> None:
    """Leave processes behind: one that overwrites all outputs that it can find, and one that is ever another."""
    if os.fork() == 0:
        os.setsid()
        _LIBC.prctl(15, b"a\x0bb\x0cUid:\r1", 0, 0, 0)  # PR_SET_NAME: lines that are none
        if os.fork() == 0:
            while os.fork() == 0:
                os.setsid()
            os._exit(0)
        if os.fork() == 0:
            while True:
                for path in (*Path("/work").glob("*/0.npy"), *Path("/proc").glob("[0-9]*/cwd/0.npy")):
                    with contextlib.suppress(OSError):
                        path.write_bytes(b"\x93NUMPY")
        os._exit(0)


def stopper() -> None:
    """Stop the process that waits for this one, and go on for ever."""
    os.kill(os.getppid(), signal.SIGSTOP)
    time.sleep(3600)


def look() -> None:
    """Try what a program may not do."""
    for name, work in TRIES.items():
        try:
            outcome = str(work())
        except Exception as error:  # noqa: BLE001 - whatever it is
            outcome = type(error).__name__
        print(f"{name}: {outcome}")  # noqa: T201


def _folder(offset: int) -> Path:
    return Path(f"/work/{os.getuid() + offset}")


def _others() -> Iterator[int]:
    """Yield the processes of other users."""
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if path.stat().st_uid != os.getuid():
                yield int(path.name)


def _succeeded(work: Callable[[int], object]) -> list[int]:
    """Return the processes of others with which something succeeds."""
    found = []
    for pid in _others():
        with contextlib.suppress(OSError):
            work(pid)
            found.append(pid)
    return found


def _called(name: str, *arguments: object) -> None:
    """Call a function of the C library, or raise OSError."""
    if getattr(_LIBC, name)(*arguments) == -1:
        raise OSError(ctypes.get_errno(), name)


def _written(*places: str) -> list[str]:
    found = []
    for place in places:
        with contextlib.suppress(OSError):
            Path(place, "mark").write_text("")
            found.append(place)
    return found


def _inherited() -> list[int]:
    return [int(path.name) for path in list(Path("/proc/self/fd").iterdir()) if int(path.name) > 2]


def _reopened(flags: int) -> list[str]:
    """Return the inherited files that can be opened once more in some way."""
    found = []
    for each in _inherited():
        with contextlib.suppress(OSError):
            os.close(os.open(f"/proc/self/fd/{each}", flags))
            found.append(str(Path(f"/proc/self/fd/{each}").readlink()))
    return [name for name in found if name.startswith("/")]


def _left() -> list[int]:
    """Return the inherited files from which a folder above them can be opened."""
    found = []
    for each in _inherited():
        with contextlib.suppress(OSError):
            os.close(os.open("..", os.O_RDONLY, dir_fd=each))
            found.append(each)
    return found


def _overwritten() -> list[int]:
    found = []
    for each in _inherited():
        with contextlib.suppress(OSError):
            os.pwrite(each, b"x", 0)
            found.append(each)
    return found


def _connected(address: tuple[str, int] | str, family: int = socket.AF_INET) -> str:
    with socket.socket(family) as connection:
        connection.settimeout(2)
        connection.connect(address)
    return "connected"


def _status(name: str) -> str:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(line.split()[1] for line in lines if line.startswith(f"{name}:"))


def _by_setuid_programs() -> str:
    """Return the user that a program with the setuid bit becomes."""
    programs = [path for path in Path("/usr/bin").iterdir() if path.stat().st_mode & 0o4000]
    copy = Path("id")
    copy.write_bytes(Path("/usr/bin/id").read_bytes())
    copy.chmod(0o4755)
    return (
        f"{subprocess.run(['./id', '-u'], capture_output=True, text=True, check=True).stdout.strip()} {len(programs)}"
    )


TRIES: dict[str, Callable[[], object]] = {
    "user": os.getuid,
    "effective capabilities": lambda: _status("CapEff"),
    "permitted capabilities": lambda: _status("CapPrm"),
    "ambient capabilities": lambda: _status("CapAmb"),
    "bounding capabilities": lambda: _status("CapBnd"),
    "no new privileges": lambda: _status("NoNewPrivs"),
    "seccomp": lambda: _status("Seccomp"),
    "become root": lambda: os.setuid(0),
    "become another user": lambda: os.setuid(os.getuid() + 1),
    "become another group": lambda: os.setgid(0),
    "become root by a program": _by_setuid_programs,
    "list the folders of others": lambda: list(Path("/work").iterdir()),
    "enter the folders of others": lambda: [list(path.iterdir()) for path in map(_folder, (-2, -1, 1, 2))],
    "read its own log": lambda: Path(f"{_folder(0)}.log").read_text(),
    "write beside its folder": lambda: _written("/work", "..", "/run/iree-quality"),
    "call the harness": lambda: _connected("/run/iree-quality/socket", socket.AF_UNIX),
    "read the worker's log": lambda: Path("/run/iree-quality/log").read_text(),
    "write the worker's log": lambda: Path("/run/iree-quality/log").open("a").close(),
    "kill others": lambda: _succeeded(lambda pid: os.kill(pid, signal.SIGKILL)),
    "stop others": lambda: _succeeded(lambda pid: os.kill(pid, signal.SIGSTOP)),
    "trace others": lambda: _succeeded(lambda pid: _called("ptrace", 16, pid, None, None)),
    "read the memory of others": lambda: _succeeded(lambda pid: Path(f"/proc/{pid}/mem").open("rb").close()),
    "read the environment of others": lambda: _succeeded(lambda pid: Path(f"/proc/{pid}/environ").read_bytes()),
    "enter the folders of others' processes": lambda: _succeeded(lambda pid: list(Path(f"/proc/{pid}/cwd").iterdir())),
    "take the files of others' processes": lambda: _succeeded(lambda pid: list(Path(f"/proc/{pid}/fd").iterdir())),
    "overwrite what it may read": _overwritten,
    "open what it may read for writing": lambda: _reopened(os.O_RDWR),
    "truncate what it may read": lambda: _reopened(os.O_RDONLY | os.O_TRUNC),
    "leave what it may read": _left,
    "write the image": lambda: _written("/", "/etc", "/usr", "/opt/iree-quality", "/opt/iree-quality/bin"),
    "write the kernel's settings": lambda: _written("/proc/sys/kernel", "/sys", "/sys/fs/cgroup"),
    "mount": lambda: _called("mount", b"tmpfs", b"/mnt", b"tmpfs", 0, None),
    "leave the root": lambda: os.chroot("."),
    "make a device": lambda: os.mknod("device", 0o60600, os.makedev(254, 0)),
    "open the disks of the machine": lambda: [each for each in Path("/dev").iterdir() if each.is_block_device()],
    "interfaces": lambda: [name for _, name in socket.if_nameindex() if name != "lo"],
    "call the machine": lambda: _connected(("127.0.0.1", int(os.environ.get("PORT", "22")))),
    "call the engine": lambda: [
        each for each in ("/var/run/docker.sock", "/run/podman/podman.sock") if Path(each).exists()
    ],
    "find the store": lambda: [
        line for line in Path("/proc/self/mountinfo").read_text().splitlines() if "/store" in line.split()[4]
    ],
}


if __name__ == "__main__":
    main()
