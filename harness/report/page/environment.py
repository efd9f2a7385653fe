"""Describes where a run took place: the release, the image, the machine and its devices, with digests and names."""

from collections.abc import Iterator, Mapping
from typing import Any

from harness.core.text import clean, flat, one_line, size
from harness.report import facts
from harness.report.page.content import Run

_LABELS = {
    "iree.release": "IREE release",
    "iree.compiler_commit": "compiler commit",
    "iree.runtime_commit": "runtime commit",
    "builds.compiler": "compiler by digest",
    "builds.runtime": "runtime by digest",
    "engine": "engine",
    "container_engine.name": "container engine",
    "container_engine.version": "its version",
    "image.tag": "image",
    "image.id": "image id",
    "image.digest": "image by digest",
    "image.base": "base image",
    "image.inputs": "digest of its inputs",
    "host.cpu": "CPU",
    "host.kernel": "kernel",
    "host.memory_bytes": "memory",
    "harness.version": "harness",
    "harness.python": "Python",
}
_OF_DEVICES = ("chip", "sku", "uuid", "bus_id")


def described(run: Run) -> dict[str, Any]:
    """Return what a page says of a run beside its cases."""
    report = run.report
    return {
        "started": one_line(report.started),
        "seconds": facts.seconds(report.seconds),
        "link": run.link,
        "line": facts.environment_line(report),
        "facts": list(_facts(report.environment)),
    }


def _facts(environment: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    known = flat(environment)
    for name, label in _LABELS.items():
        if value := known.get(name):
            yield label, size(float(value)) if name.endswith("_bytes") and value.isdecimal() else clean(value)
    for index, gpu in enumerate(_listed(_below(environment, "host"), "gpus")):
        yield f"device {index}", _joined(gpu, ("vendor", *_OF_DEVICES))


def _below(environment: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = environment.get(name)
    return found if isinstance(found, Mapping) else {}


def _listed(environment: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    found = environment.get(name)
    return [each for each in found if isinstance(each, Mapping)] if isinstance(found, list | tuple) else []


def _joined(entry: Mapping[str, Any], names: tuple[str, ...]) -> str:
    return clean(", ".join(str(entry[name]) for name in names if entry.get(name)))
