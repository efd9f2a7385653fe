"""The quick check of a schema and `jsonschema` accept the same documents."""

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.specs import schema, schema_check

CATALOGUE = Path(__file__).parents[3] / "quality_tests"
SPECS = [json.loads(path.read_text()) for path in sorted(CATALOGUE.rglob("*_*.json"))]
# What the specs of the catalogue do not have, valid.
MORE = {
    "mlir": "a.onnx?x=1",
    "dimensions": {"batch": 1},
    "modules": [{"mlir": "b.mlir", "compiler_flags": ["--x"]}],
    "provenance": {
        "reference": "cpu",
        "release": "3.1.0",
        "backend": "cpu",
        "devices": ["d"],
        "date": "2026-01-31T00:00:00Z",
        "outputs": [{"sha256": "ab" * 32}],
    },
    "outputs": [],
    "weights": [{"source": "a.irpa"}, {"random": {"seed": 3}, "scope": "model"}],
    "atol": {"f32": 0.5},
    "judge": [{"psnr": ">= 40", "centred": {"mean": "<= 1"}, "tokens": "equal"}, {"centred": True}],
    "expect": [{"fails": ["nan", "numeric"], "chips": ["gfx942"], "issue": "https://a", "until": "2026-01-31"}],
    "markers": ["quick", "hip"],
    "budget": {
        "dispatches": 3,
        "latency_ms": {"golden": 1, "statistic": "min"},
        "peak_bytes": {"mi300": {"golden": 1}},
    },
    "tuner_file": {"mi300": "a.mlir"},
    "devices": ["hip://1"],
    "compile_chip_expecting_to_fail": ["sm_80"],
}
ODD = st.sampled_from(
    [
        *(None, True, False, 0, 1, -1, 1.0, 0.5, 5_000_000_000, "", "a", "a\n", "--a", "é", "a.json", "x" * 5_000),
        *([], ["a", "a"], [1, 1.0], ["--a", 2]),
        *({}, {"a": 1}, {"golden": 1}, {"golden": 1, "x": 1}, {"random": {"seed": 1.0}}),
    ]
)


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield each object and array in a document with the name of each member, or the index of each item."""
    for key, each in value.items() if isinstance(value, dict) else enumerate(value):
        yield value, key
        if isinstance(each, dict | list):
            yield from places(each)


def agree(document: Any) -> bool:
    """Return whether a document is valid, after a look that both say the same."""
    is_valid = schema._check()(document)
    assert is_valid == schema._validator().is_valid(document), document
    return is_valid


@pytest.mark.parametrize("document", [*SPECS, MORE], ids=str)
def test_a_valid_document_is_valid(document: dict[str, Any]) -> None:
    assert agree(document)


@settings(max_examples=300)
@given(st.data())
def test_what_one_refuses_the_other_refuses(data: st.DataObject) -> None:
    document = copy.deepcopy(data.draw(st.sampled_from([MORE, MORE, *SPECS])))
    for _ in range(data.draw(st.integers(1, 2))):
        parent, key = data.draw(st.sampled_from(list(places(document)) or [({}, "mlir")]))
        match data.draw(st.sampled_from(["change", "remove", "rename", "add"])):
            case "remove":
                del parent[key]
            case "rename" if isinstance(parent, dict):
                parent[data.draw(st.sampled_from([*MORE, "extends", "value", "odd name", "golden"]))] = parent.pop(key)
            case "add" if isinstance(parent, list):
                parent.append(copy.deepcopy(data.draw(ODD | st.sampled_from(parent))))
            case _:
                parent[key] = copy.deepcopy(data.draw(ODD))
    agree(document)


@pytest.mark.parametrize("document", [None, [], "a", 1, {}, {"extends": "a.json"}, {"mlir": "a.mlir", "outputs": []}])
def test_what_is_no_spec_at_all(document: Any) -> None:
    agree(document)


@pytest.mark.parametrize("bad", [{"oneOf": []}, {"properties": {"a": {"format": "uri"}}}, {"enum": [1]}])
def test_a_keyword_that_is_not_known_is_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"unknown keywords of JSON Schema|numbers are equal"):
        schema_check.compiled(bad)({"a": 1})


def test_every_keyword_of_the_schema_is_known() -> None:
    def parts(part: Any) -> Iterator[Any]:
        yield part
        for each in (*part.get("properties", {}).values(), part.get("items"), part.get("additionalProperties")):
            yield from parts(each) if isinstance(each, dict) else ()

    inlined = schema._inlined(schema._schema(), schema._schema()["$defs"])
    assert len([schema_check.compiled(each) for each in parts(inlined)]) > 100
