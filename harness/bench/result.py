"""The results of a benchmark: what became of each case on each side, its rounds, and what they say."""

from collections.abc import Sequence

from harness.bench import rounds
from harness.bench.rounds import Comparison, Conclusion, Round, Spread
from harness.core.exit_codes import EXIT_FAILED, EXIT_NO_VERDICT, EXIT_OK
from harness.core.outcomes import Outcome, exit_code
from harness.core.settings import BenchSettings
from harness.core.values import frozen


@frozen
class CaseResult:
    """The times of a case.

    Attributes:
        name: the name of its spec, such as `sd3/clip`.
        outcomes: what became of it on each side.
        rounds: all rounds, in the order in which they were done.
        precision: how narrow its interval should be, such as 0.01 for 1 %.
    """

    name: str
    outcomes: tuple[Outcome, ...]
    rounds: tuple[Round, ...]
    precision: float

    @property
    def discarded(self) -> int:
        """The number of rounds that do not count."""
        return len(self.rounds) - len(rounds.counted(self.rounds))

    @property
    def devices(self) -> tuple[str, ...]:
        """All devices on which some side ran in some round, each once."""
        return tuple(dict.fromkeys(device for each in self.rounds for device in each.devices if device))

    @property
    def spreads(self) -> tuple[Spread, ...]:
        """The times of each side; none without a round."""
        return tuple(rounds.spread(self.rounds, side) for side in range(len(self.outcomes))) if self.rounds else ()

    @property
    def comparison(self) -> Comparison | None:
        """The first side compared with the second; None without a second, or without a round."""
        return rounds.comparison(self.rounds, self.precision) if self.rounds and len(self.outcomes) > 1 else None


@frozen
class BenchResult:
    """A benchmark that has ended.

    Attributes:
        labels: what tells the sides from each other, such as `3.13.0`.
        cases: the results of each case.
        bench: what was asked for.
        stopped: the exit code if it was interrupted.
    """

    labels: tuple[str, ...]
    cases: Sequence[CaseResult]
    bench: BenchSettings
    stopped: int | None = None

    @property
    def too_slow(self) -> tuple[CaseResult, ...]:
        """The cases that certainly take more time than may be."""
        if self.bench.fail_slower is None:
            return ()
        limit = 1 + self.bench.fail_slower
        return tuple(each for each in self.cases if each.comparison and each.comparison.low > limit)

    @property
    def unclear(self) -> tuple[CaseResult, ...]:
        """The cases of which it is not known whether the sides differ."""
        found = ((each, each.comparison) for each in self.cases)
        return tuple(each for each, compared in found if compared and compared.conclusion is Conclusion.UNCLEAR)

    @property
    def exit_code(self) -> int:
        """The exit code of the command."""
        if self.stopped is not None:
            return self.stopped
        code = exit_code(tuple(outcome for each in self.cases for outcome in each.outcomes))
        if self.too_slow:
            return EXIT_FAILED
        return code or (EXIT_OK if all(each.rounds for each in self.cases) else EXIT_NO_VERDICT)
