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
        (b"\n<!-- page -->\n<!doctype html>", "an HTML page"),
        (b'{"error": {"code": 404}}', "a JSON document, such as a host's message of an error"),
        (b"[1, 2]", "a JSON document, such as a host's message of an error"),
        (b"{}", "a JSON document, such as a host's message of an error"),
        (b"<<<<<<< HEAD\nmodule {}", "a text with conflicts of a merge; resolve them"),
        (b"\xef\xbb\xbfmodule {}", "a text that begins with a byte order mark; save it as UTF-8 without one"),
        ("module {}".encode("utf-16"), "a text in UTF-16; save it as UTF-8"),
        (bytes(257) + b"ustar\0", "a tar archive; unpack it"),
        (b"PK\3\4" + bytes(26) + b"a.npy", "a NumPy .npz archive; save each array as .npy"),
        (b"PK\3\4" + bytes(26) + b"module.fb", "a module that IREE compiled"),
        (b"PK\3\4" + bytes(26) + b"archive/data.pkl", "a zip archive, or a PyTorch or NumPy file that is one"),
        (b"\x89PNG\r\n", "an image"),
        (b"\x1c\0\0\0TFL3", "a TensorFlow Lite model; import it"),
        (b"; ModuleID = 'x'", "LLVM IR"),
        (b"HloModule m\n", "an HLO module; convert it to StableHLO"),
        (b"func.func @f() { return }", None),
        (b"// a comment\nmodule {}", None),
        (b"\nmodule {", None),
        (b"<stdin> = \n", None),
        (b"#map = affine_map<(i) -> (i)>", None),
        (b"!t = tensor<4xf32>", None),
        (b"{-# dialect_resources: {} #-}", None),
        (b"\xff\xfd\xfd", None),
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


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"\0\1\2\3", "is a binary file of unknown kind. Expected an MLIR program."),
        (b"module \x07", "is a binary file of unknown kind. Expected an MLIR program."),
        (b"BZh9", "is a bzip2 archive (unpack it). Expected an MLIR program."),
    ],
)
def test_a_program_is_text_or_bytecode(tmp_path: Path, content: bytes, expected: str) -> None:
    path = tmp_path / "x.mlir"
    path.write_bytes(content)
    with pytest.raises(IntegrityError) as caught:
        file_kinds.check_program(path, Blob(url=path.as_uri()))
    assert str(caught.value) == f"{path} {expected}"


def test_a_program_may_have_any_character_of_a_text(tmp_path: Path) -> None:
    for content in ("\t// ä\r\n\fmodule {\v}".encode(), b"ML\xefR\0\1"):
        (tmp_path / "x.mlir").write_bytes(content)
        file_kinds.check_program(tmp_path / "x.mlir", Blob(url="file:///x.mlir"))


def test_a_file_of_a_flag_is_not_what_git_or_a_host_left_in_its_place(tmp_path: Path) -> None:
    path = tmp_path / "x"
    for content in (b"", b"{}", b"\0", b"GGUF"):
        path.write_bytes(content)
        file_kinds.check_any(path, Blob(url=path.as_uri()))
    path.write_bytes(b"version https://git-lfs.github.com/spec/v1")
    with pytest.raises(IntegrityError, match="is a Git LFS pointer"):
        file_kinds.check_any(path, Blob(url=path.as_uri()))


def test_messages_name_files_as_the_spec_does() -> None:
    links = [
        Link(name="model.mlir", blob=Blob(url="https://host/clip.mlir")),
        Link(name="weights.irpa", blob=Blob(url="file:///x/clip.irpa")),
    ]
    text = "model.mlir:3:1: error: at 'model.mlir'; 'weights.irpa' a/model.mlir model.mlir.bak"
    assert file_kinds.renamed(text, links) == (
        "clip.mlir:3:1: error: at 'clip.mlir'; 'clip.irpa' a/model.mlir model.mlir.bak"
    )
