"""Parses selectors, the words of a command line that choose cases."""

import re
from collections.abc import Collection, Sequence
from pathlib import Path

from harness.core.cases import Backend
from harness.core.values import frozen

_ID = re.compile(r"(?P<name>[^\[\]]+/[^\[\]]+)\[(?P<backend>[a-z]+)(?:-(?P<chip>[^\[\]]+))?\]")


@frozen
class Selector:
    """A parsed selector.

    Attributes:
        text: the word itself.
        name: `sd3`, `sd3/clip` or a glob of these; the whole path of a spec file.
        path: absolute path of a spec file, if the selector is one.
        backend: the backend of a case id or a spec file.
        chip: the chip of a case id.
        is_id: whether it is a case id, such as `sd3/clip[rocm-gfx942]`.
    """

    text: str
    name: str
    path: Path | None = None
    backend: Backend | None = None
    chip: str | None = None
    is_id: bool = False


def parse(text: str, configs: Collection[str] = ()) -> Selector:
    """Parse a case id, the path of a spec file, or a name or glob; a slash at its end is ignored.

    Args:
        text: the word.
        configs: names of configs, which stand in ids in place of a backend.
    """
    name, _, config = text.removesuffix("]").rpartition("[")
    if config in configs and text.endswith("]"):
        return Selector(text=text, name=name, is_id=True)
    found = _ID.fullmatch(text)
    if found and found["backend"] in list(Backend):
        chip, backend = found["chip"], Backend(found["backend"])
        return Selector(text=text, name=found["name"], backend=backend, chip=chip, is_id=True)
    if text.endswith(".json"):
        return Selector(text=text, name=text, path=Path(text).resolve(), backend=_backend(Path(text)))
    return Selector(text=text, name=text.rstrip("/") or text)


def folder_of_specs(words: Sequence[str]) -> Path | None:
    """Return the folder that the only word names, if there are specs in folders of it: it means all of them."""
    if len(words) != 1 or not (folder := Path(words[0])).is_dir():
        return None
    return folder if any(_backend(path) for path in folder.glob("*/*.json")) else None


def _backend(path: Path) -> Backend | None:
    """Return the backend that the name of a spec file ends with."""
    name = path.stem.rpartition("_")[2]
    return Backend(name) if name in list(Backend) else None
