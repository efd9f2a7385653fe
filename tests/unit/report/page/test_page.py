import hashlib
import html
import math
import re
import time
from collections import Counter
from importlib import resources

import pytest

from harness.core.exit_codes import EXIT_INTERRUPTED
from harness.core.statuses import Kind, Status
from harness.core.timings import Reused
from harness.core.variants import Variant
from harness.report.page import page
from harness.report.page.content import Content, Point, Run, Trend
from harness.report.page.documents import BisectAnswer, BisectDocument
from tests.unit import pages, reports
from tests.unit.pages import HOSTILE, Parsed, digest, rendered

EVERY = reports.report(*reports.every_status())
ASSETS = resources.files("harness.report.page").joinpath("assets")


def test_the_policy_allows_what_is_in_the_page_and_nothing_else() -> None:
    found = rendered(EVERY)
    scripts = [
        text for tag, known, parts in found.elements if tag == "script" and not known for text in ["".join(parts)]
    ]
    styles = found.texts("style")
    assert len(scripts) == 2
    assert found.policy == {
        "default-src": "'none'",
        "script-src": " ".join(map(digest, scripts)),
        "style-src": " ".join(map(digest, styles)),
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
        "require-trusted-types-for": "'script'",
        "trusted-types": "'none'",
    }


def test_a_page_refers_to_nothing_outside() -> None:
    for tag, known, _ in rendered(EVERY).elements:
        assert tag not in {"iframe", "object", "embed", "base", "form", "img"}
        assert not {"src", "srcset", "style", "action"} & known.keys()
        assert not any(name.startswith("on") for name in known)
        assert (known.get("href") or "#").startswith(("#", "data:,"))


def test_texts_of_others_are_no_markup() -> None:
    case = pages.hostile()
    report = reports.report(case, environment={**reports.ENVIRONMENT, "image": {"tag": HOSTILE}})
    found, plain = rendered(report), rendered(reports.report(reports.failed()))
    shape = [(tag, sorted(known)) for tag, known, _ in found.elements]
    assert shape == [(tag, sorted(known)) for tag, known, _ in plain.elements]
    assert found.policy == plain.policy
    shown = HOSTILE.replace("\u2028", "#x2028").replace("\u202e", "#x202E")
    assert found.details[0]["why"] == shown
    assert found.details[0]["log"] == shown
    assert found.index["cases"][0]["name"] == f"{shown}/{shown}"
    assert found.texts("p", **{"class": "where"}) == [
        f"IREE 3.13.0 (89ece87b5a), engine container, image {shown}, EPYC 9454, gfx942"
    ]


def test_what_a_page_is_made_of_cannot_end_it() -> None:
    files = [
        *ASSETS.joinpath("scripts").iterdir(),
        ASSETS.joinpath("vendor", "chart.umd.min.js"),
        ASSETS.joinpath("style.css"),
    ]
    for each in files:
        text = each.read_text(encoding="utf-8")
        assert not re.search(r"</(script|style)|<!--", text, re.IGNORECASE), each.name
        assert text.isascii() or "chart" not in each.name


def test_the_library_is_the_one_that_is_recorded() -> None:
    vendor = ASSETS.joinpath("vendor")
    digest = hashlib.sha256(vendor.joinpath("chart.umd.min.js").read_bytes()).hexdigest()
    assert f"sha256  {digest}" in vendor.joinpath("README.md").read_text()


def test_scripts_make_no_markup_of_text() -> None:
    for each in ASSETS.joinpath("scripts").iterdir():
        found = re.findall(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function", each.read_text()
        )
        assert not found, each.name


def test_every_script_is_used() -> None:
    names = {each.name.removesuffix(".js") for each in ASSETS.joinpath("scripts").iterdir()}
    assert names == {*page._SCRIPTS, "main"}


def test_scripts_which_are_one_declare_each_name_once() -> None:
    text = "\n".join(each.read_text() for each in ASSETS.joinpath("scripts").iterdir())
    declared = Counter(re.findall(r"^(?:async )?(?:const|let|function|class) (\w+)", text, re.MULTILINE))
    assert {name for name, count in declared.items() if count > 1} == set()
    assert declared["bisectView"]


