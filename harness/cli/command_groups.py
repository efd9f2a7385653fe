"""The options of each command, as the groups that it has."""

from collections.abc import Mapping

from harness.cli import cluster_options as cluster
from harness.cli import history_options as history
from harness.cli import options
from harness.cli import own_options as own
from harness.cli import repro_options as repro
from harness.cli.options import Group

_CASES = (options.specs, options.chosen, options.target, options.running)
_RELEASE = (options.release, options.wheels)
_STORE = (options.store, options.offline)
_DOWNLOADS = (*_STORE, options.shared, options.cache, options.network)
_CONTAINERS = (options.engine, options.container)
_RUNS = (*_CASES, options.limits, options.recompile, options.results, *_DOWNLOADS)
_SEARCH = (*_RUNS, options.wheels, *_CONTAINERS, cluster.used, options.program)
_MAKES = (own.image, *_RELEASE, *_STORE, options.network, options.engine)
_IMAGES = (*_STORE, options.engine)

_QUALITY = (
    *(
        options.selectors,
        options.part,
        options.reuse,
        options.stop,
        options.only_failed,
        options.quarantine,
        *_RUNS,
        options.history,
        options.jobs,
        *_RELEASE,
        *_CONTAINERS,
    ),
    options.program,
)

_PACKED = (options.selectors, *_CASES, *_DOWNLOADS, *_RELEASE, *_CONTAINERS, options.program)

# By the words of a command.
GROUPS: Mapping[str, tuple[Group, ...]] = {
    "quality": (*_QUALITY, cluster.used),
    "run": (
        *(options.selectors, options.part, options.reuse, options.stop),
        *(options.only_failed, options.quarantine),
        *(*_RUNS, options.history),
        *(options.jobs, own.toolchain, options.program),
    ),
    "bench": (options.selectors, own.bench, *_RUNS, *_RELEASE, *_CONTAINERS, cluster.used, options.program),
    "plan": _QUALITY,
    "list": (options.every, options.part, own.listing, *_CASES, options.program),
    "validate": (options.every, own.merged, options.specs),
    "bisect": (own.one_case, own.question, own.at_once(1), *_SEARCH),
    "matrix": (options.selectors, options.reuse, own.matrix, own.at_once(2), *_SEARCH),
    "localize": (own.localize, *_RUNS, *_RELEASE, *_CONTAINERS, cluster.used, options.program),
    "reduce": (own.reduce, *_RUNS, *_RELEASE, *_CONTAINERS, cluster.used, options.program),
    "releases": (own.listing, options.wheels, *_STORE, options.network),
    "report": (own.report, options.history_file),
    "new": (own.new_model, *_RUNS, *_RELEASE, *_CONTAINERS, options.program),
    "bless": (own.bless, options.specs, options.target, options.limits, *_RELEASE, *_DOWNLOADS, *_CONTAINERS),
    "fetch": (*_QUALITY, own.blobs_only),
    "bundle write": (*_PACKED, repro.bundled),
    "bundle load": (repro.loaded, options.store, options.engine),
    "lock": (options.every, own.update, options.specs, *_DOWNLOADS),
    "store du": (options.store,),
    "store gc": (options.store, options.shared, options.cache, own.aged),
    "store info": (options.shared,),
    "store verify": (options.store, options.shared),
    "store serve": (own.server, options.store),
    "image tag": _MAKES,
    "image build": _MAKES,
    "image push": _MAKES,
    "image list": _IMAGES,
    "image prune": (own.prune, *_IMAGES),
    "compare": (history.compared, options.history_file),
    "issue": (history.reported,),
    "history show": (history.shown, own.listing, options.history_file),
    "history import": (history.imported, options.history_file),
    "history prune": (history.kept, options.history_file),
    "history pin": (history.run, options.history_file),
    "history unpin": (history.run, options.history_file),
    "results durations": (history.durations,),
    "results prune": (history.old_results, options.history_file),
    "repro write": (repro.written, repro.allowed, options.wheels, own.run_wrapper, *_DOWNLOADS),
    "repro check": (repro.checked,),
    "cluster scheduler": (cluster.scheduler,),
    "cluster worker": (cluster.worker, *_DOWNLOADS, options.engine_of_worker, options.container),
    "doctor": (options.every, options.specs, *_STORE),
    "completion": (own.shell,),
}
