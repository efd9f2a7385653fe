"""Options of the commands that look at earlier runs."""

from pathlib import Path

from harness.cli.argument_types import age, growth, positive
from harness.cli.options import Environment
from harness.cli.parser import Parser
from harness.report.comparison import NUMBERS

_RECENT = 20


def shown(parser: Parser, _environment: Environment) -> None:
    """Add the options of `history show`."""
    add = parser.group("History")
    help_text = "a case, such as sd3/clip[cpu], its name, or a glob of names (default: list the runs)"
    add("case", nargs="?", metavar="CASE", help=help_text)
    help_text = "results of each case, or runs, to show (default: %(default)s)"
    add("--limit", type=positive, default=_RECENT, metavar="N", help=help_text)


def imported(parser: Parser, _environment: Environment) -> None:
    """Add the options of `history import`."""
    help_text = "a results.json, or a folder with such files in it or below it"
    parser.group("History")("folders", nargs="+", type=Path, metavar="PATH", help=help_text)


def kept(parser: Parser, _environment: Environment) -> None:
    """Add the options of `history prune`."""
    add = parser.group("History")
    add("--keep-days", type=positive, metavar="DAYS", help="remove runs that are older")
    add("--keep-runs", type=positive, metavar="N", help="remove all but the newest N runs")
    dry_run(parser, _environment)


def old_results(parser: Parser, _environment: Environment) -> None:
    """Add the options of `results prune`."""
    add = parser.group("Results")
    help_text = "folder that folders of results are in (default: results)"
    add("results_root", nargs="?", type=Path, metavar="DIR", help=help_text)
    add("--keep", dest="keep_runs", type=positive, metavar="N", help="remove all but the newest N")
    add("--older-than", type=age, metavar="AGE", help="remove those of runs before, e.g. 30d, 12h or 2w")
    dry_run(parser, _environment)


def durations(parser: Parser, _environment: Environment) -> None:
    """Add the options of `results durations`."""
    add = parser.group("Results")
    help_text = "folders of results, or files in them (default: the newest run in results)"
    add("results", nargs="*", type=Path, metavar="RESULTS", help=help_text)
    add("-o", dest="output", type=Path, metavar="FILE", help="write to FILE (default: durations.json)")


def run(parser: Parser, _environment: Environment) -> None:
    """Add the run of `history pin` and `history unpin`."""
    help_text = "the id of a run as `harness history` lists it, or last, or last~1"
    parser.group("History")("run", metavar="RUN", help=help_text)


def compared(parser: Parser, _environment: Environment) -> None:
    """Add the options of `compare`."""
    add = parser.group("Compare")
    help_text = "a folder of results, last, last~1, run:ID, release:3.9.0, chip:gfx942, branch:main or commit:1a2b3c"
    add("before", metavar="A", help=help_text)
    add("after", metavar="B", help="likewise")
    help_text = "exit with 1 if a case got worse (regression), or has another result (change)"
    add("--fail-on", choices=("regression", "change"), help=help_text)
    names = ", ".join(NUMBERS)
    help_text = f"a number that grows by more is a regression, e.g. latency=10%%; one of {names}; repeatable"
    add("--max", action="append", type=growth, default=[], metavar="NAME=P%", help=help_text)
    add(
        "--format", choices=("console", "markdown", "html"), default="console", help="how to show it (default: console)"
    )
    add("-o", "--output", type=Path, metavar="FILE", help="with --format html: the page (default: compare.html)")
    add("--all", action="store_true", help="show the cases that did not change, too")


def reported(parser: Parser, _environment: Environment) -> None:
    """Add the options of `issue`."""
    add = parser.group("Report")
    add("results_path", type=Path, metavar="RESULTS", help="folder of a run or a bisect, or a results.json")
    help_text = "a case, such as sd3/clip[cpu], or its name (default: the only one that is not as expected)"
    add("case", nargs="?", metavar="CASE", help=help_text)
    add("-o", "--output", type=Path, metavar="FILE", help="write the text to FILE (default: print it)")


def dry_run(parser: Parser, _environment: Environment) -> None:
    """Add --dry-run."""
    parser.add_argument("--dry-run", action="store_true", help="only print what would be removed")
