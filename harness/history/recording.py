"""Turns a report into the values that a history keeps."""

import datetime as dt
import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import msgspec

from harness.core import strict_json
from harness.core.devices import Device
from harness.core.errors import UsageError
from harness.core.history import CaseRecord, RunRecord
from harness.core.measurements import FailedCompilation, Module
from harness.core.outcomes import Outcome, Report
from harness.core.records import as_json
from harness.core.statuses import Kind, Phase
from harness.core.text import first_line, flat, one_line
from harness.core.values import frozen
from harness.report import facts, results

_ID_CHARACTERS = 16
_REASON_CHARACTERS = 400


def run_id(text: bytes | str) -> str:
    """Return the id of the run of a results.json, which is valid: a digest of what it says, however it is laid out."""
    canonical = msgspec.json.encode(msgspec.json.decode(text), order="sorted")
    return hashlib.sha256(canonical).hexdigest()[:_ID_CHARACTERS]


def report_id(report: Report) -> str:
    """Return the id of the run of the results.json that is written of a report, as `run_id` does."""
    frame = msgspec.json.encode({"schema": results.SCHEMA, **as_json(replace(report, cases=()))}, order="sorted")
    head, tail = frame.split(b'"cases":[]', 1)
    digest = hashlib.sha256(head + b'"cases":[')
    for number, line in enumerate(results.lines(report.cases)):
        digest.update((b"," if number else b"") + msgspec.json.encode(msgspec.json.decode(line), order="sorted"))
    digest.update(b"]" + tail)
    return digest.hexdigest()[:_ID_CHARACTERS]


def run_record(report: Report, *, id: str, project: str, folder: Path, command: str = "") -> RunRecord:  # noqa: A002
    """Return a run as the history keeps it.

    Args:
        report: what the run wrote.
        id: its id.
        project: folder of the project that it is of.
        folder: folder of its results.
        command: the command that was called; empty for what the report says.

    Raises:
        UsageError: the report comes from elsewhere, and says that it started at a time that is none.
    """
    known = {name: one_line(value) for name, value in flat(report.environment).items()}
    return RunRecord(
        id=id,
        started=_utc(report.started),
        seconds=_number(report.seconds),
        exit_code=report.exit_code,
        command=command or known.get("command") or "quality",
        engine=known.get("engine"),
        image=known.get("image.tag"),
        release=known.get("iree.release"),
        compiler_commit=known.get("iree.compiler_commit"),
        machine=known.get("host.cpu"),
        kernel=known.get("host.kernel"),
        gpus=", ".join(_gpus(known, None)) or None,
        harness=known.get("harness.version"),
        branch=known.get("source.branch"),
        commit=known.get("source.commit"),
        project=strict_json.usable(project),
        folder=strict_json.usable(str(folder)),
    )


@dataclass(frozen=True, slots=True)
class CaseRecords:
    """The cases of a run as the history keeps them, made each time that they are looked through.

    Those that a limit of the run left out are not among them.
    """

    report: Report

    def __iter__(self) -> Iterator[CaseRecord]:
        """Yield them."""
        machine = _Machine.of(self.report)
        return (_case(outcome, machine) for outcome in self.report.cases if outcome.kind is not Kind.NOT_RUN)


def case_records(report: Report) -> tuple[CaseRecord, ...]:
    """Return the cases of a run as the history keeps them."""
    return tuple(CaseRecords(report))


@frozen
class _Machine:
    """What a report says of its machine.

    Attributes:
        known: its environment, flat.
        cpu: the name of the CPU.
        chips: the chip of each GPU, by how the names of what is known of it begin, such as `host.gpus.0`.
    """

    known: Mapping[str, str]
    cpu: str
    chips: Mapping[str, str]

    @classmethod
    def of(cls, report: Report) -> Self:
        """Return it."""
        known = flat(report.environment)
        return cls(known=known, cpu=one_line(known.get("host.cpu", "")), chips=_chips(known))


def _case(outcome: Outcome, machine: _Machine) -> CaseRecord:
    worst = facts.worst(outcome)
    return CaseRecord(
        id=strict_json.usable(outcome.id),
        name=strict_json.usable(f"{outcome.model}/{outcome.submodel}"),
        backend=strict_json.usable(outcome.backend),
        chip=outcome.chip and strict_json.usable(outcome.chip),
        release=strict_json.usable(_release(outcome)),
        status=outcome.status,
        kind=outcome.kind,
        reason=first_line(outcome.reason, limit=_REASON_CHARACTERS),
        is_green=facts.is_green(outcome),
        device=_device(outcome, machine),
        device_uuid=_uuid(outcome, machine),
        module=_module(outcome),
        inputs=_inputs(outcome),
        limits=_limits(outcome),
        is_reused=outcome.reused is not None,
        is_cached=facts.cached(outcome) == "cached",
        max_abs_error=_number(worst.max_abs_error) if worst else None,
        error_ratio=_number(worst.share) if worst else None,
        compile_seconds=_compile_seconds(outcome),
        compile_memory_bytes=_compile_memory(outcome),
        run_seconds=None if outcome.reused else _number(outcome.seconds.get(str(Phase.RUN))),
        module_bytes=sum(each.bytes for each in outcome.modules) if outcome.modules else None,
        dispatches=_dispatches(outcome),
        latency_ms=_number(outcome.latency.median_ms) if outcome.latency else None,
        peak_memory_bytes=outcome.peak_memory_bytes,
        quarantine=one_line(str(outcome.quarantined)) if outcome.is_excused else None,
    )


