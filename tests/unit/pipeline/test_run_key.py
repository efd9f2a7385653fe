"""Every field that a run or a comparison depends on changes its key, and a field that is new fails here first."""

import dataclasses
from pathlib import Path
from typing import Any

import msgspec
import pytest

from harness.core.blobs import Blob, Fetched, FetchedBlob
from harness.core.formulas import Formula
from harness.core.judges import Condition, Judge
from harness.core.measurements import Module
from harness.core.tensors import TensorType, Thresholds
from harness.host.devices import Gpu, Vendor
from harness.pipeline import run_key
from harness.pipeline.step_results import CompileResult, DrawResult, FetchResult, Results
from harness.pipeline.steps import (
    Compare,
    Compile,
    Draw,
    ExpectedFile,
    ExpectedValue,
    Fetch,
    Link,
    Run,
    WrittenFile,
)

F32 = TensorType(shape=(4,), element="f32")
INPUT, OTHER, EXPECTED = (Blob(url=f"https://host/{name}") for name in ("in", "other", "out"))
COMPILE = Compile(release="3.13.0", argv=("iree-compile",), links=(), module="m.vmfb", products=("m.vmfb",))
OTHER_COMPILE = msgspec.structs.replace(COMPILE, argv=("iree-compile", "--O3"))
DRAW = Draw(seed=1, compiles=(COMPILE,))
OTHER_DRAW = Draw(seed=2, compiles=(COMPILE,))
FORMULA = Formula(type=F32, seed=1, skipped=0)
LINK = Link(name="input.0.bin", blob=INPUT)
RUN = Run(
    case_id="toy/add[cpu]",
    argv=("iree-run-module", "--module=m.vmfb"),
    links=(LINK,),
    inputs=(("input.0.bin", F32),),
    compiles=(COMPILE,),
    devices=("local-task",),
    outputs=("0.npy",),
    written=(WrittenFile(name="input.1.bin", content=FORMULA), WrittenFile(name="input.2.bin", content="4xf32=1")),
    drawn=(("weights.0.irpa", DRAW),),
)
FILE = ExpectedFile(link=Link(name="expected.0.bin", blob=EXPECTED), type=F32)
CONDITION = Condition(statistic="psnr", relation=">=", bound=40)
COMPARE = Compare(
    run=RUN,
    expected=(FILE, ExpectedValue(text="4xf32=1"), None),
    thresholds=Thresholds(),
    judges=(Judge(conditions=(CONDITION,)), None, None),
)


def results(**digests: str) -> Results:
    """Return what the needs of the run and the comparison left."""
    known = {"in": "i", "other": "o", "out": "e", "module": "m", "other_module": "n", "weights": "w", "splat": "s"}
    known |= digests
    found = Results()
    for blob in (INPUT, OTHER, EXPECTED):
        quoted = FetchedBlob(url=blob.url, sha256=known[blob.name], bytes=1)
        found[Fetch(blob=blob)] = FetchResult(fetched=Fetched(path=Path("b"), blob=quoted, seconds=0))
    for step, name in ((COMPILE, "module"), (OTHER_COMPILE, "other_module")):
        module = Module(key="k", bytes=1, cached=False, sha256=known[name])
        products = (("m.vmfb", known[name]), ("weights.irpa", known["splat"]))
        found[step] = CompileResult(folder=Path("m"), module=module, products=products)
    for draw in (DRAW, OTHER_DRAW):
        found[draw] = DrawResult(path=Path("d"), sha256=known["weights"] + str(draw.seed))
    return found


