"""Writes report.html beside the results of a run, of a search or of a benchmark."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from harness.core.errors import HarnessError
from harness.core.outcomes import Report
from harness.host.disk import write_all
from harness.pipeline.recorder import Recorder
from harness.report.page.content import NAME, Content, Run


class PageFile:
    """The page of a folder of results. A bug that it meets takes nothing else with it.

    Attributes:
        is_there: whether it is written, or will be.
        bug: why it cannot be made; None if it can.
    """

    def __init__(self, recorder: Recorder, *, is_wanted: bool) -> None:
        """Write nothing yet.

        Args:
            recorder: has the history of the cases.
            is_wanted: whether there is to be a page.
        """
        self._recorder, self.is_there = recorder, is_wanted
        self.bug: Exception | None = None

    def write_run(self, folder: Path, report: Report, *, named: Path) -> None:
        """Write the page of a run.

        Args:
            folder: absolute path of the folder of its results.
            report: what it found.
            named: the folder as the user names it.

        Raises:
            DiskError: no space is left, or the file cannot be written.
        """
        self._write(folder, lambda: Content(runs=(Run(report=report, folder=named),)))

    def write_folder(self, folder: Path) -> None:
        """Write the page of a search or a benchmark, from the results that its folder has.

        Raises:
            DiskError: no space is left, or the file cannot be written.
        """
        self._write(folder, lambda: _collected([folder], folder))

    def _write(self, folder: Path, content: Callable[[], Content]) -> None:
        if not self.is_there:
            return
        self.is_there = False
        try:
            text = _rendered(content(), self._recorder)
        except (HarnessError, OSError, MemoryError):
            raise
        except Exception as bug:  # noqa: BLE001 - the other results are written, and their exit code counts
            self.bug = bug
            return
        write_all({folder / NAME: text})
        self.is_there = True


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
    write_all({output: _rendered(_collected(paths, output.parent), recorder)})


def _collected(paths: Sequence[Path], beside: Path) -> Content:
    """Return what folders and files of results have."""
    from harness.report.page import folders  # noqa: PLC0415 - as below

    return folders.content(paths, beside=beside)


def _rendered(content: Content, recorder: Recorder) -> str:
    """Return a page with the trends of its cases."""
    from harness.report.page import cases, page  # noqa: PLC0415 - the start of a run does not wait for them

    shown = cases.shown(content.runs)
    return page.render(replace(content, trends=recorder.trends([each.outcome.id for each in shown])), shown)
