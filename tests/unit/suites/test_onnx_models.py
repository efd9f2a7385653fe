import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from harness.core.cases import Backend, Case, Listing, ModelSpec, Place, Target
from harness.core.errors import SpecError
from harness.core.statuses import Kind, Phase, Status, Verdict
from harness.pipeline import expectations, planner
from harness.pipeline.options import Options
from harness.specs import bless
from harness.specs.catalogue import Folders
from harness.suites import config, reader
from harness.suites.reader import Suite
from tests.unit import reports, samples

TEST = """
import pytest
from .....utils import *
raise SystemExit("nothing of this is executed")

BASE_PATH = "vision/digits/"
other = BASE_PATH


@pytest.mark.parametrize(
    "model",
    [
        pytest.param("mnist/mnist-12.onnx"),
        pytest.param("vgg/vgg.onnx", marks=pytest.mark.size_large),
        pytest.param("yolo/yolo.onnx", marks=[pytest.mark.skip("ONNXRuntimeError"), pytest.mark.size_large]),
        pytest.param("ssd/ssd.onnx", marks=pytest.mark.xfail(raises=NotImplementedError)),
        pytest.param(other),
        "plain.onnx",
    ],
)
@pytest.mark.parametrize("size", [1])
@other
def test_models(compare_between_iree_and_onnxruntime, model):
    pass
"""
FILE = "tests/zoo/digits_test.py"
CONFIG = """{
  config_name: "cpu", // a comment
  iree_compile_flags: ["--iree-hal-target-device=local"],
  iree_run_module_flags: ["--device=local-task"],
  tests_and_expected_outcomes: {
    "tests/zoo/digits_test.py::test_models[mnist/mnist-12.onnx]": "pass",
    // it is large
    "tests/zoo/digits_test.py::test_models[vgg/vgg.onnx]": "fail-import",
    "tests/zoo/digits_test.py::test_models[ssd/ssd.onnx]": "fail-run",
    "tests/zoo/digits_test.py::test_models[yolo/yolo.onnx]": "wobble",
    "tests/zoo/digits_test.py::test_models[gone.onnx]": "fail-compile",
  },
}"""


@pytest.fixture
def suite(tmp_path: Path) -> Suite:
    return suite_of(tmp_path)


def suite_of(folder: Path, text: str = TEST) -> Suite:
    root = folder / "onnx_models"
    (root / FILE).parent.mkdir(parents=True)
    (root / FILE).write_text(text)
    (root / "cpu.json").write_text(CONFIG)
    (root / "tests/zoo/broken_test.py").write_text("compare_between_iree_and_onnxruntime(")
    found = reader.find(Folders(root))
    assert found
    return found


def case_of(spec: ModelSpec) -> Case:
    return Case(spec=spec, target=Target(backend=Backend.CPU))


def applied(suite: Suite, name: str, **changes: Any) -> ModelSpec:
    path = suite.folders.specs / "cpu.json"
    for before, after in changes.items():
        path.write_text(path.read_text().replace(before, after))
    (found,) = config.read_all([path])
    return found.applied(suite.read([name])[name], suite.key(name))


def test_cases_are_the_models_of_tests(suite: Suite) -> None:
    names = [f"vision/digits/{each}" for each in ("mnist/mnist-12", "vgg/vgg", "yolo/yolo", "ssd/ssd", "plain")]
    assert (suite.format.NAME, list(suite.paths), suite.is_whole) == ("onnx_models", names, True)
    specs = suite.read(names)
    mnist = specs["vision/digits/mnist/mnist-12"]
    assert (mnist.name, mnist.backend, mnist.is_onnx) == ("vision/digits/mnist/mnist-12", Backend.CPU, True)
    assert (mnist.default_dimension, mnist.has_reference, mnist.outputs) == (1, True, ())
    assert [each.markers for each in specs.values()] == [(), ("size_large",), ("size_large",), (), ()]
    assert suite.key("vision/digits/plain") == f"{FILE}::test_models[plain.onnx]"


def test_a_model_is_where_the_suite_puts_it_or_beside_or_on_the_host(suite: Suite, tmp_path: Path) -> None:
    name = "vision/digits/mnist/mnist-12"
    host = "hf://onnxmodelzoo/legacy_models/vision/digits/mnist/mnist-12.onnx"
    assert suite.read([name])[name].mlir.url == host
    (tmp_path / "mnist-12.onnx").write_bytes(b"1")
    beside = reader.find(Folders(suite.folders.specs, external_files=tmp_path))
    assert beside
    assert beside.read([name])[name].mlir.url == (tmp_path / "mnist-12.onnx").as_uri()
    here = suite.folders.specs / "artifacts/model_zoo/vision/digits/mnist-12.onnx"
    here.parent.mkdir(parents=True)
    here.symlink_to(tmp_path / "mnist-12.onnx")
    assert suite.read([name])[name].mlir.url == host
    here.unlink()
    here.write_bytes(b"1")
    assert suite.read([name])[name].mlir.url == here.as_uri()


