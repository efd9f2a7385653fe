"""Says in one line what a page answers."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from packaging.version import InvalidVersion, Version

from harness.core.comparisons import Change, Comparison
from harness.core.exit_codes import EXIT_FAILED, EXIT_NO_VERDICT, EXIT_OK
from harness.core.outcomes import Outcome, Report, exit_code
from harness.core.text import counted, one_line
from harness.core.values import frozen
from harness.report import comparison_text, facts
from harness.report.overview import Overview
from harness.report.page.content import Content
from harness.report.page.documents import BenchDocument, BisectDocument, MatrixDocument

_NO_RELEASE, _PLACES = "IREE unknown, ", 3
_FOUND = ("first-bad", "first-good", "changes")


@frozen
class Answer:
    """The answer of a page.

    Attributes:
        title: of the window, such as `bisect tiny/clip[cpu]`.
        question: what was asked, in a few words.
        text: the answer, a sentence.
        tone: `good`, `bad` or `unclear`.
    """

    title: str
    question: str
    text: str
    tone: str


def answer(content: Content) -> Answer:
    """Return what a page answers: that of its search or benchmark, if there is one."""
    reports = [run.report for run in content.runs]
    if content.comparison:
        return _of_comparison(content.comparison)
    if content.bisect:
        return _of_bisect(content.bisect)
    if content.bench:
        return _of_bench(content.bench)
    if content.matrix:
        return _of_matrix(content.matrix, reports)
    return _of_runs(reports)


def releases(content: Content, outcomes: Iterable[Outcome]) -> list[str]:
    """Return the releases of the cases, oldest first, as the search has them or else by version."""
    known = content.matrix or content.bisect
    ordered = {name: place for place, name in enumerate(known.releases if known else ())}
    names = dict.fromkeys(outcome.column or "" for outcome in outcomes)
    found = sorted(names, key=lambda name: (ordered.get(name, -1), _version(name)))
    return [one_line(name) for name in found]


def _version(name: str) -> tuple[Version, str]:
    try:
        return Version(name), name
    except InvalidVersion:
        return Version("0"), name


def places(content: Content) -> list[str]:
    """Return where the runs took place; of several, without the release, each place once. Or both sides."""
    if content.comparison:
        return [comparison_text.described(each) for each in (content.comparison.before, content.comparison.after)]
    if len(content.runs) == 1 and not content.matrix:
        return [facts.environment_line(content.runs[0].report)]
    without = (replace(each.report, environment={**each.report.environment, "iree": {}}) for each in content.runs)
    lines = [facts.environment_line(each).removeprefix(_NO_RELEASE) for each in without]
    return [*dict.fromkeys(lines)][:_PLACES]


def _of_bisect(bisect: BisectDocument) -> Answer:
    question = f"Which {one_line(bisect.axis)} {'fixed' if bisect.find == 'fix' else 'broke'} {one_line(bisect.case)}?"
    tone = "good" if bisect.result.kind in _FOUND else "unclear"
    title, text = f"bisect {one_line(bisect.case)}", one_line(bisect.result.text)
    return Answer(title=title, question=question, text=text, tone=tone)


def _of_matrix(matrix: MatrixDocument, reports: Sequence[Report]) -> Answer:
    axis = one_line(matrix.axis)
    size = f"{facts.count_of_cases(len(matrix.cases))} with {counted(len(matrix.releases), axis)}"
    differing = {each.case for each in matrix.cells if each.differs}
    text = f"{facts.count_of_cases(len(differing))} differ between {axis}s." if differing else f"No {axis} differs."
    if len(differing) == 1:
        text = f"{one_line(next(iter(differing)))} differs between {axis}s."
    told = _of_runs(reports)
    return Answer(title=f"matrix: {size}", question=size, text=f"{told.text} {text}", tone=told.tone)


def _of_comparison(found: Comparison) -> Answer:
    names = f"{one_line(found.before.name)} and {one_line(found.after.name)}"
    bad, counts = {Change.REGRESSION, Change.LOST}, comparison_text.counts(found)
    tone = "bad" if bad & set(found.counts) else "good"
    return Answer(title=f"compare {names}", question=f"What differs between {names}?", text=f"{counts}.", tone=tone)


def _of_bench(bench: BenchDocument) -> Answer:
    labels = " against ".join(one_line(each.label) for each in bench.sides)
    conclusions = [each.comparison.conclusion for each in bench.cases if each.comparison]
    text = ", ".join(f"{conclusions.count(each)} {each}" for each in dict.fromkeys(conclusions))
    if len(bench.cases) == 1 and bench.cases[0].text:
        text = one_line(bench.cases[0].text)
    tone = "good" if bench.exit_code == EXIT_OK else "bad" if bench.exit_code == EXIT_FAILED else "unclear"
    timed = f"{facts.count_of_cases(len(bench.cases))} timed"
    return Answer(title=f"bench {labels}", question=f"{timed}, {labels}", text=text or f"{timed}.", tone=tone)


def _of_runs(reports: Sequence[Report]) -> Answer:
    if len(reports) == 1:
        report = reports[0]
    else:
        every = tuple(outcome for each in reports for outcome in each.cases)
        codes = {each.exit_code for each in reports} - {EXIT_OK, EXIT_FAILED, EXIT_NO_VERDICT}
        code = max(codes, default=exit_code(every))
        seconds = sum(facts.seconds(each.seconds) for each in reports)
        report = Report(started="", seconds=seconds, exit_code=code, environment={}, cases=every)
    tone = {EXIT_OK: "good", EXIT_FAILED: "bad"}.get(report.exit_code, "unclear")
    told = Overview.of(report.cases).verdict(report.exit_code).removesuffix(".")
    when = f"{one_line(report.started)}, " if report.started else f"{counted(len(reports), 'run')}, "
    return Answer(title=told, question=f"{when}{facts.seconds(report.seconds):.1f} s", text=f"{told}.", tone=tone)