# For each field of all that a run is made of, another value. `None` says that the field does not count, and why is
# beside it.
CHANGES: dict[type, tuple[Any, dict[str, Any]]] = {
    Run: (
        RUN,
        {
            "case_id": "toy/other[cpu]",
            "argv": ("iree-run-module", "--module=m.vmfb", "--function=f"),
            "links": (Link(name="input.0.bin", blob=OTHER),),
            "inputs": (("input.0.bin", None),),
            "compiles": (OTHER_COMPILE,),
            "devices": ("local-sync",),
            "chip": "gfx942",
            "outputs": ("0.bin",),
            "written": (),
            "drawn": (("weights.0.irpa", OTHER_DRAW),),
            "keeps_all": True,
            "role": "oracle",
        },
    ),
    Link: (LINK, {"name": "input.9.bin", "blob": OTHER}),
    WrittenFile: (RUN.written[0], {"name": "input.7.bin", "content": "4xf32=2"}),
    Formula: (
        FORMULA,
        {"type": TensorType(shape=(5,), element="f32"), "seed": 2, "skipped": 1, "coeff": 2.0, "offset": 1.0},
    ),
    TensorType: (F32, {"shape": (2, 2), "element": "f16"}),
    Compare: (
        COMPARE,
        {
            "run": msgspec.structs.replace(RUN, argv=("iree-run-module",)),
            "expected": (FILE, None, None),
            "thresholds": Thresholds(atol={"f32": 1.0}),
            "judges": (),
            "reference": None,  # an oracle: such a comparison has no key
        },
    ),
    ExpectedFile: (FILE, {"link": Link(name="expected.0.bin", blob=OTHER), "type": None}),
    ExpectedValue: (COMPARE.expected[1], {"text": "4xf32=2"}),
    Thresholds: (
        COMPARE.thresholds,
        {"atol": {"f32": 1.0}, "rtol": 0.5, "other_atol": 1.0, "equal_nan": False},
    ),
    Judge: (COMPARE.judges[0], {"conditions": (), "elementwise": True}),
    Condition: (CONDITION, {"statistic": "cosine_similarity", "relation": ">", "bound": 41}),
    Gpu: (
        Gpu(index=0, vendor=Vendor.AMD, chip="gfx942", sku="mi300", name="a", uuid="u", bus_id="b", node="n"),
        {
            "vendor": Vendor.NVIDIA,
            "chip": "gfx950",
            "sku": "mi325",
            "name": "c",
            # Which of equal GPUs it is says nothing of what a program computes.
            "index": None,
            "uuid": None,
            "bus_id": None,
            "node": None,
        },
    ),
}


def fields_of(kind: Any) -> list[str]:
    return [each.name for each in (msgspec.structs.fields if _is_struct(kind) else dataclasses.fields)(kind)]


def _is_struct(kind: type) -> bool:
    return issubclass(kind, msgspec.Struct)


def with_fields(value: Any, fields: dict[str, Any]) -> Any:
    """Return a value of which some fields are others."""
    return (msgspec.structs.replace if _is_struct(type(value)) else dataclasses.replace)(value, **fields)


def changed(value: Any, old: Any, new: Any) -> Any:
    """Return a value in which one that is somewhere within it is another."""
    if value is old:
        return new
    if isinstance(value, tuple):
        return tuple(changed(each, old, new) for each in value)
    if type(value) in CHANGES:
        return with_fields(value, {name: changed(getattr(value, name), old, new) for name in fields_of(type(value))})
    return value


@pytest.mark.parametrize("kind", CHANGES)
def test_every_field_is_considered(kind: type) -> None:
    assert set(fields_of(kind)) == CHANGES[kind][1].keys()


CASES = [
    pytest.param(value, name, other, id=f"{kind.__name__}.{name}")
    for kind, (value, others) in CHANGES.items()
    for name, other in others.items()
    if kind is not Gpu and (other is not None or kind is ExpectedFile)
]


@pytest.mark.parametrize(("value", "name", "other"), CASES)
def test_every_field_changes_the_key(value: Any, name: str, other: Any) -> None:
    new = with_fields(value, {name: other})
    compare = changed(COMPARE, value, new)
    assert compare != COMPARE
    assert run_key.of_comparison(compare, results()) != run_key.of_comparison(COMPARE, results())


@pytest.mark.parametrize("name", ["in", "out", "module", "weights", "splat"])
def test_every_digest_changes_the_key(name: str) -> None:
    other = results(**{name: "changed"})
    assert run_key.of_comparison(COMPARE, other) != run_key.of_comparison(COMPARE, results())
    assert (run_key.of_run(RUN, other) != run_key.of_run(RUN, results())) == (name != "out")


def test_where_a_module_comes_from_does_not_count() -> None:
    same = msgspec.structs.replace(RUN, compiles=(OTHER_COMPILE,))
    assert run_key.of_run(same, results(other_module="m")) == run_key.of_run(RUN, results())
    elsewhere = msgspec.structs.replace(RUN, links=(Link(name="input.0.bin", blob=OTHER),))
    assert run_key.of_run(elsewhere, results(other="i")) == run_key.of_run(RUN, results())


@pytest.mark.parametrize(("name", "other"), CHANGES[Gpu][1].items())
def test_which_of_equal_gpus_it_is_does_not_count(name: str, other: Any) -> None:
    gpu: Gpu = CHANGES[Gpu][0]
    new = with_fields(gpu, {name: other or (9 if name == "index" else "9")})
    assert (run_key.of_devices([new]) == run_key.of_devices([gpu])) is (other is None)


def test_an_oracle_has_no_key() -> None:
    with pytest.raises(ValueError, match="oracle"):
        run_key.of_comparison(msgspec.structs.replace(COMPARE, reference=RUN), results())
