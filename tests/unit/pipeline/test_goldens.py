"""Outputs of a reference against those that a spec expects; `tests/integration/test_goldens.py` has real ones."""

import hashlib
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import numpy.typing as npt
import pytest

from harness.core.blobs import Blob, Fetched, FetchedBlob
from harness.core.cases import ModelSpec
from harness.core.errors import DiskError, FetchError
from harness.core.provenance import RecordedOutput
from harness.core.tensors import Literal, Tensor, TensorType
from harness.host.process import ProcessResult
from harness.pipeline import goldens
from harness.pipeline.goldens import Golden
from harness.pipeline.step_results import RunResult
from tests.unit.samples import spec


def ran(folder: Path, *outputs: npt.NDArray[Any]) -> RunResult:
    """Return a run that gave these outputs."""
    names, types = [], []
    for index, each in enumerate(outputs):
        is_npy = each.dtype != ml_dtypes.bfloat16
        names.append(f"{index}.npy" if is_npy else f"{index}.bin")
        element = {"float32": "f32", "int32": "i32", "bfloat16": "bf16"}[each.dtype.name]
        types.append("x".join([*map(str, each.shape), element]))
        np.save(folder / names[-1], each) if is_npy else each.tofile(folder / names[-1])
    process = ProcessResult(exit_code=0, signal=None, timed_out=False, seconds=1, cpu_seconds=1, peak_memory_bytes=1)
    given: dict[str, Any] = {"outputs": tuple(names), "types": tuple(types), "argv": ()}
    return RunResult(folder=folder, process=process, free_bytes=1 << 40, **given)


def here(blob: Blob) -> Fetched:
    """Return a local file as a fetcher does."""
    path = blob.local_path
    if not path.exists():
        raise FetchError(f"{path}: no such file")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return Fetched(path=path, blob=FetchedBlob(url=blob.url, sha256=digest, bytes=path.stat().st_size), seconds=0)


def expecting(*outputs: Tensor | Literal | None) -> ModelSpec:
    return spec(outputs=outputs)


def only(model: ModelSpec, run: RunResult) -> Golden:
    (found,) = goldens.of_run(model, run, here)
    assert found
    return found


ONE = np.array([1, 2], np.float32)


def test_an_output_that_nothing_was_expected_of(tmp_path: Path) -> None:
    found = only(expecting(), ran(tmp_path, ONE))
    digest = hashlib.sha256((tmp_path / "0.npy").read_bytes()).hexdigest()
    assert found.text == "output 0 (2xf32): no expected output before"
    assert found.entry == {"source": f"clip_cpu.output0.{digest[:8]}.npy"}
    assert found.recorded == RecordedOutput(sha256=digest)
    raw = only(expecting(), ran(tmp_path, ONE.astype(ml_dtypes.bfloat16)))
    assert raw.entry == {"source": raw.name, "value": "2xbf16"}
    assert raw.name.endswith(".bin")


@pytest.mark.parametrize("form", ["npy", "bin", "written"])
def test_an_output_that_is_the_same_keeps_its_entry_and_its_file(tmp_path: Path, form: str) -> None:
    np.save(tmp_path / "old.npy", ONE)
    ONE.tofile(tmp_path / "old.bin")
    forms: dict[str, Tensor | Literal] = {
        "npy": Tensor(blob=Blob(url=(tmp_path / "old.npy").as_uri())),
        "bin": Tensor(blob=Blob(url=(tmp_path / "old.bin").as_uri()), type=TensorType.parse("2xf32")),
        "written": Literal(text="2xf32=1 2"),
    }
    (tmp_path / "run").mkdir()
    found = only(expecting(forms[form]), ran(tmp_path / "run", ONE))
    assert (found.entry, found.text) == (None, "output 0 (2xf32): the same as before, bit for bit")
    of_file = tmp_path / ("run/0.npy" if form == "written" else f"old.{form}")
    assert found.recorded.sha256 == hashlib.sha256(of_file.read_bytes()).hexdigest()
    assert (found.recorded.max_abs_error, found.recorded.error_ratio) == (0, 0)


@pytest.mark.parametrize(
    ("before", "made", "text", "error"),
    [
        ("2xf32=1 2.00004", ONE, "max error 4e-05, 33.4% of threshold, against the expected output before", 4e-5),
        ("2xf32=0 -0.0", np.zeros(2, np.float32), "max error 0, 0% of threshold, against the expected output b", 0.0),
        ("2xf32=1 9", ONE, "not like the expected output before: output 0 (2xf32): 1 of 2 elements differ", 7.0),
        ("2xi32=1 2", ONE, "not like the expected output before: output 0: expected 2xi32, but the mo", None),
        ("2xf32=nan -nan", np.full(2, np.nan, np.float32), "max error unknown, against the expected", None),
    ],
)
def test_how_far_an_output_is_from_the_one_before(
    tmp_path: Path, before: str, made: npt.NDArray[Any], text: str, error: float | None
) -> None:
    found = only(expecting(Literal(text=before)), ran(tmp_path, made))
    assert found.text.startswith(f"output 0 (2xf32): {text}")
    assert found.entry
    assert found.recorded.max_abs_error == (None if error is None else pytest.approx(error, rel=1e-2))
    assert found.text.endswith("; 2 of 2 elements are NaN") is bool(np.isnan(made).any())


def test_an_expected_output_that_is_lost_can_be_made_again(tmp_path: Path) -> None:
    lost = Tensor(blob=Blob(url=(tmp_path / "lost.npy").as_uri()))
    found = only(expecting(lost), ran(tmp_path, ONE))
    assert found.text.startswith("output 0 (2xf32): the expected output before cannot be read: ")
    assert found.recorded.max_abs_error is None


def test_what_the_spec_ignores_is_not_recorded(tmp_path: Path) -> None:
    first, second, third = goldens.of_run(
        expecting(None, Literal(text="2xf32=1 2")), ran(tmp_path, ONE, ONE, ONE), here
    )
    assert first is None
    assert second
    assert third
    assert (second.entry, bool(third.entry)) == (None, True)


def test_no_other_file_is_overwritten(tmp_path: Path) -> None:
    folder = tmp_path / "specs"
    folder.mkdir()
    found = only(expecting(), ran(tmp_path, ONE))
    found.save(folder)
    found.save(folder)
    assert [path.name for path in folder.iterdir()] == [found.name]
    assert np.load(folder / found.name).tolist() == [1, 2]
    (folder / found.name).write_bytes(b"of somebody else")
    with pytest.raises(DiskError, match=r"exists, and is another file; remove it\.$"):
        found.save(folder)
    assert (folder / found.name).read_bytes() == b"of somebody else"
    (folder / found.name).unlink()
    (folder / found.name).symlink_to(tmp_path / "0.npy")
    with pytest.raises(DiskError):
        found.save(folder)
