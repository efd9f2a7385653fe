"""Reads headers of HTTP responses. No I/O."""

import base64
import re
from datetime import UTC, datetime

_MD5_BYTES = 16


def retry_after_s(value: str, now: datetime) -> float | None:
    """Return the seconds of a Retry-After header, which is a number or a date; None if malformed."""
    if value.isascii() and value.isdigit():
        return float(value)
    from email.utils import parsedate_to_datetime  # noqa: PLC0415 - it takes 10 ms to load, and few hosts ask to wait

    try:
        date = parsedate_to_datetime(value)
        return max(0.0, (date.replace(tzinfo=date.tzinfo or UTC) - now).total_seconds())
    except (ValueError, OverflowError):
        return None


def content_range(text: str) -> tuple[int, int, int | None]:
    """Return first byte, last byte and size of the whole; the size is None if the header is malformed or has no size.

    RFC 9110, section 14.4, allows `*` as the size. It is refused, because the end of the blob would be unknown.
    """
    found = re.fullmatch(r"bytes (?:([0-9]{1,14})-([0-9]{1,14})|[*])/([0-9]{1,14})", text)
    return (int(found[1] or 0), int(found[2] or 0), int(found[3])) if found else (0, 0, None)


def md5(text: str | None) -> str | None:
    """Return the hexadecimal MD5 of a header, which has it in base64; None if malformed."""
    try:
        digest = base64.b64decode(text or "", validate=True)
    except ValueError:
        return None
    return digest.hex() if len(digest) == _MD5_BYTES else None
