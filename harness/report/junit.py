"""Renders a report as JUnit XML that the strictest CI server accepts.

Its schema is `junit-10.xsd` of jenkinsci/xunit-plugin (src/main/resources/org/jenkinsci/plugins/xunit/types/model/xsd):
suites do not nest, a case has no properties of its own, times are plain decimals. Servers tell cases apart by
(classname, name), so that pair is unique; Jenkins takes what follows the last dot of a classname for the class.
"""

# Only writes XML; parsing what others wrote would need defusedxml.
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Self, assert_never

from harness.core.devices import shown
from harness.core.outcomes import Head, Outcome, Report
from harness.core.statuses import Status
from harness.core.text import capped, first_line, flat, one_line
from harness.core.values import frozen
from harness.report import again, facts, outcome_log

if TYPE_CHECKING:
    import junit_xml  # it is needed at the end of a run, and its start does not wait for it

NODE_BYTES = 64 * 1024
# GitLab refuses files of 30 MB, and escaping makes text longer (`<` becomes four bytes).
_FILE_BYTES = 16 * 1024 * 1024
_NODES_PER_CASE = 2
_LEAST_NODE_BYTES = 2 * 1024
# GitLab shows nothing but the failure, so it contains the end of the log too.
_EXCERPT_SHARE = 8

_SKIPPED_TYPES = {Status.XFAILED: "xfail", Status.UNSUPPORTED: "unsupported", Status.SKIPPED: "skipped"}


def render(report: Report) -> str:
    """Return the report as JUnit XML, to be written as UTF-8."""
    return "".join(parts(report))


def parts(report: Report) -> Iterator[str]:
    """Yield the text that `render` returns in parts, one for each suite."""
    index = _Index.of(report)
    root = ET.Element("testsuites", {"name": "harness", "time": _time(report.seconds), **index.counts})
    whole = ET.tostring(root, encoding="unicode", short_empty_elements=False)
    head, tail = whole.removesuffix("</testsuites>"), "</testsuites>"
    yield f'<?xml version="1.0" encoding="utf-8"?>\n{head}'
    for name, places in index.suites.items():
        members = [(index.names[place], report.cases[place]) for place in places]
        suite = _suite(report, name, members)
        ET.indent(suite, " ", level=1)
        yield f"\n {ET.tostring(suite, encoding='unicode')}"
    yield f"\n{tail}\n"


@frozen
class _Index:
    """Which case is where.

    Attributes:
        names: the unique name of each case.
        suites: by model, target, release and variant of a search, the positions of cases. If nothing ran, one without
            cases has the environment.
        counts: how many cases there are, how many failed, and how many are errors.
    """

    names: Sequence[str]
    suites: Mapping[str, Sequence[int]]
    counts: dict[str, str]

    @classmethod
    def of(cls, report: Report) -> Self:
        """Return the index of a report."""
        run_release = facts.iree_release(report)
        ids, columns, suites, ends = list[str](), list[str | None](), dict[str, list[int]](), Counter[str]()
        for place, outcome in enumerate(outcome_log.heads(report.cases)):
            ids.append(outcome.id)
            columns.append(outcome.column)
            ends[_end(outcome)] += 1
            suite = f"{outcome.model} {facts.target(outcome)} iree-{outcome.release or run_release}"
            suites.setdefault(f"{suite} {outcome.variant or ''}".rstrip(), []).append(place)
        counts = {"tests": len(ids), "failures": ends["failure"], "errors": ends["error"]}
        return cls(
            names=_names(ids, columns),
            suites=suites or {f"harness iree-{run_release}": []},
            counts={name: str(number) for name, number in counts.items()},
        )


def _end(outcome: Outcome | Head) -> str:
    """Return the element that says how a case ended; empty for one that went well."""
    match outcome.status:
        case _ if outcome.is_excused:
            return "skipped"
        case Status.FAILED | Status.XPASSED:
            return "failure"
        case Status.ERROR:
            return "error"
        case Status.XFAILED | Status.UNSUPPORTED | Status.SKIPPED:
            return "skipped"
        case Status.PASSED | Status.RAN | Status.COMPILED:
            return ""
        case _ as unreachable:
            assert_never(unreachable)


def _names(ids: Sequence[str], columns: Sequence[str | None]) -> list[str]:
    """Return a unique name for each case."""
    found = dict[str, None]()
    has_several = len(set(columns)) > 1
    for name, column in zip(ids, columns, strict=True):
        plain = one_line(f"{name} {column}" if has_several else name) or "unnamed"
        numbered = (f"{plain} ({number})" for number in range(2, len(found) + 3))
        found[plain if plain not in found else next(name for name in numbered if name not in found)] = None
    return list(found)


