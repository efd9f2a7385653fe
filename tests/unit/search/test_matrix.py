import json
from typing import Any

import pytest

from harness.core.outcomes import Kind, Outcome, Phase, Report, Status
from harness.search import matrix
from harness.search import matrix_table as report
from harness.search.matrix import Matrix
from tests.unit.reports import error, failed, module, outcome

RELEASES = ("3.0.0", "3.1.0", "3.2.0")


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


def test_nothing_differs_and_what_is_not_known_is_a_dot() -> None:
    text = report.render(table(clip("3.0.0"), None, clip("3.2.0")))
    assert "tiny/clip[cpu]  ok     .      ok" in text
    assert text.endswith("No release differs from the one before.")


def test_matrix_json() -> None:
    found = table(clip("3.0.0"), None, (failed(id="tiny/clip[cpu]", release="3.2.0", outputs=()),))
    run = Report(started="2026-11-26T00:00:00Z", seconds=1.5, exit_code=1, environment={}, cases=())
    document = json.loads(report.to_json(found, run))
    assert (document["schema"], document["exit_code"], document["seconds"]) == (1, 1, 1.5)
    assert document["releases"] == list(RELEASES)
    assert document["cases"] == ["tiny/clip[cpu]"]
    cells = {cell["release"]: cell for cell in document["cells"]}
    assert [cells[name]["status"] for name in RELEASES] == ["passed", None, "failed"]
    assert [cells[name]["differs"] for name in RELEASES] == [False, False, False]
    assert cells["3.0.0"]["numbers"]["dispatches"] == 31


def test_the_line_of_a_release() -> None:
    line = report.release_line("3.0.0", (*clip("3.0.0"), failed(), failed()), width=6)
    assert line == "3.0.0      8.74 s   1 passed, 2 failed"


@pytest.mark.parametrize(("kept", "outcomes"), [(True, [outcome(), failed()]), (False, [outcome(), error()])])
def test_what_ended_in_an_error_is_tested_again(kept: bool, outcomes: list[Outcome]) -> None:  # noqa: FBT001
    assert matrix.is_complete(outcomes) is kept
