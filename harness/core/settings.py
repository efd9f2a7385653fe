"""Settings: what a run is asked to do, as frozen values with the command line's defaults.

`harness.cli.settings` makes them from argv and the environment; a program that imports `harness.api` makes its own.
"""

from collections.abc import Mapping
from dataclasses import field
from pathlib import Path
from typing import Literal

import platformdirs

from harness.core.cases import EMPTY, Backend
from harness.core.history import HistorySettings
from harness.core.references import Oracle
from harness.core.shards import Shard
from harness.core.timings import Timing
from harness.core.urls import Grant, Mirror
from harness.core.values import frozen

EMULATORS = ("auto", "rocjitsu", "mirage")
ENGINES = ("auto", "container", "docker", "podman", "apptainer", "local")
DEFAULT_CONNECTIONS = 8
DEFAULT_TIMEOUT_S = 1200.0
_ROUND = Timing(repetitions=5, seconds=0.05, warmup_seconds=0.2)  # short, because there are many rounds
_APPLICATION = "iree-quality-harness"


def default_store() -> Path:
    """Return the folder of the user's cache."""
    return Path(platformdirs.user_cache_dir(_APPLICATION, appauthor=False))


@frozen
class FetchSettings:
    """How blobs get onto this machine, and the cache that keeps them.

    Attributes:
        store: folder of the cache.
        store_url: URL of a store that machines share, behind the cache; None for none.
        store_key: file with the key that signs and verifies what is shared.
        cache_bytes: size that the cache may have; None for no limit.
        mirrors: replacements for the beginnings of URLs, tried in this order.
        grants: signatures that open URLs below a prefix.
        connections: number of connections at once.
        offline: whether to use the cache only and open no connection.
        locked: whether to refuse blobs that are not in the lock file.
        update: whether to ask the hosts again for what the cache has.
    """

    store: Path = field(default_factory=default_store)
    store_url: str | None = field(default=None, repr=False)
    store_key: Path | None = None
    cache_bytes: int | None = None
    mirrors: tuple[Mirror, ...] = ()
    grants: tuple[Grant, ...] = ()
    connections: int = DEFAULT_CONNECTIONS
    offline: bool = False
    locked: bool = False
    update: bool = False


@frozen
class ReleaseSettings:
    """Which IREE release to use, and where releases beyond the locked ones are.

    Attributes:
        name: such as `3.13.0`; None for the newest locked release.
        find_links: pages of links to wheels (URLs), or folders of wheels.
        wheels: folders of locally built wheels, which replace locked releases of the same name.
    """

    name: str | None = None
    find_links: tuple[str, ...] = ()
    wheels: tuple[Path, ...] = ()


@frozen
class ContainerSettings:
    """Where models run, and in which image.

    Attributes:
        engine: one of `ENGINES`.
        image: a name in images.toml or `HOST/NAME@sha256:DIGEST`; None for the backend's own.
        registry: `HOST/PATH` where images are looked up before they are built.
        definitions: folder with images.toml, Dockerfile and lock files; None for the harness's own.
        debian_mirror: URL of the archive of Debian packages; None for mmdebstrap's choice.
        wheel_index: URL of the index of wheels in images; None for that in images.toml.
        capabilities: Linux capabilities that a container gets, such as `SYS_NICE`.
        memory_bytes: memory that a container may use; None for nine tenths of the machine's.
        variables: of the environment, those that name engines' sockets.
    """

    engine: str = "auto"
    image: str | None = None
    registry: str | None = None
    definitions: Path | None = None
    debian_mirror: str | None = None
    wheel_index: str | None = None
    capabilities: tuple[str, ...] = ()
    memory_bytes: int | None = None
    variables: Mapping[str, str] = field(default_factory=lambda: EMPTY, hash=False)


@frozen
class TargetSettings:
    """What to compile for and to run on.

    Attributes:
        backend: what specs are written for; None for that of the chips, else the CPU.
        chips: compile for these and run, such as `gfx942`; empty for those of this machine.
        compile_chips: compile for these and run nothing.
        compile_only: whether to run nothing at all.
        sku: product whose tuning specs to use, such as `mi300`; None for that of the GPUs here.
        gpus: numbers of the GPUs that may be used; empty for all.
        visible: by vendor (`amd`, `nvidia`), the GPUs that the environment leaves to this process.
        default_chip: chip to use where `chips` is empty.
    """

    backend: Backend | None = None
    chips: tuple[str, ...] = ()
    compile_chips: tuple[str, ...] = ()
    compile_only: bool = False
    sku: str | None = None
    gpus: tuple[int, ...] = ()
    visible: Mapping[str, str] = field(default_factory=lambda: EMPTY, hash=False)
    default_chip: str | None = None


