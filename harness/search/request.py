"""Turns the settings of a search into its request, and identifies a search."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from harness.containers import build_context, definitions
from harness.core.blobs import Blob
from harness.core.cases import EMPTY, Backend, Case
from harness.core.errors import UsageError
from harness.core.search_settings import SearchSettings
from harness.core.settings import ContainerSettings, Settings
from harness.core.timings import Timing
from harness.core.urls import redacted
from harness.core.variants import Variant
from harness.iree import flags, releases
from harness.iree.flags import ChangedDefault
from harness.iree.releases import Releases, ReleaseWheels
from harness.search import axis, case_numbers, metric
from harness.search.axis import Axis
from harness.search.finding import SearchRequest
from harness.search.probes import Question
from harness.store.store import Store

_ENDS = 2
_TIMING = Timing(repetitions=20)


def question(search: SearchSettings) -> Question:
    """Return what makes a release bad.

    Raises:
        UsageError: the metric is not a condition, or `at_least` is not a majority of the runs.
    """
    repeat = search.repeat or 1
    at_least = search.at_least or repeat
    if not repeat / 2 < at_least <= repeat:
        expected = f"expected more than half of --repeat {repeat}, and at most {repeat}"
        raise UsageError(f"--at-least {at_least}: {expected}.")
    return Question(
        fix=search.fix,
        any_failure=search.any_failure,
        metric=metric.parse(search.metric) if search.metric else None,
        repeat=repeat,
        at_least=at_least,
        confirms=search.repeat is None,
    )


def search_request(search: SearchSettings, settings: Settings, case: Case, known: Releases) -> SearchRequest:
    """Return what to search: the releases between the given ends; without an end, all on that side.

    Of images and HIP runtimes, the first and the last one are the ends that are not given.

    Raises:
        UsageError: there is no such release, or the ends are swapped.
    """
    asked = question(search)
    over, named = axis.of(search)
    names: Sequence[str] = named or known.names
    if over is Axis.RELEASE:
        good, bad = (known.find(name).release.name if name else None for name in (search.good, search.bad))
        release = None
    else:
        good, bad = _ends(search, over, named)
        release = known.find(settings.release.name or known.names[-1]).release.name
    older, newer = (bad, good) if asked.fix else (good, bad)
    start = names.index(older) if older else 0
    end = names.index(newer) if newer else len(names) - 1
    if start >= end:
        option = "--bad" if asked.fix else "--good"
        hint = "remove --find fix" if asked.fix else f"to find the {over} that fixed it, add --find fix"
        raise UsageError(f"{option} {older or names[0]} is not older than {newer or names[-1]}; {hint}.")
    searched = tuple(names[start : end + 1])
    return SearchRequest(
        case=case.id,
        model=case.spec.model,
        submodel=case.spec.submodel,
        backend=str(case.target.backend),
        chip=case.target.chip,
        path=str(case.spec.path),
        config=case.spec.config_path,
        axis=over,
        releases=searched,
        release=release,
        variants=over.variants(settings, searched),
        good=good,
        bad=bad,
        question=asked,
        all_changes=search.all_changes,
    )


def _ends(search: SearchSettings, over: Axis, names: Sequence[str]) -> tuple[str, str]:
    """Return the good and the bad end among images or HIP runtimes."""
    if len(names) < _ENDS:
        raise UsageError(f"{names[0]}: bisect needs at least two {over}s, oldest first; name another one.")
    if search.attribute:
        raise UsageError(f"--attribute has no effect if {over}s are searched, which have one IREE release; remove it.")
    older, newer = names[0], names[-1]
    good, bad = (newer, older) if search.fix else (older, newer)
    for option, name in (("--good", search.good), ("--bad", search.bad)):
        if name and name not in names:
            raise UsageError(f"{option} {name}: not among the {over}s to search; expected one of {', '.join(names)}.")
    return search.good or good, search.bad or bad


def timed(settings: Settings, names: Iterable[str]) -> Settings:
    """Return settings with which runs, or compilations, are timed here if one of these numbers needs it."""
    run = settings.run
    if {*names} & {*case_numbers.OF_BENCHMARKS}:
        run = replace(run, timing=_TIMING)
    if {*names} & {*case_numbers.OF_COMPILER}:
        run = replace(run, measures_compiler=True)
    return replace(settings, run=run)


def defaults(request: SearchRequest) -> tuple[ChangedDefault, ...]:
    """Return the defaults of flags that change within the releases to search."""
    if request.axis is not Axis.RELEASE:
        return ()
    first, last = (releases.of_build(name) for name in (request.releases[0], request.releases[-1]))
    return flags.changed_defaults(first, last, Backend(request.backend))


def pinned(name: str | None, request: SearchRequest) -> str | None:
    """Return the release whose defaults are set with all releases.

    Args:
        name: a release, `good` or `bad`.
        request: says which releases are good and bad.

    Raises:
        UsageError: `good` or `bad` is not given, or is not a release.
    """
    ends = {"good": request.good, "bad": request.bad}
    if name in ends and request.axis is not Axis.RELEASE:
        raise UsageError(f"--pin-defaults {name}: {request.axis}s have no defaults; name a release.")
    if name in ends and ends[name] is None:
        raise UsageError(f"--pin-defaults {name} needs --{name}; add it, or name a release.")
    return ends.get(name, name) if name else None


def identity(
    settings: Settings,
    search: SearchSettings,
    cases: Sequence[Case],
    found: Sequence[ReleaseWheels],
    variants: Mapping[str, Variant] = EMPTY,
) -> Mapping[str, Any]:
    """Return all that a search depends on; only a search of the same identity can be resumed."""
    with Store(settings.fetch.store) as store:
        return {
            "options": _options(settings, search),
            "cases": {case.id: _content(case, store) for case in cases},
            "releases": [_release_content(each, store) for each in found],
            "variants": [[str(each), _image(each, settings.container)] for each in variants.values()],
            "harness": build_context.this_harness(),
        }


def _options(settings: Settings, search: SearchSettings) -> Mapping[str, str]:
    """Return the settings that affect the result of a search."""
    cases, release = settings.cases, settings.release
    deciding: Mapping[str, object] = {
        "cases": (cases.specs, cases.external_files, cases.program),
        "configs": (cases.suite_configs, cases.default_suite_configs),
        "target": settings.target,
        "release": replace(release, find_links=tuple(map(redacted, release.find_links))),
        "container": replace(settings.container, variables=EMPTY),
        "run": replace(settings.run, out=None, junit_xml=None, html=True, jobs=None),
        "search": replace(search, log=None, replay=None, attribute=False, show=None, jobs=1),
    }
    return {name: str(value) for name, value in deciding.items()}


def _content(case: Case, store: Store) -> str:
    """Return a digest of a spec and its files."""
    parts = [repr(case), *(_blob_content(blob, store) for blob in case.spec.blobs)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _image(variant: Variant, container: ContainerSettings) -> str:
    """Return how an image is defined; empty if it is named by its digest, or is none."""
    definitions_ = definitions.load(build_context.folder(container)) if variant.axis == Axis.IMAGE else {}
    return str(definitions_.get(variant.name, ""))


def _release_content(release: ReleaseWheels, store: Store) -> Sequence[str]:
    """Return the name of a release and, unless it is locked, a digest of its wheels, which may be rebuilt."""
    blobs = [Blob(url=each.url, sha256=next(iter(each.sha256), None)) for each in release.wheels if each.url]
    contents = "\n".join(_blob_content(blob, store) for blob in blobs)
    return [release.release.name, *([hashlib.sha256(contents.encode()).hexdigest()] if blobs else [])]


def _blob_content(blob: Blob, store: Store) -> str:
    path = blob.local_path
    is_present = blob.url.startswith("file:") and path.is_file()
    return store.digest(path) if is_present else blob.sha256 or blob.url
