"""Reads the configs of suites: each is a target, with flags and lists that name cases. They are JSON5."""

import functools
import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.core import strict_json
from harness.core.budgets import EVERY, Budget, Limit, Quantity
from harness.core.cases import Backend, Listing, ModelSpec, Place, Target
from harness.core.errors import SpecError, Violation
from harness.core.text import shortened
from harness.core.values import frozen
from harness.host import files
from harness.specs import json_lines, names
from harness.specs.expectation import (
    COMPILE_FAILURES,
    FAIL_COMPILE,
    FAIL_RUN,
    OUTCOMES,
    PASS,
    RUN_FAILURES,
)
from harness.suites import benchmarks, target_flags
from harness.suites.target_flags import CompilerFlags

MAX_BYTES = 1 << 20
NAME, COMPILE_FLAGS, RUN_FLAGS = "config_name", "iree_compile_flags", "iree_run_module_flags"
SKIP_COMPILE, SKIP_RUN = "skip_compile_tests", "skip_run_tests"
IMPORT_FAILURES = "expected_import_failures"
DEFAULT = "default"
# What the words of onnx_models mean, as the lists of other suites; any other word counts as a pass.
_OF_OUTCOME = {
    "skip": SKIP_COMPILE,
    "fail-import": IMPORT_FAILURES,
    FAIL_COMPILE: COMPILE_FAILURES,
    FAIL_RUN: RUN_FAILURES,
}
TIMES, FACTOR = "golden_times_ms", "tolerance_factor"
_REQUIRED = (NAME, COMPILE_FLAGS, RUN_FLAGS)
_LISTS = (SKIP_COMPILE, SKIP_RUN, COMPILE_FAILURES, RUN_FAILURES)
_MOST, _SHOWN = 100, 300


@frozen
class Config:
    """A config: a target, and what it says of cases.

    Attributes:
        path: the file.
        flags: the flags of iree-compile.
        devices: the devices of iree-run-module.
        run_args: its other flags.
        lists: by field, the place of each name.
        default: the list and the place for a name that no outcome is for; None without such a list.
        named: the names that have an outcome.
        odd_outcomes: outcomes that are not known, with their places.
        golden_times_ms: the upper bound of the time of a case, by its name.
        tolerance_factor: what multiplies these.
        unknown: places of fields that are not known, by name.
    """

    path: Path
    flags: CompilerFlags
    devices: tuple[str, ...]
    run_args: tuple[str, ...]
    lists: Mapping[str, Mapping[str, Place]]
    default: tuple[str, Place] | None = None
    named: frozenset[str] = frozenset()
    odd_outcomes: tuple[tuple[str, Place], ...] = ()
    golden_times_ms: Mapping[str, float]
    tolerance_factor: float
    unknown: Mapping[str, Place]

    @property
    def name(self) -> str:
        """The name of the file without its suffix: upstream, several configs have one `config_name`."""
        return self.path.stem

    def target(self, *, compile_only: bool = False) -> Target:
        """Return what it is for."""
        return Target(backend=self.flags.backend, chip=self.flags.chip, compile_only=compile_only, config=self.name)

    def applied(self, spec: ModelSpec, name: str) -> ModelSpec:
        """Return a case with the flags of the config, and with what its lists say of a name."""
        found = {field: places[name] for field, places in self.lists.items() if name in places}
        if self.default and name not in self.named:
            found |= dict([self.default])
        budget, remarks = self._budget(spec, name)
        own = spec.listing and spec.listing.skip
        return replace(
            spec,
            backend=self.flags.backend,
            compiler_flags=self.flags.others,
            devices=self.devices,
            run_args=self.run_args,
            compile_only=SKIP_RUN in found,
            budget=budget,
            remarks=(*spec.remarks, *remarks),
            listing=Listing(
                config=spec.path if own else self.path,
                name=name,
                skip=own or found.get(SKIP_COMPILE),
                import_failure=found.get(IMPORT_FAILURES),
                compile_failure=found.get(COMPILE_FAILURES),
                run_failure=found.get(RUN_FAILURES),
            ),
        )

    def _budget(self, spec: ModelSpec, name: str) -> tuple[Budget, tuple[str, ...]]:
        """Return the budget of a benchmark that is run, whose function is timed once, or a remark if it has none."""
        if benchmarks.MARKER not in spec.markers or name in self.lists[SKIP_RUN]:
            return {}, ()
        if (golden := self.golden_times_ms.get(name)) is None:
            return {}, (f"{self.path} has no golden time for it",)
        limit = Limit(golden=golden, tolerance=self.tolerance_factor, timing=benchmarks.DEFAULT)
        return {Quantity.LATENCY_MS: {EVERY: limit}}, ()


