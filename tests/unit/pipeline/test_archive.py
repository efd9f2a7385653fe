from pathlib import Path

import numpy as np
import pytest
from iree.runtime import ParameterIndex

from harness.pipeline import archive


@pytest.mark.parametrize("sizes", [{}, {"w": 16}, {"w": 16, "b.c/ü": 3, "empty": 0, "large": 5000}])
def test_the_runtime_reads_what_is_written(tmp_path: Path, sizes: dict[str, int]) -> None:
    contents = {name: bytes([index + 1]) * size for index, (name, size) in enumerate(sizes.items())}
    stored = b"".join(each.ljust(archive.aligned(len(each), archive.ALIGNMENT), b"\0") for each in contents.values())
    path = tmp_path / "weights.irpa"
    path.write_bytes(archive.head(sizes) + stored)
    index = ParameterIndex()
    index.load(str(path))
    found = {name: bytes(np.asarray(entry.file_view)) if entry.length else b"" for name, entry in index.items()}
    assert found == contents
    assert len(archive.head(sizes)) % archive.FILE_ALIGNMENT == 0
