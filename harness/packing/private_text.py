"""Takes what is private out of text: the homes of users, and other folders of this machine (pure)."""

import re
from collections.abc import Mapping
from pathlib import Path

_HOMES = re.compile(r"/(?:home|Users)/[^/\s\"':]+|/root(?=[/\s\"':]|$)")


def without_folders(text: str, folders: Mapping[Path, str]) -> str:
    """Return a text in which folders have other names, the longest first, and the homes of users are `~`."""
    for folder in sorted(folders, key=lambda each: -len(str(each))):
        if folder != Path(folder.anchor):
            new = folders[folder].replace("\\", r"\\")
            text = re.sub(rf"(?:file://)?{re.escape(str(folder))}(?![\w.-])", new, text)
    return _HOMES.sub("~", text)
