"""How a case fails, and whether a smaller program fails in the same way."""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field

import numpy as np

from harness.core.statuses import Kind, Phase
from harness.core.tensors import Thresholds
from harness.core.values import frozen
from harness.localize import difference, subject
from harness.localize.difference import Difference
from harness.localize.laboratory import Trial
from harness.pipeline.compare import CHUNK
from harness.pipeline.contents import Array, Contents

# What a message has of one program: types, attributes, names of values and of files, and numbers.
_OF_ONE = re.compile(r"<[^<>]*(?:<[^<>]*>[^<>]*)*>|\([^()]*\)|%[\w.#]+|@[\w.$]+|[\w./-]+\.mlir(?::\d+)*|-?\d[\w.]*")
_LONGEST = 200


@frozen
class Symptom:
    """How a program fails on the bad side.

    Attributes:
        phase: the phase in which it does; None if it runs, and computes other numbers.
        kind: the kind of the failure.
        signature: its message, without what is of one program.
        noticeable: by element type, from which relative error on values differ.
        by_thresholds: whether the thresholds of the case say that they do.
        is_stray: whether the bad side returns NaN or infinity where the good one does not.
    """

    phase: Phase | None = None
    kind: Kind | None = None
    signature: str = ""
    noticeable: Mapping[str, float] = field(default_factory=dict)
    by_thresholds: bool = False
    is_stray: bool = False

    def is_of(self, trial: Trial) -> bool:
        """Whether a trial of the bad side can fail so; for one that computes other numbers, whether it ran."""
        if self.phase is None:
            return trial.is_good
        return trial.failure == (self.phase, self.kind) and signature(trial.outcome.reason) == self.signature

    def differs(self, bad: Trial, good: Trial, thresholds: Thresholds) -> bool:
        """Whether a trial of the bad side returns other numbers than one of the good side, which are finite."""
        found = differences(bad, good, thresholds if self.by_thresholds else None)
        return any(self.is_wrong(element, each) for element, each in found) and all(
            is_finite(good.contents(index)) for index in range(len(found))
        )

    def limits(self, bad: Trial, good: Trial) -> Mapping[str, float]:
        """Return the absolute error, by element type, from which a comparison of outputs says that they differ so.

        It is that of the output which is most wrong; none where the thresholds of the case, or any, say it.
        """
        if self.by_thresholds or self.is_stray:
            return {}
        worst = dict[str, tuple[float, int]]()
        for index, (element, each) in enumerate(differences(bad, good, None)):
            if self.is_wrong(element, each):
                worst[element] = max(worst.get(element, (0.0, 0)), (each.relative, index))
        return {element: self._from(element) * _scale(good.contents(index)) for element, (_, index) in worst.items()}

    def _from(self, element: str) -> float:
        return difference.limit(self.noticeable, element)

    def is_wrong(self, element: str, error: Difference) -> bool:
        """Whether a value of an element type differs as those of the case do."""
        if math.isinf(error.relative) != self.is_stray:
            return False
        if self.by_thresholds:
            return error.exceeds
        return error.relative > self._from(element)


def differences(bad: Trial, good: Trial, thresholds: Thresholds | None) -> Sequence[tuple[str, Difference]]:
    """Return the element type of each output, and how far it is from that of the good side."""
    assert good.ran  # noqa: S101 - only asked of a trial that ran
    return subject.differences(bad, good, len(good.ran.outputs), thresholds)


def is_finite(contents: Contents) -> bool:
    """Whether a tensor has neither NaN nor infinity."""
    return all(each.dtype.kind in "iub" or bool(np.isfinite(each).all()) for each in _parts(contents))


def _scale(contents: Contents) -> float:
    """Return the largest number of a tensor."""
    return max(float(np.abs(each.astype(np.complex128)).max(initial=0.0)) for each in _parts(contents))


def _parts(contents: Contents) -> Iterator[Array]:
    elements = math.prod(contents.type.shape)
    for start in range(0, max(1, elements), CHUNK):
        yield contents.read(start, min(CHUNK, elements - start))


def signature(reason: str) -> str:
    """Return a message without what is of one program: types, names of values, numbers."""
    return " ".join(_OF_ONE.sub("", reason).split())[:_LONGEST]
