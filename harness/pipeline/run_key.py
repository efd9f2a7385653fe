"""Names runs and comparisons by all that they depend on. Two of one key end in the same way, so one of them is enough.

A step counts with all of its fields. Where a field names what is made or fetched, the digest of that counts in its
place. So a field that is added to a step later counts as well.
"""

import hashlib
from collections.abc import Collection, Sequence
from typing import Any

import msgspec

from harness.core.records import as_json
from harness.host.devices import Gpu
from harness.pipeline.step_results import Results
from harness.pipeline.steps import Compare, Compile, Expected, ExpectedFile, Run

# Fields of which digests count.
_OF_RUN = frozenset({"links", "compiles", "drawn"})
_OF_COMPARE = frozenset({"run", "expected", "reference"})


def of_run(step: Run, results: Results) -> str:
    """Return the key of a run whose needs are among the results. What it runs with and on is not in it."""
    return digest(
        {
            **_plain(step, _OF_RUN),
            "links": [(link.name, results.fetched(link.blob).blob.sha256) for link in step.links],
            "compiles": [(each.module, *_compiled(each, results)) for each in step.compiles],
            "drawn": [(name, results.drawn(draw).sha256) for name, draw in step.drawn],
        }
    )


def of_comparison(step: Compare, results: Results) -> str:
    """Return the key of a comparison with what a spec expects, whose files are among the results."""
    if step.reference:
        raise ValueError("a comparison with the outputs of an oracle has no key")
    return digest(
        {
            **_plain(step, _OF_COMPARE),
            "run": of_run(step.run, results),
            "expected": [_expected(each, results) for each in step.expected],
        }
    )


def of_devices(gpus: Sequence[Gpu]) -> list[Any]:
    """Return what tells the GPUs of a run from others: not which of equal ones they are."""
    return [(str(gpu.vendor), gpu.chip, gpu.sku, gpu.name) for gpu in gpus]


def digest(value: object) -> str:
    """Return the SHA-256 of a value, as JSON."""
    return hashlib.sha256(msgspec.json.encode(as_json(value), order="sorted")).hexdigest()


def _compiled(step: Compile, results: Results) -> tuple[object, ...]:
    found = results.compiled(step)
    return found.module.sha256, found.products


def _plain(step: Run | Compare, without: Collection[str]) -> dict[str, Any]:
    return {name: getattr(step, name) for name in step.__struct_fields__ if name not in without}


def _expected(each: Expected | None, results: Results) -> Any:
    """Return what is expected of an output: the digest of a file with its type, or the text."""
    if isinstance(each, ExpectedFile):
        return (each.link.name, each.type, results.fetched(each.link.blob).blob.sha256)
    return each