def _release(outcome: Outcome) -> str:
    """Return the release of a case, with the image or the HIP runtime that a search tested it with."""
    return " ".join(filter(None, (outcome.release, str(outcome.variant or ""))))


def _device(outcome: Outcome, machine: _Machine) -> str:
    """Return what a case ran on: the CPU, or the GPUs of its chip, such as `mi300 (gfx942)`."""
    if outcome.backend == "cpu":
        return machine.cpu
    if outcome.devices:
        return one_line(" and ".join(_name(each, machine.known) for each in outcome.devices))
    return ", ".join(_gpus(machine.known, outcome.chip)) or one_line(outcome.chip or "")


def _uuid(outcome: Outcome, machine: _Machine) -> str:
    """Return the UUIDs of its devices, or that of the GPU with its chip, if the machine has one such GPU."""
    if outcome.devices:
        return one_line(" and ".join(each.uuid or "?" for each in outcome.devices))
    same = [name for name, chip in machine.chips.items() if chip == outcome.chip]
    return one_line(machine.known.get(f"{same[0]}.uuid", "")) if len(same) == 1 else ""


def _name(device: Device, known: Mapping[str, str]) -> str:
    """Return the product and chip of a device, or its name where the kernel shows no such GPU."""
    own = [name.removesuffix(".uuid") for name, value in known.items() if value == device.uuid and _is_uuid(name)]
    sku, chip = (known.get(f"{own[0]}.{name}") if own else None for name in ("sku", "chip"))
    described = f"{sku or device.name} ({chip or device.chip or device.driver})"
    return f"emulated {described} by {device.emulator}" if device.emulator else described


def _is_uuid(name: str) -> bool:
    return name.startswith("host.gpus.") and name.endswith(".uuid")


def _chips(known: Mapping[str, str]) -> Mapping[str, str]:
    """Return the chips of all GPUs, by how the names of what is known of them begin."""
    names = (name for name in known if name.startswith("host.gpus.") and name.endswith(".chip"))
    return {name.removesuffix(".chip"): known[name] for name in names}


def _gpus(known: Mapping[str, str], chip: str | None) -> Sequence[str]:
    """Return the GPUs of the machine, or those with a chip; equal ones once."""
    found: dict[str, None] = {}
    for name, own in _chips(known).items():
        if chip in {None, own}:
            found[one_line(f"{known.get(f'{name}.sku', 'GPU')} ({own})")] = None
    return list(found)


def _module(outcome: Outcome) -> str:
    """Return a digest of all modules; of several, that of their digests."""
    match _modules(outcome):
        case []:
            return ""
        case [digest]:
            return strict_json.usable(digest)
        case digests:
            return _digest(digests)


def _modules(outcome: Outcome) -> list[str]:
    failed = outcome.failed_compilation
    return [*(each.sha256 for each in outcome.modules), *([failed.key] if failed else [])]


def _inputs(outcome: Outcome) -> str:
    """Return a digest of what a result depends on; the names of the files of outputs depend on the result itself.

    What a spec writes out or draws counts only where it does: so the digests of other cases stay as they were.
    """
    words = [str(word) for argv in facts.argvs(outcome.commands) for word in argv]
    kept = [word for word in words if not word.startswith("--output")]
    written = [outcome.written] if outcome.written else []
    return _digest([_modules(outcome), sorted(each.sha256 for each in outcome.blobs), kept, *written])


def _limits(outcome: Outcome) -> str:
    compared = [
        [each.index, each.type, str(each.atol), str(each.rtol), *(every.expected for every in each.conditions)]
        for each in outcome.outputs
    ]
    budgets = [[each.name, str(each.limit)] for each in outcome.budgets]
    return _digest([compared, budgets]) if compared else ""


def _digest(value: Sequence[object]) -> str:
    try:
        text = msgspec.json.encode(value)
    except UnicodeEncodeError:  # half of a surrogate pair
        text = b""
    if not text or not text.isascii() or rb"\u0000" in text:
        text = msgspec.json.encode(as_json(value))
    return hashlib.sha256(text).hexdigest()


def _compile_seconds(outcome: Outcome) -> float | None:
    times = [each.compile_seconds for each in _compilations(outcome)]
    return _number(sum(times)) if times else None


def _compile_memory(outcome: Outcome) -> int | None:
    return max((each.peak_memory_bytes for each in _compilations(outcome)), default=0) or None


def _compilations(outcome: Outcome) -> list[Module | FailedCompilation]:
    failed = outcome.failed_compilation
    return [*outcome.modules, *([failed] if failed else [])]


def _dispatches(outcome: Outcome) -> int | None:
    counts = [each.dispatches for each in outcome.modules]
    return sum(each or 0 for each in counts) if counts and None not in counts else None


def _number(value: float | None) -> float | None:
    """Return a number that SQLite can keep: it makes NULL of a NaN."""
    return None if value is None or math.isnan(value) else float(value)


def _utc(started: str) -> str:
    """Return a time in the form by which times are sorted as text."""
    try:
        time = dt.datetime.fromisoformat(started)
        return (time if time.tzinfo else time.replace(tzinfo=dt.UTC)).astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError) as error:
        raise UsageError(
            f"The results.json says that its run started at {one_line(started)!r}; expected a time."
        ) from (error)
