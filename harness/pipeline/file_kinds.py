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
_SAFETENSORS = rb"(?s).{4}\0{4}\{"  # the length of the header, in 64 bits, and its JSON
# The first field of an ONNX model is its version; then come the producer, the graph or the operator sets.
# https://github.com/onnx/onnx/blob/main/onnx/onnx.proto, message ModelProto
_ONNX = rb"(?s)\x08[\x01-\x7f](?:[\x12\x1a\x22\x32].|\x3a|\x42|\x28)"
# Compiled when they are first needed.
_KINDS = (
    (rb"version https://git-lfs\.github\.com/spec/", "a Git LFS pointer; run `git lfs pull`"),
    (rb"\xef\xbb\xbf", "a text that begins with a byte order mark; save it as UTF-8 without one"),
    (rb"(?:\xff\xfe|\xfe\xff)[\0-\xff]{2}", "a text in UTF-16; save it as UTF-8"),
    (rb"<{7} ", "a text with conflicts of a merge; resolve them"),
    (rb"(?is)\s*(?:<!--.*?-->\s*)*<(?:!doctype html|html|head|body)", "an HTML page"),
    (rb"(?i)\s*<(?:\?xml|!--|Error>)", "an XML document, such as a host's message of an error"),
    (rb"\s*(?:\{\s*[\"}]|\[\s*[\"{\[0-9])", "a JSON document, such as a host's message of an error"),
    (rb"\x1f\x8b", "a gzip archive; unpack it"),
    (rb"\x28\xb5\x2f\xfd", "a zstd archive; unpack it"),
    (rb"\xfd7zXZ\x00", "an xz archive; unpack it"),
    (rb"BZh[1-9]", "a bzip2 archive; unpack it"),
    (rb"\x04\x22\x4d\x18", "an lz4 archive; unpack it"),
    (rb"7z\xbc\xaf\x27\x1c|Rar!\x1a\x07", "a 7z or RAR archive; unpack it"),
    (rb"(?s).{257}ustar", "a tar archive; unpack it"),
    (rb"(?s)PK\x03\x04.{26}module\.fb", "a module that IREE compiled"),
    (rb"(?s)PK\x03\x04.{26}[^/\0]{1,99}\.npy", "a NumPy .npz archive; save each array as .npy"),
    (rb"PK(?:\x03\x04|\x05\x06)", "a zip archive, or a PyTorch or NumPy file that is one"),
    (rb"\x80[\x02-\x05]", "a Python pickle"),
    (rb"%PDF-", "a PDF document"),
    (rb"\x7fELF", "an ELF file"),
    (rb"(?s)\x89PNG|\xff\xd8\xff|GIF8|RIFF.{4}WEBP", "an image"),
    (rb"\x89HDF\r\n", "an HDF5 file"),
    (rb"(?s).{4}TFL3", "a TensorFlow Lite model; import it"),
    (rb"BC\xc0\xde|\s*; ModuleID", "LLVM IR"),
    (rb"\s*HloModule\s", "an HLO module; convert it to StableHLO"),
    (rb"\x93NUMPY", NPY),
    (rb"IRPA", "an IRPA archive"),
    (rb"GGUF", "a GGUF archive"),
    (rb"ML\xefR", "MLIR bytecode"),
    (_ONNX, "an ONNX model, which is imported if its name ends in .onnx"),
    (_SAFETENSORS, "a safetensors archive"),
)
_WEIGHTS = {".irpa": "an IRPA archive", ".gguf": "a GGUF archive", ".safetensors": "a safetensors archive"}
_PROGRAMS = {"MLIR bytecode", None}
_BINARY = re.compile(rb"[\0-\x08\x0e-\x1f]")  # what no text has
_BINARY_FILE = "a binary file of unknown kind"
_REMAINS = re.compile("a Git LFS pointer|an HTML page|an XML document|a text with conflicts")


def of(path: Path) -> str | None:
    """Return what a file is by its first bytes, such as `an HTML page`; None for plain text and anything else."""
    return _of(_head(path))


def _head(path: Path) -> bytes:
    with files.opened(path) as file:
        return file.read(_HEAD_BYTES)


def _of(head: bytes) -> str | None:
    if not head.strip():
        return "an empty file"
    return next((kind for pattern, kind in _KINDS if re.match(pattern, head)), None)


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
    head = _head(path)
    kind = _of(head) or (_BINARY_FILE if _BINARY.search(head) else None)
    if kind not in _PROGRAMS:
        raise IntegrityError(f"{shown(blob)} is {_with_hint(kind)}. Expected an MLIR program.")


def check_any(path: Path, blob: Blob) -> None:
    """Raise IntegrityError if a file is what a host or Git left in the place of another."""
    if (kind := of(path)) and _REMAINS.match(kind):
        raise IntegrityError(f"{shown(blob)} is {_with_hint(kind)}. Expected the file that the flag needs.")


def check_weights(path: Path, blob: Blob) -> None:
    """Raise IntegrityError if a file is not the archive that its suffix says, `.irpa` for an unknown one."""
    expected = _WEIGHTS.get(PurePosixPath(blob.name).suffix, _WEIGHTS[".irpa"])
    if (kind := of(path)) != expected:
        raise IntegrityError(f"{shown(blob)} is {_with_hint(kind)}. Expected {expected}.")


def _with_hint(kind: str | None) -> str:
    name, _, hint = (kind or "not what its name says").partition("; ")
    return f"{name} ({hint})" if hint else name
