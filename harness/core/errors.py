"""The exceptions of the harness and the exit codes they carry.

A model that fails is data (`harness.core.outcomes.Outcome`); a harness that fails is one of these:

    HarnessError                    70
    ├── UsageError                   2  wrong command line
    │   └── SpecError                2  invalid spec: every violation at once
    └── NoVerdictError               3  something outside the model stands in the way
        ├── FetchError                  kind `fetch`: a blob cannot be had
        ├── IntegrityError              kind `integrity`: bytes are not what they should be
        ├── DeviceError                 kind `device`: a GPU is not there, or may not be used
        ├── ToolError                   kind `tool`: an IREE program is missing or unfit
        ├── EngineError                 kind `engine`: Docker or Podman does not do what it should
        └── DiskError                   kind `disk`: no space, or no right to write
    KeyboardInterrupt              130  ^C
    └── Terminated                 143  SIGTERM, or a terminal that went away
"""

from dataclasses import dataclass
from pathlib import Path

from harness.core.outcomes import EXIT_BUG, EXIT_INTERRUPTED, EXIT_NO_VERDICT, EXIT_TERMINATED, EXIT_USAGE, Kind


class HarnessError(Exception):
    """A failure of the harness itself. Its text is a full sentence with the next step."""

    exit_code = EXIT_BUG


class UsageError(HarnessError):
    """The command line asks for something that does not exist or makes no sense."""

    exit_code = EXIT_USAGE


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """One thing that is wrong with a spec, and where."""

    path: Path
    line: int
    json_path: str
    message: str

    def __str__(self) -> str:
        """Return `file:line: $.json.path: what is wrong, what was expected`."""
        return f"{self.path}:{self.line}: {self.json_path}: {self.message}"


class SpecError(UsageError):
    """One or more specs are invalid; the text has one line for each violation."""

    def __init__(self, violations: tuple[Violation, ...]) -> None:
        """Keep the violations, sorted by place, beside the text made of them."""
        self.violations = tuple(sorted(violations, key=lambda v: (str(v.path), v.line)))
        super().__init__("\n".join(map(str, self.violations)))


class NoVerdictError(HarnessError):
    """The case could not be judged: an outcome of status `error` and this `kind`."""

    exit_code = EXIT_NO_VERDICT
    kind: Kind


class FetchError(NoVerdictError):
    """A blob cannot be had from any of its sources."""

    kind = Kind.FETCH


class IntegrityError(NoVerdictError):
    """Bytes are not what the spec, the lock or the file's own header says."""

    kind = Kind.INTEGRITY


class DeviceError(NoVerdictError):
    """A GPU that a case needs is not there, or this process may not use it."""

    kind = Kind.DEVICE


class EngineError(NoVerdictError):
    """The container engine, an image or a container is not to be had, or went away."""

    kind = Kind.ENGINE


class ToolError(NoVerdictError):
    """An IREE program is missing, does not fit, or was asked for what it cannot do."""

    kind = Kind.TOOL


class DiskError(NoVerdictError):
    """No space is left, or a folder cannot be written."""

    kind = Kind.DISK


class Terminated(KeyboardInterrupt):
    """The system asked the harness to stop; to be handled like ^C."""


def stopped_code(stop: KeyboardInterrupt) -> int:
    """Return the exit code of a command that was stopped, and has left what it knew until then."""
    return EXIT_TERMINATED if isinstance(stop, Terminated) else EXIT_INTERRUPTED
