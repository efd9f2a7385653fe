"""Tells files that cannot be what a spec takes them for: what a host, Git or a browser left in their place."""

import re
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from harness.core.blobs import Blob
from harness.core.errors import IntegrityError
from harness.core.urls import redacted
from harness.host import files
from harness.pipeline.steps import Link

NPY = "a .npy file"
_HEAD_BYTES = 512
_SAFETENSORS = re.compile(rb".{4}\0{4}\{", re.DOTALL)  # the length of the header, in 64 bits, and its JSON
# The first field of an ONNX model is its version; then come the producer, the graph or the operator sets.
# https://github.com/onnx/onnx/blob/main/onnx/onnx.proto, message ModelProto
_ONNX = re.compile(rb"\x08[\x01-\x7f](?:[\x12\x1a\x22\x32].|\x3a|\x42|\x28)", re.DOTALL)
_KINDS = (
    (re.compile(rb"version https://git-lfs\.github\.com/spec/"), "a Git LFS pointer; run `git lfs pull`"),
    (re.compile(rb"\s*<(?:!doctype html|html|head|body)", re.IGNORECASE), "an HTML page"),
    (re.compile(rb"\s*<\?xml|\s*<Error>", re.IGNORECASE), "an XML document, such as a host's message of an error"),
    (re.compile(rb"\x1f\x8b"), "a gzip archive; unpack it"),
    (re.compile(rb"\x28\xb5\x2f\xfd"), "a zstd archive; unpack it"),
    (re.compile(rb"\xfd7zXZ\x00"), "an xz archive; unpack it"),
    (re.compile(rb"BZh[1-9]"), "a bzip2 archive; unpack it"),
    (re.compile(rb"PK(?:\x03\x04|\x05\x06)"), "a zip archive, or a PyTorch or NumPy file that is one"),
    (re.compile(rb"\x80[\x02-\x05]"), "a Python pickle"),
    (re.compile(rb"%PDF-"), "a PDF document"),
    (re.compile(rb"\x7fELF"), "an ELF file"),
    (re.compile(rb"\x93NUMPY"), NPY),
    (re.compile(rb"IRPA"), "an IRPA archive"),
    (re.compile(rb"GGUF"), "a GGUF archive"),
    (re.compile(rb"ML\xefR"), "MLIR bytecode"),
    (_ONNX, "an ONNX model, which is imported if its name ends in .onnx"),
    (_SAFETENSORS, "a safetensors archive"),
)
_WEIGHTS = {".irpa": "an IRPA archive", ".gguf": "a GGUF archive", ".safetensors": "a safetensors archive"}
_PROGRAMS = {"MLIR bytecode", None}


def of(path: Path) -> str | None:
    """Return what a file is by its first bytes, such as `an HTML page`; None for plain text and anything else."""
    with files.opened(path) as file:
        head = file.read(_HEAD_BYTES)
    if not head.strip():
        return "an empty file"
    return next((kind for pattern, kind in _KINDS if pattern.match(head)), None)


def shown(blob: Blob) -> str:
    """Return a blob as messages name it: the path of a local file, or a URL without secrets."""
    return redacted(blob.url) if blob.is_remote else str(blob.local_path)


def renamed(text: str, links: Iterable[Link]) -> str:
    """Return a message of a tool, in which files have the names that the spec gives them and not those of links."""
    for link in links:
        name = link.blob.name.replace("\\", r"\\")
        text = re.sub(rf"(?<![\w./-]){re.escape(link.name)}(?![\w-]|\.\w)", name, text)
    return text


def check_program(path: Path, blob: Blob) -> None:
    """Raise IntegrityError if a file cannot be a program."""
    if (kind := of(path)) not in _PROGRAMS:
        raise IntegrityError(f"{shown(blob)} is {_with_hint(kind)}. Expected an MLIR program.")


def check_weights(path: Path, blob: Blob) -> None:
    """Raise IntegrityError if a file is not the archive that its suffix says, `.irpa` for an unknown one."""
    expected = _WEIGHTS.get(PurePosixPath(blob.name).suffix, _WEIGHTS[".irpa"])
    if (kind := of(path)) != expected:
        raise IntegrityError(f"{shown(blob)} is {_with_hint(kind)}. Expected {expected}.")


def _with_hint(kind: str | None) -> str:
    name, _, hint = (kind or "not what its name says").partition("; ")
    return f"{name} ({hint})" if hint else name
