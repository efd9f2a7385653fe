"""Records a run of pytest in the history: one run, however many processes of pytest-xdist it has."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from harness.core import records
from harness.core.history import CaseRecord, HistorySettings, RunRecord
from harness.core.outcomes import Outcome, Report
from harness.core.records import as_json
from harness.core.text import one_line
from harness.pipeline.recorder import Recorder

_OUTPUT = "harness_history"  # what a worker sends to the process that started it


class Recording:
    """Gathers the results of this process and of its workers, and records them at the end."""

    def __init__(self, settings: HistorySettings, out_dir: Path, environment: Callable[[], Mapping[str, Any]]) -> None:
        """Begin.

        Args:
            settings: where to record.
            out_dir: folder of the logs.
            environment: returns what results say of the environment.
        """
        self._recorder, self._out_dir, self._environment = Recorder.here(settings), out_dir, environment
        self._started = datetime.now(UTC)
        self._outcomes: list[Outcome] = []
        self._run: RunRecord | None = None
        self._cases: list[CaseRecord] = []
        self._remark = ""

    def add(self, outcome: Outcome) -> None:
        """Add the result of a case that ran in this process."""
        self._outcomes.append(outcome)

    @pytest.hookimpl
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Record the run; a worker sends its part to the process that started it."""
        if self._outcomes:
            self._gather(exitstatus)
        if hasattr(session.config, "workeroutput"):
            session.config.workeroutput[_OUTPUT] = as_json([self._run, self._cases])
        elif self._run:
            self._remark = self._recorder.add(self._run, self._cases)

    @pytest.hookimpl
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say why the run was not recorded. It is no warning of pytest, which may be an error."""
        if self._remark:
            terminalreporter.write_line(f"warning: {one_line(self._remark)}")

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: object) -> None:  # noqa: ARG002 - names of pytest-xdist
        """Take the part of a worker; one that was killed has none."""
        run, cases = getattr(node, "workeroutput", {}).get(_OUTPUT, (None, []))
        if run and not self._run:
            self._run = records.read(RunRecord, run)
        self._cases += records.read(list[CaseRecord], cases)

    def _gather(self, code: int) -> None:
        """Turn the results of this process into what the history keeps."""
        report = Report(
            started=self._started.strftime("%Y-%m-%dT%H:%M:%SZ"),
            seconds=(datetime.now(UTC) - self._started).total_seconds(),
            exit_code=code,
            environment={**self._environment(), "source": self._recorder.source},
            cases=tuple(self._outcomes),
        )
        run_id = uuid4().hex[:16]
        self._run, cases = self._recorder.records(report, run_id, folder=self._out_dir, command="pytest")
        self._cases += cases
