"""What a shared store says of an entry: digests of its files, signed, because a key says nothing of the content.

    objects/<first two>/<sha256>     the content of a file, named by its digest
    modules/<first two>/<key>        of a compiled module; likewise `failures` and `imports`: a line with the signature,
                                     then {"kind": "modules", "key": "ab...", "files": {"main.vmfb": {...}}}

A blob needs no such text: its key is the digest of its only file.
"""

import base64
import binascii
import json
import re
from collections.abc import Mapping

from harness.core import strict_json
from harness.core.records import as_json, read
from harness.core.values import frozen
from harness.store.entry import MANIFEST
from harness.store.signing import Key

BLOBS, OBJECTS = "blobs", "objects"
# Kinds whose key is a digest of what an entry was made from, so that somebody has to vouch for the content.
SIGNED = ("modules", "failures", "imports")
TEXT_BYTES = 1 << 20
_HEAD = b"iree-quality-harness-store-1"
_BLOB = "blob"
_SHA256 = re.compile(r"[0-9a-f]{64}")
_NAME = re.compile(r"(?!\.)[\w.+-]{1,200}(?:/(?!\.)[\w.+-]{1,200}){0,3}", re.ASCII)
_OURS = re.compile(
    rf"(?:{OBJECTS}|{'|'.join(SIGNED)})/[0-9a-f]{{2}}/(?:[0-9a-f]{{64}}|\.[0-9a-f]{{64}}\.[0-9a-f]{{32}}\.tmp)"
)


class RefusedError(Exception):
    """An entry is not what a trusted machine put there; the text says why."""


@frozen
class SharedFile:
    """A file of an entry: the name of its object, and its size."""

    sha256: str
    bytes: int

    @property
    def object_name(self) -> str:
        """The name of the object that has its content."""
        return name(OBJECTS, self.sha256)


@frozen
class SharedEntry:
    """An entry of a shared store.

    Attributes:
        kind: its kind.
        key: its key.
        files: its files by their path in its folder.
    """

    kind: str
    key: str
    files: Mapping[str, SharedFile]


def is_key(key: str) -> bool:
    """Return whether entries with this key can be shared."""
    return _SHA256.fullmatch(key) is not None


def is_ours(stored: str) -> bool:
    """Return whether an object has a name that the harness gives, also one that a killed writer left."""
    return _OURS.fullmatch(stored) is not None


def name(kind: str, key: str) -> str:
    """Return the name of the object that has the text of an entry, or the content of a file."""
    return f"{kind}/{key[:2]}/{key}"


def of_blob(sha256: str, size_bytes: int) -> SharedEntry:
    """Return the entry of a blob."""
    return SharedEntry(kind=BLOBS, key=sha256, files={_BLOB: SharedFile(sha256=sha256, bytes=size_bytes)})


def signed(entry: SharedEntry, key: Key) -> bytes:
    """Return the text of an entry; the key is a private one."""
    body = json.dumps(as_json(entry), sort_keys=True).encode()
    return b"%s %s\n%s" % (_HEAD, base64.b64encode(key.sign(_HEAD + body)), body)


def verified(text: bytes, kind: str, entry_key: str, key: Key) -> SharedEntry:
    """Return the entry that a text describes.

    Raises:
        RefusedError: the text is not one that was signed with the key for this entry.
    """
    head, _, body = text.partition(b"\n")
    try:
        signature = base64.b64decode(head.removeprefix(_HEAD + b" "), validate=True)
    except binascii.Error:
        signature = b""
    if not key.is_signed(_HEAD + body, signature):
        raise RefusedError(f"not signed with the key {key.fingerprint}")
    try:
        found = read(SharedEntry, strict_json.loads(body))
    except ValueError as error:
        raise RefusedError(f"malformed: {error}") from None
    if (found.kind, found.key) != (kind, entry_key):
        raise RefusedError("signed for another entry")
    if not is_proper(found):
        raise RefusedError("has a file with an improper name, size or digest")
    return found


def is_proper(entry: SharedEntry) -> bool:
    """Return whether all files have plain names beneath the entry, and digests."""
    return all(
        _NAME.fullmatch(path) and path != MANIFEST and file.bytes >= 0 and _SHA256.fullmatch(file.sha256)
        for path, file in entry.files.items()
    )