def test_cases_that_need_attention_come_first() -> None:
    found = rendered(EVERY).index["cases"]
    assert [each["status"] for each in found][:4] == ["failed", "xpassed", "error", "passed"]
    assert len(found) == len(EVERY.cases)


def test_details_are_in_the_order_of_the_list() -> None:
    found = rendered(pages.many(100))
    assert [each["submodel"] for each in found.details] == [
        each["name"].rpartition("/")[2] for each in found.index["cases"]
    ]


def test_names_in_links_are_unique() -> None:
    same = [reports.outcome(release=release) for release in ("3.8.0", "3.9.0", "3.9.0", None)]
    found = rendered(reports.report(*same), reports.report(reports.outcome(id="", release=None)))
    keys = [each["key"] for each in found.index["cases"]]
    assert keys == [
        "tiny/clip[cpu] 3.8.0",
        "tiny/clip[cpu] 3.9.0",
        "tiny/clip[cpu] 3.9.0 (2)",
        "tiny/clip[cpu]",
        "unnamed",
    ]


def test_a_row_has_the_numbers_of_its_worst_output() -> None:
    worse = reports.measurement(index=1, error_ratio=0.9, max_abs_error=9e-6)
    case = reports.outcome(outputs=(reports.measurement(), worse))
    (row,) = rendered(reports.report(case)).index["cases"]
    assert (row["ratio"], row["error"], row["close"], row["cached"]) == (0.9, 9e-6, True, False)


def test_a_row_says_that_a_case_did_not_run_again() -> None:
    case = reports.outcome(reused=Reused(began="2026-11-22T18:30:00.000Z", seconds=0.2))
    found = rendered(reports.report(case))
    assert found.index["cases"][0]["cached"]
    assert found.details[0]["reused"] == {"began": "2026-11-22T18:30:00.000Z", "seconds": 0.2}


@pytest.mark.parametrize(("status", "kind"), [(Status.FAILED, Kind.NAN), (Status.XFAILED, Kind.NAN)])
def test_a_nan_is_beyond_every_threshold(status: Status, kind: Kind) -> None:
    (row,) = rendered(reports.report(reports.outcome(status, kind=kind))).index["cases"]
    assert row["ratio"] == "inf"


def test_numbers_that_json_cannot_write() -> None:
    odd = reports.measurement(error_ratio=math.inf, max_abs_error=math.nan)
    (row,) = rendered(reports.report(reports.failed(outputs=(odd,)))).index["cases"]
    assert (row["ratio"], row["error"]) == ("inf", "nan")


def test_a_case_can_be_repeated_and_has_its_provenance() -> None:
    found = rendered(reports.report(reports.failed()))
    (known,) = found.details
    assert known["again"] == "nox -s quality -- tiny/vae --backend cpu"
    assert known["commands"]["compile"] == ["iree-compile clip.mlir -o clip.vmfb"]
    assert known["blobs"][0]["sha256"] == "c" * 64
    assert known["modules"][0]["sha256"] == "b" * 64
    facts = dict(map(tuple, found.index["runs"][0]["facts"]))
    assert facts["image id"] == "sha256:11"
    assert facts["base image"] == "debian@sha256:22"
    assert facts["device 0"] == "gfx942, mi300"


def test_devices_and_builds_are_named() -> None:
    gpu = {"index": 0, "vendor": "amd", "chip": "gfx942", "sku": "mi300", "uuid": "GPU-18", "bus_id": "0000:c1:00.0"}
    changes = {
        "host": {"gpus": [gpu, "odd"], "memory_bytes": 64_000_000_000},
        "builds": {"compiler": "c0ffee"},
    }
    run = rendered(reports.report(environment={**reports.ENVIRONMENT, **changes})).index["runs"][0]
    facts = dict(map(tuple, run["facts"]))
    assert facts["device 0"] == "amd, gfx942, mi300, GPU-18, 0000:c1:00.0"
    assert facts["compiler by digest"] == "c0ffee"
    assert facts["memory"] == "64.0 GB"
    odd = {"host": ["no object"]}
    assert rendered(reports.report(environment=odd)).index["runs"][0]["facts"] == []


