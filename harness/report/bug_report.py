"""Renders a case that is not as expected as the text of a bug report for the project IREE."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import PurePath

from harness.core.measurements import Measurement
from harness.core.outcomes import Outcome, Report
from harness.core.statuses import Status
from harness.core.text import capped, command, flat, one_line, ratio
from harness.core.values import frozen
from harness.report import again, facts
from harness.report.markdown import code, escaped, fenced

_TITLE_CHARS = 100
_REASON_BYTES, _LOG_BYTES = 4 * 1024, 16 * 1024
_PACKAGES = ("iree-base-compiler", "iree-base-runtime")
_OUTPUTS = "| output | max error | of threshold | wrong elements | NaN |\n|---|--:|--:|--:|--:|"


@frozen
class Since:
    """Since when a case fails, as a bisection found it.

    Attributes:
        text: its answer, such as `First bad release: 3.12.0 (last good: 3.11.0).`
        url: a page of the commits between both; None if they are not known.
    """

    text: str
    url: str | None = None


@frozen
class Material:
    """What is at hand of a case beside its results.

    Attributes:
        program: the text of the program, if it is small text.
        files: names of the other files that its commands read.
        folder: where they are.
    """

    program: str | None = None
    files: tuple[str, ...] = ()
    folder: str = ""


def render(outcome: Outcome, report: Report, *, since: Since | None = None, material: Material | None = None) -> str:
    """Return the bug report as Markdown, with its title in the first line.

    Args:
        outcome: the case.
        report: the run that it is of.
        since: since when it fails, if that is known.
        material: what is at hand beside the results.
    """
    material = material or Material()
    program = material.program
    parts = [
        f"# {escaped(_title(outcome))}",
        "## What happened",
        _happened(outcome),
        fenced(capped(outcome.reason or str(outcome.status), limit_bytes=_REASON_BYTES, where="results.json")),
        _outputs(outcome.outputs),
        "## Since when",
        _since(outcome, report, since),
        "## Steps to reproduce",
        _steps(outcome, material),
        *(["The program, `model.mlir`:", fenced(program).replace("text", "mlir", 1)] if program is not None else []),
        "Or with the [quality harness](https://github.com/iree-quality/harness):",
        fenced(again.case_command(outcome, report)),
        *(["## Log", fenced(log)] if (log := _log(outcome)) else []),
        "## Versions",
        _versions(outcome, report),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _title(outcome: Outcome) -> str:
    """Return a title such as `[cpu] numeric: output 0 ... (tiny/vae, IREE 3.12.0)`."""
    what = facts.headline(outcome) or str(outcome.status)
    name = f"{outcome.model}/{outcome.submodel}"
    head = one_line(f"[{facts.target(outcome)}] {what}", limit=_TITLE_CHARS)
    return f"{head} ({one_line(name)}, IREE {outcome.release or 'unknown'})"


def _happened(outcome: Outcome) -> str:
    """Return in which phase it was, what kind of failure, and that the device is no hardware."""
    emulators = dict.fromkeys(each.emulator for each in outcome.devices if each.emulator)
    emulated = "".join(f" The device is emulated by {escaped(each)}." for each in emulators)
    release = f"IREE {escaped(outcome.release or 'of an unknown release')}"
    match outcome.status:
        case Status.FAILED | Status.ERROR:
            phase = f" in the phase {code(outcome.phase)}" if outcome.phase else ""
            kind = f"; kind of failure: {code(outcome.kind)}" if outcome.kind else ""
            return f"With {release}, the program fails for `{facts.target(outcome)}`{phase}{kind}.{emulated}"
        case _:
            return f"With {release}, the program for `{facts.target(outcome)}` is {code(outcome.status)}.{emulated}"


def _outputs(outputs: Sequence[Measurement]) -> str:
    rows = [
        f"| {each.index} {code(each.type or '')} | {_number(each.max_abs_error)} | "
        f"{ratio(each.share) if each.share is not None else ''} | {each.mismatches or 0} of {each.elements} | "
        f"{each.nan or 0} |"
        for each in outputs
        if not each.ignored
    ]
    return "\n".join([_OUTPUTS, *rows]) if rows else ""


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}"


def _since(outcome: Outcome, report: Report, since: Since | None) -> str:
    if not since:
        return f"Not known; this command finds the release:\n\n{fenced(again.search_of_case(outcome, report))}"
    return "\n\n".join(filter(None, (escaped(since.text), f"Commits: {since.url}" if since.url else "")))


def _steps(outcome: Outcome, material: Material) -> str:
    """Return the bare commands: the packages from PyPI, and each tool as it was called."""
    install = [f"{name}=={outcome.release}" for name in _PACKAGES] if outcome.release else list(_PACKAGES)
    lines = [command(["pip", "install", *install])]
    lines += [command([PurePath(argv[0]).name, *map(str, argv[1:])]) for argv in outcome.tools]
    names = ", ".join(map(code, material.files))
    attach = f"Files to attach, in {code(material.folder)}: {names}." if names else ""
    return "\n\n".join(filter(None, (fenced("\n".join(lines)), attach)))


def _log(outcome: Outcome) -> str:
    text = outcome.log_tail.strip()
    return capped(text, limit_bytes=_LOG_BYTES, where="the log") if text else ""


def _versions(outcome: Outcome, report: Report) -> str:
    """Return a list of what took part, without paths and names of the machine."""
    known = flat(report.environment)
    commits = [known.get(f"iree.{name}_commit", "") for name in ("compiler", "runtime")]
    rows = (
        ("IREE", outcome.release or known.get("iree.release", "")),
        ("commit of the compiler", commits[0]),
        ("commit of the runtime", commits[1] if commits[1] != commits[0] else ""),
        ("image", known.get("image.tag", "")),
        ("CPU", known.get("host.cpu", "")),
        ("kernel", known.get("host.kernel", "")),
        *(("device", str(replace(each, uuid=None))) for each in outcome.devices),
        *(("GPU", value) for name, value in known.items() if name.startswith("host.gpus.") and name.endswith(".chip")),
        ("harness", known.get("harness.version", "")),
    )
    return "\n".join(f"- {name}: {escaped(one_line(value))}" for name, value in rows if value)
