"""The states of a reduction, kept in its results."""

from pathlib import Path

import numpy as np
import pytest

from harness.core.formulas import Formula
from harness.core.records import MalformedError
from harness.core.statuses import Kind, Phase
from harness.core.tensors import Literal, Tensor, TensorType
from harness.localize.laboratory import Input
from harness.reduction import keeping
from harness.reduction.candidate import Candidate, Values
from harness.reduction.keeping import Begun, Keeper
from harness.reduction.reducer import State
from harness.reduction.symptom import Symptom
from harness.search import journal
from tests.unit.localize.made import operation, program

IDENTITY = {"reduce": "toy/a"}
BEGUN = Begun(
    symptom=Symptom(phase=Phase.RUN, kind=Kind.CRASH, signature="crashed"),
    function="f",
    release="3.13.0",
    is_generic=True,
    operations=7,
    found="math.tanh",
)


def values(element: str, raw: bytes, *shape: int) -> Values:
    return Values(type=TensorType(shape=shape, element=element), raw=raw)


TENSORS = (
    values("f32", np.arange(6, dtype=np.float32).tobytes(), 2, 3),
    values("i1", b"\1\0", 2),
    values("bf16", b"\0\0\x80\x3f", 2),
    values("i4", b"\x21", 2),
)
CANDIDATE = Candidate(text="module {}", inputs=(Literal(text="4xf32=1"), *TENSORS))
STATE = State(candidate=CANDIDATE, program=program([operation()]), outputs=TENSORS[:1], how="NaN", limits={"f32": 0.5})


def test_what_was_kept_is_there_after_a_kill(tmp_path: Path) -> None:
    with journal.of_search(tmp_path / "out", IDENTITY) as lines:
        keeper = Keeper(lines)
        assert keeper.progress().state is None
        keeper.begin(BEGUN)
        keeper.keep(STATE)
        keeper.reject("abc")
    with journal.of_search(tmp_path / "out", IDENTITY) as lines:
        keeper = Keeper(lines)
        known = keeper.progress()
        assert known.state
        assert (known.begun, known.rejected) == (BEGUN, frozenset({"abc"}))
        assert keeper.read(known.state) == (CANDIDATE, STATE.outputs)
        assert (known.state.how, known.state.limits) == ("NaN", {"f32": 0.5})


def test_a_state_whose_files_are_gone_or_elsewhere_is_refused(tmp_path: Path) -> None:
    with journal.of_search(tmp_path / "out", IDENTITY) as lines:
        keeper = Keeper(lines)
        keeper.begin(BEGUN)
        keeper.keep(STATE)
        gone = keeper.program(CANDIDATE.text)
        gone.unlink()
        with pytest.raises(MalformedError, match=rf"{gone.name}: no such file of a reduction"):
            keeper.progress()
        (tmp_path / "secret.mlir").touch()
        lines.add({"state": {"program": "../../secret.mlir", "inputs": [], "outputs": [], "how": "", "limits": {}}})
        with pytest.raises(MalformedError, match=r"secret\.mlir: no such file"):
            keeper.progress()


@pytest.mark.parametrize("given", TENSORS, ids=lambda each: str(each.type))
def test_a_tensor_is_in_a_file_as_it_was(tmp_path: Path, given: Values) -> None:
    with journal.of_search(tmp_path / "out", IDENTITY) as lines:
        found = Keeper(lines).input(given)
    assert isinstance(found, Tensor)
    assert found.blob.name == given.digest + keeping.suffix(given)
    assert keeping.values(found.blob.local_path, found.type) == given


def test_formulas_are_drawn_from_one_stream() -> None:
    type_ = TensorType(shape=(2,), element="f64")
    inputs: list[Input] = [
        Formula(type=type_, seed=3, skipped=0),
        Literal(text="5"),
        Formula(type=type_, seed=3, skipped=2),
    ]
    expected = np.random.RandomState(3).rand(4)
    assert [(number, each.array.tolist()) for number, each in keeping.drawn(inputs)] == [
        (0, expected[:2].tolist()),
        (2, expected[2:].tolist()),
    ]
