"""Writes the texts of the folder of a case: the script that repeats it, and what the reader has to know (pure)."""

from collections.abc import Mapping, Sequence
from typing import Any

from harness.core.outcomes import Outcome, Report
from harness.core.text import inline, one_line
from harness.core.values import frozen
from harness.packing.repetition import ending

REPRODUCER, REPRODUCER_LOG = "reproducer.mlir", "reproducer.log"
# Variables that change the defaults of the command.
_DEFAULTS = "BACKEND ROCM_CHIP SKU TEST_OUTPUT_ARTIFACTS IREE_TEST_CONFIG_FILES HARNESS_FIND_LINKS HARNESS_MIRRORS"
_SHOWN = 300
_OFFLINE = "No network is needed: what would be downloaded is in `store`."
_CODE = """\
The exit code is 0 if the case ends the same way again, and 1 if it does not; then the last lines say what is different.
Errors of outputs count as the same within a factor of two.
"""
_REPRODUCER_FILES = {REPRODUCER: "the reproducer of the compiler", REPRODUCER_LOG: "what it printed with it"}
_REPRODUCER = (
    "## Without the harness\n",
    f"""\
`{REPRODUCER}` is what the compiler wrote about its crash: the program as it was before the pass that crashed, and that
pass. The package `iree-base-compiler` has the program that repeats it; `{REPRODUCER_LOG}` has the output.
""",
    f"    iree-opt --run-reproducer {REPRODUCER} -o /dev/null\n",
)


@frozen
class Packed:
    """What the folder of a case has.

    Attributes:
        outcome: how the case ended.
        report: the results that it is of.
        command: the command that runs it there.
        is_offline: whether all bytes are there, so that no network is needed.
        has_reproducer: whether the compiler wrote a reproducer of its crash.
        image: name of the image that it ran in; empty if it ran on the machine itself.
        notes: what else the reader has to know, as sentences.
    """

    outcome: Outcome
    report: Report
    command: str
    is_offline: bool
    has_reproducer: bool
    image: str
    notes: Sequence[str] = ()


def script(packed: Packed) -> str:
    """Return the text of `run.sh`."""
    outcome = packed.outcome
    return "\n".join(
        (
            "#!/bin/sh",
            f"# Runs {inline(outcome.id)} with IREE {inline(str(outcome.release))}. It ended as {ending(outcome)}.",
            "# Exit code: 0 if it ends so again, 1 if it does not. Options are passed on, for example --recompile.",
            "set -eu",
            'cd -- "$(dirname -- "$0")"',
            f"unset {_DEFAULTS}",
            "rm -rf out",
            f'{packed.command} "$@" || true',
            "exec harness repro check .",
            "",
        )
    )


def readme(packed: Packed) -> str:
    """Return the text of `README.md`."""
    outcome = packed.outcome
    known = _known(packed.report, "harness", "version")
    again = (
        "Repeat it with the [IREE quality harness](https://github.com/iree-quality/harness), version "
        f"{known} or newer, on Linux:\n"
    )
    parts = [
        f"# {inline(outcome.id)}\n",
        f"With IREE {inline(str(outcome.release))}, this case ended as **{ending(outcome)}**:\n",
        f"    {one_line(outcome.reason or 'as it should', limit=_SHOWN)}\n",
        again,
        "    sh run.sh\n",
        _CODE,
        *(f"{each}\n" for each in _needs(packed)),
        *(_REPRODUCER if packed.has_reproducer else ()),
        "## Where it ran\n",
        *(f"- {name}: {value}" for name, value in _facts(packed).items() if value),
        "\n## Files\n",
        "| path | content |\n|---|---|",
        *(f"| `{name}` | {content} |" for name, content in _files(packed).items()),
        "",
    ]
    return "\n".join(parts)


def _needs(packed: Packed) -> Sequence[str]:
    fetched = "The IREE release and the blobs that the spec names by URL are downloaded, and checked by their digests."
    return [_OFFLINE if packed.is_offline else fetched, *packed.notes]


def _facts(packed: Packed) -> Mapping[str, str]:
    report = packed.report
    return {
        "IREE": f"{inline(str(packed.outcome.release))}, commit {_known(report, 'iree', 'compiler_commit')}",
        "engine": inline(str(report.environment.get("engine", ""))),
        "image": inline(packed.image),
        "CPU": _known(report, "host", "cpu"),
        "kernel": _known(report, "host", "kernel"),
        "harness": _known(report, "harness", "version"),
        "started": inline(report.started),
    }


def _known(report: Report, part: str, name: str) -> str:
    found = report.environment.get(part)
    value: Any = found.get(name) if isinstance(found, Mapping) else None
    return one_line(str(value), limit=_SHOWN) if value else "unknown"


def _files(packed: Packed) -> Mapping[str, str]:
    return {
        "run.sh": "runs the case, and says if it ends as before",
        "results.json": "how it ended, with all numbers, command lines and the end of the log",
        "specs/": "the spec, with the files that it names, and the digests of what it names by URL",
        **({"configs/": "the config of the suite"} if packed.outcome.config else {}),
        "logs/": "what the tools printed",
        **({"store/": "all that would be downloaded"} if packed.is_offline else {}),
        **(_REPRODUCER_FILES if packed.has_reproducer else {}),
    }
