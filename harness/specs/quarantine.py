"""Reads the list of cases in quarantine, quarantine.toml, and finds the entry of a case."""

import datetime as dt
import fnmatch
from pathlib import Path

import msgspec

from harness.core.errors import UsageError
from harness.core.quarantines import Quarantine
from harness.core.text import one_line
from harness.core.values import frozen
from harness.host import files

NAME = "quarantine.toml"
_MAX_BYTES = 1 << 20
_FORM = 'expected entries such as: [[case]] id = "sd3/clip[rocm-*]", owner = "ana", until = 2027-01-31, reason = "..."'


class _Case(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    id: str
    owner: str
    until: dt.date
    reason: str


class _File(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    case: list[_Case] = []


@frozen
class Entry:
    """An entry of the list.

    Attributes:
        id: a glob of names, such as `sd3/*`, or of ids, such as `sd3/clip[rocm-*]`.
        quarantine: what it says of the cases.
    """

    id: str
    quarantine: Quarantine

    def matches(self, case_id: str) -> bool:
        """Whether it is about a case. What is in brackets is compared alone: in a glob, brackets mean a character."""
        name, _, target = case_id.removesuffix("]").partition("[")
        own, bracket, wanted = self.id.removesuffix("]").partition("[")
        return fnmatch.fnmatchcase(name, own) and (not bracket or fnmatch.fnmatchcase(target, wanted))

    def is_about(self, name: str) -> bool:
        """Whether it is about a case of this name on some target."""
        return fnmatch.fnmatchcase(name, self.id.partition("[")[0])


def read(path: Path, today: dt.date) -> tuple[Entry, ...]:
    """Return the entries of a list.

    Raises:
        UsageError: it cannot be read, or is malformed; the message names the file and what was expected.
    """
    import tomllib  # noqa: PLC0415 - most folders have no list

    try:
        data = tomllib.loads(files.read(path, _MAX_BYTES).decode())
        found = msgspec.convert(data, _File).case
        return tuple(Entry(id=each.id, quarantine=_quarantine(each, today)) for each in found)
    except (OSError, ValueError, RecursionError) as error:  # errors of tomllib and msgspec are ValueErrors
        why = one_line(files.reason(error)).removesuffix(".")
        raise UsageError(f"{path}: cannot be read as a list of cases in quarantine ({why}); {_FORM}.") from error


def _quarantine(case: _Case, today: dt.date) -> Quarantine:
    for name in ("id", "owner", "reason"):
        if not getattr(case, name).strip():
            raise ValueError(f"an entry has an empty {name}")
    return Quarantine(
        owner=one_line(case.owner),
        until=case.until.isoformat(),
        reason=one_line(case.reason),
        has_ended=case.until < today,
    )
