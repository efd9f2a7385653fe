"""`harness issue`: the text of a bug report about a case."""

import hashlib
import re
import sys
from pathlib import Path

from harness.cli.settings import Invocation
from harness.core.errors import UsageError
from harness.core.exit_codes import EXIT_OK
from harness.core.outcomes import Outcome
from harness.host import files
from harness.host.beneath import Folder
from harness.host.disk import disk_errors, write_atomically
from harness.pipeline.previous import report_file, the_case
from harness.report import bug_report, results
from harness.report.bug_report import Material, Since
from harness.report.page import documents
from harness.report.page.documents import BisectDocument

_BISECT = "bisect.json"
_PROGRAM = "model.mlir"
_PROGRAM_BYTES = 16 << 10
_BISECT_BYTES = 16 << 20
_FILE = re.compile(r"[\w.-]+\.(?:mlir|mlirbc|npy|bin|irpa|safetensors|gguf)\b")


def main(invocation: Invocation) -> int:
    """Print the text, or write it to a file.

    Raises:
        UsageError: the results cannot be read, or have no such case.
    """
    options = invocation.options
    folder, since = _run(options.results or Path())
    path = report_file(folder)
    report = results.read(path)
    outcome = the_case(report, options.case, path)
    text = bug_report.render(outcome, report, since=since, material=_material(outcome, path.parent))
    if options.output:
        with disk_errors(options.output):
            write_atomically(options.output, text)
    else:
        sys.stdout.write(text)
    return EXIT_OK


def _run(asked: Path) -> tuple[Path, Since | None]:
    """Return the folder of a run. Of a bisection, it is the run with the bad release beside the change."""
    path = asked / _BISECT
    if not path.is_file():
        return asked, None
    try:
        found = documents.read(BisectDocument, files.read(path, _BISECT_BYTES), "its content")
    except UsageError as error:
        raise UsageError(f"{path}: cannot be read ({error}); expected the result of a bisect.") from error
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: cannot be read ({files.reason(error)}); expected the result of a bisect.") from error
    result = found.result
    bad = result.last_bad or result.first or found.bad
    run = next((each.results or "" for each in found.probes if each.release == bad), "")
    if Path(run).is_absolute() or ".." in Path(run).parts or not (asked / run / results.NAME).is_file():
        raise UsageError(f"{asked}: the results of {bad} are not there; name the folder of another run.")
    is_proved = result.kind in {"first-bad", "first-good", "candidates"}
    return asked / run, Since(text=result.text, url=found.compare_url) if is_proved else None


def _material(outcome: Outcome, folder: Path) -> Material:
    """Return the program and the names of the other files in the folder in which the tools of a case can be called."""
    if not outcome.work or outcome.work.startswith("/") or ".." in Path(outcome.work).parts:
        return Material()
    work, read = folder / outcome.work, {word for argv in outcome.tools for word in _FILE.findall(" ".join(argv))}
    there = [path.name for path, _ in Folder(folder).content(work)]
    program = _program(work / _PROGRAM, outcome) if _PROGRAM in there else None
    wanted = sorted(read.intersection(there) - ({_PROGRAM} if program is not None else set()))
    return Material(program=program, files=tuple(wanted), folder=str(work))


def _program(path: Path, outcome: Outcome) -> str | None:
    """Return the text of the program, if it is small text.

    The file may be a link into the cache. The results may come from anywhere, so it has to be what they say it was.
    """
    try:
        content = files.read(path.resolve(strict=True), _PROGRAM_BYTES)
        is_same = hashlib.sha256(content).hexdigest() in {each.sha256 for each in outcome.blobs}
        return content.decode() if is_same and b"\0" not in content else None
    except (OSError, ValueError):
        return None
