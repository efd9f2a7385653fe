"""Options of `repro` and `bundle`."""

from pathlib import Path

from harness.cli.options import Environment
from harness.cli.parser import Parser


def written(parser: Parser, _environment: Environment) -> None:
    """Add the options of `repro write`."""
    add = parser.group("Repro")
    add("results_path", type=Path, metavar="RESULTS", help="folder of results, or its results.json")
    add("case", metavar="CASE", help="id of a case, such as sd3/clip[cpu], or its name")
    help_text = "folder to write, a new one or an empty one"
    add("-o", "--output", dest="to", type=Path, required=True, metavar="DIR", help=help_text)
    add("--with-blobs", action="store_true", help="copy the blobs and the IREE release, to run without a network")


def allowed(parser: Parser, _environment: Environment) -> None:
    """Add what has to be named again, because results may come from anywhere."""
    add = parser.group("Models")
    add("--specs", type=Path, metavar="DIR", help="folder of specs, if it is outside of the current folder")
    add("--external-files", type=Path, metavar="DIR", help="folder of files that specs name without a path, likewise")
    help_text = "file or folder outside of the current one that may be copied; repeatable"
    add("--allow-path", action="append", type=Path, default=[], metavar="PATH", help=help_text)
    add("--trust-flags", action="store_true", help="accept flags of specs that start programs or write files")


def checked(parser: Parser, _environment: Environment) -> None:
    """Add the options of `repro check`."""
    add = parser.group("Repro")
    add("folder", type=Path, metavar="DIR", help="a folder that `harness repro` wrote, after its case ran")


def bundled(parser: Parser, _environment: Environment) -> None:
    """Add the options of `bundle write`."""
    add = parser.group("Bundle")
    add("-o", dest="to", type=Path, required=True, metavar="FILE", help="file to write, such as models.tar.zst")


def loaded(parser: Parser, _environment: Environment) -> None:
    """Add the options of `bundle load`."""
    add = parser.group("Bundle")
    add("bundle", type=Path, metavar="FILE", help="a file that `harness bundle` wrote")
    add(
        "-o", dest="to", type=Path, required=True, metavar="DIR", help="folder for the specs, a new one or an empty one"
    )
    help_text = "load the image and the importer, too, whose content nothing proves"
    add("--trust", dest="is_trusted", action="store_true", help=help_text)
