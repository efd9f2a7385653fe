"""Turns a command line into the cases that it selects, and what else it says of all of them."""

import argparse
from collections.abc import Sequence
from pathlib import Path

import harness
from harness.cli import targets
from harness.core.cases import Backend, Case, ModelSpec, Release
from harness.core.errors import UsageError
from harness.host import devices
from harness.host.devices import Gpu, Vendor
from harness.iree import releases
from harness.pipeline import planner as planning
from harness.specs import inline, reader
from harness.specs.catalogue import Folders, select


def spec_folders(parsed: argparse.Namespace) -> Folders:
    """Return where the specs are: `--specs`, `quality_tests` here, or the one beside the harness."""
    here, beside = Path("quality_tests"), Path(harness.__file__).parent.parent / "quality_tests"
    specs = parsed.specs or (here if here.is_dir() else beside)
    return Folders(specs, external_files=parsed.external_files)


def cases(parsed: argparse.Namespace) -> list[Case]:
    """Return the cases that the command line asks for.

    Raises:
        UsageError: there is none, or a spec is invalid.
    """
    wanted = targets.targets(parsed, gpus(parsed))
    selected = planning.cases(_specs(parsed, wanted[0].backend), wanted)
    if not selected:
        raise UsageError(f"No selected spec is for the backend {wanted[0].backend}; choose another with --backend.")
    chosen = [case for case in selected if not parsed.filter or parsed.filter in case.id]
    if not chosen:
        raise UsageError(f"-k {parsed.filter}: the id of no selected case contains this; see `harness list`.")
    return chosen


def _specs(parsed: argparse.Namespace, backend: Backend) -> list[ModelSpec]:
    """Return the selected specs, and those that bare programs are given by the command line."""
    named = [each for each in parsed.selectors if not inline.is_bare(each)]
    programs = [Path(each) for each in parsed.selectors if inline.is_bare(each)]
    if (given := inline.words(parsed)) and not programs:
        raise UsageError(f"{given[0]} is for a program, PATH.mlir; a spec says it itself.")
    where = spec_folders(parsed) if named else None
    found = reader.load_all(select(where, tuple(named)), where, sku=asked_sku(parsed, backend)) if where else []
    return [*found, *(_of_program(path, parsed, backend) for path in programs)]


def asked_sku(parsed: argparse.Namespace, backend: Backend) -> str | None:
    """Return the SKU whose tuning specs must be there: one that is named, for cases that run on its backend."""
    sku: str | None = parsed.sku
    return sku if backend is Backend.ROCM else None


def read_folders(parsed: argparse.Namespace) -> tuple[Path, ...]:
    """Return the folders of the selected specs, which are read."""
    if all(map(inline.is_bare, parsed.selectors)):
        return ()
    where = spec_folders(parsed)
    return tuple(filter(None, (where.specs, where.external_files)))


def _of_program(path: Path, parsed: argparse.Namespace, backend: Backend) -> ModelSpec:
    if not path.is_file():
        raise UsageError(f"{path}: there is no such program; expected the path of an .mlir file.")
    document = inline.document(str(path), parsed, backend)
    return reader.of_document(path, Folders(path.absolute().parent), backend, document)


def gpus(parsed: argparse.Namespace) -> tuple[Gpu, ...]:
    """Return the GPUs of this machine that the command line allows.

    Raises:
        UsageError: one that it names is not there.
    """
    return targets.selected_gpus(parsed, devices.gpus())


def gpus_for(chosen: Sequence[Case], here: Sequence[Gpu]) -> tuple[Gpu, ...]:
    """Return the GPUs on which some case runs; a container is given no others."""
    vendors = {Backend.ROCM: Vendor.AMD, Backend.CUDA: Vendor.NVIDIA}
    wanted = {vendors.get(case.target.backend) for case in chosen if not planning.is_compile_only(case)}
    return tuple(gpu for gpu in here if gpu.vendor in wanted)


def options(parsed: argparse.Namespace) -> planning.Options:
    """Return what the command line says about every case.

    Raises:
        UsageError: there is no release of the name that --pin-defaults has.
    """
    return planning.Options(
        tool_verdict=parsed.verdict == "iree-run-module",
        run_wrapper=tuple(parsed.run_wrapper),
        pin_defaults=_pinned(parsed.pin_defaults) if parsed.pin_defaults else None,
    )


def _pinned(name: str) -> Release:
    """Return a release whose place among the others is known, also one that is not in the lock."""
    release = releases.of_build(name)
    return release if release.date else releases.find(name).release
