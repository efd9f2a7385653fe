"""The two ends of a bisect's answer: the release that is bad, and the one beside it that is good."""

from collections.abc import Mapping
from pathlib import Path

from harness.core import records, strict_json
from harness.core.errors import UsageError
from harness.core.values import frozen
from harness.host import files
from harness.search.axis import Axis
from harness.search.bisect import Change
from harness.search.finding import Finding

NAME = "bisect.json"
_BYTES = 64 << 20


@frozen
class Ends:
    """The bad release, and the good one beside it."""

    bad: str
    good: str


@frozen
class _Result:
    kind: str
    last_good: str | None
    last_bad: str | None
    first: str | None


@frozen
class _Probe:
    release: str
    results: str


@frozen
class _Bisect:
    axis: str
    result: _Result
    probes: tuple[_Probe, ...]


def of_finding(found: Finding) -> Ends | None:
    """Return the ends of an answer; None if it names no single release."""
    change = found.change
    if found.request.axis is not Axis.RELEASE or not isinstance(change, Change) or not change.is_exact:
        return None
    last, first = found.request.releases[change.last], found.request.releases[change.first]
    return Ends(bad=last, good=first) if found.request.question.fix else Ends(bad=first, good=last)


def of_folder(folder: Path) -> tuple[Ends, Path] | None:
    """Return the ends of a bisect in a folder of results, and the results of the bad one; None if there is no bisect.

    Raises:
        UsageError: it has no answer, or its file cannot be read.
    """
    path = folder / NAME
    if not path.is_file():
        return None
    try:
        found = records.read(_Bisect, strict_json.loads(files.read(path, _BYTES)))
    except (OSError, files.UnreadableError, ValueError) as error:
        raise UsageError(f"{path}: {files.reason(error)}; expected a file that `harness bisect` wrote.") from error
    result, probes = found.result, {each.release: each.results for each in found.probes}
    ends = _ends(result)
    if found.axis != Axis.RELEASE or ends is None or ends.bad not in probes:
        raise UsageError(f"{path} names no single release; name one with --iree, and a good one with --against.")
    return ends, folder / probes[ends.bad]


def _ends(result: _Result) -> Ends | None:
    named: Mapping[str, tuple[str | None, str | None]] = {
        "first-bad": (result.first, result.last_good),
        "first-good": (result.last_bad, result.first),
    }
    bad, good = named.get(result.kind, (None, None))
    return Ends(bad=bad, good=good) if bad and good else None
