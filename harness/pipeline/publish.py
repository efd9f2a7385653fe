"""Adds the results of a run to files and sends them to servers. What fails never changes what the run returns."""

from pathlib import Path

from harness.core.urls import redacted
from harness.host.beneath import Folder

_TYPE = "application/x-ndjson"


def is_url(place: str) -> bool:
    """Return whether an export goes to a server."""
    return place.startswith(("http://", "https://"))


def exported(text: str, place: str) -> str:
    """Add lines of JSON to a file, or send them to a server; return why that failed, or an empty string.

    Args:
        text: the lines.
        place: path of the file, or URL to which they are sent with POST.
    """
    if is_url(place):
        from harness.fetch import short_requests  # noqa: PLC0415 - few runs need it

        failure = short_requests.posted(place, text.encode(), _TYPE)
    else:
        failure = _appended(text.encode(), Path(place))
    return f"This run was not exported to {redacted(place) if is_url(place) else place}: {failure}." if failure else ""


def _appended(content: bytes, path: Path) -> str:
    """Append to a file in one piece, so that lines of other processes come before or after."""
    files = Folder(path.parent)
    try:
        files.make(path.parent)
        with files.appended(path) as file:
            file.write(content)
    except OSError as error:
        return error.strerror or str(error)
    return ""
