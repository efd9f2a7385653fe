"""What a page shows: runs, the search or benchmark that they belong to, and the trends of their cases."""

from dataclasses import field
from pathlib import Path

from harness.core.comparisons import Comparison
from harness.core.floats import Number
from harness.core.outcomes import Report
from harness.core.values import frozen
from harness.report.page.documents import BenchDocument, BisectDocument, MatrixDocument

NAME = "report.html"


def listed(files: str, *, is_wanted: bool) -> str:
    """Return the names of the files of results, the page before the others if it is among them."""
    return f"{NAME}, {files}" if is_wanted else files


@frozen
class Run:
    """A report, and where its files are.

    Attributes:
        report: the report.
        folder: its folder, as commands to copy name it.
        link: the path of that folder from the page; empty for the page's own.
    """

    report: Report
    folder: Path = field(default_factory=Path)
    link: str = ""


@frozen
class Point:
    """A number of a case in an earlier run.

    Attributes:
        when: start of the run, ISO 8601.
        release: the IREE release.
        status: how the case ended.
        value: the number; None if the case has none in this run.
    """

    when: str
    release: str | None
    status: str
    value: Number | None


@frozen
class Trend:
    """A number of a case over time, oldest first.

    Attributes:
        case: id of the case.
        name: what the number is, such as `error_ratio` or `latency_ms`.
        points: one for each run.
    """

    case: str
    name: str
    points: tuple[Point, ...]


@frozen
class Content:
    """All that a page shows. What is absent has no section.

    Attributes:
        runs: the runs, whose cases the page lists.
        bisect: the search that tested them.
        matrix: the matrix that they fill.
        bench: the benchmark that they were timed for.
        trends: the history of their cases.
        comparison: what differs between two sides.
    """

    runs: tuple[Run, ...] = ()
    bisect: BisectDocument | None = None
    matrix: MatrixDocument | None = None
    bench: BenchDocument | None = None
    trends: tuple[Trend, ...] = ()
    comparison: Comparison | None = None