@frozen
class ProgramSettings:
    """How to compile, run and check a bare `.mlir` or `.onnx` file; a spec says it itself.

    Attributes:
        compiler_flags: for iree-compile.
        function: name of the function to run.
        inputs: each `@FILE.npy`, `TYPE=@FILE` or a text such as `4xf32=2`.
        expected_outputs: each `@FILE.npy`, `TYPE=@FILE` or `(ignored)`.
        thresholds: pairs of an element type (or `rtol`) and a number.
        weights: an .irpa file.
        seed: of the inputs that are drawn for an ONNX file; None for the default.
        dimensions: sizes of dynamic dimensions of these inputs, by name.
    """

    compiler_flags: tuple[str, ...] = ()
    function: str | None = None
    inputs: tuple[str, ...] = ()
    expected_outputs: tuple[str, ...] = ()
    thresholds: tuple[tuple[str, str], ...] = ()
    weights: str | None = None
    seed: int | None = None
    dimensions: tuple[tuple[str, int], ...] = ()


@frozen
class CaseSettings:
    """Which cases to take.

    Attributes:
        selectors: each `sd3`, `sd3/clip`, a glob of these, or the path of an .mlir file.
        specs: folder of specs; None for the bundled models.
        is_guessed: whether `specs` was found by the path of a spec, which may only name files beside itself then.
        external_files: folder of files that specs name without saying where.
        allow_paths: more files, and folders of files, that specs may name.
        trust_flags: whether specs may have flags that start programs, load code or write files.
        id_contains: take only the cases whose id contains this.
        markers: take only the cases whose spec has these markers, an expression as pytest's `-m` reads it.
        quarantine: list of cases in quarantine; None for quarantine.toml in the folder of specs.
        shard: take only the cases of this part of the run; None for all.
        durations: files and folders of results with the durations by which cases are divided.
        only_failed: take only the cases that were not as expected when they ran last.
        suite_configs: configs of the suite in `specs`, each a target.
        default_suite_configs: the configs of a suite for which `suite_configs` is empty.
        program: for the .mlir files among the selectors.
    """

    selectors: tuple[str, ...] = ("tiny",)
    specs: Path | None = None
    is_guessed: bool = False
    external_files: Path | None = None
    allow_paths: tuple[Path, ...] = ()
    trust_flags: bool = False
    id_contains: str | None = None
    markers: str | None = None
    quarantine: Path | None = None
    shard: Shard | None = None
    durations: tuple[Path, ...] = ()
    only_failed: bool = False
    suite_configs: tuple[Path, ...] = ()
    default_suite_configs: tuple[Path, ...] = ()
    program: ProgramSettings = ProgramSettings()

    @property
    def has_all(self) -> bool:
        """Whether nothing narrows the cases of the folder of specs."""
        return self.selectors == ("*",) and not (self.id_contains or self.markers or self.shard or self.only_failed)


@frozen
class ToolSettings:
    """IREE tools that are installed already, in place of a release.

    Attributes:
        folder: a folder whose `bin` has them; None to search.
        search_path: folders to search, separated by colons, as in PATH.
    """

    folder: Path | None = None
    search_path: str = ""


