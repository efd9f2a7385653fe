"""Renders what a search over releases has found for machines: as bisect.json, and as cases for JUnit."""

import json
from collections.abc import Mapping
from typing import Any

from harness.core.outcomes import Outcome, Phase, Status
from harness.core.records import as_json
from harness.core.text import first_line
from harness.search import render
from harness.search.bisect import Change, Unproved
from harness.search.finding import Finding
from harness.search.probes import FLAKY, Mark

SCHEMA = 1
_STATUSES: Mapping[Mark, Status] = {Mark.GOOD: Status.PASSED, Mark.BAD: Status.FAILED, Mark.SKIP: Status.SKIPPED}


def to_json(finding: Finding) -> str:
    """Return bisect.json; the schema is in docs/bisect.md."""
    asked, change = finding.asked, finding.change
    commits, link = _commits(finding, change)
    document = {
        "schema": SCHEMA,
        "case": asked.case,
        "good": asked.good or _end(finding, Mark.GOOD),
        "bad": asked.bad or _end(finding, Mark.BAD),
        "find": "fix" if asked.question.fix else "break",
        "metric": asked.question.metric.text if asked.question.metric else None,
        "releases": list(asked.releases),
        "result": {**_result(finding, change), "text": render.headline(finding)},
        "changes": [_change(finding, each) for each in finding.changes] if asked.all_changes else None,
        "flaky": [probe.release for probe in finding.seen.values() if probe.status == FLAKY],
        "probes": [entry(finding, place) for place in finding.seen],
        "commits": commits,
        "compare_url": link,
        "defaults": as_json(finding.defaults),
        "pinned_defaults": finding.pinned,
        "attribution": as_json(finding.attribution),
        "commands": {probe.release: render.again(finding, probe.release) for probe in finding.seen.values()},
    }
    return json.dumps(document, indent=1, allow_nan=False) + "\n"


def entry(finding: Finding, place: int) -> dict[str, Any]:
    """Return what was seen of a release as JSON data, with what it is to the question."""
    probe = finding.seen[place]
    return {**as_json(probe), "verdict": str(finding.marks[place]), "signature": probe.signature}


def _result(finding: Finding, change: Change | Unproved) -> dict[str, Any]:
    releases, fix = finding.asked.releases, finding.asked.question.fix
    if finding.stopped or isinstance(change, Unproved):
        is_all = finding.asked.all_changes
        unproved = "changes" if is_all else "wrong-premise" if finding.is_wrong else "unproved"
        kind = "interrupted" if finding.stopped else unproved
        return {"kind": kind, "last_good": None, "last_bad": None, "first": None, "candidates": []}
    exact = ("first-good" if fix else "first-bad") if change.is_exact else "candidates"
    return {
        "kind": exact,
        "last_good": None if fix else releases[change.last],
        "last_bad": releases[change.last] if fix else None,
        "first": releases[change.first] if change.is_exact else None,
        "candidates": [] if change.is_exact else [releases[place] for place in change.candidates],
    }


def _commits(finding: Finding, change: Change | Unproved) -> tuple[dict[str, str | None], str | None]:
    if isinstance(change, Unproved):
        return {}, None
    last, first = render.both(finding, change)
    name = "last_bad" if finding.asked.question.fix else "last_good"
    return {name: last.commit, "first": first.commit}, render.compare_url(finding, change)


def _change(finding: Finding, change: Change) -> dict[str, Any]:
    last, first = render.both(finding, change)
    return {
        "last": last.release,
        "first": first.release if change.is_exact else None,
        "candidates": [] if change.is_exact else [finding.asked.releases[place] for place in change.candidates],
        "from": last.signature,
        "to": first.signature,
        "compare_url": render.compare_url(finding, change),
    }


def _end(finding: Finding, mark: Mark) -> str | None:
    """Return the end that was found to be good or bad where none was claimed."""
    place = max((place for place, each in finding.marks.items() if each is mark), default=None)
    return finding.asked.releases[place] if place is not None else None


def outcomes(finding: Finding) -> tuple[Outcome, ...]:
    """Return a case for each release that was looked at, as JUnit has them: good passed, bad failed."""
    return tuple(_outcome(finding, place) for place in sorted(finding.seen))


def _outcome(finding: Finding, place: int) -> Outcome:
    probe, asked = finding.seen[place], finding.asked
    failed = finding.marks[place] is Mark.BAD
    metric = f"{asked.question.metric.text}: " if failed and asked.question.metric else ""
    return Outcome(
        id=asked.case,
        model=asked.model,
        submodel=asked.submodel,
        backend=asked.backend,
        chip=asked.chip,
        release=probe.release,
        status=_STATUSES[finding.marks[place]],
        phase=Phase(probe.phase) if probe.phase else None,
        reason=f"{metric}{first_line(probe.headline)}\n{probe.reason}" if finding.marks[place] is not Mark.GOOD else "",
        seconds={"probe": probe.seconds},
        notes=(render.headline(finding), f"again: {render.again(finding, probe.release)}"),
    )
