"""Which steps fit into the memory of this machine together, as far as it is known what they need."""

from harness.pipeline.steps import Step


class MemoryBudget:
    """The memory of this machine, as far as steps are expected to need it."""

    def __init__(self) -> None:
        """Begin with no step."""
        self._needed: dict[Step, float] = {}
        self._in_company: set[Step] = set()
        self._limit_bytes: float | None = None

    @property
    def is_idle(self) -> bool:
        """Whether no step needs memory now."""
        return not self._needed

    def has_room(self, needed_bytes: float, limit_bytes: float | None) -> bool:
        """Whether a step may begin: any, if no other needs memory; that is when the limit is looked at."""
        if not self._needed:
            self._limit_bytes = limit_bytes
        if not needed_bytes or not self._needed or self._limit_bytes is None:
            return True
        return sum(self._needed.values()) + needed_bytes <= self._limit_bytes

    def began(self, step: Step, needed_bytes: float) -> None:
        """Note a step that begins."""
        if needed_bytes:
            if self._needed:
                self._in_company |= {step, *self._needed}
            self._needed[step] = needed_bytes

    def ended(self, step: Step) -> bool:
        """Forget a step that ended, and return whether another one needed memory meanwhile."""
        self._needed.pop(step, None)
        had_company = step in self._in_company
        self._in_company.discard(step)
        return had_company