@frozen
class RunSettings:
    """How cases run, and where their results go.

    Attributes:
        out: folder of the results; None for a new one below `results`.
        junit_xml: a second place for junit.xml.
        html: whether to write report.html.
        timeout_s: limit of each compilation and each run, in seconds.
        recompile: whether to compile again what failed to compile before.
        reuse_passed: whether a case that passed before, with all that it depends on, is not run again.
        measures_compiler: whether what compilations take is compared, so that they have to be of this machine.
        time_budget_s: for how long cases begin, in seconds; None for no limit.
        max_failures: number of cases that are not as expected after which the run ends; None for no end before the last
            case.
        jobs: number of compilations at once; None for what cores and memory allow.
        tool_verdict: whether iree-run-module compares the outputs.
        oracle: where the outputs come from that cases without expected outputs are compared with.
        importer: the IREE release whose importer to use, or `same` for the release that is tested; None for the newest
            locked one.
        run_wrapper: words put before iree-run-module.
        emulator: what emulates AMD GPUs: one of `EMULATORS`; None for nothing.
        emulator_root: the ROCm root on this machine that has it; None for the usual one.
        pin_defaults: release whose flag defaults are set where they changed between releases.
        tools: installed IREE tools to use in place of a release.
        timing: how to time the function of each case; None for not at all.
    """

    out: Path | None = None
    junit_xml: Path | None = None
    html: bool = True
    timeout_s: float = DEFAULT_TIMEOUT_S
    recompile: bool = False
    reuse_passed: bool = False
    measures_compiler: bool = False
    time_budget_s: float | None = None
    max_failures: int | None = None
    jobs: int | None = None
    tool_verdict: bool = False
    oracle: Oracle | None = None
    importer: str | None = None
    run_wrapper: tuple[str, ...] = ()
    emulator: str | None = None
    emulator_root: Path | None = None
    pin_defaults: str | None = None
    tools: ToolSettings | None = None
    timing: Timing | None = None


@frozen
class BenchSettings:
    """How cases are timed, and what they are compared with.

    Attributes:
        against: a release, a backend, a chip, a program, or flags for iree-compile; None to compare with nothing.
        seconds: the longest time for the rounds of a case.
        precision: how narrow the interval of a case has to be, to each side: 0.01 for 1 %.
        fail_slower: from which share on more time is a failure, such as 0.05 for 5 %; None for none.
        measure: what to compare, `real` time or `cpu` time.
        timing: how each round times a function.
    """

    against: str | None = None
    seconds: float = 60.0
    precision: float = 0.01
    fail_slower: float | None = None
    measure: Literal["real", "cpu"] = "real"
    timing: Timing = _ROUND


LOOKS = ("operation", "dispatch", "kernel")


@frozen
class LocalizeSettings:
    """Where `localize` looks for the difference between two sides.

    Attributes:
        against: the good side: a release, a backend, a chip, flags for iree-compile, or another program.
        by: what is named, one of `LOOKS`.
        passes: whether to name the pass of the compiler that makes a number wrong.
    """

    against: str | None = None
    by: str = LOOKS[0]
    passes: bool = False


@frozen
class ReduceSettings:
    """How `reduce` makes a program smaller.

    Attributes:
        to: folder for the result, a new one or an empty one.
        seconds: how long it looks for smaller programs.
    """

    to: Path = Path()
    seconds: float = 300.0


@frozen
class ClusterSettings:
    """On which other machines steps are done, if on any.

    Attributes:
        scheduler: the address of a scheduler, such as `tls://head:8786`; None for none.
        workers: the number of workers to start on this machine; 0 for none.
        certificates: folder with ca.pem, cert.pem and key.pem; None on loopback.
        wait_s: how long to wait for a worker that can do a step.
    """

    scheduler: str | None = None
    workers: int = 0
    certificates: Path | None = None
    wait_s: float = 60.0

    @property
    def is_used(self) -> bool:
        """Whether steps are done on a cluster."""
        return bool(self.scheduler or self.workers)


@frozen
class Settings:
    """All that a run is asked to do.

    Attributes:
        cases: which cases to take.
        target: what to compile for and to run on.
        fetch: how blobs are downloaded and cached.
        release: which IREE release to use.
        container: where models run, and in which image.
        run: how cases run, and where results go.
        cluster: on which other machines.
        history: where runs are recorded.
        command: the words with which the user starts `quality`, quoted by commands to copy.
    """

    cases: CaseSettings = CaseSettings()
    target: TargetSettings = TargetSettings()
    fetch: FetchSettings = field(default_factory=FetchSettings)
    release: ReleaseSettings = ReleaseSettings()
    container: ContainerSettings = ContainerSettings()
    run: RunSettings = RunSettings()
    cluster: ClusterSettings = ClusterSettings()
    history: HistorySettings = field(default_factory=HistorySettings)
    command: tuple[str, ...] = ("harness", "quality")

    @property
    def emulates_here(self) -> bool:
        """Whether AMD GPUs are emulated on this machine, and not in a container."""
        engine, image = self.container.engine, self.container.image
        return self.run.emulator is not None and (engine == "local" or (engine == "auto" and not image))
