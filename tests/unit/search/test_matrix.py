import json
from typing import Any

import pytest

from harness.core.cases import Case
from harness.core.devices import Device
from harness.core.outcomes import Outcome, Report
from harness.core.statuses import Kind, Phase, Status
from harness.search import matrix
from harness.search import matrix_table as report
from harness.search.matrix import Matrix
from tests.unit.reports import error, failed, module, outcome
from tests.unit.samples import CPU, spec
from tests.unit.searches import results

RELEASES = ("3.0.0", "3.1.0", "3.2.0")
RUN = Report(started="2026-11-26T00:00:00Z", seconds=1.5, exit_code=1, environment={}, cases=())


def table(*columns: tuple[Outcome, ...] | None, show: str | None = None) -> Matrix:
    """Return the matrix of columns, None where nothing is known."""
    known = {name: column for name, column in zip(RELEASES, columns, strict=False) if column is not None}
    cases = list(dict.fromkeys(each.id for column in known.values() for each in column))
    return matrix.matrix(RELEASES, cases, known, show)


def clip(release: str, status: Status = Status.PASSED, **changes: Any) -> tuple[Outcome, ...]:
    return (outcome(status, release=release, **changes),)


def test_a_cell_differs_from_its_left_neighbour_by_status_kind_or_phase() -> None:
    wrong = failed(Kind.NUMERIC, submodel="clip", id="tiny/clip[cpu]", phase=Phase.COMPARE)
    other = failed(Kind.NAN, submodel="clip", id="tiny/clip[cpu]", phase=Phase.COMPARE)
    found = table(clip("3.0.0"), (wrong,), (other,))
    assert [found.differs("tiny/clip[cpu]", index) for index in range(3)] == [False, True, True]
    assert [each.after.kind for each in found.differences] == [Kind.NUMERIC, Kind.NAN]
    same = table(clip("3.0.0"), clip("3.1.0", reason="other"), None)
    assert list(same.differences) == []


def test_a_number_is_compared_if_it_is_shown() -> None:
    columns = [
        clip(name, modules=(module(dispatches=each),)) for name, each in zip(RELEASES, (71, 65, 65), strict=True)
    ]
    found = table(*columns, show="dispatches")
    assert [(each.before.release, each.after.release) for each in found.differences] == [("3.0.0", "3.1.0")]
    text = report.render(found)
    assert "tiny/clip[cpu]  71     65*    65" in text
    assert "tiny/clip[cpu]: 3.0.0 71 -> 3.1.0 65" in text


def test_the_devices_are_named() -> None:
    first, second = (Device(driver="hip", name="MI300X", uuid=f"GPU-{number}") for number in (1, 2))
    found = table(clip("3.0.0", devices=(first,)), clip("3.1.0", devices=(second,)), clip("3.2.0", devices=(second,)))
    assert report.render(found).splitlines()[-2:] == ["1 run on MI300X (hip, GPU-1)", "2 runs on MI300X (hip, GPU-2)"]
    assert "- 2 runs on MI300X (hip, GPU-2)" in report.markdown(found).replace("\\", "")


def test_the_table() -> None:
    good, bad = outcome(release="3.0.0"), failed(Kind.NAN, id="tiny/clip[cpu]", release="3.1.0")
    vae = [outcome(Status.XFAILED, "vae", release=name) for name in RELEASES]
    found = table((good, vae[0]), (bad, vae[1]), (error(Kind.DEVICE, id="tiny/clip[cpu]"), vae[2]))
    lines = report.render(found).splitlines()
    assert lines[:3] == [
        "                3.0.0  3.1.0  3.2.0",
        "tiny/clip[cpu]  ok     NAN*   ?device*",
        "tiny/vae[cpu]   xfail  xfail  xfail",
    ]
    assert lines[4] == (
        "ok: passed, UPPER CASE: kind of failure, xfail: failed as expected, ?: kind of error, "
        "*: differs from the release before"
    )
    assert lines[6].startswith("tiny/clip[cpu]: 3.0.0 passed -> 3.1.0 failed (nan: output 0 ")
    text = report.markdown(found)
    assert "| tiny/clip\\[cpu\\] | ok | NAN\\* | ?device\\* |" in text


def test_cases_of_one_target_that_are_alike_are_a_row() -> None:
    known = {
        name: [
            outcome(status, each, id=f"tiny/{each}[{target}]", release=name)
            for target, status in (("cpu", Status.PASSED), ("rocm-gfx942", other))
            for each in ("clip", "vae", "unet")
        ]
        for name, other in zip(RELEASES, (Status.UNSUPPORTED, Status.COMPILED, Status.COMPILED), strict=True)
    }
    found = matrix.matrix(RELEASES, [each.id for each in known["3.0.0"]], known, None)
    assert report.render(found).splitlines() == [
        "                                   3.0.0  3.1.0   3.2.0",
        "tiny/clip[cpu] and 2 more          ok     ok      ok",
        "tiny/clip[rocm-gfx942] and 2 more  -      built*  built",
        "",
        "ok: passed, built: compiled only, -: unsupported, *: differs from the release before",
        "",
        "tiny/clip[rocm-gfx942] and 2 more: 3.0.0 unsupported -> 3.1.0 compiled",
    ]


