"""The command line: every command, option and default, and the environment variables behind the defaults."""

import argparse
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness import __version__
from harness.cli import inline_options, search_arguments, settings
from harness.cli.argument_types import indices, mirror, port, positive, seconds, size_bytes
from harness.cli.settings import Invocation
from harness.core.cases import Backend
from harness.core.settings import DEFAULT_CONNECTIONS, DEFAULT_TIMEOUT_S, ENGINES, Settings, default_store

DEFAULT_PORT = 8765
_NO = {"", "0", "false", "no"}
_IREE_HELP = "IREE release (default: the newest in the lock)"


def parser(environment: Mapping[str, str]) -> argparse.ArgumentParser:
    """Return the parser of `harness`; its defaults come from the environment where the original suite's did."""
    top = argparse.ArgumentParser(prog="harness", description="Judge models with an IREE release.", allow_abbrev=False)
    top.add_argument("--version", action="version", version=__version__)
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    specs, cases, runs = _specs_options(environment), _case_options(environment), _run_options()
    results, containers = _result_options(environment), _container_options()
    selectors, cache, network = _selectors(), _cache_options(environment), _network_options(environment)
    images, wheels = _image_options(environment), _wheel_options()
    for name, help_text, parents in (
        (
            "quality",
            "provide an IREE release, run the models, judge and report",
            (selectors, specs, cases, results, runs, cache, network, images, containers, wheels),
        ),
        (
            "run",
            "the same with the IREE tools of --toolchain or PATH",
            (selectors, specs, cases, results, runs, cache, network),
        ),
        ("plan", "print the exact commands and run none", (selectors, specs, cases, network, wheels)),
        ("list", "list the cases", (selectors, specs, cases)),
        (
            "fetch",
            "have all that `quality` needs with the same options, so that it may be --offline",
            (selectors, specs, cases, cache, network, images, containers, wheels),
        ),
        ("lock", "fetch the blobs and pin their content in blobs.lock.json", (selectors, specs, network, cache)),
        (
            "new",
            "add a model: write its spec, lock its blobs, and run it once",
            (specs, cases, results, cache, network, images, containers, wheels),
        ),
        ("validate", "check the specs", (selectors, specs)),
        ("doctor", "say what this machine can and cannot do, and how to mend it", (selectors, specs)),
    ):
        command = commands.add_parser(name, help=help_text, description=help_text, parents=parents, allow_abbrev=False)
        _own_options(name, command)
    search_arguments.add(commands, (specs, cases, results, cache, network, images, containers, wheels))
    _add_store_commands(commands, environment, cache)
    _add_image_commands(commands, environment, images, (network, wheels))
    return top


def _own_options(name: str, command: argparse.ArgumentParser) -> None:
    if name == "run":
        command.add_argument("--toolchain", type=Path, metavar="DIR", help="folder whose bin has the IREE tools")
    if name in {"quality", "plan", "fetch", "new"}:
        command.add_argument("--iree", metavar="RELEASE", help=_IREE_HELP)
    if name == "fetch":
        help_text = "fetch the blobs, and neither the IREE release nor an image"
        command.add_argument("--blobs-only", action="store_true", help=help_text)
    if name == "new":
        _add_new_options(command)
    if name == "list":
        command.add_argument("--json", action="store_true", help="print an array of cases")
    if name == "lock":
        help_text = "ask the hosts again for what is locked, and lock what they have now"
        command.add_argument("--update", action="store_true", help=help_text)


def _add_new_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("name", metavar="MODEL/SUBMODEL", help="what it is to be called, e.g. sd3/clip")
    help_text = "the program: a URL, or a path relative to the folder of specs, as for all files that are named here"
    command.add_argument("--mlir", required=True, metavar="SOURCE", help=help_text)
    command.add_argument("--no-run", action="store_true", help="write and lock, run nothing")


def _add_store_commands(commands: Any, environment: Mapping[str, str], cache: argparse.ArgumentParser) -> None:
    help_text = "see, shrink, check or share the cache"
    store = commands.add_parser("store", help=help_text, description=help_text, allow_abbrev=False)
    group = _group()
    _add_store_option(group, environment)
    subcommands = store.add_subparsers(dest="store_command", required=True, metavar="COMMAND")
    for name, help_text, parents in (
        ("du", "say what takes how much space", (group,)),
        (
            "gc",
            "remove what is of no use any more, and with --cache-size what was not used for longest",
            (group, cache),
        ),
        ("verify", "read every byte, and remove what is not what was stored", (group,)),
        ("serve", "let other machines fetch from this store, by HTTP, read only", (group,)),
    ):
        command = subcommands.add_parser(
            name, help=help_text, description=help_text, parents=parents, allow_abbrev=False
        )
        if name == "serve":
            command.add_argument("--host", default="127.0.0.1", metavar="ADDRESS", help="where (default: %(default)s)")
            command.add_argument("--port", type=port, default=DEFAULT_PORT, help="0 for any (default: %(default)s)")