def test_logs_are_cut_where_there_are_many() -> None:
    long = reports.failed(log_tail="x" * 100_000)
    (one,) = rendered(reports.report(long)).details
    assert 15_000 < len(one["log"]) <= 16_384
    several = rendered(reports.report(*[long] * 1000)).details
    assert all(len(each["log"]) <= 2_200 for each in several)


def test_the_timeline_has_each_step_once() -> None:
    first, second = reports.outcome(), reports.outcome(submodel="vae")
    odd = reports.outcome(
        steps=(reports.outcome().steps[0].__class__(step="run", began="now", seconds=1, resource="cpu"),)
    )
    (text,) = rendered(reports.report(first, second, odd)).texts("script", id="timeline")
    assert pages.unpacked(text) == [[0, "compile", 0.0, 2.71, "compiler"], [0, "run", 2.8, 0.12, "cpu"]]


def test_trends_are_with_their_case() -> None:
    points = (Point(when="2026-11-01T00:00:00Z", release="3.12.0", status="passed", value=0.1),)
    trend = Trend(case="tiny/clip[cpu]", name="error_ratio", points=points)
    found = rendered(reports.report(reports.outcome(), reports.failed()), trends=(trend,)).details
    assert [[each["name"] for each in known["trends"]] for known in found] == [[], ["error_ratio"]]


def test_the_answer_is_there_without_a_script() -> None:
    found = rendered(EVERY)
    assert found.texts("h1") == ["Failed: 2 of 9 cases; 1 more ended in an error."]
    assert found.texts("title") == ["Failed: 2 of 9 cases; 1 more ended in an error"]


def test_several_runs_are_one_answer() -> None:
    other = reports.report(reports.outcome(), environment={**reports.ENVIRONMENT, "engine": "local"})
    found = rendered(EVERY, other)
    assert found.texts("h1") == ["Failed: 2 of 10 cases; 1 more ended in an error."]
    assert found.texts("p", **{"class": "question"}) == ["2 runs, 24.7 s"]
    places = found.texts("p", **{"class": "where"})
    assert places[1].strip() == "engine local, image quality:3f2a, EPYC 9454, gfx942"
    interrupted = rendered(EVERY, reports.report(exit_code=EXIT_INTERRUPTED))
    assert interrupted.texts("h1") == ["Interrupted: cases that had not finished are errors."]


def test_a_page_without_cases() -> None:
    assert rendered(reports.report(environment=reports.NOWHERE)).index["cases"] == []


def test_1200_cases_are_small_and_quick() -> None:
    report = pages.many(1200)
    began = time.process_time()
    text = page.render(Content(runs=(Run(report=report),)))
    assert time.process_time() - began < 10
    assert len(text.encode()) < 2_000_000
    assert len(Parsed(text).details) == 1200


def test_markup_in_the_answer_is_escaped() -> None:
    text = page.render(
        Content(runs=(Run(report=reports.report(reports.outcome(), environment={"image": {"tag": "<b>"}})),))
    )
    assert html.escape("image <b>") in text


def test_a_page_of_images_speaks_of_images() -> None:
    names = ("rocm-6.4", "rocm-7.2")
    cases = [
        reports.outcome(variant=Variant(axis="image", name=name, options=("--image", name)), release="3.13.0")
        for name in names
    ]
    result = BisectAnswer(kind="first-bad", text="First bad image: rocm-7.2 (last good: rocm-6.4)")
    search = BisectDocument(case="tiny/clip[cpu]", axis="image", releases=names, result=result, probes=())
    content = Content(runs=tuple(Run(report=reports.report(each)) for each in cases), bisect=search)
    index = Parsed(page.render(content)).index
    assert index["answer"]["question"] == "Which image broke tiny/clip[cpu]?"
    assert index["releases"] == [*names]
    assert [(each["release"], each["iree"]) for each in index["cases"]] == [(name, "3.13.0") for name in names]
