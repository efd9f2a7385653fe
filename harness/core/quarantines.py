"""Cases in quarantine: they run and are reported, and fail nothing until a day."""

from harness.core.values import frozen


@frozen
class Quarantine:
    """Why a case fails nothing.

    Attributes:
        owner: who takes care of it.
        until: the last day of the quarantine, ISO 8601.
        reason: why, for the reader.
        has_ended: whether that day was over when the run started; the case counts again then.
    """

    owner: str
    until: str
    reason: str
    has_ended: bool = False

    def __str__(self) -> str:
        """Return `in quarantine until 2027-01-31 (ana: wrong on gfx942)`."""
        what = f"its quarantine ended on {self.until}" if self.has_ended else f"in quarantine until {self.until}"
        return f"{what} ({self.owner}: {self.reason})"
