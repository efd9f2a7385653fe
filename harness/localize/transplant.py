"""Takes the kernels out of the modules of both sides, and puts those of one side into the module of the other."""

import shutil
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from msgspec import structs

from harness.core.blobs import Blob
from harness.core.cases import MAIN, PIPELINE, ModelSpec
from harness.core.errors import IntegrityError, NoVerdictError
from harness.core.outcomes import Outcome
from harness.core.statuses import Kind, Status
from harness.host import files
from harness.localize import code_objects, exports
from harness.localize.exports import Export
from harness.localize.guard import Kernel
from harness.localize.laboratory import BAD, GOOD, NAMES, Laboratory, named
from harness.pipeline import logs
from harness.pipeline.step_results import CompileResult
from harness.pipeline.steps import Compile, Plan, Run

# One executable for each dispatch; linked ones are dumped as one file.
UNLINKED = "--iree-hal-link-executables=false"
_EXPORTS = (
    "--compile-to=executable-targets",
    "--mlir-elide-elementsattrs-if-larger=64",
    "--mlir-elide-resource-strings-if-larger=64",
)
_DUMP = "--iree-hal-dump-executable-binaries-to=."
_SUBSTITUTE = "--iree-hal-substitute-executable-object"
_CODE_BYTES = 64 << 20

# A kernel: the name of its program, and that of its executable.
Name = tuple[str, str]


class NoKernelsError(NoVerdictError):
    """There are no kernels to transplant."""

    kind = Kind.TOOL


@dataclass(kw_only=True)
class Transplants:
    """The kernels of a case, and modules with some of those of the other side.

    Attributes:
        laboratory: compiles and runs.
        code: for each side, the files with the code of its kernels.
    """

    laboratory: Laboratory
    code: tuple[dict[Name, Path], dict[Name, Path]] = field(default_factory=lambda: ({}, {}))
    _ends: dict[tuple[int, tuple[Name, ...]], Outcome] = field(default_factory=dict)
    _number: int = 0

    def kernels(self, side: int) -> Mapping[str, Sequence[Kernel]]:
        """Compile a side, and return the kernels of each of its programs in order.

        Raises:
            NoKernelsError: it does not compile.
        """
        found = dict[str, list[Export]]()
        for program, compiled in self._compiled(side, _EXPORTS, {}):
            with files.opened(compiled.folder / f"{program}.vmfb") as text:
                found[program] = exports.read(line.decode(errors="replace") for line in text)
        written = {program: [each.file for each in of_program] for program, of_program in found.items()}
        kernels = dict[str, list[Kernel]]()
        for program, compiled in self._compiled(side, (_DUMP,), written):
            kernels[program] = [self._kernel(side, program, compiled.folder, each) for each in found[program]]
        return kernels

    def _kernel(self, side: int, program: str, folder: Path, export: Export) -> Kernel:
        path = folder / export.file
        try:
            launch = code_objects.launches(files.read(path, _CODE_BYTES)).get(export.kernel)
        except (OSError, IntegrityError):
            return Kernel(export=export, launch=None)
        self.code[side][program, export.executable] = path
        return Kernel(export=export, launch=launch)

    def _compiled(
        self, side: int, words: Sequence[str], written: Mapping[str, Sequence[str]]
    ) -> Iterator[tuple[str, CompileResult]]:
        """Yield what each program of a side becomes, compiled with further words and taking out further files."""

        def changed(plan: Plan) -> Plan:
            return replace(plan, steps=tuple(_more(step, words, written) for step in plan.steps))

        case = self.laboratory.cases[side]
        flags = dict.fromkeys(case.spec.programs, (UNLINKED,))
        case = named(case, self._name(), **_with_flags(case.spec, flags), compile_only=True)
        run = self.laboratory.done(side, case, changed=changed, oracle=None)
        (outcome,) = run.outcomes()
        for step, result in run.results.items():
            if isinstance(step, Compile):
                if not isinstance(result, CompileResult):
                    raise NoKernelsError(f"The {NAMES[side]} side does not compile: {outcome.reason}")
                yield _program(step), result

    def end(self, side: int, names: Collection[Name]) -> Outcome:
        """Return how the case ends on a side with some kernels of the other side; each is tried once."""
        key = (side, tuple(sorted(names)))
        if key not in self._ends:
            self._ends[key] = self._end(*key)
        return self._ends[key]

    def _end(self, side: int, names: Sequence[Name]) -> Outcome:
        case, code = self.laboratory.cases[side], self.code[BAD if side == GOOD else GOOD]
        places = {name: f"{number}.hsaco" for number, name in enumerate(names)}
        flags = {program: (UNLINKED, *_substitutes(program, places)) for program in case.spec.programs}
        blobs = {text: Blob(url=code[name].absolute().as_uri()) for name, text in places.items()}
        fields = _with_flags(case.spec, flags) | {"flag_files": {**case.spec.flag_files, **blobs}}
        case = named(case, self._name(), **fields)
        run = self.laboratory.done(side, case)
        for step, result in run.results.items():
            if isinstance(step, Compile) and isinstance(result, CompileResult) and result.log_path:
                wanted = [executable for program, executable in names if program == _program(step)]
                check_log(logs.text(result.log_path), wanted)
        (outcome,) = run.outcomes()
        if ran := run.ran(case.id):
            shutil.rmtree(ran.folder, ignore_errors=True)
        return outcome

    @property
    def blocked(self) -> str:
        """Why nothing can be run here; empty if the case ran, or may run."""
        if any(case.is_compile_only for case in self.laboratory.cases):
            return "the case is only compiled."
        steps = (pair for prepared in self.laboratory.prepared for pair in prepared.results.items())
        verdicts = (result.verdict for step, result in steps if isinstance(step, Run))
        return next((each.reason for each in verdicts if each and each.status is Status.ERROR), "")

    def _name(self) -> str:
        self._number += 1
        return f"transplant.{self._number:04}"


def check_log(log: str, executables: Sequence[str]) -> None:
    """Raise NoKernelsError if the compiler does not say that it put kernels into the module."""
    for each in executables:
        if f"hal.executable `{each}` substituted" not in log:
            raise NoKernelsError(f"The compiler did not put the kernel of {each} into the module of the other side.")


def _program(step: Compile) -> str:
    return step.module.removesuffix(".vmfb")


def _more(step: Any, words: Sequence[str], written: Mapping[str, Sequence[str]]) -> Any:
    """Return a step with further words and products if it compiles a program."""
    if not isinstance(step, Compile):
        return step
    products = (*step.products, *written.get(_program(step), ()))
    return structs.replace(step, argv=(*step.argv, *words), products=products)


def _substitutes(program: str, places: Mapping[Name, str]) -> Iterator[str]:
    """Yield the flags that put kernels into a program."""
    for (of, executable), text in places.items():
        if of == program:
            yield f"{_SUBSTITUTE}={executable}={text}"


def _with_flags(spec: ModelSpec, flags: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Return the fields of a spec whose programs have further flags."""
    found: dict[str, Any] = {
        "compiler_flags": (*spec.compiler_flags, *flags[MAIN]),
        "pipeline_compiler_flags": (*spec.pipeline_compiler_flags, *flags.get(PIPELINE, ())),
        "modules": tuple(
            replace(each, compiler_flags=(*each.compiler_flags, *flags[f"module_{index}"]))
            for index, each in enumerate(spec.modules)
        ),
    }
    return found
