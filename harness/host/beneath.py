"""Opens files beneath a folder of the harness, and never through a link that somebody put there.

Every part of a path is opened by its own name in the folder before it (`O_NOFOLLOW`), so a link that replaces a folder
meanwhile leads nowhere either. openat2(2) would save a few microseconds, and need a second way for systems without it.
"""

import contextlib
import errno
import os
import stat
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from harness.host import descriptors, files
from harness.host.kept_folders import KeptFolders

_ROOT = os.O_PATH | os.O_CLOEXEC | os.O_DIRECTORY

# A path that begins with that of a folder; or text, the names from there on, which takes less time for thousands.
Place = Path | str


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder of the harness. Methods take paths that begin with its own, or names from there on, and raise OSError.

    Attributes:
        path: the folder, which may itself be a link, because a user named it.
        descriptor: one of the folder, if `within` opened it; -1 if each method does.
        kept: the folders beneath that stay open.
    """

    path: Path
    descriptor: int = -1
    kept: KeptFolders | None = field(default=None, compare=False, repr=False)

    def within(self, path: Place, *, makes: bool = False) -> "_Within":
        """Yield a folder beneath, opened once for many methods, which then act on it even if it is moved.

        Args:
            path: the folder.
            makes: whether to make it, and those above it, unless they exist.
        """
        return _Within(self, path, makes=makes)

    def open(self, path: Place, flags: int = os.O_RDONLY) -> int:
        """Return a descriptor of a regular file."""
        return self.opened(path, flags)[0]

    def reader(self, path: Place) -> BinaryIO:
        """Return a file opened for reading."""
        return os.fdopen(self.open(path), "rb")

    def read(self, path: Place, limit_bytes: int) -> bytes:
        """Return the content of a file.

        Raises:
            UnreadableError: it has more than `limit_bytes`.
        """
        descriptor, state = self.opened(path, os.O_RDONLY)
        try:
            content = os.read(descriptor, min(state.st_size, limit_bytes) + 1)
            if len(content) == state.st_size <= limit_bytes:
                return content
            with os.fdopen(os.dup(descriptor), "rb") as file:  # it grew, or is too large
                file.seek(0)
                return files.content(file, limit_bytes)
        finally:
            os.close(descriptor)

    def new(self, path: Place) -> BinaryIO:
        """Return a new file, opened for writing, in the place of a file or link of its name."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        try:
            return os.fdopen(self.open(path, flags), "wb")
        except FileExistsError:
            with contextlib.suppress(FileNotFoundError), self._parent(path) as (folder, name):
                os.unlink(name, dir_fd=folder)
        return os.fdopen(self.open(path, flags), "wb")

    def appended(self, path: Place) -> BinaryIO:
        """Return a file opened for writing at its end."""
        return os.fdopen(self.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND), "ab")

    def create(self, path: Place, content: bytes) -> None:
        """Write a file, in the place of one of its name, before any process reads it: a crash may leave a part."""
        with self._parent(path) as (folder, name):
            try:
                descriptors.create(name, folder, content)
            except FileExistsError:
                os.unlink(name, dir_fd=folder)
                descriptors.create(name, folder, content)

    def write(self, path: Place, content: bytes | Iterable[bytes]) -> None:
        """Write a file, whole or in parts, in one step: no reader sees a part, and concurrent writers do not mix."""
        with self._parent(path) as (folder, name):
            temporary = f".{name}.{os.urandom(16).hex()}.tmp"
            try:
                descriptors.create(temporary, folder, content)
                os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
            except BaseException:
                with contextlib.suppress(OSError):
                    os.unlink(temporary, dir_fd=folder)
                raise

    def make(self, path: Place) -> None:
        """Create a folder and those above it, unless they exist."""
        self._left(self._made(self._names(path, or_itself=True)))

    def begin(self, path: Place) -> bool:
        """Create a folder in one that exists; return False if there is something of its name."""
        with self._parent(path) as (folder, name):
            try:
                os.mkdir(name, dir_fd=folder)
            except FileExistsError:
                return False
        return True

    def renew(self, path: Place) -> None:
        """Create an empty folder in one that exists, in the place of what has its name."""
        if not self.begin(path):
            self.remove(path)
            self.make(path)

    def state(self, path: Place) -> os.stat_result | None:
        """Return what stat(2) says of a file, folder or link itself; None if it does not exist."""
        if isinstance(path, Path) and not self._names(path, or_itself=True):
            return self.own_state()
        with contextlib.suppress(FileNotFoundError), self._parent(path) as (folder, name):
            try:
                return os.stat(name, dir_fd=folder, follow_symlinks=False)
            except FileNotFoundError:  # told at once, because to name the whole path takes longer than to look
                return None
        return None

    def may_have(self, path: Place) -> bool:
        """Return whether it is worth while to open a path: a quick look that follows links, for what does not."""
        try:
            os.lstat(self._path(path))
        except OSError:
            return False
        return True

    def state_of(self, opened: os.stat_result, path: Place) -> os.stat_result | None:
        """Return what stat(2) says now of an open file, if it is at a path; else None.

        Links may lead there: it was opened already, and through none.
        """
        try:
            state = os.lstat(self._path(path))
        except (FileNotFoundError, NotADirectoryError):
            return None
        return state if os.path.samestat(opened, state) else None

    def _path(self, path: Place) -> Place:
        """Return a path that the system can open; a name is one beneath this folder, which may be a relative path."""
        return f"{self.path}/{path}" if isinstance(path, str) else path

    def is_folder(self, path: Place) -> bool:
        """Return whether there is a folder, not a link to one."""
        state = self.state(path)
        return state is not None and stat.S_ISDIR(state.st_mode)

    def is_regular(self, path: Place) -> bool:
        """Return whether there is a regular file, not a link to one."""
        state = self.state(path)
        return state is not None and stat.S_ISREG(state.st_mode)

    def names(self) -> list[str]:
        """Return the names of all that is in the folder itself, in order."""
        with self._readable(self.path) as folder:
            return sorted(os.listdir(folder))  # noqa: PTH208 - it is a descriptor

    def leaves(self) -> dict[str, os.stat_result]:
        """Return all but folders below the folder itself, in order: by their paths from here, what stat(2) says."""
        with self._readable(self.path) as folder:
            return dict(descriptors.leaves(folder, ""))

    def content(self, path: Path) -> list[tuple[Path, os.stat_result]]:
        """Return what is in a folder, in order; nothing if it does not exist."""
        with contextlib.suppress(FileNotFoundError), self._readable(path) as folder:
            return descriptors.listed(folder, path)
        return []

    def walk(self, path: Path) -> Iterator[tuple[Path, os.stat_result]]:
        """Yield all that is below a folder; nothing if it does not exist or is none."""
        with contextlib.suppress(FileNotFoundError, NotADirectoryError), self._readable(path) as folder:
            yield from descriptors.below(folder, path)

    def move(self, path: Place, to: Place, into: "Folder | None" = None) -> None:
        """Move a file, folder or link itself in one step, to another place beneath, or beneath the folder `into`."""
        with self._parent(path) as (source, name), (into or self)._parent(to) as (target, new):  # noqa: SLF001
            os.rename(name, new, src_dir_fd=source, dst_dir_fd=target)

    def link(self, path: Path, to: Path) -> None:
        """Give a file another name beneath."""
        with self._parent(path) as (source, name), self._parent(to) as (target, new):
            os.link(name, new, src_dir_fd=source, dst_dir_fd=target, follow_symlinks=False)

    def point(self, path: Place, target: Path) -> None:
        """Create a link."""
        with self._parent(path) as (folder, name):
            os.symlink(target, name, dir_fd=folder)

    def touch(self, path: Place, *, mtime_ns: int | None = None) -> None:
        """Set the modification time of a regular file, by default to now."""
        with self._parent(path) as (folder, name):
            descriptors.check_regular(os.stat(name, dir_fd=folder, follow_symlinks=False), name)
            times = {"ns": (mtime_ns, mtime_ns)} if mtime_ns else {}
            os.utime(name, **times, dir_fd=folder, follow_symlinks=False)

    def protect(self, path: Path) -> None:
        """Make all that is below a folder read-only; `remove` removes it all the same."""
        for each, state in self.walk(path):
            with self._parent(each) as (folder, name):
                descriptor = os.open(name, descriptors.FILE, dir_fd=folder)
            try:
                os.fchmod(descriptor, stat.S_IMODE(state.st_mode) & ~0o222)
            finally:
                os.close(descriptor)

    def remove(self, path: Place) -> None:
        """Remove a file, a link itself, or a folder with all that is in it, as far as the system allows."""
        with contextlib.suppress(OSError, RecursionError), self._parent(path) as (folder, name):
            descriptors.remove(name, folder)

    def opened(self, path: Place, flags: int) -> tuple[int, os.stat_result]:
        """Return a descriptor of a regular file, and what stat(2) says of it."""
        with self._parent(path) as (folder, name):
            descriptor = os.open(name, flags | descriptors.FILE, 0o666, dir_fd=folder)
            try:
                descriptors.check_regular(state := os.fstat(descriptor), name)
            except OSError:
                os.close(descriptor)
                raise
        return descriptor, state

    def remove_all_but(self, names: Container[str]) -> None:
        """Remove all that is in the folder itself except for regular files of these names."""
        for name in self.names():
            if name not in names or not self.is_regular(name):
                self.remove(name)

    def own_state(self) -> os.stat_result | None:
        """Return what stat(2) says of the folder itself; None if it does not exist."""
        with contextlib.suppress(FileNotFoundError):
            return self.path.stat() if self.descriptor < 0 else os.fstat(self.descriptor)
        return None

    def _parent(self, path: Place) -> "_Parent":
        """Yield a descriptor of the folder that a file is in, and its name there; errors name the whole path."""
        return _Parent(self, path)

    def _names(self, path: Place, *, or_itself: bool = False) -> Sequence[str]:
        """Return the names that lead from here to a path: as text, because pathlib takes long for each of thousands."""
        names: Sequence[str]
        if isinstance(path, str):
            names = path.split("/")
            if "" in names or ".." in names:
                raise OSError(errno.EINVAL, f"not beneath {self.path}", path)
            return names
        own, text = str(self.path), str(path)
        if or_itself and text == own:
            return ()
        root = f"{own}/".replace("//", "/")
        if text.startswith(root):
            names = text[len(root) :].split("/")
        else:
            names = path.relative_to(self.path).parts if path.is_relative_to(self.path) else ()
        if ".." in names or not (names or (or_itself and path == self.path)):
            raise OSError(errno.EINVAL, f"not beneath {self.path}", text)
        return names

    def _made(self, names: Sequence[str]) -> int:
        """Return a descriptor of the folder that names lead to; make those that do not exist, this one included."""
        try:
            return self._descended(names, makes=True)
        except FileNotFoundError:
            if self.descriptor >= 0:
                raise
        self.path.mkdir(parents=True, exist_ok=True)
        return self._descended(names, makes=True)

    def _descended(self, names: Sequence[str], *, makes: bool = False) -> int:
        """Return a descriptor of the folder that names lead to; if `makes`, make those that do not exist."""
        descriptor = self.kept.descriptor(names[0]) if self.kept and names else -1
        begun = int(descriptor >= 0)
        if not begun:
            descriptor = os.open(self.path, _ROOT) if self.descriptor < 0 else self.descriptor
        for index in range(begun, len(names)):
            above = descriptor
            try:
                descriptor = descriptors.opened(names[index], above, os.O_PATH, makes=makes)
            except OSError as error:
                descriptors.raise_told(error, self.path.joinpath(*names[: index + 1]))
            finally:
                self._left(above)
            if self.kept and not index:
                self.kept.keep(names[0], descriptor)
        return descriptor

    def _left(self, descriptor: int) -> None:
        """Close what `_descended` returned, unless it is the folder itself or one that is kept."""
        if descriptor != self.descriptor and not (self.kept and descriptor in self.kept.descriptors):
            os.close(descriptor)

    @contextlib.contextmanager
    def _readable(self, path: Path) -> Iterator[int]:
        """Yield a descriptor of a folder that can be listed."""
        if self._names(path, or_itself=True):
            with self._parent(path) as (folder, name):
                descriptor = descriptors.opened(name, folder, os.O_RDONLY)
        elif self.descriptor < 0:
            descriptor = os.open(path, os.O_DIRECTORY | os.O_CLOEXEC)
        else:
            descriptor = os.open(".", os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=self.descriptor)
        try:
            yield descriptor
        finally:
            os.close(descriptor)