@pytest.mark.parametrize("text", ["../../x.onnx", "x.bin", "a[b].onnx"])
def test_what_is_no_model_of_the_repository(tmp_path: Path, text: str) -> None:
    broken = suite_of(tmp_path, TEST.replace("plain.onnx", text))
    with pytest.raises(SpecError):
        broken.read(list(broken.paths))


def test_a_config_says_what_is_expected_by_the_id_of_a_test(suite: Suite) -> None:
    path = suite.folders.specs / "cpu.json"
    place = "$.tests_and_expected_outcomes[{!r}]"
    ids = {each: f"{FILE}::test_models[{each}/{each}.onnx]" for each in ("vgg", "ssd")}
    plain = f"{FILE}::test_models[plain.onnx]"
    mnist = f"{FILE}::test_models[mnist/mnist-12.onnx]"
    assert applied(suite, "vision/digits/mnist/mnist-12").listing == Listing(config=path, name=mnist)
    vgg = Place(json_path=place.format(ids["vgg"]), line=8)
    assert applied(suite, "vision/digits/vgg/vgg").listing == Listing(config=path, name=ids["vgg"], import_failure=vgg)
    ssd = Place(json_path=place.format(ids["ssd"]), line=9)
    assert applied(suite, "vision/digits/ssd/ssd").listing == Listing(config=path, name=ids["ssd"], run_failure=ssd)
    missing = Place(json_path="$.tests_and_expected_outcomes", line=5, is_shared=True)
    assert applied(suite, "vision/digits/plain").listing == Listing(config=path, name=plain, skip=missing)
    (found,) = config.read_all([path])
    assert list(suite.remarks([found])) == [
        f"{path}:10: the outcome 'wobble' is unknown, and counts as pass",
        f"{path}: 1 name of no case in onnx_models: {FILE}::test_models[gone.onnx] (line 11)",
    ]
    changes = {"tests_and_expected_outcomes: {": 'tests_and_expected_outcomes: {"default": "pass",'}
    assert applied(suite, "vision/digits/plain", **changes).listing == Listing(config=path, name=plain)


def test_what_counts_for_all_other_tests_is_not_changed_for_one_of_them(suite: Suite) -> None:
    changes = {"tests_and_expected_outcomes: {": 'tests_and_expected_outcomes: {"default": "fail-run",'}
    case = case_of(applied(suite, "vision/digits/plain", **changes))
    expected = expectations.expected_failures(case, samples.release("3.13.0"), dt.date(2026, 11, 29))
    passed = Verdict(status=Status.PASSED, kind=None, reason="")
    verdict = expectations.judged(passed, Phase.COMPARE, expected)
    assert (verdict.status, verdict.stale) == (Status.XPASSED, ())
    assert "by hand, because it is about other cases as well" in verdict.reason


def test_a_test_that_is_skipped_in_the_file_is_skipped(suite: Suite) -> None:
    case = case_of(applied(suite, "vision/digits/yolo/yolo"))
    blocked = planner.plan(case, samples.release("3.13.0"), Options()).blocked
    assert blocked
    assert blocked.status is Status.SKIPPED
    assert blocked.reason == f"{suite.folders.specs / FILE}:15 says so (pytest.mark.skip: ONNXRuntimeError)"


def test_outcomes_of_another_form(suite: Suite) -> None:
    path = suite.folders.specs / "cpu.json"
    path.write_text(CONFIG.replace('"fail-run"', "3"))
    with pytest.raises(SpecError, match="expected an object of texts, by the ids of tests"):
        config.read_all([path])


def test_a_refusal_is_excused_where_it_is_expected_and_a_stale_outcome_becomes_pass(suite: Suite) -> None:
    case = case_of(applied(suite, "vision/digits/vgg/vgg"))
    expected = expectations.expected_failures(case, None, Options().today)
    refused = Verdict(status=Status.ERROR, kind=Kind.IMPORT, reason="no")
    assert expectations.judged(refused, Phase.IMPORT, expected).status is Status.XFAILED
    assert expectations.judged(refused, Phase.IMPORT, ()) == refused
    run = expectations.expected_failures(case_of(applied(suite, "vision/digits/ssd/ssd")), None, Options().today)
    other = expectations.judged(refused, Phase.IMPORT, run)
    assert (other.status, "expects the run to fail" in other.reason) == (Status.ERROR, True)
    fails = Verdict(status=Status.FAILED, kind=Kind.COMPILE, reason="no")
    assert expectations.judged(fails, Phase.COMPILE, expected).status is Status.FAILED
    passed = expectations.judged(Verdict(status=Status.PASSED, kind=None, reason=""), Phase.COMPARE, expected)
    assert passed.status is Status.XPASSED
    assert 'to "pass" in ' in passed.reason
    path = suite.folders.specs / "cpu.json"
    (edit,) = bless.edits([reports.outcome(config=str(path), stale=passed.stale)])
    assert edit.after == CONFIG.replace('"fail-import"', '"pass"')
