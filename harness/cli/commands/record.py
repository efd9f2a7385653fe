"""`harness bless CASE --reference REFERENCE`."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from rich.console import Console

from harness.cli.asking import is_wanted
from harness.cli.console import clean_console, notices
from harness.cli.settings import Invocation
from harness.containers.provider import provider
from harness.core.cases import Backend, Case
from harness.core.errors import UsageError
from harness.core.exit_codes import EXIT_FAILED, EXIT_NO_VERDICT, EXIT_OK
from harness.core.outcomes import Outcome, Report
from harness.core.provenance import Provenance
from harness.core.references import Reference
from harness.core.settings import FetchSettings, Settings, TargetSettings
from harness.core.statuses import Status
from harness.core.tensors import Tensor
from harness.fetch import provision
from harness.host.disk import disk_errors, write_atomically
from harness.pipeline import goldens, references, selection
from harness.pipeline.file_kinds import shown
from harness.pipeline.goldens import Golden
from harness.pipeline.options import Options
from harness.pipeline.out_dir import new_out_dir
from harness.pipeline.progress import Live, columns
from harness.pipeline.session import Session
from harness.pipeline.step_results import RunResult
from harness.report import console as console_report
from harness.search.probes import without_expectations
from harness.specs import bless, inline, overlays
from harness.specs.bless import Edit
from harness.store.store import Store

_IDS = 10


def main(invocation: Invocation, reference: Reference) -> int:
    """Run a case with a reference, show how its outputs differ from the expected ones, and record them if wanted."""
    console = clean_console()
    settings = invocation.settings
    settings = replace(settings, cases=selection.located(settings.cases))
    case = _case(settings)
    made_by = _made_by(case, reference)
    session = _session(settings, made_by)
    report = session.run_to_end(Live(console, id_width=len(made_by.id)), keeps_results=True)
    (outcome,), ran = report.cases, session.ran(made_by)
    if outcome.status is not Status.RAN or ran is None:
        console.print(console_report.render(report, folder=session.out_dir, width=columns(console)), soft_wrap=True)
        _print(console, "Nothing was recorded, because the reference failed.")
        return report.exit_code or EXIT_NO_VERDICT
    if not ran.outputs:
        raise UsageError(f"{case.spec.path}: its function returns nothing that could be recorded.")
    found = _goldens(case, ran, settings.fetch, console)
    edit = bless.recorded(
        case.spec.path,
        [each.entry if each else None for each in found],
        _provenance(reference, made_by, outcome, report, found),
        inherited=overlays.inherited(case.spec.path, selection.spec_folders(settings.cases)),
    )
    return _record(case, found, edit, console, yes=invocation.options.yes)


def _case(settings: Settings) -> Case:
    """Return the selected case, whose spec can be changed.

    Raises:
        UsageError: it has no spec, is one of several, or its spec says not to run it.
    """
    selected = " ".join(settings.cases.selectors)
    if any(map(inline.is_bare, settings.cases.selectors)):
        raise UsageError(f"{selected}: a program has no expected outputs to record; write a spec with `harness new`.")
    if selection.find_suite(settings.cases):
        raise UsageError(f"{selected}: the files of a suite are those of its maintainers, and are not changed.")
    case, *others = selection.cases(settings)
    if others:
        ids = ", ".join(each.id for each in (case, *others)[:_IDS])
        raise UsageError(f"{selected}: bless takes one case, and this selects {len(others) + 1}: {ids}; name one.")
    if not case.spec.run_function or case.spec.compile_only:
        raise UsageError(f"{case.spec.path}: runs no function, so it has no outputs; expected 'run_function'.")
    return case


def _made_by(case: Case, reference: Reference) -> Case:
    """Return the case that makes the outputs; a failure of it is never expected, and what it takes has no budget.

    Raises:
        UsageError: it is not run.
    """
    found = without_expectations(references.of(case, reference))
    if found.is_compile_only:
        raise UsageError(f"{case.id} is only compiled with these options; name a chip to run on with --chip.")
    return replace(found, spec=replace(found.spec, outputs=(), provenance=None, budget={}))


def _session(settings: Settings, case: Case) -> Session:
    if case.target.backend is Backend.CPU:  # whatever the spec is for
        settings = replace(settings, target=TargetSettings(backend=Backend.CPU))
    options = replace(Options.of(settings), keeps_outputs=True)
    return Session(settings, [case], options, new_out_dir(settings.run.out), provider(settings))


def _goldens(case: Case, ran: RunResult, settings: FetchSettings, console: Console) -> list[Golden | None]:
    with Store(settings.store.absolute()) as store, provision.fetcher(settings, store, notices(console)) as fetcher:
        return goldens.of_run(case.spec, ran, fetcher.fetch)


def _provenance(
    reference: Reference, case: Case, outcome: Outcome, report: Report, found: Sequence[Golden | None]
) -> Provenance:
    environment: Any = report.environment
    iree, host, image = (environment.get(name) or {} for name in ("iree", "host", "image"))
    gpus = host.get("gpus", ()) if case.target.backend is not Backend.CPU else ()
    return Provenance(
        reference=reference.text,
        release=outcome.release or "",
        compiler_commit=iree.get("compiler_commit"),
        runtime_commit=iree.get("runtime_commit"),
        backend=str(case.target.backend),
        chip=case.target.chip,
        devices=case.spec.devices,
        cpu=host.get("cpu"),
        gpus=tuple(" ".join(filter(None, (gpu["vendor"], gpu["chip"], gpu["sku"]))) for gpu in gpus),
        image=image.get("tag"),
        date=report.started,
        outputs=tuple(each.recorded if each else None for each in found),
    )


def _record(case: Case, found: Sequence[Golden | None], edit: Edit, console: Console, *, yes: bool) -> int:
    """Show what would change, and write it if it is wanted: first the files, then the spec that names them."""
    for index, each in enumerate(found):
        _print(console, each.text if each else f"output {index}: ignored by the spec")
    new = [each for each in found if each and each.name]
    if not new:
        _print(console, "Every output is the same as before; only the provenance changes.")
    _print(console, edit.diff.rstrip())
    if not (yes or is_wanted("Write these changes?")):
        _print(console, "Nothing was written; add --yes to write these changes.")
        return EXIT_FAILED
    for each in new:
        each.save(case.spec.path.parent)
        _print(console, f"written   {case.spec.path.parent / each.name}")
    with disk_errors(edit.path):
        write_atomically(edit.path, edit.after)
    _print(console, f"changed   {edit.path}")
    for name in _unnamed(case, found):
        _print(console, f"kept      {name}, which the spec does not name any more")
    return EXIT_OK


def _unnamed(case: Case, found: Sequence[Golden | None]) -> list[str]:
    """Return the files and URLs of the expected outputs before that are no inputs or outputs any more."""
    replaced = [index for index, each in enumerate(found) if each and each.name]
    before = [each for index, each in enumerate(case.spec.outputs) if index in replaced or index >= len(found)]
    return [shown(each.blob) for each in before if isinstance(each, Tensor)]


def _print(console: Console, text: str) -> None:
    console.print(text, markup=False, highlight=False, soft_wrap=True)
