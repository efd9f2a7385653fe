"""Folders of searches, of a benchmark and of runs, as the harness writes them: what pages are made from."""

import dataclasses
import json
import random
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from harness.bench import render as bench_render
from harness.bench.result import BenchResult, CaseResult
from harness.core.outcomes import Outcome, Report
from harness.core.settings import BenchSettings
from harness.core.statuses import Kind, Status
from harness.report import results
from harness.search import bisect_json, matrix, matrix_table
from harness.search.bisect import Change
from harness.search.finding import Finding
from tests.unit import reports
from tests.unit.bench.timed import one_round
from tests.unit.searches import finding, names, probe, search_request

CASE = "tiny/clip[cpu]"


def run(folder: Path, *cases: Outcome, **changes: Any) -> Report:
    """Write the results of a run."""
    report = reports.report(*cases, **changes)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "results.json").write_text(results.render(report))
    return report


def of_release(release: str, *, is_bad: bool) -> Outcome:
    where: dict[str, Any] = {"id": CASE, "submodel": "clip", "release": release}
    output = reports.measurement(error_ratio=4.2, max_abs_error=4.2e-5)
    return reports.failed(outputs=(output,), **where) if is_bad else reports.outcome(**where)


def bisect(folder: Path, history: str = "ggggggggbbbbbb", tested: tuple[int, ...] = (13, 0, 6, 10, 8, 7)) -> Finding:
    """Write a bisection of a history of letters, with the results of each release that was tested."""
    releases = names(len(history))
    probes = {
        index: probe(history[index], releases[index], results=f"probes/{releases[index]}", seconds=7.5 + index)
        for index in tested
    }
    found = finding(search_request(history, good=0, bad=len(history) - 1), probes)
    assert isinstance(found.change, Change)
    for index in tested:
        run(folder / "probes" / releases[index], of_release(releases[index], is_bad=history[index] == "b"))
    (folder / "bisect.json").write_text(bisect_json.to_json(dataclasses.replace(found, elapsed_s=61.2)))
    return found


def matrix_of(folder: Path) -> None:
    """Write a matrix in which one case differs between releases, and one was never tested."""
    releases, ids = ("3.8.0", "3.9.0", "3.10.0"), (CASE, "tiny/vae[cpu]")
    known: Mapping[str, list[Outcome]] = {
        name: [of_release(name, is_bad=name == "3.9.0"), reports.outcome(submodel="vae", release=name)]
        for name in releases[:2]
    }
    found = matrix.matrix(releases, ids, known, None)
    report = run(folder, *(each for column in known.values() for each in column), exit_code=1)
    (folder / "matrix.json").write_text(matrix_table.to_json(found, report))


def bench(folder: Path, labels: tuple[str, ...] = ("3.9.0", "3.13.0")) -> None:
    """Write a benchmark of one or two sides."""
    luck = random.Random(7)  # noqa: S311 - times of a test
    factors = (1.1, 1.0)[: len(labels)]
    rounds = tuple(one_round(*(factor * luck.uniform(0.95, 1.1) for factor in factors)) for _ in range(30))
    outcomes = tuple(reports.outcome(release=label) for label in labels)
    case = CaseResult(name="tiny/clip", outcomes=outcomes, rounds=rounds, precision=0.01)
    found = BenchResult(labels=labels, cases=(case,), bench=BenchSettings())
    written = [run(folder / "sides" / str(number), outcome) for number, outcome in enumerate(outcomes, 1)]
    (folder / "bench.json").write_text(bench_render.to_json(found, written))


def runs(folder: Path) -> None:
    """Write runs as they come from CI: a folder for each job."""
    run(folder / "cpu" / "20261129", reports.outcome(release="3.13.0"))
    gpu: dict[str, Any] = {"id": "tiny/vae[rocm-gfx942]", "chip": "gfx942", "backend": "rocm", "release": "3.13.0"}
    run(folder / "gfx942" / "20261129", reports.failed(Kind.NAN, **gpu), reports.outcome(Status.RAN, "text", **gpu))
    (folder / "logs").mkdir()


SAMPLES: Mapping[str, Callable[[Path], object]] = {"bisect": bisect, "matrix": matrix_of, "bench": bench, "runs": runs}


def documents() -> Mapping[str, Any]:
    """Return bisect.json, matrix.json and bench.json."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for write in (bisect, matrix_of, bench):
            write(folder)
        names = ("bisect.json", "matrix.json", "bench.json")
        return {each: json.loads((folder / each).read_text()) for each in names}