def test_nothing_differs() -> None:
    text = report.render(table(*map(clip, RELEASES)))
    assert text.endswith("No release differs from the one before.")
    assert "not tested" not in text


def test_what_is_missing_is_said_everywhere() -> None:
    found = table(clip("3.0.0"), None, clip("3.2.0"))
    lines = report.render(found).splitlines()
    assert lines[1] == "tiny/clip[cpu]  ok     .      ok"
    assert lines[3] == "ok: passed, .: not tested: interrupted, *: differs from the release before"
    said = "Interrupted: 2 of 3 releases tested, not 3.1.0. Run the same command to resume."
    assert lines[5:] == ["The tested releases do not differ.", said]
    markdown = report.markdown(found)
    assert markdown.startswith(f"**{said}**\n\n| case |")
    assert ".: not tested: interrupted" in markdown
    document = json.loads(report.to_json(found, RUN))
    assert (document["interrupted"], document["untested"]) == (True, ["3.1.0"])
    assert [cell["reason"] for cell in document["cells"]] == ["", "not tested: interrupted", ""]


def test_nothing_is_said_of_differences_between_fewer_than_two_releases() -> None:
    for found in (table(clip("3.0.0"), None, None), matrix.matrix(RELEASES, ["tiny/clip[cpu]"], {}, None)):
        assert "differ." not in report.render(found)
        assert "Interrupted: " in report.render(found)
        assert "differ." not in report.markdown(found)


def test_a_difference_across_untested_releases_is_told() -> None:
    found = table(clip("3.0.0"), None, (failed(id="tiny/clip[cpu]", release="3.2.0"),))
    assert "tiny/clip[cpu]: 3.0.0 passed -> 3.2.0 failed (numeric: output 0" in report.render(found)


def test_what_was_not_tested_is_an_error_that_says_how_to_go_on() -> None:
    missing = matrix.untested(Case(spec=spec(), target=CPU), "3.1.0")
    assert (missing.id, missing.release, missing.status) == ("tiny/clip[cpu]", "3.1.0", Status.ERROR)
    assert missing.reason == "not tested: interrupted; run the same command to resume"


def test_a_table_that_is_wider_than_the_terminal_is_continued_below() -> None:
    lines = report.render(table(*map(clip, RELEASES)), width=30).splitlines()
    assert lines[:5] == [
        "                3.0.0  3.1.0",
        "tiny/clip[cpu]  ok     ok",
        "",
        "                3.2.0",
        "tiny/clip[cpu]  ok",
    ]
    fitting = report.render(table(*map(clip, RELEASES)), width=35).splitlines()
    assert fitting[:2] == report.render(table(*map(clip, RELEASES))).splitlines()[:2]
    assert fitting[3:5] == ["ok: passed, *: differs from the", "  release before"]
    assert report.render(table(*map(clip, RELEASES)), width=1).count("tiny/clip[cpu]") == 3


def test_matrix_json() -> None:
    found = table(clip("3.0.0"), None, (failed(id="tiny/clip[cpu]", release="3.2.0", outputs=()),))
    document = json.loads(report.to_json(found, RUN))
    assert (document["schema"], document["exit_code"], document["seconds"]) == (1, 1, 1.5)
    assert document["releases"] == list(RELEASES)
    assert document["cases"] == ["tiny/clip[cpu]"]
    cells = {cell["release"]: cell for cell in document["cells"]}
    assert [cells[name]["status"] for name in RELEASES] == ["passed", None, "failed"]
    assert [cells[name]["differs"] for name in RELEASES] == [False, False, True]
    assert cells["3.0.0"]["numbers"]["dispatches"] == 31


def test_the_line_of_a_release() -> None:
    line = report.release_line("3.0.0", results(*clip("3.0.0"), failed(), error(), error()), width=6)
    assert line == "3.0.0     11.65 s   1 passed, 1 failed, 2 errors"
    reused = results(*clip("3.0.0"), reused={"tiny/clip[cpu]": "3.0.0"})
    assert report.release_line("3.1.0", reused, width=6) == "3.1.0      2.79 s   1 passed", "a run that was reused"


@pytest.mark.parametrize(("kept", "outcomes"), [(True, [outcome(), failed()]), (False, [outcome(), error()])])
def test_what_ended_in_an_error_is_tested_again(kept: bool, outcomes: list[Outcome]) -> None:  # noqa: FBT001
    assert matrix.is_complete(outcomes) is kept