def read_all(paths: Sequence[Path], *, trust_flags: bool = False) -> list[Config]:
    """Read configs.

    Args:
        paths: the files.
        trust_flags: whether their flags may do harm.

    Raises:
        SpecError: a config is not valid; the error has all violations of all of them.
    """
    readers = [_Reader(path, trust_flags=trust_flags) for path in dict.fromkeys(paths)]
    configs = [reader.read() for reader in readers]
    violations = [violation for reader in readers for violation in reader.violations]
    if violations := violations or list(_same_names(paths)):
        raise SpecError(tuple(violations))
    return [config for config in configs if config]


def _same_names(paths: Sequence[Path]) -> Iterator[Violation]:
    first: dict[str, Path] = {}
    for path in dict.fromkeys(paths):
        if (other := first.setdefault(path.stem, path)) is not path:
            message = f"{other} is called {path.stem} as well, and cases have the name of their config; rename one"
            yield Violation(path=path, line=1, json_path="$", message=message)


class _Reader:
    """Reads one config and collects its violations."""

    def __init__(self, path: Path, *, trust_flags: bool) -> None:
        self.violations: list[Violation] = []
        self._path, self._trusted = path, trust_flags
        self._document = json_lines.Document(None)

    def read(self) -> Config | None:
        """Return the config, or None if there are violations."""
        for fault in names.faults("-", self._path.stem):
            self._violation("$", fault)
        if not self._parse() or not self._check_types():
            return None
        value: Mapping[str, Any] = self._document.value
        flags = self._flags(value)
        lists = {field: self._places(field, value.get(field, [])) for field in _LISTS}
        outcomes: Mapping[str, str] = value.get(OUTCOMES, {})
        for field in (*_LISTS, IMPORT_FAILURES):
            lists[field] = {**lists.get(field, {}), **self._with_outcome(outcomes, field)}
        if self.violations or not flags:
            return None
        known = {*_REQUIRED, *_LISTS, TIMES, FACTOR, OUTCOMES}
        unknown = {name: self._place(json_lines.member("$", name)) for name in value.keys() - known}
        return Config(
            path=self._path.absolute(),
            flags=flags,
            devices=target_flags.devices(value[RUN_FLAGS]),
            run_args=target_flags.run_arguments(value[RUN_FLAGS]),
            lists=lists,
            default=self._default(outcomes) if OUTCOMES in value else None,
            named=frozenset(outcomes),
            odd_outcomes=tuple(
                (word, self._outcome_place(name)) for name, word in outcomes.items() if word not in {*_OF_OUTCOME, PASS}
            ),
            golden_times_ms=value.get(TIMES, {}),
            tolerance_factor=value.get(FACTOR, benchmarks.FACTOR),
            unknown=unknown,
        )

    def _outcome_place(self, name: str) -> Place:
        return self._place(json_lines.member(f"$.{OUTCOMES}", name))

    def _with_outcome(self, outcomes: Mapping[str, str], field: str) -> Mapping[str, Place]:
        """Return the place of each name whose outcome means a list."""
        words = {word for word, meant in _OF_OUTCOME.items() if meant == field}
        return {name: self._outcome_place(name) for name, word in outcomes.items() if word in words and name != DEFAULT}

    def _default(self, outcomes: Mapping[str, str]) -> tuple[str, Place] | None:
        """Return what counts for all other names: they are skipped unless the config says otherwise."""
        field = _OF_OUTCOME.get(outcomes.get(DEFAULT, "skip"))
        place = self._outcome_place(DEFAULT) if DEFAULT in outcomes else self._place(f"$.{OUTCOMES}")
        return (field, replace(place, is_shared=True)) if field else None

    def _violation(self, json_path: str, message: str) -> None:
        place = self._place(shortened(json_path, _SHOWN))
        message = shortened(message, _SHOWN)
        self.violations.append(Violation(path=self._path, line=place.line, json_path=place.json_path, message=message))

    def _place(self, json_path: str) -> Place:
        return Place(json_path=json_path, line=self._document.line(json_path))

    def _parse(self) -> bool:
        try:
            self._document = json_lines.parse_json5(files.read(self._path, MAX_BYTES).decode("utf-8"))
        except json_lines.InvalidError as error:
            message = f"not valid JSON5: {error}"
            self.violations.append(Violation(path=self._path, line=error.line, json_path="$", message=message))
        except (ValueError, OSError) as error:
            self._violation("$", f"cannot read the config: {files.reason(error)}")
        for json_path in self._document.duplicates[:_MOST]:
            self._violation(json_path, "duplicate field")
        return not self.violations

    def _check_types(self) -> bool:
        value = self._document.value
        if not isinstance(value, dict):
            self._violation("$", "expected an object")
            return False
        for path, fault in itertools.islice(strict_json.faults(value), _MOST):
            self._violation(functools.reduce(json_lines.member, path, "$"), fault)
        for field in _REQUIRED:
            if field not in value:
                self._violation("$", f"missing field {field!r}")
        if not isinstance(value.get(NAME, ""), str):
            self._violation(f"$.{NAME}", "expected a string")
        for field in (COMPILE_FLAGS, RUN_FLAGS, *_LISTS):
            self._check_list(field, value.get(field, []))
        outcomes = value.get(OUTCOMES, {})
        if not isinstance(outcomes, dict) or not all(isinstance(each, str) for each in outcomes.values()):
            self._violation(f"$.{OUTCOMES}", "expected an object of texts, by the ids of tests")
        self._check_golden(value)
        return not self.violations

    def _check_list(self, field: str, value: Any) -> None:
        if not isinstance(value, list):
            self._violation(f"$.{field}", "expected an array of strings")
            return
        wrong = (index for index, each in enumerate(value) if not isinstance(each, str))
        for index in itertools.islice(wrong, _MOST):
            self._violation(f"$.{field}[{index}]", "expected a string")

    def _check_golden(self, value: Mapping[str, Any]) -> None:
        times, factor = value.get(TIMES, {}), value.get(FACTOR, 1)
        if not isinstance(times, dict) or not all(map(_is_number, times.values())):
            self._violation(f"$.{TIMES}", "expected an object of numbers, by the names of cases")
        if not _is_number(factor):
            self._violation(f"$.{FACTOR}", "expected a number")

    def _flags(self, value: Mapping[str, Any]) -> CompilerFlags | None:
        """Return the flags of the compiler; also check those of the runtime."""
        self._check_flags(RUN_FLAGS, value[RUN_FLAGS], target_flags.run_refusal)
        self._check_flags(COMPILE_FLAGS, value[COMPILE_FLAGS], target_flags.refusal)
        try:
            return target_flags.compiler_flags(value[COMPILE_FLAGS])
        except ValueError as error:
            self._violation(f"$.{COMPILE_FLAGS}", str(error))
            return None

    def _check_flags(self, field: str, flags: Sequence[str], refusal: Callable[..., str | None]) -> None:
        for index, flag in enumerate(flags):
            if reason := refusal(flag, trusted=self._trusted):
                self._violation(f"$.{field}[{index}]", f"{flag!r} {reason}")

    def _places(self, field: str, entries: Sequence[str]) -> Mapping[str, Place]:
        """Return the place of each name; of one that is there twice, the first."""
        places: dict[str, Place] = {}
        for index, name in enumerate(entries):
            places.setdefault(name, self._place(f"$.{field}[{index}]"))
        return places


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def backends(configs: Sequence[Config]) -> list[Backend]:
    """Return the backends of configs, each once."""
    return list(dict.fromkeys(each.flags.backend for each in configs))
