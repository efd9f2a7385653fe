"""Options that say how to compile, run and check a bare `.mlir` file."""

import argparse

from harness.cli.argument_types import threshold

NAMES = ("compiler_flag", "function", "input", "expected_output", "threshold", "weights")


def add_options(group: argparse.ArgumentParser) -> None:
    """Add what says how to compile, run and judge an `.mlir` file."""
    add = group.add_argument
    help_text = "of an .mlir file: a flag for iree-compile, e.g. --compiler-flag=--iree-opt-level=O3; may be repeated"
    add("--compiler-flag", action="append", default=[], metavar="FLAG", help=help_text)
    help_text = "of an .mlir file: the function to run; without it and an --input nothing is run"
    add("--function", metavar="NAME", help=help_text)
    help_text = "of an .mlir file: @FILE.npy, TYPE=@FILE, or a text such as 4xf32=2; may be repeated"
    add("--input", action="append", default=[], metavar="INPUT", help=help_text)
    help_text = "of an .mlir file: @FILE.npy, TYPE=@FILE or '(ignored)', one for each output"
    add("--expected-output", "--expected_output", action="append", default=[], metavar="OUTPUT", help=help_text)
    help_text = (
        "of an .mlir file: how far an output may be off, e.g. --threshold f32=1e-3 or rtol=1e-5; may be repeated"
    )
    add("--threshold", action="append", type=threshold, default=[], metavar="TYPE=N", help=help_text)
    add("--weights", metavar="FILE", help="of an .mlir file: its parameters, an .irpa file")
