"""Renders a report as JUnit XML that the strictest CI server accepts.

Its schema is `junit-10.xsd` of jenkinsci/xunit-plugin (src/main/resources/org/jenkinsci/plugins/xunit/types/model/xsd):
suites do not nest, a case has no properties of its own, times are plain decimals. Servers tell cases apart by
(classname, name), so that pair is unique; Jenkins takes what follows the last dot of a classname for the class.
"""

# Only writes XML; parsing what others wrote would need defusedxml.
import xml.etree.ElementTree as ET
from collections.abc import Iterable
from typing import assert_never

import junit_xml

from harness.core.devices import shown
from harness.core.outcomes import Outcome, Report
from harness.core.statuses import Status
from harness.core.text import capped, first_line, flat, one_line
from harness.report import again, facts

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
    root = ET.Element("testsuites", name="harness", time=_time(report.seconds))
    root.extend(_suites(report))
    for name in ("tests", "failures", "errors"):
        root.set(name, str(sum(int(suite.get(name, "0")) for suite in root)))
    ET.indent(root, " ")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _suites(report: Report) -> list[ET.Element]:
    """Return a suite for each model, target, release and variant of a search.

    If nothing ran, one without cases has the environment.
    """
    groups: dict[str, list[tuple[str, Outcome]]] = {}
    for name, outcome in _named(report.cases):
        release = outcome.release or facts.iree_release(report)
        suite = f"{outcome.model} {facts.target(outcome)} iree-{release}"
        groups.setdefault(f"{suite} {outcome.variant or ''}".rstrip(), []).append((name, outcome))
    return [
        _suite(report, name, members)
        for name, members in (groups or {f"harness iree-{facts.iree_release(report)}": []}).items()
    ]


def _named(outcomes: Iterable[Outcome]) -> list[tuple[str, Outcome]]:
    """Return each outcome with a unique name."""
    every, named = [*outcomes], dict[str, Outcome]()
    has_several = len({outcome.column for outcome in every}) > 1
    for outcome in every:
        plain = one_line(f"{outcome.id} {outcome.column}" if has_several else outcome.id) or "unnamed"
        numbered = (f"{plain} ({number})" for number in range(2, len(named) + 3))
        named[plain if plain not in named else next(name for name in numbered if name not in named)] = outcome
    return list(named.items())


def _suite(report: Report, name: str, members: list[tuple[str, Outcome]]) -> ET.Element:
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


def _case(report: Report, name: str, outcome: Outcome, limit_bytes: int) -> junit_xml.TestCase:
    case = junit_xml.TestCase(name, classname=_classname(outcome), stdout=_output(outcome, limit_bytes))
    message = first_line(outcome.reason) or f"{outcome.status}, no reason was given"
    story = _story(report, outcome, limit_bytes)
    match outcome.status:
        case _ if outcome.is_excused:
            case.add_skipped_info(one_line(f"{outcome.quarantined}: {message}"), story)
        case Status.FAILED | Status.XPASSED:
            case.add_failure_info(message, story, _type(outcome))
        case Status.ERROR:
            case.add_error_info(message, story, _type(outcome))
        case Status.XFAILED | Status.UNSUPPORTED | Status.SKIPPED:
            case.add_skipped_info(message, story)
        case Status.PASSED | Status.RAN | Status.COMPILED:
            pass
        case _ as unreachable:
            assert_never(unreachable)
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
    room = limit_bytes - len(head.encode())
    return head + capped(outcome.log_tail, limit_bytes=room, where=facts.whereabouts(outcome))


def _strict(suite: ET.Element, outcomes: list[Outcome]) -> ET.Element:
    """Correct what the library writes and the schema refuses, and set what the library cannot."""
    del suite.attrib["disabled"]
    suite.set("time", _time(sum(map(facts.case_seconds, outcomes))))
    for case, outcome in zip(suite.iter("testcase"), outcomes, strict=True):
        case.set("time", _time(facts.case_seconds(outcome)))
        for skipped in case.iter("skipped"):
            skipped.set("type", "quarantined" if outcome.is_excused else _SKIPPED_TYPES[outcome.status])
    return suite


def _time(value: float) -> str:
    return f"{facts.seconds(value):.3f}"
