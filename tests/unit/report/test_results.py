import dataclasses
import json
import math
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.blobs import FetchedBlob
from harness.core.errors import UsageError
from harness.core.measurements import FailedCompilation, Measurement, Module
from harness.core.outcomes import Outcome, Report
from harness.core.records import as_json
from harness.core.statuses import Kind, Phase, Status
from harness.core.variants import Variant
from harness.report import results
from tests.unit import reports

SCHEMA = json.loads((Path(results.__file__).parent / "results.schema.json").read_text())
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
FULL = reports.report(*reports.every_status())


def document() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(results.render(FULL))
    return loaded


def test_round_trip() -> None:
    assert results.load(results.render(FULL)) == FULL


def test_round_trip_of_a_report_without_cases() -> None:
    empty = reports.report(environment={}, exit_code=130)
    assert results.load(results.render(empty)) == empty


@given(
    text=st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])), number=st.floats(allow_nan=False)
)
def test_round_trip_of_any_text_and_number(text: str, number: float) -> None:
    case = reports.failed(reason=text, log_tail=text, seconds={text: number}, notes=(text,))
    hostile = reports.report(case, environment={f"~{text}": [text, {"n": None}]})  # a key that nothing reads
    assert results.load(results.render(hostile)) == hostile


def test_keys_are_those_of_the_documentation() -> None:
    rendered = document()
    assert list(rendered) == ["schema", "started", "seconds", "exit_code", "environment", "cases"]
    assert rendered["schema"] == 1
    passed = next(case for case in rendered["cases"] if case["status"] == "passed")
    assert passed["id"] == "tiny/clip[cpu]"
    assert passed["chip"] is None
    assert passed["kind"] is None
    assert passed["phase"] == "compare"
    assert passed["modules"][0]["cached"] is False
    assert passed["outputs"][0]["error_ratio"] == 0.11
    assert passed["commands"]["run"][0] == "iree-run-module"
    assert passed["blobs"][0]["resumed"] is True


def test_numbers_that_are_not_finite_are_strict_json_and_come_back() -> None:
    odd = reports.measurement(max_abs_error=math.inf, mean_abs_error=-math.inf, cosine_similarity=math.nan)
    text = results.render(reports.report(reports.failed(outputs=(odd,))))
    json.loads(text, parse_constant=pytest.fail)
    VALIDATOR.validate(json.loads(text))
    loaded = results.load(text).cases[0].outputs[0]
    assert loaded.max_abs_error == math.inf
    assert loaded.mean_abs_error == -math.inf
    assert loaded.cosine_similarity is not None
    assert math.isnan(loaded.cosine_similarity)


def test_unknown_keys_are_ignored_and_known_ones_with_a_default_may_be_absent() -> None:
    rendered = document() | {"new": 1}
    for case in rendered["cases"]:
        case["newer"] = {"a": []}
        del case["notes"]
    cases = tuple(dataclasses.replace(case, notes=()) for case in FULL.cases)
    assert results.load(json.dumps(rendered)) == dataclasses.replace(FULL, cases=cases)


@pytest.mark.parametrize("schema", [2, "1", None, True])
def test_another_schema_is_refused(schema: object) -> None:
    with pytest.raises(UsageError, match=r"Expected a results\.json with schema 1, got schema"):
        results.load(json.dumps(document() | {"schema": schema}))


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("status", "good", r"\$\.cases\[0\]\.status: unknown value 'good'"),
        ("status", ["failed"], "status: expected `str`, got `array`"),
        ("kind", "bad", "kind: unknown value 'bad'"),
        ("reason", None, "reason: expected `str`, got `null`"),
        ("peak_memory_bytes", 1.5, r"peak_memory_bytes: expected `int \| null`, got `float`"),
        ("seconds", {"run": "long"}, r"seconds\[\.\.\.\]: unknown value 'long'"),
        ("seconds", {"run": True}, r"seconds\[\.\.\.\]: expected a number"),
        ("seconds", {"run": 10**400}, "too many digits"),
        ("modules", {}, "modules: expected `array`"),
        ("modules", [1], r"modules\[0\]: expected `object`"),
        ("outputs", [{}], r"outputs\[0\]: object missing required field `index`"),
        ("commands", {"run": "iree-run-module x"}, r"commands\.run: expected `array`"),
        ("commands", {"run": [["a"], "b"]}, r"commands\.run\[0\]: expected `str`"),
        ("commands", {"run": [["a", 1]]}, r"commands\.run\[0\]\[1\]: expected `str`"),
    ],
)
def test_a_malformed_value_is_refused_with_its_place(key: str, value: object, message: str) -> None:
    rendered = document()
    rendered["cases"][0][key] = value
    with pytest.raises(UsageError, match=message):
        results.load(json.dumps(rendered))


