"""`harness releases`."""

import json
import sys

from harness.cli.settings import Invocation
from harness.cli.streams import notice
from harness.core.exit_codes import EXIT_OK
from harness.iree import release_sources, releases
from harness.iree.releases import ReleaseWheels
from harness.store.store import Store


def main(invocation: Invocation) -> int:
    """List the releases that can be used, oldest first."""
    settings = invocation.settings
    release_sources.check(settings.release)
    with Store(settings.fetch.store) as store:
        known = release_sources.known(settings.release, settings.fetch, store, notice)
    found = [known.find(name) for name in known.names]
    if invocation.options.json:
        sys.stdout.write(json.dumps([_entry(each) for each in found], indent=1) + "\n")
    else:
        sys.stdout.writelines(_lines(found))
    return EXIT_OK


def _entry(each: ReleaseWheels) -> dict[str, object]:
    return {
        "release": each.release.name,
        "release_candidate": each.release_candidate,
        "commit": each.commit or None,
        "locked": each.release.name in releases.locked(),
    }


def _lines(found: list[ReleaseWheels]) -> list[str]:
    rows = [("RELEASE", "CANDIDATE", "COMMIT", "")]
    rows += [(each.release.name, each.release_candidate, each.commit[:10] or "-", _remark(each)) for each in found]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    return [
        "  ".join(word.ljust(width) for word, width in zip(row, [*widths, 0], strict=True)).rstrip() + "\n"
        for row in rows
    ]


def _remark(each: ReleaseWheels) -> str:
    if each.release.name not in releases.locked():
        return "not locked"
    return "default" if each.release == releases.newest() else ""
