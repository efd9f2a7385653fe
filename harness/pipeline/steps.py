"""The steps of a plan: fetch, compile, draw, run, compare and benchmark. Equal steps are done once."""

import hashlib
from collections.abc import Iterable, Sequence

import msgspec

from harness.core.blobs import Blob
from harness.core.cases import MAIN, Case, Release
from harness.core.formulas import Formula
from harness.core.judges import Judge
from harness.core.references import Oracle
from harness.core.statuses import Phase, Verdict
from harness.core.tensors import TensorType, Thresholds
from harness.core.values import frozen
from harness.iree.flags import STATISTICS_NAME
from harness.pipeline.expectations import ExpectedFailure

# The archive of weights: in the folder of a compilation that makes them up, and of a run.
WEIGHTS = "weights.irpa"
# The role of the run of an oracle.
ORACLE = "oracle"


@frozen
class Link:
    """A blob, and the plain name under which a tool finds it in the folder where it runs."""

    name: str
    blob: Blob

    @property
    def is_npy(self) -> bool:
        """Whether the file states its own type."""
        return self.name.endswith(".npy")


@frozen
class WrittenFile:
    """A tensor that the spec writes out or draws, and the name of the file that a tool reads it from."""

    name: str
    content: str | Formula


class Fetch(msgspec.Struct, frozen=True, cache_hash=True, kw_only=True, tag=True):
    """Step: bring a blob to disk and verify it."""

    blob: Blob


class Compile(msgspec.Struct, frozen=True, cache_hash=True, kw_only=True, tag=True):
    """Step: compile an MLIR program to a module with a release.

    Attributes:
        release: the name of the release.
        argv: the command line; the program is replaced by that of the release.
        links: the files that the compiler reads.
        module: the name of the compiled file.
        products: the names of all files that the compiler writes; what a run needs of them.
        added: the words of the command line that only the harness wants, and that must not decide how a case ends.
        nonce: text that makes the module's key unique, where a flag may read or write what the harness cannot see.
        measured: whether what it takes is compared, so that the module has to be compiled on this machine.
        oracle_of: the case whose oracle it is for, such as `sd3/clip[rocm-gfx942]`; empty for the program of a case.
    """

    release: str
    argv: tuple[str, ...]
    links: tuple[Link, ...]
    module: str
    products: tuple[str, ...]
    added: tuple[str, ...] = ()
    nonce: str = ""
    measured: bool = False
    oracle_of: str = ""

    @property
    def is_private(self) -> bool:
        """Whether its module is for this machine alone."""
        return self.measured or bool(self.nonce)

    @property
    def label(self) -> str:
        """What results call it: `compile` for the program of the spec, such as `compile_pipeline` for another."""
        name = self.module.partition(".")[0]
        return "compile" if name == MAIN else f"compile_{name}"

    @property
    def files(self) -> frozenset[str]:
        """The names of the files that a run may read, if the compiler wrote them."""
        return frozenset({self.module, *self.products} - {STATISTICS_NAME})


class Draw(msgspec.Struct, frozen=True, cache_hash=True, kw_only=True, tag=True):
    """Step: make an archive with random values for all parameters of programs.

    Attributes:
        seed: where the random numbers begin.
        compiles: the compilations of the programs, which have gone well then.
    """

    seed: int
    compiles: tuple[Compile, ...]


class Run(msgspec.Struct, frozen=True, cache_hash=True, kw_only=True, tag=True):
    """Step: run the modules of a case and keep every output as a raw file.

    Attributes:
        case_id: the case, e.g. `sd3/clip[rocm-gfx942]`.
        argv: the command line; `iree-run-module` is replaced by that of the release.
        links: the files that it reads.
        written: the files that it reads and the spec writes out or draws: an argument has room for few numbers.
        drawn: the archives of random weights that it reads, by file name.
        inputs: by file name, the type of each input; None if a `.npy` file states it.
        compiles: the compilations of the modules, dependencies first.
        devices: the devices of iree-run-module, in order, e.g. `local-task` or `hip`.
        chip: what the modules are compiled for; None on the CPU.
        outputs: the name of the file of each output, `.npy` where NumPy has the expected type; empty for one that is
            ignored.
        keeps_all: whether every output is kept, as many as the module declares when it is compiled; `outputs` is empty.
        role: the name of the folder of its files, within that of the case: `oracle`, or nothing for the case itself.
    """

    case_id: str
    argv: tuple[str, ...]
    links: tuple[Link, ...]
    inputs: tuple[tuple[str, TensorType | None], ...]
    compiles: tuple[Compile, ...]
    devices: tuple[str, ...]
    chip: str | None = None
    outputs: tuple[str, ...]
    written: tuple[WrittenFile, ...] = ()
    drawn: tuple[tuple[str, Draw], ...] = ()
    keeps_all: bool = False
    role: str = ""


class ExpectedFile(msgspec.Struct, frozen=True, cache_hash=True, kw_only=True, tag_field="kind", tag=True):
    """An expected output in a file; its type is None if a `.npy` file states it."""

    link: Link
    type: TensorType | None


