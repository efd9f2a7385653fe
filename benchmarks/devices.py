"""Prepares a check of the bundled models on a machine that has a GPU and Python, and neither a network nor IREE.

    python benchmarks/devices.py FOLDER --backend cuda --chip sm_80
    python3 FOLDER/run.py                          there; it writes FOLDER/results.json

Compiles the models here, and writes a folder with the modules, all inputs and expected outputs, and IREE's runtime.
"""

import argparse
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import device_run
import heading
from rich.console import Console

from harness import api
from harness.core.settings import (
    CaseSettings,
    ContainerSettings,
    ReleaseSettings,
    RunSettings,
    Settings,
    TargetSettings,
)
from harness.host import libraries
from harness.host.beneath import Folder
from harness.iree import releases, toolchain
from harness.pipeline import model_run, planner
from harness.pipeline.options import Options
from harness.pipeline.prepared import Prepared
from harness.pipeline.progress import Live
from harness.pipeline.steps import Plan, Run
from harness.store.store import Store


def main() -> None:
    """Compile, and write the folder."""
    asked = arguments()
    asked.folder.mkdir(parents=True)
    settings = Settings(
        cases=CaseSettings(selectors=(asked.selector,)),
        target=TargetSettings(backend=api.Backend(asked.backend), chips=(asked.chip,), compile_only=True),
        release=ReleaseSettings(name=asked.iree),
        container=ContainerSettings(engine="local"),
        run=RunSettings(out=asked.folder / "compiled", html=False),
    )
    session = api.session(settings)
    cases: list[dict[str, Any]] = []
    session.run(Live(Console(), id_width=40), lambda prepared: cases.extend(written(prepared, asked.folder)))
    with Store(settings.fetch.store) as store:
        runtime = toolchain.installed(releases.find(asked.iree), store).iree_run_module.parent
        shutil.copytree(runtime, asked.folder / "runtime")
    facts = {"backend": asked.backend, "chip": asked.chip, "iree": asked.iree, "cases": cases}
    (asked.folder / device_run.CASES).write_text(json.dumps(facts, indent=1))
    shutil.copyfile(device_run.__file__, asked.folder / "run.py")
    shutil.copyfile(libraries.__file__, asked.folder / "libraries.py")
    print(f"{len(cases)} models in {asked.folder}; run there: python3 run.py")


def arguments() -> argparse.Namespace:
    """Return the options of the command line."""
    parser = heading.parser(__doc__)
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="a new folder")
    parser.add_argument("--backend", choices=["cuda", "rocm", "vulkan"], required=True, help="backend of the specs")
    parser.add_argument("--chip", required=True, help="chip to compile for, such as sm_80")
    parser.add_argument("--iree", default=releases.newest().name, help="IREE release (default: %(default)s)")
    parser.add_argument("--selector", default="tiny", help="the models (default: %(default)s)")
    return parser.parse_args()


def written(prepared: Prepared, folder: Path) -> list[dict[str, Any]]:
    """Write a folder for each case that was compiled and can run; return what there is to know of each."""
    return [found for plan in prepared.plans.values() if (found := case_folder(prepared, plan, folder))]


def case_folder(prepared: Prepared, compiled: Plan, folder: Path) -> dict[str, Any] | None:
    """Write the files of a case; return its command line, or None if it has none."""
    case = replace(compiled.case, target=replace(compiled.case.target, compile_only=False))
    plan = planner.plan(case, compiled.release, Options(tool_verdict=True)) if compiled.release else compiled
    run = next((step for step in plan.steps if isinstance(step, Run)), None)
    if run is None or any(each not in prepared.results or prepared.results[each].verdict for each in run.compiles):
        return None
    own = folder / case.spec.name
    own.mkdir(parents=True)
    for link in run.links:
        shutil.copyfile(link.blob.local_path, own / link.name)
    for step in run.compiles:
        made = prepared.results.compiled(step).folder
        for name in {step.module, *step.products} - {"statistics.json"}:
            shutil.copyfile(made / name, own / name)
    model_run.write_files(Folder(folder), own, run)
    fails = case.spec.run_test_expecting_to_fail
    return {"id": case.id, "folder": case.spec.name, "argv": list(run.argv), "fails": fails}


if __name__ == "__main__":
    main()