@pytest.mark.parametrize("text", ["", "<testsuites/>", "[" * 100_000, '{"schema": NaN}', "[1]", "\ufeff{}"])
def test_what_is_no_results_json_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"results\.json"):
        results.load(text)


@pytest.mark.parametrize("number", ["NaN", "Infinity"])
def test_numbers_that_are_not_json_are_refused(number: str) -> None:
    with pytest.raises(UsageError, match=f"not JSON: {number} is not JSON"):
        results.load(results.render(FULL).replace("12.34", number))


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("case", reports.every_status(), ids=lambda case: case.status)
def test_every_status_obeys_the_schema(case: Outcome) -> None:
    VALIDATOR.validate(json.loads(results.render(reports.report(case))))


@pytest.mark.parametrize("kind", [*reports.FAILURES, *reports.NO_VERDICTS])
def test_every_kind_obeys_the_schema(kind: Any) -> None:
    case = reports.failed(kind) if kind in reports.FAILURES else reports.error(kind)
    VALIDATOR.validate(json.loads(results.render(reports.report(case))))


def test_a_report_of_a_run_that_came_nowhere_obeys_the_schema() -> None:
    VALIDATOR.validate(json.loads(results.render(reports.report(environment=reports.NOWHERE, exit_code=3))))


@pytest.mark.parametrize(
    "wrong",
    [
        {"status": "good"},
        {"kind": "numeric", "status": "error"},
        {"kind": None, "status": "failed"},
        {"seconds": {"run": "long"}},
        {"commands": {"run": "iree-run-module"}},
        {"outputs": [{"index": 0}]},
        {"chip": 942},
    ],
)
def test_the_schema_refuses_what_is_wrong(wrong: dict[str, Any]) -> None:
    rendered = document()
    rendered["cases"][0] |= wrong
    assert not VALIDATOR.is_valid(rendered)


@pytest.mark.parametrize("key", SCHEMA["required"])
def test_the_schema_misses_every_absent_key(key: str) -> None:
    rendered = document()
    del rendered[key]
    assert not VALIDATOR.is_valid(rendered)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("case", Outcome),
        ("module", Module),
        ("failed_compilation", FailedCompilation),
        ("output", Measurement),
        ("blob", FetchedBlob),
        ("variant", Variant),
    ],
)
def test_the_schema_names_every_field(name: str, kind: Any) -> None:
    assert SCHEMA["$defs"][name]["required"] == [field.name for field in dataclasses.fields(kind)]


def test_the_schema_names_every_field_of_a_report() -> None:
    assert SCHEMA["required"] == ["schema", *(field.name for field in dataclasses.fields(Report))]


def test_render_is_what_as_json_says() -> None:
    rendered = document()
    del rendered["schema"]
    assert rendered == as_json(FULL)


def test_the_schema_names_every_status_kind_and_phase() -> None:
    fields = SCHEMA["$defs"]["case"]["properties"]
    for name, values in {"status": Status, "kind": Kind, "phase": Phase}.items():
        assert set(fields[name]["enum"]) - {None} == set(values)
