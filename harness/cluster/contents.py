"""Files on their way between machines: read into memory, and written beneath a folder again."""

import stat
from pathlib import Path, PurePosixPath

from harness.cluster.messages import Files
from harness.core.errors import IntegrityError
from harness.host.beneath import Folder
from harness.store.entry import MANIFEST


def taken(root: Path) -> dict[str, bytes]:
    """Return the regular files beneath a folder, by path relative to it; of an entry of the store, without its list."""
    files = Folder(root)
    found: dict[str, bytes] = {}
    for path, state in files.walk(root):
        if stat.S_ISREG(state.st_mode) and path != root / MANIFEST:
            with files.reader(path) as file:
                found[path.relative_to(root).as_posix()] = file.read()
    return found


def put(files: Files, root: Path) -> None:
    """Write files beneath a folder that exists, in place of those that are there.

    Raises:
        IntegrityError: a path leads out of it.
    """
    folder = Folder(root)
    for name, content in files.items():
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts:
            raise IntegrityError(f"A worker returned a file with the path {name!r}, which is not in its folder.")
        folder.make((root / path).parent)
        with folder.new(root / path) as file:
            file.write(content)
