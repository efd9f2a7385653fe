"""What a store knows of an entry: its files, as `entry.json` in its folder lists them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.host.disk import write_atomically
from harness.store import stamps

MANIFEST = "entry.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A whole entry of the store; `cached` if it was there before it was asked for.

    `boot` is the only one in which it is trusted, None for any; `made` is in seconds since 1970.
    """

    path: Path
    cached: bool
    files: Mapping[str, Mapping[str, Any]]
    boot: str | None = None
    made: float = 0.0

    @property
    def bytes(self) -> int:
        """The size of all its files."""
        return sum(file["bytes"] for file in self.files.values())

    def sha256(self, name: str) -> str:
        """Return the digest of one of its files."""
        return str(self.files[name]["sha256"])


def read(folder: Path) -> Entry | None:
    """Return the entry in a folder, without a look at its files; None if nothing legible says what it is."""
    try:
        manifest = json.loads((folder / MANIFEST).read_bytes())
        files = {
            name: {key: file[key] for key in ("sha256", *stamps.STAMP)} for name, file in manifest["files"].items()
        }
        boot, made = manifest.get("boot"), float(manifest.get("made", 0))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return Entry(path=folder, cached=True, files=files, boot=boot, made=made)


def write(folder: Path, entry: Entry) -> None:
    """Write what an entry is into its folder."""
    boot = {} if entry.boot is None else {"boot": entry.boot}
    write_atomically(folder / MANIFEST, json.dumps({"files": entry.files, "made": entry.made, **boot}, indent=1))
