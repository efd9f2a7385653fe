"""How long cases take, by results of earlier runs: what machines need that share a run, to share it evenly."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.core import records, strict_json
from harness.core.errors import UsageError
from harness.core.floats import Number
from harness.core.outcomes import Outcome, Report
from harness.core.records import MalformedError
from harness.core.statuses import Status
from harness.report import facts, result_files, results

_NOT_RUN = frozenset({Status.ERROR, Status.SKIPPED, Status.UNSUPPORTED})


def case_seconds(outcome: Outcome) -> float:
    """Return how long a case takes if the cache has nothing: as in this run, and its compilations as they were made."""
    failed = outcome.failed_compilation
    reused = [outcome.reused.seconds] if outcome.reused else []
    compiled = [*(each.compile_seconds for each in outcome.modules), *([failed.compile_seconds] if failed else [])]
    others = [value for phase, value in outcome.seconds.items() if phase != "compile"]
    return sum(map(facts.seconds, (*others, *reused, *(compiled or [outcome.seconds.get("compile", 0.0)]))))


def of_reports(reports: Sequence[Report]) -> Mapping[str, float]:
    """Return the duration of each case that ended in a result, by its id: that of the newest run that has it."""
    found: dict[str, float] = {}
    for report in sorted(reports, key=lambda each: each.started):
        found |= {each.id: round(case_seconds(each), 3) for each in report.cases if each.status not in _NOT_RUN}
    return found


def read(paths: Sequence[Path]) -> Mapping[str, float]:
    """Return the durations of cases by their ids.

    Args:
        paths: folders of results, folders of such folders, files of results, or files that `render` made.

    Raises:
        UsageError: there is no such path, nothing is in it, or it has something else.
    """
    texts = [(each.path, each.read()) for each in result_files.found(paths)]
    if not texts:
        raise UsageError(f"No {results.NAME} in {', '.join(map(str, paths))} or below; name the folders of results.")
    known: dict[str, float] = {}
    reports: list[Report] = []
    for path, text in texts:
        try:
            document = strict_json.loads(text)
            if isinstance(document, dict) and "schema" in document:
                reports.append(results.load(text))
            else:
                known |= {name: facts.seconds(each) for name, each in records.read(dict[str, Number], document).items()}
        except (MalformedError, ValueError) as error:
            raise UsageError(
                f"{path}: {error}; expected the results.json of a run, or what `harness results durations` wrote."
            ) from error
        except UsageError as error:
            raise UsageError(f"{path}: {error}") from error
    return {**known, **of_reports(reports)}


def render(durations: Mapping[str, float]) -> str:
    """Return durations as JSON, a line for each case, in order."""
    return json.dumps(dict(sorted(durations.items())), indent=0, ensure_ascii=False) + "\n"
