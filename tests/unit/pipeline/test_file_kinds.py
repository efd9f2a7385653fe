from pathlib import Path

import pytest

from harness.core.blobs import Blob
from harness.core.errors import IntegrityError
from harness.pipeline import file_kinds
from harness.pipeline.steps import Link


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"", "an empty file"),
        (b" \n", "an empty file"),
        (b"version https://git-lfs.github.com/spec/v1\noid", "a Git LFS pointer; run `git lfs pull`"),
        (b"\n<!DOCTYPE HTML>", "an HTML page"),
        (b"<html lang='en'>", "an HTML page"),
        (b'<?xml version="1.0"?><Error>', "an XML document, such as a host's message of an error"),
        (b"\x1f\x8b\x08", "a gzip archive; unpack it"),
        (b"PK\x03\x04", "a zip archive, or a PyTorch or NumPy file that is one"),
        (b"\x93NUMPY\1\0", "a .npy file"),
        (b"IRPA\0", "an IRPA archive"),
        (b"GGUF\3", "a GGUF archive"),
        (b"ML\xefR\x0d", "MLIR bytecode"),
        (b"\x08\x08\x12\x07pytorch", "an ONNX model, which is imported if its name ends in .onnx"),
        (b"\x08\x00\x00\x00\x00\x00\x00\x00{}", "a safetensors archive"),
        (b"func.func @f() { return }", None),
        (b"// a comment\nmodule {}", None),
        (b"\nmodule {", None),
        (b"<stdin> = \n", None),
        (b"#map = affine_map<(i) -> (i)>", None),
        (b"!t = tensor<4xf32>", None),
        (b"{-# dialect_resources: {} #-}", None),
        (b"\xff\xfe\xfd", None),
    ],
)
def test_a_file_is_known_by_its_first_bytes(tmp_path: Path, content: bytes, kind: str | None) -> None:
    (tmp_path / "file").write_bytes(content)
    assert file_kinds.of(tmp_path / "file") == kind


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("w.irpa", b"GGUF", "is a GGUF archive. Expected an IRPA archive."),
        ("w.gguf", b"", "is an empty file. Expected a GGUF archive."),
        ("w.safetensors", b"hello", "is not what its name says. Expected a safetensors archive."),
        ("w", b"\x1f\x8b", "is a gzip archive (unpack it). Expected an IRPA archive."),
    ],
)
def test_weights_are_the_archive_that_their_name_says(tmp_path: Path, name: str, content: bytes, expected: str) -> None:
    (tmp_path / "weights").write_bytes(content)
    with pytest.raises(IntegrityError) as caught:
        file_kinds.check_weights(tmp_path / "weights", Blob(url=f"https://host/{name}?sig=secret"))
    assert str(caught.value) == f"https://host/{name}?sig=*** {expected}"


def test_messages_name_files_as_the_spec_does() -> None:
    links = [
        Link(name="model.mlir", blob=Blob(url="https://host/clip.mlir")),
        Link(name="weights.irpa", blob=Blob(url="file:///x/clip.irpa")),
    ]
    text = "model.mlir:3:1: error: at 'model.mlir'; 'weights.irpa' a/model.mlir model.mlir.bak"
    assert file_kinds.renamed(text, links) == (
        "clip.mlir:3:1: error: at 'clip.mlir'; 'clip.irpa' a/model.mlir model.mlir.bak"
    )
