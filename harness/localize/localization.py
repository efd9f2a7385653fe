"""Runs a case on both sides, and looks for the operation to blame while their environments are open."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import fields, replace
from pathlib import Path

from harness.core.callbacks import Notice
from harness.core.errors import NoVerdictError, UsageError
from harness.core.outcomes import Report
from harness.core.settings import LOOKS, LocalizeSettings
from harness.core.statuses import Status
from harness.iree import flags, releases
from harness.localize import answers, by_dispatch, by_kernel, oracle, passes, reproducing, start
from harness.localize.by_dispatch import Traced
from harness.localize.by_operation import Located, Locator
from harness.localize.laboratory import BAD, BOTH, Laboratory
from harness.localize.onnx_laboratory import OnnxLaboratory
from harness.localize.opened import OpenSides
from harness.localize.result import Answer, Localized, SideResult, Verdict
from harness.localize.subject import Subject
from harness.pipeline.out_dir import new_out_dir
from harness.pipeline.progress import Live
from harness.pipeline.sides import Side

_TRACED_BYTES = 16 << 20


class Localization:
    """Looks for the operation that makes a case differ between two sides.

    Attributes:
        folder: folder of the results.
    """

    folder: Path

    def __init__(self, sides: Sequence[Side], asked: LocalizeSettings) -> None:
        """Start nothing yet.

        Args:
            sides: the bad side and the good one, each with the same case.
            asked: what to name.

        Raises:
            UsageError: there is no other side, several cases are selected, or they have no dispatches or kernels.
        """
        if asked.by != LOOKS[0] and any(each.is_onnxruntime for each in sides):
            raise UsageError(f"ONNX Runtime has neither dispatches nor kernels; leave out --by {asked.by}.")
        self._open, self._asked = OpenSides(sides, "localize"), asked
        if asked.by == "kernel":
            by_kernel.check(self._open.cases)
        self._default_is_cause: bool | None = None
        self._answer = Answer(why="The case could not be run on both sides.")
        self._started_s = time.monotonic()

    def run(self, live: Live) -> Localized:
        """Run the case on both sides, look into it and return what was found, also after ^C.

        Raises:
            DiskError: the results cannot be written.
        """
        self.folder = new_out_dir(self._open.sides[BAD].settings.run.out)
        reports, stopped = self._open.run(self.folder, live, self._look)
        return self._localized(reports, stopped)

    def _look(self, laboratory: Laboratory, progress: Notice) -> None:
        defaults = tuple(self._defaults())
        if self._asked.by == "dispatch":
            progress("by its dispatches")
            self._answer = answers.of_dispatches(self._traced(laboratory, defaults))
            return
        try:
            if self._asked.by == "kernel":
                self._answer = answers.of_kernels(by_kernel.found(laboratory, progress))
                return
            subject = start.subject(laboratory)
            if defaults:
                self._default_is_cause = start.is_fixed_by(subject, defaults)
            suspects = reproducing.suspects(subject).operations
            located = Locator(subject=subject, suspects=suspects, notice=progress).located()
            self._answer = answers.of_operations(subject, located)
            if located.culprits:
                self._answer = replace(
                    answers.of_operations(subject, located, dispatch=_dispatch(laboratory, subject)),
                    failed_pass=self._failed_pass(subject, located, progress),
                    oracle=self._oracle(subject, located, progress),
                )
        except NoVerdictError as error:
            self._answer = Answer(why=str(error))

    def _traced(self, laboratory: Laboratory, defaults: tuple[str, ...]) -> Traced:
        """Compare traces, with the good side's defaults first; if these fix the bad side, with its own."""
        traced = by_dispatch.traced(laboratory, defaults)
        if traced.culprit is None and defaults:
            own = by_dispatch.traced(laboratory)
            self._default_is_cause = own.culprit is not None
            return own if own.culprit else traced
        return traced

    def _failed_pass(self, subject: Subject, located: Located, progress: Notice) -> str:
        if not subject.failure and not self._asked.passes:
            return ""
        progress("by the passes of the compiler")
        return passes.guilty(subject, located.culprits[0].cut)

    def _oracle(self, subject: Subject, located: Located, progress: Notice) -> Verdict | None:
        progress("which side is wrong")
        return oracle.verdict(subject, located.culprits[0].cut)

    def _localized(self, reports: Sequence[Report], stopped: int | None) -> Localized:
        answer, laboratory = self._answer, self._open.laboratory
        if self._open.blocked:
            answer = Answer(why=self._open.blocked)
        if stopped and not answer.culprits:
            answer = replace(answer, why="Interrupted.")
        bad, good = (self._side(side, reports[min(side, len(reports) - 1)]) for side in BOTH)
        (outcome,) = reports[BAD].cases
        if answer.kind and outcome.status is Status.FAILED:  # as results call it: `nan`, where the look has a number
            answer = replace(answer, kind=outcome.kind)
        return Localized(
            **{each.name: getattr(answer, each.name) for each in fields(answer)},
            case=self._open.case.id,
            bad=bad,
            good=good,
            by=self._asked.by,
            compilations=len(reports) + (laboratory.compilations if laboratory else 0),
            defaults=tuple(self._defaults()),
            default_is_cause=self._default_is_cause,
            seconds=round(time.monotonic() - self._started_s, 3),
            stopped=stopped,
        )

    def _side(self, number: int, report: Report) -> SideResult:
        side, (outcome,) = self._open.sides[number], report.cases
        if side.is_onnxruntime:
            status = Status.ERROR if self._open.blocked else Status.RAN
            return SideResult(label=side.label, release="", target="cpu", status=str(status))
        return SideResult(
            label=side.label,
            release=side.release.release.name,
            target=str(self._open.cases[number].target),
            status=str(outcome.status),
            reason=outcome.reason,
        )

    def _defaults(self) -> Iterator[str]:
        """Yield the flags that give the bad side's release the defaults of the good one's."""
        if any(side.is_onnxruntime for side in self._open.sides):
            return
        bad, good = (releases.of_build(side.release.release.name) for side in self._open.sides)
        older, newer = sorted((bad, good), key=releases.order)
        for each in flags.changed_defaults(older, newer, self._open.case.target.backend):
            yield f"{each.flag}={each.old if bad == newer else each.new}"


def _dispatch(laboratory: Laboratory, subject: Subject) -> str | None:
    """Return the dispatch that makes an error, if there is one and traces of the program are small enough to read."""
    if (
        subject.failure
        or isinstance(laboratory, OnnxLaboratory)
        or sum(map(subject.program.size_bytes, subject.program.taps)) > _TRACED_BYTES
    ):
        return None
    culprit = by_dispatch.traced(laboratory).culprit
    return culprit.name if culprit else None
