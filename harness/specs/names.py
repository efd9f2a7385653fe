"""The names of models and submodels, which are those of folders and files, and part of case ids (pure)."""

import os
from collections.abc import Iterator
from pathlib import Path

_LONGEST = 200
_ROOT = "root"


def model(path: Path) -> str:
    """Return the name of the model that a spec file is of: that of its folder."""
    return path.absolute().parent.name or _ROOT


def faults(model: str, submodel: str) -> Iterator[str]:
    """Yield why names cannot be part of a case id, of the folder of its results, and of a line on the console."""
    for what, name in (("folder", model), ("file", submodel)):
        if odd := next((each for each in name if not each.isprintable() or each in "[]"), ""):
            yield f"the name of the {what} has the character U+{ord(odd):04X}; rename the {what}"
        if len(os.fsencode(name)) > _LONGEST:
            yield f"the name of the {what} is too long; expected at most {_LONGEST} bytes"
