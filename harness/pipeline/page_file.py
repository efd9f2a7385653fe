"""Writes report.html beside the results of a run, of a search or of a benchmark."""

from collections.abc import Sequence
from pathlib import Path

from harness.core.outcomes import Report
from harness.host.disk import write_all
from harness.pipeline.recorder import Recorder
from harness.report.page import folders, page
from harness.report.page.content import Content, Run


def write_run(folder: Path, report: Report, recorder: Recorder, *, named: Path) -> None:
    """Write the page of a run.

    Args:
        folder: absolute path of the folder of its results.
        report: what it found.
        recorder: has the history of its cases.
        named: the folder as the user names it.

    Raises:
        DiskError: no space is left, or the file cannot be written.
    """
    runs = (Run(report=report, folder=named),)
    _write(folder / page.NAME, Content(runs=runs, trends=recorder.trends([report])))


def write_folder(folder: Path) -> None:
    """Write the page of a search or a benchmark, from the results that its folder has.

    Raises:
        DiskError: no space is left, or the file cannot be written.
    """
    _write(folder / page.NAME, folders.content([folder], beside=folder))


def write_collected(paths: Sequence[Path], output: Path, recorder: Recorder) -> None:
    """Write a page of results that are there.

    Args:
        paths: folders of results, and files in them.
        output: the file to write.
        recorder: has the history of the cases.

    Raises:
        UsageError: a path has no results, or a file is malformed.
        DiskError: no space is left, or the file cannot be written.
    """
    found = folders.content(paths, beside=output.parent)
    trends = recorder.trends([run.report for run in found.runs])
    _write(output, Content(runs=found.runs, bisect=found.bisect, matrix=found.matrix, bench=found.bench, trends=trends))


def _write(path: Path, content: Content) -> None:
    write_all({path: page.render(content)})