def _suite(report: Report, name: str, members: list[tuple[str, Outcome]]) -> ET.Element:
    import junit_xml  # noqa: PLC0415 - see above

    limit_bytes = _limit_bytes(len(report.cases))
    suite = junit_xml.TestSuite(
        one_line(name),
        [_case(report, name, outcome, limit_bytes) for name, outcome in members],
        timestamp=one_line(report.started),
        properties=_properties(report, members),
    )
    return _strict(suite.build_xml_doc(), [outcome for _, outcome in members])


def _limit_bytes(cases: int) -> int:
    share = _FILE_BYTES // (_NODES_PER_CASE * max(1, cases))
    return max(_LEAST_NODE_BYTES, min(NODE_BYTES, share))


def _properties(report: Report, members: list[tuple[str, Outcome]]) -> dict[str, str]:
    known = flat(report.environment) | {"exit_code": str(report.exit_code)}
    of_suite = {one_line(name): one_line(value) for name, value in known.items()}
    of_cases = {f"{name}.compared": "0" for name, outcome in members if outcome.status is Status.RAN}
    only = {f"{name}.compile_only": "true" for name, outcome in members if outcome.status is Status.COMPILED}
    devices = {f"{name}.device": shown(outcome.devices) for name, outcome in members if outcome.devices}
    reused = {f"{name}.reused": outcome.reused.began for name, outcome in members if outcome.reused}
    return of_suite | of_cases | only | devices | reused


def _case(report: Report, name: str, outcome: Outcome, limit_bytes: int) -> "junit_xml.TestCase":
    import junit_xml  # noqa: PLC0415 - see above

    case = junit_xml.TestCase(name, classname=_classname(outcome), stdout=_output(outcome, limit_bytes))
    message = first_line(outcome.reason) or f"{outcome.status}, no reason was given"
    match _end(outcome):
        case "failure":
            case.add_failure_info(message, _story(report, outcome, limit_bytes), _type(outcome))
        case "error":
            case.add_error_info(message, _story(report, outcome, limit_bytes), _type(outcome))
        case "skipped":
            told = one_line(f"{outcome.quarantined}: {message}") if outcome.is_excused else message
            case.add_skipped_info(told, _story(report, outcome, limit_bytes))
    return case


def _classname(outcome: Outcome) -> str:
    """Return `sd3.rocm-gfx942`. Dots within a part are replaced, because Jenkins splits at the last one."""
    parts = (outcome.model, facts.target(outcome))
    return ".".join(one_line(part).replace(".", "_") for part in parts)


def _type(outcome: Outcome) -> str:
    return "xpass" if outcome.status is Status.XPASSED else outcome.kind or outcome.status


def _story(report: Report, outcome: Outcome, limit_bytes: int) -> str:
    """Return the reason, the notes, the path of the log, the command that repeats the case, and the end of the log."""
    where = facts.whereabouts(outcome)
    reason = capped(facts.explanation(outcome), limit_bytes=limit_bytes // 2, where="results.json")
    excerpt = capped(outcome.log_tail.strip(), limit_bytes=limit_bytes // _EXCERPT_SHARE, where=where)
    notes = capped("\n".join(outcome.notes), limit_bytes=limit_bytes // _EXCERPT_SHARE, where="results.json")
    command = one_line(f"again: {again.case_command(outcome, report)}")
    log = one_line(f"log: {where}") if facts.log_path(outcome) else ""
    return "\n".join(part for part in (reason, notes, log, command, excerpt) if part)


def _output(outcome: Outcome, limit_bytes: int) -> str:
    """Return the commands of the case, then the end of the log."""
    commands = "".join(f"+ {line}\n" for line in facts.command_lines(outcome))
    head = capped(commands, limit_bytes=limit_bytes // 2, where="results.json")
    if not outcome.log_tail:
        return head
    room = limit_bytes - len(head.encode())
    return head + capped(outcome.log_tail, limit_bytes=room, where=facts.whereabouts(outcome))


def _strict(suite: ET.Element, outcomes: list[Outcome]) -> ET.Element:
    """Correct what the library writes and the schema refuses, and set what the library cannot."""
    del suite.attrib["disabled"]
    times = [facts.case_seconds(each) for each in outcomes]
    suite.set("time", _time(sum(times)))
    for case, outcome, seconds in zip(suite.iter("testcase"), outcomes, times, strict=True):
        case.set("time", _time(seconds))
        for skipped in case.iter("skipped"):
            skipped.set("type", "quarantined" if outcome.is_excused else _SKIPPED_TYPES[outcome.status])
    return suite


def _time(value: float) -> str:
    return f"{facts.seconds(value):.3f}"
