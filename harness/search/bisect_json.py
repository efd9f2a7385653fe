"""Renders a search over releases as bisect.json, and as cases for JUnit."""

import json
from collections.abc import Mapping
from typing import Any

from harness.core.outcomes import Outcome
from harness.core.records import as_json
from harness.core.statuses import Phase, Status
from harness.core.text import first_line
from harness.search import answer, render
from harness.search.bisect import Change, Unproved
from harness.search.finding import Finding
from harness.search.probes import FLAKY, Mark

SCHEMA = 1
_STATUSES: Mapping[Mark, Status] = {Mark.GOOD: Status.PASSED, Mark.BAD: Status.FAILED, Mark.SKIP: Status.SKIPPED}


def to_json(finding: Finding) -> str:
    """Return bisect.json; the schema is in docs/bisect.md."""
    request, change = finding.request, finding.change
    commits, link = _commits(finding, change)
    document = {
        "schema": SCHEMA,
        "case": request.case,
        "good": request.good or _end(finding, Mark.GOOD),
        "bad": request.bad or _end(finding, Mark.BAD),
        "find": "fix" if request.question.fix else "break",
        "metric": request.question.metric.text if request.question.metric else None,
        "axis": request.axis,
        "releases": list(request.releases),
        "release": request.release,
        "variants": as_json([*request.variants.values()]),
        "result": {**_result(finding, change), "text": answer.headline(finding)},
        "changes": [_change(finding, each) for each in finding.changes] if request.all_changes else None,
        "flaky": [probe.release for probe in finding.probes.values() if probe.status == FLAKY],
        "probes": [entry(finding, index) for index in finding.probes],
        "commits": commits,
        "compare_url": link,
        "defaults": as_json(finding.defaults),
        "pinned_defaults": finding.pinned,
        "seconds": finding.elapsed_s,
        "attribution": as_json(finding.attribution),
        "commands": {probe.release: finding.commands[probe.release] for probe in finding.probes.values()},
    }
    return json.dumps(document, indent=1, allow_nan=False) + "\n"


def entry(finding: Finding, index: int) -> dict[str, Any]:
    """Return a tested release as JSON data, with its mark and its signature."""
    probe = finding.probes[index]
    return {**as_json(probe), "verdict": str(finding.marks[index]), "signature": probe.signature}


def _result(finding: Finding, change: Change | Unproved) -> dict[str, Any]:
    releases, fix = finding.request.releases, finding.request.question.fix
    if finding.stopped or isinstance(change, Unproved):
        is_all = finding.request.all_changes
        unproved = "changes" if is_all else "wrong-premise" if finding.is_wrong else "unproved"
        kind = "interrupted" if finding.stopped else unproved
        return {"kind": kind, "last_good": None, "last_bad": None, "first": None, "candidates": []}
    exact = ("first-good" if fix else "first-bad") if change.is_exact else "candidates"
    return {
        "kind": exact,
        "last_good": None if fix else releases[change.last],
        "last_bad": releases[change.last] if fix else None,
        "first": releases[change.first] if change.is_exact else None,
        "candidates": [] if change.is_exact else [releases[index] for index in change.candidates],
    }


def _commits(finding: Finding, change: Change | Unproved) -> tuple[dict[str, str | None], str | None]:
    if isinstance(change, Unproved):
        return {}, None
    last, first = render.both(finding, change)
    name = "last_bad" if finding.request.question.fix else "last_good"
    return {name: last.commit, "first": first.commit}, render.compare_url(finding, change)


def _change(finding: Finding, change: Change) -> dict[str, Any]:
    last, first = render.both(finding, change)
    return {
        "last": last.release,
        "first": first.release if change.is_exact else None,
        "candidates": [] if change.is_exact else [finding.request.releases[index] for index in change.candidates],
        "from": last.signature,
        "to": first.signature,
        "compare_url": render.compare_url(finding, change),
    }


def _end(finding: Finding, mark: Mark) -> str | None:
    """Return the newest release with a mark: the end that the search found."""
    index = max((index for index, each in finding.marks.items() if each is mark), default=None)
    return finding.request.releases[index] if index is not None else None


def outcomes(finding: Finding) -> tuple[Outcome, ...]:
    """Return a case for each tested release: passed if it is good, failed if it is bad, else skipped."""
    return tuple(_outcome(finding, index) for index in sorted(finding.probes))


def _outcome(finding: Finding, index: int) -> Outcome:
    probe, request = finding.probes[index], finding.request
    mark, metric = finding.marks[index], request.question.metric
    condition = f"{metric.text}: " if metric and mark is Mark.BAD else ""
    return Outcome(
        id=request.case,
        model=request.model,
        submodel=request.submodel,
        backend=request.backend,
        chip=request.chip,
        release=request.release or probe.release,
        variant=request.variants.get(probe.release),
        status=_STATUSES[mark],
        phase=Phase(probe.phase) if probe.phase else None,
        reason="" if mark is Mark.GOOD else f"{condition}{first_line(probe.headline)}\n{probe.reason}",
        path=request.path,
        config=request.config,
        seconds={"probe": probe.seconds},
        logs={probe.phase or "log": probe.log} if probe.log else {},
        notes=(answer.headline(finding),),
    )