def _add_image_commands(
    commands: Any,
    environment: Mapping[str, str],
    images: argparse.ArgumentParser,
    makes: tuple[argparse.ArgumentParser, ...],
) -> None:
    help_text = "have, share or remove the images in which models run"
    image = commands.add_parser("image", help=help_text, description=help_text, allow_abbrev=False)
    group = _group()
    _add_store_option(group, environment)
    group.add_argument("--offline", action="store_true", help="use what is here, open no connection")
    subcommands = image.add_subparsers(dest="image_command", required=True, metavar="COMMAND")
    for name, help_text in (
        ("tag", "print the tag, a hash over all that the image is made from, and make nothing"),
        ("build", "have the image: look it up, else pull it from --registry, else build it"),
        ("push", "have the image, bring it to --registry, and print its name there by digest"),
        ("list", "list our images that the engine has"),
        ("prune", "remove those that are made from other inputs than they would be now"),
    ):
        is_made = name in {"tag", "build", "push"}
        parents = [group, images, *(makes if is_made else ())]
        command = subcommands.add_parser(
            name, help=help_text, description=help_text, parents=parents, allow_abbrev=False
        )
        if is_made:
            command.add_argument("image", nargs="?", default="cpu", help="a name in images.toml (default: %(default)s)")
            command.add_argument("--iree", metavar="RELEASE", help=_IREE_HELP)
        if name == "prune":
            command.add_argument("--all", action="store_true", help="remove all of ours")
            command.add_argument("--dry-run", action="store_true", help="say what would be removed, and remove nothing")


def _image_options(environment: Mapping[str, str]) -> argparse.ArgumentParser:
    group = _group()
    add = group.add_argument
    help_text = "where models run: in a container, of docker, podman or either, or on this machine itself (default:"
    help_text += " HARNESS_ENGINE, or auto: in a container if an engine answers, else here)"
    add("--engine", choices=ENGINES, default=environment.get("HARNESS_ENGINE") or "auto", help=help_text)
    help_text = "HOST/PATH where images are looked for before they are built (default: HARNESS_REGISTRY)"
    add("--registry", default=environment.get("HARNESS_REGISTRY") or None, metavar="HOST/PATH", help=help_text)
    help_text = "folder with images.toml, Dockerfile and locks (default: the harness's own)"
    add("--containers", type=Path, metavar="DIR", help=help_text)
    help_text = "archive of Debian packages for the -debian images (default: mmdebstrap's choice)"
    add("--debian-mirror", metavar="URL", help=help_text)
    return group


def _wheel_options() -> argparse.ArgumentParser:
    group = _group()
    add = group.add_argument
    help_text = "a page of links to IREE's wheels, such as https://iree.dev/pip-release-links.html, or a folder of"
    help_text += " wheels; may be repeated (default: HARNESS_FIND_LINKS, by spaces)"
    add("--find-links", action="append", default=[], metavar="URL|DIR", help=help_text)
    help_text = "a folder of wheels of your own; may be repeated"
    add("--wheels", action="append", type=Path, default=[], metavar="DIR", help=help_text)
    return group


def _container_options() -> argparse.ArgumentParser:
    group = _group()
    add = group.add_argument
    help_text = "a name in images.toml, or HOST/NAME@sha256:DIGEST (default: rocm for --backend rocm, else cpu)"
    add("--image", metavar="IMAGE", help=help_text)
    help_text = "give the container a capability that it can do without, e.g. SYS_NICE; may be repeated"
    add("--cap", action="append", default=[], metavar="NAME", help=help_text)
    help_text = "what the container may use, e.g. 64GB (default: nine tenths of the machine's)"
    add("--memory", type=size_bytes, metavar="SIZE", help=help_text)
    return group


def _group() -> argparse.ArgumentParser:
    return argparse.ArgumentParser(add_help=False, allow_abbrev=False)


def _selectors() -> argparse.ArgumentParser:
    group = _group()
    help_text = "sd3, sd3/clip, a glob of these, or an .mlir file (default: tiny, or all of --specs)"
    group.add_argument("selectors", nargs="*", default=None, metavar="SELECTOR", help=help_text)
    return group