class _Within:
    """The context of `Folder.within`."""

    __slots__ = ("_descriptor", "_folder", "_makes", "_path")

    def __init__(self, folder: Folder, path: Place, *, makes: bool) -> None:
        self._folder, self._path, self._makes, self._descriptor = folder, path, makes, -1

    def __enter__(self) -> Folder:
        folder, path = self._folder, self._path
        names = folder._names(path, or_itself=True)  # noqa: SLF001 - it is a part of that class
        self._descriptor = folder._made(names) if self._makes else folder._descended(names)  # noqa: SLF001
        return Folder(path if isinstance(path, Path) else folder.path / path, self._descriptor)

    def __exit__(self, *_: object) -> None:
        self._folder._left(self._descriptor)  # noqa: SLF001


class _Parent:
    """The context of `Folder._parent`: a class, because contexts made of generators take longer than the system."""

    __slots__ = ("_descriptor", "_folder", "_path")

    def __init__(self, folder: Folder, path: Place) -> None:
        self._folder, self._path, self._descriptor = folder, path, -1

    def __enter__(self) -> tuple[int, str]:
        *folders, name = self._folder._names(self._path)  # noqa: SLF001 - it is a part of that class
        own = self._folder.descriptor
        self._descriptor = self._folder._descended(folders) if folders or own < 0 else own  # noqa: SLF001
        return self._descriptor, name

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if self._descriptor != self._folder.descriptor:
            self._folder._left(self._descriptor)  # noqa: SLF001
        if isinstance(error, OSError):
            descriptors.raise_told(error, self._folder.path / self._path)
