"""What `harness.host.beneath` does with names in a folder that is open: nothing here follows a link."""

import contextlib
import errno
import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NoReturn

IS_LINK = "a symbolic link where the harness keeps its own files; remove the link"
FILE = os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK  # opening a FIFO must not wait for its other end
_FOLDER = os.O_NOFOLLOW | os.O_CLOEXEC | os.O_DIRECTORY


def check_regular(state: os.stat_result, name: str) -> None:
    """Raise OSError if something is no regular file."""
    if stat.S_ISLNK(state.st_mode):
        raise OSError(errno.ELOOP, IS_LINK, name)
    if not stat.S_ISREG(state.st_mode):
        raise OSError(errno.EISDIR, "not a regular file; remove it", name)


def raise_told(error: OSError, path: Path) -> NoReturn:
    """Raise an error that names a path in place of a name in a folder."""
    if error.__cause__:
        raise error  # it names the other path already
    raise OSError(error.errno, IS_LINK if error.errno == errno.ELOOP else error.strerror, str(path)) from error


def create(name: str, parent: int, content: bytes | Iterable[bytes]) -> None:
    """Write a new file."""
    descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | FILE, 0o666, dir_fd=parent)
    if not isinstance(content, bytes):
        with os.fdopen(descriptor, "wb") as file:
            file.writelines(content)
        return
    try:
        while content:
            content = content[os.write(descriptor, content) :]
    finally:
        os.close(descriptor)


def opened(name: str, parent: int, access: int, *, makes: bool = False) -> int:
    """Return a descriptor of a folder, made if `makes`; say of a link that it is one (the system says ENOTDIR)."""
    try:
        return os.open(name, access | _FOLDER, dir_fd=parent)
    except FileNotFoundError:
        if not makes:
            raise
        with contextlib.suppress(FileExistsError):
            os.mkdir(name, dir_fd=parent)
        return opened(name, parent, access)
    except NotADirectoryError:
        if stat.S_ISLNK(os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode):
            raise OSError(errno.ELOOP, IS_LINK, name) from None
        raise


def listed(folder: int, path: Path) -> list[tuple[Path, os.stat_result]]:
    """Return what is in an open folder, in order."""
    found = []
    with os.scandir(folder) as entries:
        for each in sorted(entries, key=lambda each: each.name):
            with contextlib.suppress(FileNotFoundError):
                found.append((path / each.name, each.stat(follow_symlinks=False)))
    return found


def leaves(folder: int, above: str) -> Iterator[tuple[str, os.stat_result]]:
    """Yield all but folders below an open folder, in order."""
    for name in sorted(os.listdir(folder)):
        try:
            state = os.stat(name, dir_fd=folder, follow_symlinks=False)
            if not stat.S_ISDIR(state.st_mode):
                yield f"{above}{name}", state
                continue
            inner = opened(name, folder, os.O_RDONLY)
        except (FileNotFoundError, NotADirectoryError):
            continue
        try:
            yield from leaves(inner, f"{above}{name}/")
        finally:
            os.close(inner)


def below(folder: int, path: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """Yield all that is below an open folder; what is no folder any more has nothing below it."""
    for each, state in listed(folder, path):
        yield each, state
        if stat.S_ISDIR(state.st_mode):
            try:
                inner = opened(each.name, folder, os.O_RDONLY)
            except (FileNotFoundError, NotADirectoryError):
                continue
            except OSError as error:
                raise_told(error, each)
            try:
                yield from below(inner, each)
            finally:
                os.close(inner)


def remove(name: str, parent: int) -> None:
    """Remove a file, a link itself, or a folder with what is in it, as far as the system allows."""
    if not stat.S_ISDIR(os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode):
        os.unlink(name, dir_fd=parent)
        return
    folder = opened(name, parent, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):
            os.fchmod(folder, 0o700)  # a folder that is read-only keeps its files
        with os.scandir(folder) as found:
            names = [each.name for each in found]
        for each in names:
            with contextlib.suppress(OSError):
                remove(each, folder)
    finally:
        os.close(folder)
    os.rmdir(name, dir_fd=parent)