def _specs_options(environment: Mapping[str, str]) -> argparse.ArgumentParser:
    group = _group()
    add = group.add_argument
    add("--specs", type=Path, metavar="DIR", help="folder of specs (default: quality_tests)")
    add("--external-files", type=Path, metavar="DIR", help="folder of files that specs name without saying where")
    _add_store_option(group, environment)
    add("--offline", action="store_true", help="use what the cache has, open no connection")
    return group


def _add_store_option(group: argparse.ArgumentParser, environment: Mapping[str, str]) -> None:
    named = environment.get("IREE_TEST_FILES")
    default = Path(named) if named else default_store()
    help_text = "folder of the cache (default: %(default)s)"
    group.add_argument("--store", type=Path, default=default, metavar="DIR", help=help_text)


def _cache_options(environment: Mapping[str, str]) -> argparse.ArgumentParser:
    group = _group()
    help_text = (
        "how large the cache may be, e.g. 100GB; what is in use stays (default: HARNESS_CACHE_SIZE, or no limit)"
    )
    default = environment.get("HARNESS_CACHE_SIZE") or None
    group.add_argument("--cache-size", type=size_bytes, default=default, metavar="SIZE", help=help_text)
    return group


def _network_options(environment: Mapping[str, str]) -> argparse.ArgumentParser:
    group = _group()
    add = group.add_argument
    help_text = "have what begins with PREFIX from URL; may be repeated (default: HARNESS_MIRRORS, by spaces)"
    add("--mirror", action="append", type=mirror, default=[], metavar="PREFIX=URL", help=help_text)
    add("--connections", type=positive, default=DEFAULT_CONNECTIONS, metavar="N", help="at once (default: %(default)s)")
    help_text = "refuse blobs that no lock vouches for (default where CI is set)"
    is_ci = environment.get("CI", "").lower() not in _NO
    add("--locked", action=argparse.BooleanOptionalAction, default=is_ci, help=help_text)
    return group


def _case_options(environment: Mapping[str, str]) -> argparse.ArgumentParser:
    group = _group()
    add = group.add_argument
    add("--backend", choices=list(Backend), default=environment.get("BACKEND"), help="cpu, rocm or cuda (default: cpu)")
    add("--chip", action="append", default=[], metavar="CHIP", help="compile for this chip and run; may be repeated")
    add("--compile-chip", action="append", default=[], metavar="CHIP", help="compile for this chip; may be repeated")
    add("--compile-only", action="store_true", help="compile, run nothing")
    help_text = "which tuning specs to use, e.g. mi300 (default: what the GPUs here are)"
    add("--sku", default=environment.get("SKU"), metavar="SKU", help=help_text)
    help_text = "only these GPUs of this machine, by the numbers that `harness doctor` shows; may be repeated"
    add("--gpu", action="extend", type=indices, default=[], metavar="N,...", help=help_text)
    add("-k", dest="filter", metavar="TEXT", help="only cases whose id contains this")
    help_text = "compile for the CPU with the defaults of this release where they changed (bisect: or `good`, `bad`)"
    add("--pin-defaults", metavar="RELEASE", help=help_text)
    add("--verdict", choices=("harness", "iree-run-module"), default="harness", help="who judges the outputs")
    add("--run-wrapper", type=shlex.split, default=[], metavar="'CMD ...'", help="put before iree-run-module")
    inline_options.add_options(group)
    return group


def _result_options(environment: Mapping[str, str]) -> argparse.ArgumentParser:
    group = _group()
    add = group.add_argument
    out = environment.get("TEST_OUTPUT_ARTIFACTS")
    add("--out", type=Path, default=Path(out) if out else None, metavar="DIR", help="default: results/<UTC time>")
    add("--junit-xml", type=Path, metavar="FILE", help="write junit.xml here as well")
    add("--timeout", type=seconds, default=DEFAULT_TIMEOUT_S, metavar="S", help="for each compilation and each run")
    return group


def _run_options() -> argparse.ArgumentParser:
    group = _group()
    add = group.add_argument
    add("--jobs", type=positive, metavar="N", help="compilations at once (default: by cores and memory)")
    add("--only-failed", action="store_true", help="only the cases that were not as expected in results/latest")
    return group


def invocation(argv: Sequence[str], environment: Mapping[str, str]) -> Invocation:
    """Return what a command line asks for.

    Raises:
        SystemExit: it is wrong; the message is on stderr.
        UsageError: a variable of the environment has a value that makes no sense.
    """
    return settings.invocation(parser(environment).parse_args(argv), environment)


def from_environment(environment: Mapping[str, str]) -> Settings:
    """Return the settings of `harness quality` without an option."""
    return invocation(["quality"], environment).settings
