"""What a page uses of bisect.json, matrix.json and bench.json. Keys that it does not use are ignored."""

from collections.abc import Mapping
from dataclasses import field
from typing import Any, TypeVar

from harness.core import records, strict_json
from harness.core.cases import EMPTY
from harness.core.errors import UsageError
from harness.core.floats import Number
from harness.core.records import MalformedError
from harness.core.timings import Latency
from harness.core.values import frozen

_SCHEMA = 1


@frozen
class BisectAnswer:
    """The `result` of a bisect.json; docs/bisect.md has the meaning of each key."""

    kind: str
    text: str
    first: str | None = None
    last_good: str | None = None
    last_bad: str | None = None
    candidates: tuple[str, ...] = ()


@frozen
class TestedRelease:
    """An entry of `probes` in a bisect.json."""

    release: str
    verdict: str
    status: str
    kind: str | None = None
    reason: str = ""
    seconds: Number = 0.0
    numbers: Mapping[str, Number] = field(default_factory=lambda: EMPTY)
    commit: str | None = None
    results: str | None = None
    log: str | None = None
    notes: tuple[str, ...] = ()
    tally: Mapping[str, int] = field(default_factory=lambda: EMPTY)


@frozen
class BisectChange:
    """An entry of `changes` in a bisect.json."""

    last: str
    first: str | None = None
    compare_url: str | None = None


@frozen
class BisectDocument:
    """A bisect.json."""

    case: str
    good: str | None = None
    bad: str | None = None
    find: str = "break"
    metric: str | None = None
    axis: str = "release"
    releases: tuple[str, ...]
    result: BisectAnswer
    changes: tuple[BisectChange, ...] | None = None
    probes: tuple[TestedRelease, ...]
    commits: Mapping[str, str | None] = field(default_factory=lambda: EMPTY)
    compare_url: str | None = None
    seconds: Number = 0.0
    attribution: Mapping[str, Any] | None = None
    commands: Mapping[str, str] = field(default_factory=lambda: EMPTY)


@frozen
class MatrixCell:
    """An entry of `cells` in a matrix.json."""

    case: str
    release: str
    status: str | None = None
    kind: str | None = None
    reason: str = ""
    differs: bool = False
    numbers: Mapping[str, Number] = field(default_factory=lambda: EMPTY)


@frozen
class MatrixDocument:
    """A matrix.json."""

    axis: str = "release"
    releases: tuple[str, ...]
    cases: tuple[str, ...]
    cells: tuple[MatrixCell, ...]
    untested: tuple[str, ...] = ()


@frozen
class BenchTimes:
    """The times of a side in a bench.json, in milliseconds."""

    minimum_ms: Number
    median_ms: Number
    low_ms: Number
    high_ms: Number


@frozen
class BenchSide:
    """A side of a case in a bench.json."""

    id: str
    release: str | None = None
    status: str
    times: BenchTimes | None = None


@frozen
class BenchRound:
    """A round in a bench.json."""

    times: tuple[Latency, ...]
    busy: Number


@frozen
class BenchComparison:
    """How both sides of a case compare."""

    ratio: Number
    low: Number
    high: Number
    p_value: Number
    conclusion: str


@frozen
class BenchCase:
    """A case in a bench.json."""

    case: str
    text: str = ""
    sides: tuple[BenchSide, ...]
    rounds: tuple[BenchRound, ...] = ()
    discarded: int = 0
    comparison: BenchComparison | None = None


@frozen
class BenchLabel:
    """What tells a side from the other one."""

    label: str


@frozen
class BenchDocument:
    """A bench.json."""

    started: str = ""
    exit_code: int = 0
    sides: tuple[BenchLabel, ...]
    cases: tuple[BenchCase, ...]


Document = BisectDocument | MatrixDocument | BenchDocument
_Kind = TypeVar("_Kind", bound=Document)


def read(kind: type[_Kind], text: bytes | str, name: str) -> _Kind:
    """Return a document.

    Args:
        kind: which one it is.
        text: its JSON.
        name: what messages call it, such as its path.

    Raises:
        UsageError: the text is not JSON, of another schema, or a value is not as documented.
    """
    try:
        document = strict_json.loads(text)
        schema = document.get("schema") if isinstance(document, dict) else None
        if schema != _SCHEMA or isinstance(schema, bool):
            raise UsageError(f"{name}: expected schema {_SCHEMA}, got {schema!r}; it may be of a newer harness.")
        return records.read(kind, document)
    except MalformedError as error:
        raise UsageError(f"{name}: {error}.") from error
    except ValueError as error:
        raise UsageError(f"{name}: not valid JSON ({error}); expected what the harness wrote.") from error
