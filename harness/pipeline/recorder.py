"""Records a run in the history. A history that cannot be used never changes what a run returns."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Self

from harness.core.errors import DiskError
from harness.core.history import CaseRecord, Cost, HistorySettings, Recorded, RunRecord
from harness.core.outcomes import Report
from harness.core.values import frozen
from harness.history import exporting, recording
from harness.history.recording import CaseRecords
from harness.host import checkout
from harness.host.checkout import Checkout
from harness.pipeline import publish
from harness.report.page.content import Trend

if TYPE_CHECKING:  # SQLite is loaded at the end of a run
    from harness.history.history import History


@frozen
class Recorder:
    """Where a run is recorded, and what it is a run of: all that follows from the current folder, which may be removed.

    Attributes:
        settings: the file, with an absolute path, and what a CI server says of the checkout.
        checkout: the git checkout of the current folder, or that folder.
    """

    settings: HistorySettings
    checkout: Checkout

    @classmethod
    def here(cls, settings: HistorySettings) -> Self:
        """Return the recorder of a run that starts in the current folder."""
        folder = Path.cwd()
        exports = tuple(each if publish.is_url(each) else str(folder / each) for each in settings.exports)
        settings = replace(settings, path=settings.path and folder / settings.path, exports=exports)
        return cls(settings=settings, checkout=checkout.find(folder) or Checkout(folder=folder))

    @property
    def history(self) -> "History | None":
        """The history of this project; None if nothing is recorded."""
        if self.settings.path is None:
            return None
        from harness.history.history import History  # noqa: PLC0415 - SQLite is loaded at the end of a run

        return History(self.settings.path, str(self.checkout.folder) if self.settings.is_shared else None)

    @property
    def source(self) -> Mapping[str, str | None]:
        """What results say of the checkout."""
        settings, found = self.settings, self.checkout
        return {"branch": settings.branch or found.branch, "commit": settings.commit or found.commit}

    def record(self, report: Report, *, folder: Path) -> str:
        """Record and export a run, and return why it was not; empty if it was, or need not be.

        Args:
            report: what the run found.
            folder: the folder of its results.
        """
        if self.settings.path is None and not self.settings.exports:
            return ""
        return self.add(*self.records(report, recording.report_id(report), folder=folder))

    def records(
        self, report: Report, run_id: str, *, folder: Path, command: str = ""
    ) -> tuple[RunRecord, Iterable[CaseRecord]]:
        """Return what the history keeps of a run; `command` is empty if the report says it."""
        project = str(self.checkout.folder)
        run = recording.run_record(report, id=run_id, project=project, folder=folder, command=command)
        return run, CaseRecords(report)

    def add(self, run: RunRecord, cases: Iterable[CaseRecord]) -> str:
        """Record and export a run, and return why it was not; empty if it was, or need not be."""
        lines = exporting.json_lines(run, cases) if self.settings.exports else ""
        failures = (self._recorded(run, cases), *(publish.exported(lines, each) for each in self.settings.exports))
        return " ".join(filter(None, failures))

    def _recorded(self, run: RunRecord, cases: Iterable[CaseRecord]) -> str:
        if (history := self.history) is None:
            return ""
        try:
            history.add(run, cases)
        except DiskError as error:
            return f"This run is not in the history. {error}"
        return ""

    def newest(self, ids: Sequence[str]) -> Mapping[str, Recorded]:
        """Return the newest result of each case that has one; nothing if the history cannot be used."""
        if (history := self.history) is None:
            return {}
        try:
            return {name: found[0] for name, found in history.of_cases(ids, 1).items()}
        except DiskError:
            return {}

    def costs(self, ids: Sequence[str]) -> Mapping[str, Cost]:
        """Return what cases took before; nothing if the history cannot be used."""
        if (history := self.history) is None:
            return {}
        from harness.history import costs  # noqa: PLC0415 - SQLite is loaded after the first line of a run

        try:
            return costs.costs(history, ids)
        except DiskError:
            return {}

    def trends(self, names: Sequence[str]) -> tuple[Trend, ...]:
        """Return the history of cases; none if it cannot be used."""
        ids = dict.fromkeys(names)
        if (history := self.history) is None or not ids:
            return ()
        from harness.history import trends  # noqa: PLC0415 - SQLite is loaded at the end of a run

        try:
            return trends.trends(history.of_cases(ids, trends.LIMIT, least=trends.LEAST))
        except DiskError:
            return ()
