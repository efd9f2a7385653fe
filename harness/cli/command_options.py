"""Values of the options that one command alone has."""

from pathlib import Path

from harness.cli.given import Given
from harness.core.references import Reference
from harness.core.values import frozen
from harness.importers.frameworks import MODELS, ModelFile


@frozen
class CommandOptions:
    """Options that belong to one command only.

    Attributes:
        json: print JSON (`list`).
        merged: print specs with what they extend (`validate`).
        blobs_only: leave out the release and the image (`fetch`).
        name: `MODEL/SUBMODEL` of the new model (`new`).
        mlir: its program, a URL or a path (`new`).
        model: a model of another framework to import (`new`).
        again: a spec whose model is imported again (`new`).
        importer: the IREE release whose importer to use; None for the newest locked one (`new`).
        seed: of the inputs that are drawn (`new`).
        dimensions: names and sizes of dynamic dimensions (`new`).
        no_run: write and lock, but run nothing (`new`).
        image: name of an image (`image`).
        every: remove every image of ours (`image prune`), or show all cases (`compare`).
        dry_run: only say what would be removed (`image prune`).
        host: address to listen on (`store serve`).
        port: TCP port to listen on; 0 for any (`store serve`).
        known_as: more names of the server (`store serve`).
        shell: which completion script to print (`completion`).
        results: a folder of results or its results.json (`bless`, `issue`, `repro`).
        to: where to write (`repro`, `bundle`).
        bundle: a file that `bundle` wrote (`bundle load`).
        is_trusted: load also what nothing proves (`bundle load`).
        with_blobs: copy the blobs and the release, too (`repro`).
        folder: a folder that `repro` wrote (`repro check`).
        reference: what makes the outputs that are recorded as expected ones (`bless`).
        expectations: delete expected failures that did not happen (`bless`).
        failures: let configs of suites expect what failed (`bless`).
        yes: write without asking (`bless`, `new --again`).
        case: a case, a name or a glob of names (`history show`, `repro`).
        limit: how many results of each case, or runs (`history show`).
        folders: where files of results are (`history import`).
        keep_days: the age of the oldest run to keep, in days (`history prune`).
        every_result: folders and files of results; empty for those of the newest run (`report`).
        output: the file to write; None for report.html (`report`) or compare.html (`compare`), or to print (`issue`).
        keep_runs: the number of runs, or folders of results, to keep (`history prune`, `results prune`).
        run: a run of the history (`history pin`).
        results_root: the folder that folders of results are in (`results prune`).
        older_than_s: the age of the oldest to keep, in seconds (`results prune`, `store gc` of the shared store).
        sides: what to compare (`compare`).
        fail_on: what is a failure: `regression`, `change`, or empty for nothing (`compare`).
        allowed: names of numbers, and by which share each may grow (`compare`).
        form: `console`, `markdown` or `html` (`compare`).
        localizes: look into the first bad release when it is found (`bisect`).
        reduces: then reduce its program, too.
        listen: address of the scheduler (`cluster scheduler`).
        frozen_s: time without a sign of a worker, after which others do its work (`cluster scheduler`).
        worker: what results call the worker; empty for the name of the machine (`cluster worker`).
        runs: number of its runs on the CPU at once (`cluster worker`).
        uses_gpus: whether it uses GPUs (`cluster worker`).
    """

    json: bool = False
    merged: bool = False
    blobs_only: bool = False
    name: str = ""
    mlir: str = ""
    model: ModelFile | None = None
    again: Path | None = None
    importer: str | None = None
    seed: int = 0
    dimensions: tuple[tuple[str, int], ...] = ()
    no_run: bool = False
    image: str = ""
    every: bool = False
    dry_run: bool = False
    host: str = ""
    port: int = 0
    known_as: tuple[str, ...] = ()
    shell: str = ""
    results: Path | None = None
    to: Path | None = None
    bundle: Path | None = None
    is_trusted: bool = False
    with_blobs: bool = False
    folder: Path | None = None
    output: Path | None = None
    reference: Reference | None = None
    expectations: bool = False
    failures: bool = False
    yes: bool = False
    case: str = ""
    limit: int = 20
    folders: tuple[Path, ...] = ()
    keep_days: int | None = None
    keep_runs: int | None = None
    every_result: tuple[Path, ...] = ()
    run: str = ""
    results_root: Path = Path("results")
    older_than_s: float | None = None
    sides: tuple[str, ...] = ()
    fail_on: str = ""
    allowed: tuple[tuple[str, float], ...] = ()
    form: str = "console"
    localizes: bool = False
    reduces: bool = False
    listen: str = ""
    frozen_s: float = 0.0
    worker: str = ""
    runs: int = 1
    uses_gpus: bool = True


def read(given: Given) -> CommandOptions:
    """Return the options of a command line."""
    defaults = CommandOptions()
    return CommandOptions(
        json=bool(given("json")),
        merged=bool(given("merged")),
        blobs_only=bool(given("blobs_only")),
        name=given("name") or defaults.name,
        mlir=given("mlir") or defaults.mlir,
        model=next(filter(None, map(given, MODELS)), None),
        again=given("again"),
        importer=given("importer"),
        seed=given("seed") or 0,
        dimensions=given.several("dim"),
        no_run=bool(given("no_run")),
        image=given("image") if given.command == "image" and given("image") else defaults.image,
        every=bool(given("all")),
        dry_run=bool(given("dry_run")),
        host=given("host") or defaults.host,
        port=given("port") or defaults.port,
        known_as=given.several("known_as"),
        shell=given("shell") or defaults.shell,
        results=_results(given),
        output=given("output"),
        reference=given("reference"),
        expectations=bool(given("expectations")),
        failures=bool(given("failures")),
        yes=bool(given("yes")),
        case=given("case") or defaults.case,
        to=given("to"),
        bundle=given("bundle"),
        is_trusted=bool(given("is_trusted")),
        with_blobs=bool(given("with_blobs")),
        folder=given("folder"),
        limit=given("limit") or defaults.limit,
        folders=given.several("folders"),
        keep_days=given("keep_days"),
        keep_runs=given("keep_runs"),
        every_result=given.several("results"),
        run=given("run") or defaults.run,
        results_root=given("results_root") or defaults.results_root,
        older_than_s=given("older_than"),
        sides=tuple(filter(None, (given("before"), given("after")))),
        fail_on=given("fail_on") or defaults.fail_on,
        allowed=given.several("max"),
        form=given("format") or defaults.form,
        localizes=bool(given("localize") or given("reduce")),
        reduces=bool(given("reduce")),
        listen=given("listen") or defaults.listen,
        frozen_s=given("frozen_after") or defaults.frozen_s,
        worker=(given("name") if given.command == "cluster" else None) or defaults.worker,
        runs=given("runs") or defaults.runs,
        uses_gpus=not given("no_gpu"),
    )


def _results(given: Given) -> Path | None:
    """Return the results that `issue`, `repro` and `bless` are of."""
    named: Path | None = given("results_path")
    return Path(given("selectors")[0]) if given("expectations") and given("selectors") else named
