from pathlib import Path

import pytest

from harness.core.blobs import Blob, Fetched, FetchedBlob
from harness.core.measurements import Module
from harness.pipeline.step_results import INTERRUPTED, CompileResult, FetchResult, Results, StepResult
from harness.pipeline.steps import Compile, Fetch

BLOB = Blob(url="https://host/model.mlir")
COMPILE = Compile(release="3.13.0", argv=(), links=(), module="model.vmfb", products=())


def test_results_are_found_by_what_they_are_of() -> None:
    fetched = Fetched(path=Path("a"), blob=FetchedBlob(url=BLOB.url, sha256="ab", bytes=1), seconds=0)
    compiled = CompileResult(folder=Path("m"), module=Module(key="k", bytes=1, cached=False, sha256="a"))
    results = Results({Fetch(blob=BLOB): FetchResult(fetched=fetched), COMPILE: compiled})
    assert results.fetched(BLOB) is fetched
    assert results.compiled(COMPILE) is compiled


def test_a_step_that_left_nothing_has_no_such_result() -> None:
    results = Results({COMPILE: StepResult(verdict=INTERRUPTED)})
    with pytest.raises(TypeError, match="Compile left a StepResult; expected a CompileResult"):
        results.compiled(COMPILE)
    with pytest.raises(KeyError):
        results.fetched(BLOB)
