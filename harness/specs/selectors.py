"""Selectors: words that say which cases to take, as a command line has them."""

import re
from dataclasses import dataclass
from pathlib import Path

from harness.core.cases import Backend

_ID = re.compile(r"(?P<name>[^\[\]]+/[^\[\]]+)\[(?P<backend>[a-z]+)(?:-(?P<chip>[^\[\]]+))?\]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Selector:
    """One selector, read.

    Attributes:
        text: as it was given.
        name: `sd3`, `sd3/clip` or a glob of these; the whole path of a spec file.
        path: of a spec file, absolute; None where the selector is none.
        backend: what the selector is for, if it says so: a case id and a spec file do.
        chip: of a case id.
        is_id: whether it is the id of a case, such as `sd3/clip[rocm-gfx942]`.
    """

    text: str
    name: str
    path: Path | None = None
    backend: Backend | None = None
    chip: str | None = None
    is_id: bool = False


def parse(text: str) -> Selector:
    """Return a selector: a case id, the path of a spec file, or a name or glob, perhaps with a slash at its end."""
    found = _ID.fullmatch(text)
    if found and found["backend"] in list(Backend):
        chip, backend = found["chip"], Backend(found["backend"])
        return Selector(text=text, name=found["name"], backend=backend, chip=chip, is_id=True)
    if text.endswith(".json"):
        return Selector(text=text, name=text, path=Path(text).resolve(), backend=_backend(Path(text)))
    return Selector(text=text, name=text.rstrip("/") or text)


def _backend(path: Path) -> Backend | None:
    """Return the backend that the name of a spec file ends with."""
    name = path.stem.rpartition("_")[2]
    return Backend(name) if name in list(Backend) else None
