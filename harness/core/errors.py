"""The exceptions of the harness and the exit codes they carry.

A model that fails is data (`harness.core.outcomes.Outcome`). A harness that fails raises one of these:

    HarnessError                    70
    ├── UsageError                   2  invalid command line or settings
    │   └── SpecError                2  invalid specs, with every violation
    └── NoVerdictError               3  a cause outside the model prevents a result
        ├── FetchError                  kind `fetch`: a blob cannot be downloaded
        ├── ImportFailedError           kind `import`: a framework or its importer refuses a model
        ├── IntegrityError              kind `integrity`: bytes do not match their digest or header
        ├── DeviceError                 kind `device`: a GPU is missing or not accessible
        ├── ToolError                   kind `tool`: a program is missing or does not work here
        ├── EngineError                 kind `engine`: Docker, Podman, an image or a container fails
        └── DiskError                   kind `disk`: no space, or no permission to write
    KeyboardInterrupt              130  ^C
    └── Terminated                 143  SIGTERM, or the terminal was closed
"""

from pathlib import Path

from harness.core.exit_codes import EXIT_BUG, EXIT_INTERRUPTED, EXIT_NO_VERDICT, EXIT_TERMINATED, EXIT_USAGE
from harness.core.statuses import Kind
from harness.core.text import inline
from harness.core.values import frozen


class HarnessError(Exception):
    """A failure of the harness itself. Its text is a sentence that ends with the next step."""

    exit_code = EXIT_BUG


class UsageError(HarnessError):
    """The command line or a setting names something unknown or contradicts itself."""

    exit_code = EXIT_USAGE


@frozen
class Violation:
    """One error in a spec file, or in a file of a suite.

    Attributes:
        path: the file.
        line: line in the file, from 1.
        json_path: JSON path of the value, such as `$.inputs[0].value`; empty in a file that is not JSON.
        message: what is wrong, and what was expected.
    """

    path: Path
    line: int
    json_path: str
    message: str

    def __str__(self) -> str:
        """Return `FILE:LINE: $.JSON.PATH: MESSAGE`."""
        where = f"{self.path}:{self.line}: {self.json_path}".removesuffix(": ")
        return inline(f"{where}: {self.message}")


class SpecError(UsageError):
    """One or more specs are invalid; the text has one line per violation."""

    def __init__(self, violations: tuple[Violation, ...]) -> None:
        """Sort the violations by file and line."""
        self.violations = tuple(sorted(violations, key=lambda v: (str(v.path), v.line)))
        super().__init__("\n".join(map(str, self.violations)))


class NoVerdictError(HarnessError):
    """A case ended without a result: its outcome has status `error` and this `kind`."""

    exit_code = EXIT_NO_VERDICT
    kind: Kind


class FetchError(NoVerdictError):
    """A blob cannot be downloaded from any of its sources."""

    kind = Kind.FETCH


class ImportFailedError(NoVerdictError):
    """A framework or its importer refuses a model, or the model needs more than was given."""

    kind = Kind.IMPORT


class IntegrityError(NoVerdictError):
    """Bytes do not match the spec, the lock file or the file's own header."""

    kind = Kind.INTEGRITY


class DeviceError(NoVerdictError):
    """A GPU that a case needs is missing, or this process may not use it."""

    kind = Kind.DEVICE


class EngineError(NoVerdictError):
    """The container engine, an image or a container is missing or failed."""

    kind = Kind.ENGINE


class ToolError(NoVerdictError):
    """A program is missing, cannot be started, or lacks a feature that a case needs."""

    kind = Kind.TOOL


class DiskError(NoVerdictError):
    """The disk is full, or a folder is not writable."""

    kind = Kind.DISK


class Terminated(KeyboardInterrupt):
    """SIGTERM or SIGHUP arrived; handled like ^C."""


def stopped_code(stop: KeyboardInterrupt) -> int:
    """Return the exit code of a command that a signal stopped."""
    return EXIT_TERMINATED if isinstance(stop, Terminated) else EXIT_INTERRUPTED
