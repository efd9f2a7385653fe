"""Plans cases; those whose programs are ONNX files are imported before, and then they are programs like any other."""

import functools
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from harness.core.cases import Case, Release
from harness.core.errors import NoVerdictError
from harness.core.references import Oracle
from harness.core.statuses import Kind, Phase, Status, Verdict
from harness.core.values import frozen
from harness.importers.frameworks import Framework
from harness.iree import releases
from harness.iree.releases import ReleaseWheels
from harness.pipeline import internal
from harness.pipeline.environment import Python
from harness.pipeline.options import Options
from harness.pipeline.step_runner import ToolStepRunner
from harness.pipeline.steps import Plan

if TYPE_CHECKING:  # what runs importers takes 20 ms to load, and few cases need it
    from harness.pipeline.import_steps import WorkerRunner
    from harness.pipeline.onnx_import import OnnxImport

SAME = "same"


def importer_of(asked: str | None, release: Release) -> ReleaseWheels:
    """Return the release whose importer is used.

    By default it is the newest locked one, whatever release is tested: so two releases are given the same program, and
    a difference between them is one of their compilers or runtimes.

    Raises:
        UsageError: there is no such release.
    """
    return releases.find(release.name if asked == SAME else asked or releases.newest().name)


@frozen(slots=False)
class Importing:
    """Plans cases, and imports their programs where they have to be.

    Attributes:
        steps: fetches blobs, and starts tools.
        python: the Python of the environment.
        release: the release that is tested.
        importer: the release whose importer to use, `same` for that one; None for the default.
        offline: whether to install nothing.
        options: settings for all cases.
    """

    steps: ToolStepRunner
    python: Python
    release: Release
    importer: str | None
    offline: bool
    options: Options

    def plans(self, cases: Iterable[Case]) -> Iterator[Plan]:
        """Yield the plan of each case; one whose program cannot be imported is blocked by the reason.

        Raises:
            UsageError: there is no such importer.
            Cancelled: an import was stopped.
        """
        return map(self.plan, cases)

    def plan(self, case: Case) -> Plan:
        """Return the plan of a case, as `plans` does."""
        plain = internal.plan(case, self.release, self.options)
        if not case.spec.is_onnx or plain.blocked:
            return plain
        try:
            imported = self.model(case).imported(is_oracle=self.options.oracle is Oracle.ONNXRUNTIME)
        except NoVerdictError as error:
            verdict = Verdict(status=Status.ERROR, kind=error.kind, reason=str(error))
            phase = Phase.IMPORT if verdict.kind in {Kind.IMPORT, Kind.ORACLE} else None
            return replace(plain, steps=(), blocked=verdict, phase=phase)
        except (OSError, ValueError, TypeError, KeyError) as bug:  # it is the error of this case
            return replace(plain, steps=(), blocked=internal.verdict(bug))
        return internal.plan(imported, self.release, self.options)

    def model(self, case: Case) -> "OnnxImport":
        """Return the import of a case whose program is an ONNX file."""
        from harness.pipeline.onnx_import import OnnxImport  # noqa: PLC0415 - see above

        importer = f"IREE {self._runner.release.release.name}"
        return OnnxImport(case=case, steps=self.steps, runner=self._runner, importer=importer)

    @functools.cached_property
    def _runner(self) -> "WorkerRunner":
        from harness.pipeline.import_steps import WorkerRunner  # noqa: PLC0415 - see above

        return WorkerRunner(
            framework=Framework.ONNX,
            release=importer_of(self.importer, self.release),
            offline=self.offline,
            python=self.python,
            tools=self.steps.tools,
            store=self.steps.store,
            timeout_s=self.steps.timeout_s,
            again=self.steps.recompile,
            cancel=self.steps.cancel,
        )