class ExpectedValue(msgspec.Struct, frozen=True, cache_hash=True, kw_only=True, tag_field="kind", tag=True):
    """An expected output that the spec writes out, such as `4xf32=4`."""

    text: str


Expected = ExpectedFile | ExpectedValue


class Compare(msgspec.Struct, frozen=True, cache_hash=True, kw_only=True, tag=True):
    """Step: compare the outputs of a run with the expected ones.

    Attributes:
        run: the run.
        expected: what is expected of each output; None for one that is ignored.
        thresholds: how far an output may be from what is expected.
        judges: the statistics by which each output is judged; None for one whose thresholds decide; empty for none.
        reference: the run of an oracle, whose outputs are expected; None where `expected` says it.
    """

    run: Run
    expected: tuple[Expected | None, ...] = ()
    thresholds: Thresholds
    judges: tuple[Judge | None, ...] = ()
    reference: Run | None = None


class Benchmark(msgspec.Struct, frozen=True, cache_hash=True, kw_only=True, tag=True):
    """Step: time the function of a run, while this process runs nothing else.

    Attributes:
        run: the run, whose modules and files it uses.
        compare: the comparison of its outputs, which has gone well then; None if there is none.
        argv: the command line; `iree-benchmark-module` is replaced by that of the release.
    """

    run: Run
    compare: Compare | None = None
    argv: tuple[str, ...]


Step = Fetch | Compile | Draw | Run | Compare | Benchmark


@frozen
class OracleSteps:
    """The steps that make the outputs to compare with.

    Attributes:
        oracle: the oracle.
        after: the run of the case itself; where that fails, there is nothing to compare.
        before: what is done before the run of the oracle.
        run: the run of the oracle.
    """

    oracle: Oracle
    after: Run
    before: tuple[Step, ...]
    run: Run

    @property
    def steps(self) -> tuple[Step, ...]:
        """All its steps, in order."""
        return (*self.before, self.run)


@frozen
class Plan:
    """The steps of a case, each after those that it needs.

    Attributes:
        case: the case.
        steps: the steps; none if the plan is blocked.
        release: the release that compiles and runs.
        blocked: why nothing can be done.
        phase: the phase in which that was found; None for when it was planned.
        notes: remarks for the reader, e.g. about flags that were translated.
        expected: the failures that the spec expects of this case with this release.
        oracle: what the outputs are compared with, if not with what the spec expects; its steps are among the steps.
        nothing: why there is no oracle although the user asks for one.
        before_run: the fetches that the run waits for although it reads none of them.
    """

    case: Case
    steps: tuple[Step, ...]
    release: Release | None = None
    blocked: Verdict | None = None
    phase: Phase | None = None
    notes: tuple[str, ...] = ()
    expected: tuple[ExpectedFailure, ...] = ()
    oracle: OracleSteps | None = None
    nothing: str = ""
    before_run: tuple[Fetch, ...] = ()

    @property
    def of_oracle(self) -> tuple[Step, ...]:
        """The steps of the oracle; none without one."""
        return self.oracle.steps if self.oracle else ()

    @property
    def own(self) -> tuple[Step, ...]:
        """The steps of the case itself: all but those of the oracle."""
        return tuple(step for step in self.steps if step not in theirs) if (theirs := self.of_oracle) else self.steps

    def needs(self, step: Step) -> tuple[Step, ...]:
        """Return the steps that have to be done before one of them: an oracle waits until the case itself has run."""
        found = needs(step)
        if self.before_run and isinstance(step, Run):
            found = (*found, *self.before_run)
        return (*found, self.oracle.after) if self.oracle and step in self.oracle.before else found


def needs(step: Step) -> tuple[Step, ...]:
    """Return the steps that have to be done before a step."""
    match step:
        case Fetch():
            return ()
        case Compile():
            return tuple(fetches([step]))
        case Draw():
            return step.compiles
        case Run():
            return (*fetches([step]), *step.compiles, *dict.fromkeys(draw for _, draw in step.drawn))
        case Compare():
            return (*fetches([step]), step.run, *([step.reference] if step.reference else []))
        case Benchmark():
            return (step.compare or step.run,)


def fetches(steps: Iterable[Step]) -> list[Fetch]:
    """Return what has to be fetched for steps, each blob once."""
    links: list[Link] = []
    for step in steps:
        match step:
            case Compile() | Run():
                links += step.links
            case Compare():
                links += [expected.link for expected in step.expected if isinstance(expected, ExpectedFile)]
            case Fetch() | Draw() | Benchmark():
                pass
    blobs = [link.blob for link in links]
    return [Fetch(blob=blob) for blob in (dict.fromkeys(blobs) if len(blobs) > 1 else blobs)]


def written_sha256(steps: Sequence[Step]) -> str:
    """Return a digest of what a spec writes out or draws for some steps; empty if there is none. No I/O."""
    said: list[object] = []
    for step in steps:
        match step:
            case Run():
                said += [*step.written, *((name, draw.seed) for name, draw in step.drawn)]
            case Compare():
                said += [each.text if isinstance(each, ExpectedValue) else None for each in step.expected]
            case _:
                pass
    return hashlib.sha256(msgspec.json.encode(said)).hexdigest() if any(said) else ""
