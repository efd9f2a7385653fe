"""Finds which of the selected cases are in quarantine."""

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from harness.core.callbacks import Notice
from harness.core.cases import Case
from harness.core.settings import CaseSettings
from harness.core.text import one_line
from harness.specs import quarantine
from harness.specs.quarantine import Entry


def marked(chosen: Sequence[Case], settings: CaseSettings, folder: Path | None, notice: Notice) -> list[Case]:
    """Return the cases, each with the entry that is about it in the list of the settings, or of the folder of specs.

    Args:
        chosen: the cases.
        settings: where the list is, and whether all cases are chosen.
        folder: the folder of specs; None if there is none.
        notice: called with each entry that is about no case, if all cases are chosen.

    Raises:
        UsageError: the list is malformed, or does not exist although it is named.
    """
    path = settings.quarantine or (folder / quarantine.NAME if folder else None)
    if path is None or not (settings.quarantine or path.exists()):
        return list(chosen)
    entries = quarantine.read(path, dt.datetime.now(dt.UTC).date())
    if settings.has_all:
        for each in _unused(entries, chosen):
            notice(f"{path}: {one_line(each.id)} is about no case; remove it, or correct the id")
    return [_marked(case, entries) for case in chosen]


def _marked(case: Case, entries: Sequence[Entry]) -> Case:
    """Return a case with its entry: one that has not ended, if there are several."""
    own = sorted((each.quarantine for each in entries if each.matches(case.id)), key=lambda each: each.has_ended)
    return replace(case, quarantine=own[0]) if own else case


def _unused(entries: Sequence[Entry], chosen: Sequence[Case]) -> Iterator[Entry]:
    """Yield the entries about no case on any target: those for other targets are not chosen here."""
    yield from (each for each in entries if not any(each.is_about(case.spec.name) for case in chosen))
