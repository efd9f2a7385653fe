"""Writes the inputs that a spec gives as the .npy files that a framework reads."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from harness.core import literals
from harness.core.blobs import Blob, Fetched
from harness.core.errors import ImportFailedError
from harness.core.formulas import Formula
from harness.core.tensors import Literal, Tensor, TensorType
from harness.store.entry import file_sha256

Fetch = Callable[[Blob], Fetched]


def with_digests(paths: Mapping[str, Path]) -> dict[str, tuple[Path, str]]:
    """Return files with their digests."""
    return {place: (path, file_sha256(path)) for place, path in paths.items()}


def files(inputs: Sequence[Tensor | Literal | Formula], folder: Path, fetch: Fetch, name: str) -> list[Path]:
    """Return a .npy file for each input; those that are none are written into a folder.

    Args:
        inputs: the inputs.
        folder: an empty folder.
        fetch: returns a blob on disk.
        name: what messages call the model.

    Raises:
        ImportFailedError: an input has a type that NumPy does not have.
    """
    if not inputs:
        return []
    from harness.pipeline import drawing  # noqa: PLC0415 - loads NumPy, which takes as long as all else

    stream = drawing.Stream()  # one for all inputs, as in a run
    return [_file(each, folder / f"{index}.npy", fetch, stream, name) for index, each in enumerate(inputs)]


def _file(each: Tensor | Literal | Formula, to: Path, fetch: Fetch, stream: object, name: str) -> Path:
    from harness.pipeline import contents, drawing  # noqa: PLC0415 - as above

    assert isinstance(stream, drawing.Stream)  # noqa: S101 - its module is loaded late
    match each:
        case Tensor(type=TensorType() as type_) if not each.is_npy:
            _save(fetch(each.blob).path.read_bytes(), type_, to, name)
        case Tensor():
            return fetch(each.blob).path
        case Formula():
            _save(b"".join(bytes(chunk) for chunk in stream.chunks(each)), each.type, to, name)
        case Literal() if each.is_tensor:
            _save(contents.raw(each.text), literals.parse(each.text)[0], to, name)
        case _:
            raise ImportFailedError(f"{name}: ONNX Runtime takes tensors, and an input is {each}; give it a type.")
    return to


def _save(content: bytes, type_: TensorType, to: Path, name: str) -> None:
    import numpy as np  # noqa: PLC0415 - as above

    from harness.pipeline.contents import numpy_type  # noqa: PLC0415 - as above
    from harness.pipeline.tensor_files import NPY_ELEMENTS  # noqa: PLC0415 - as above

    if type_.element.removeprefix("s") not in {*NPY_ELEMENTS.values()}:
        raise ImportFailedError(f"{name}: ONNX Runtime cannot be given an input of {type_}; expected a type of NumPy.")
    dtype = np.dtype(bool) if type_.element == "i1" else numpy_type(type_.element)
    np.save(to, np.frombuffer(content, dtype).reshape(type_.shape), allow_pickle=False)
