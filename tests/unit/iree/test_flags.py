import dataclasses
import itertools
import tomllib
from collections.abc import Mapping
from importlib import resources
from operator import attrgetter
from typing import Any

import pytest

from harness.core.cases import Backend, Release
from harness.core.records import as_json
from harness.iree import flag_classes, flag_table, flags, releases
from harness.iree.flag_table import Default, Rename
from harness.iree.flags import ChangedDefault
from tests.unit.samples import release

PREFETCH, STAGES = "--iree-llvmgpu-enable-prefetch", "--iree-llvmgpu-prefetch-num-stages"
CONCAT, STRIP = "--iree-opt-outer-dim-concat=true", "--iree-opt-strip-assertions=true"
MATMUL, FUSION = "--iree-opt-generalize-matmul=true", "--iree-dispatch-creation-enable-aggressive-fusion=true"
TRANSPOSES = "--iree-opt-aggressively-propagate-transposes=true"
TILING, EXPERIMENTAL_TILING = (f"--iree-dispatch-creation-{kind}data-tiling" for kind in ("", "experimental-"))
DATA_TILING, REASSOCIATE = "--iree-opt-data-tiling", "--iree-llvmcpu-reassociate-fp-reductions"
NOTIFY, TEST_NOTIFY = (f"--iree-codegen-{kind}notify-transform-strategy-application" for kind in ("", "test-"))
PRECISION = "--iree-codegen-gpu-native-math-precision=true"
TABLE = flag_table.load()


def on(name: str, *spec_flags: str) -> tuple[str, ...]:
    return flags.translated(spec_flags, release(name)).flags


@pytest.mark.parametrize(
    ("flag", "name", "now"),
    [
        ("--iree-rocm-waves-per-eu=2", "3.10.0", "--iree-hip-waves-per-eu=2"),
        ("--iree-rocm-waves-per-eu=2", "3.11.0", "--iree-rocm-waves-per-eu=2"),
        ("--iree-hip-waves-per-eu=2", "3.10.0", "--iree-hip-waves-per-eu=2"),
        ("--iree-hip-waves-per-eu=2", "3.13.0", "--iree-rocm-waves-per-eu=2"),
        ("--iree-parameter-export=model=a=b.irpa", "3.10.0", "--iree-opt-export-parameters=model=a=b.irpa"),
        ("--iree-opt-import-parameters=a.irpa", "3.13.0", "--iree-parameter-import=a.irpa"),
        ("--iree-config-add-tuner-attributes", "3.13.0", "--iree-codegen-add-tuner-attributes"),
        ("--iree-hal-external-resources-mappable", "3.6.0", "--iree-stream-external-resources-mappable"),
        (NOTIFY, "3.2.0", TEST_NOTIFY),
        (TEST_NOTIFY, "3.1.0", NOTIFY),
        (EXPERIMENTAL_TILING, "3.6.0", EXPERIMENTAL_TILING),
        (EXPERIMENTAL_TILING, "3.7.0rc20250826", EXPERIMENTAL_TILING),
        (f"{EXPERIMENTAL_TILING}=false", "3.7.0rc20250827", f"{TILING}=false"),
        (EXPERIMENTAL_TILING, "3.13.0", TILING),
        ("--iree-opt-const-eval=false", "3.0.0", "--iree-opt-const-eval=false"),
    ],
)
def test_a_flag_goes_by_the_name_that_the_release_knows(flag: str, name: str, now: str) -> None:
    translation = flags.translated((flag,), release(name))
    assert (translation.flags, translation.unsupported) == ((now,), None)
    assert translation.notes == (() if now == flag else (f"{flag} becomes {now} on {name}",))


@pytest.mark.parametrize(
    ("flag", "name", "now"),
    [
        (PREFETCH, "3.11.0", f"{STAGES}=2"),
        (f"{PREFETCH}=true", "3.11.0", f"{STAGES}=2"),
        (f"{PREFETCH}=True", "3.13.0", f"{STAGES}=2"),
        (f"{PREFETCH}=1", "3.11.0", f"{STAGES}=2"),
        (f"{PREFETCH}=false", "3.11.0", f"{STAGES}=0"),
        (f"{PREFETCH}=0", "3.11.0", f"{STAGES}=0"),
        (f"{STAGES}=2", "3.10.0", f"{PREFETCH}=true"),
        (f"{STAGES}=1", "3.10.0", f"{PREFETCH}=false"),
        (f"{STAGES}=0", "3.10.0", f"{PREFETCH}=false"),
        (f"{STAGES}=3", "3.11.0", f"{STAGES}=3"),
        (f"{PREFETCH}=true", "3.10.0", f"{PREFETCH}=true"),
    ],
)
def test_a_flag_whose_values_changed_with_its_name(flag: str, name: str, now: str) -> None:
    assert on(name, flag) == (now,)


def test_a_value_without_a_counterpart_is_unsupported() -> None:
    translation = flags.translated((f"{STAGES}=3",), release("3.10.0"))
    assert translation.unsupported == f"IREE 3.10.0 has no flag {STAGES}; available in 3.11.0 and later"


@pytest.mark.parametrize(
    ("level", "name", "now"),
    [
        ("O0", "3.2.0", ()),
        ("O1", "3.2.0", (CONCAT, STRIP)),
        ("O2", "3.2.0", (CONCAT, STRIP, MATMUL, FUSION)),
        ("O3", "3.2.0", (CONCAT, STRIP, MATMUL, FUSION, TRANSPOSES)),
        ("O3", "3.0.0", (CONCAT, STRIP, FUSION, TRANSPOSES)),
        ("O3", "3.3.0", ("--iree-opt-level=O3",)),
        ("O3", "3.13.0", ("--iree-opt-level=O3",)),
    ],
)
def test_an_optimisation_level_stands_for_flags_where_it_is_unknown(
    level: str, name: str, now: tuple[str, ...]
) -> None:
    flag = f"--iree-opt-level={level}"
    translation = flags.translated((flag,), release(name))
    assert (translation.flags, translation.unsupported) == (now, None)
    note = f"{flag} becomes {' '.join(now)} on {name}" if now else f"{flag} is dropped on {name}"
    assert translation.notes == (() if now == (flag,) else (note,))


def test_a_level_that_does_not_exist_is_not_expanded() -> None:
    translation = flags.translated(("--iree-opt-level=Os",), release("3.2.0"))
    assert translation.unsupported == "IREE 3.2.0 has no flag --iree-opt-level; available in 3.3.0 and later"


@pytest.mark.parametrize(
    ("name", "now"),
    [("3.0.0", (PRECISION,)), ("3.6.0", (PRECISION,)), ("3.7.0rc20250809", ()), ("3.7.0", ()), ("3.13.0", ())],
)
def test_a_flag_that_did_nothing_any_more_is_left_out_where_it_is_gone(name: str, now: tuple[str, ...]) -> None:
    translation = flags.translated((PRECISION,), release(name))
    assert (translation.flags, translation.unsupported) == (now, None)
    assert translation.notes == (() if now else (f"{PRECISION} is dropped on {name}",))


def test_flags_whose_place_the_harness_takes_are_left_out_with_a_note() -> None:
    flag = "--iree-scheduling-dump-statistics-file=mine.csv"
    translation = flags.translated((flag, "--iree-scheduling-dump-statistics-format=csv", "--a"), release("3.13.0"))
    assert translation.flags == ("--a",)
    assert translation.notes[0] == f"ignoring {flag}: the harness always sets it itself"
    assert len(translation.notes) == 2


@pytest.mark.parametrize(("value", "now"), [("True", "true"), ("FALSE", "false"), ("Trueish", "Trueish"), ("O3", "O3")])
def test_booleans_are_written_in_lower_case(value: str, now: str) -> None:
    assert on("3.13.0", f"--x={value}") == (f"--x={now}",)
    assert flags.lower_case(f"--x={value}=y") == f"--x={value}=y"


@pytest.mark.parametrize(
    ("flag", "name", "reason"),
    [
        (TILING, "3.6.0", "3.7.0 and later"),
        ("--iree-global-opt-enable-demote-contraction-inputs-to-bf16=matmul", "3.12.0", "3.11.0 and earlier"),
        ("--iree-global-opt-demote-contraction-inputs-type=bf16", "3.11.0", "3.12.0 and later"),
        ("--iree-codegen-llvmgpu-use-wmma=true", "3.13.0", "3.10.0 and earlier"),
        ("--iree-codegen-llvmgpu-early-tile-and-fuse-matmul", "3.8.0", "3.2.0 to 3.7.1"),
        ("--iree-codegen-test-c-promotion", "3.10.0", "3.11.0 only"),
        ("--iree-rocm-index-bits=64", "3.12.0", "3.11.0 only"),
    ],
)
def test_what_has_no_equivalent_is_unsupported_and_the_range_is_named(flag: str, name: str, reason: str) -> None:
    translation = flags.translated(("--a", flag), release(name))
    assert translation.unsupported == f"IREE {name} has no flag {flag.partition('=')[0]}; available in {reason}"


def test_order_is_by_date_and_not_by_version_number() -> None:
    stable, later = release("3.10.0"), release("3.10.0rc20260115")
    assert (stable.date, later.date) == (20260107, 20260115)
    assert flags.splat_flag("w.irpa", stable) == "--iree-opt-splat-parameters=w.irpa"
    assert flags.splat_flag("w.irpa", later) == "--iree-parameter-splat=w.irpa"
    assert flags.target_flags(Backend.ROCM, "gfx942", later) == ("--iree-hip-target=gfx942",)
    assert flags.target_flags(Backend.ROCM, "gfx942", release("3.11.0rc20260207")) == ("--iree-rocm-target=gfx942",)


@pytest.mark.parametrize("name", ["3.14.0.dev+89ece87b", "unknown"])
def test_a_build_without_a_date_counts_as_newest(name: str) -> None:
    assert release(name) == Release(name=name, date=None)
    assert on(name, f"{PREFETCH}=true", PRECISION) == (f"{STAGES}=2",)
    assert flags.unknown_chip(Backend.ROCM, "gfx1250", release(name)) is None
    assert flags.translated(("--iree-codegen-llvmgpu-use-wmma",), release(name)).unsupported


@pytest.mark.parametrize(
    ("name", "knows"),
    [("3.6.0", False), ("3.7.0rc20250719", True), ("3.7.0", True), ("3.7.1", True), ("3.13.0", True)],
)
def test_the_compiler_decides_about_release_candidates_that_were_not_measured(name: str, knows: bool) -> None:  # noqa: FBT001
    translation = flags.translated((TILING,), release(name))
    assert (translation.unsupported is None) is knows


@pytest.mark.parametrize(
    ("chip", "name", "reason"),
    [
        ("gfx950", "3.4.0", "IREE 3.4.0 cannot compile for gfx950; supported in 3.5.0 and later"),
        ("gfx950", "3.5.0", None),
        ("gfx1150", "3.7.1", None),
        ("gfx1150", "3.8.0", "IREE 3.8.0 cannot compile for gfx1150; supported in 3.7.1 and earlier, 3.9.0 and later"),
        ("gfx1150", "3.9.0", None),
        ("gfx940", "3.3.0", "IREE 3.3.0 cannot compile for gfx940; supported in 3.2.0 and earlier"),
        ("mi355x", "3.6.0", "IREE 3.6.0 cannot compile for mi355x; supported in 3.7.0 and later"),
        ("gfx942", "3.0.0", None),
        ("gfx1103", "3.0.0", None),
    ],
)
def test_chips(chip: str, name: str, reason: str | None) -> None:
    assert flags.unknown_chip(Backend.ROCM, chip, release(name)) == reason


@pytest.mark.parametrize(
    ("backend", "chip", "name", "compiled"),
    [
        ("cuda", "sm_80", "3.0.0", "sm_80"),
        ("cuda", "sm_90", "3.13.0", "sm_80"),
        ("cuda", "sm_89", "3.13.0", "sm_89"),
        ("cuda", "sm_89", "3.6.0", "sm_86"),
        ("cuda", "sm_120", "3.12.0", "sm_89"),
        ("cuda", "sm_130", "3.13.0", "sm_121"),
        ("cuda", "sm_130", "3.0.0", "sm_87"),
        ("cuda", "sm_50", "3.13.0", "sm_50"),
        ("vulkan", "sm_90", "3.13.0", "sm_80"),
        ("vulkan", "rdna3", "3.0.0", "rdna3"),
        ("rocm", "gfx1250", "3.0.0", "gfx1250"),
    ],
)
def test_a_gpu_of_nvidia_takes_code_for_the_nearest_chip_that_a_release_knows(
    backend: Backend, chip: str, name: str, compiled: str
) -> None:
    assert flags.compiled_chip(Backend(backend), chip, release(name)) == compiled


def test_what_some_release_knows() -> None:
    assert flags.is_known_flag("--iree-rocm-target=gfx942")
    assert not flags.is_known_flag("--iree-rocm-targt=gfx942")
    assert flags.is_known_chip("gfx950")
    assert not flags.is_known_chip("gfx1102x")
    assert flags.target_flags(Backend.CPU, None, release("3.13.0")) == ()


TILING_DEFAULT = ChangedDefault(flag=DATA_TILING, since="3.8.0rc20250924", old="true", new="false")
REASSOCIATE_DEFAULT = ChangedDefault(flag=REASSOCIATE, since="3.11.0rc20260206", old="true", new="false")


@pytest.mark.parametrize(
    ("older", "newer", "changed"),
    [
        ("3.0.0", "3.13.0", (TILING_DEFAULT, REASSOCIATE_DEFAULT)),
        ("3.7.1", "3.8.0", (TILING_DEFAULT,)),
        ("3.8.0rc20250923", "3.8.0rc20250924", (TILING_DEFAULT,)),
        ("3.8.0rc20250924", "3.8.0", ()),
        ("3.10.0", "3.10.0rc20260115", ()),
        ("3.10.0", "3.14.0.dev+89ece87b", (REASSOCIATE_DEFAULT,)),
        ("3.13.0", "3.0.0", ()),
    ],
)
def test_defaults_that_changed_between_two_releases(
    older: str, newer: str, changed: tuple[ChangedDefault, ...]
) -> None:
    assert flags.changed_defaults(release(older), release(newer), Backend.CPU) == changed
    assert flags.changed_defaults(release(older), release(newer), Backend.ROCM) == ()


@pytest.mark.parametrize(
    ("spec_flags", "name", "added"),
    [
        ((), "3.0.0", (f"{DATA_TILING}=true", f"{REASSOCIATE}=true")),
        ((), "3.8.0", (f"{DATA_TILING}=false", f"{REASSOCIATE}=true")),
        (("--iree-opt-level=O3",), "3.10.0", (f"{DATA_TILING}=false", f"{REASSOCIATE}=true")),
        ((), "3.11.0", (f"{DATA_TILING}=false", f"{REASSOCIATE}=false")),
        (("--iree-opt-level=O1",), "3.13.0", (f"{DATA_TILING}=false", f"{REASSOCIATE}=false")),
        (("--iree-opt-level=O2",), "3.13.0", (f"{DATA_TILING}=false", f"{REASSOCIATE}=true")),
        (("--iree-opt-level=O0", "--iree-opt-level=O3"), "3.13.0", (f"{DATA_TILING}=false", f"{REASSOCIATE}=true")),
        ((f"{DATA_TILING}=false",), "3.0.0", (f"{REASSOCIATE}=true",)),
        ((DATA_TILING, REASSOCIATE), "3.0.0", ()),
    ],
)
def test_defaults_are_pinned_where_a_spec_leaves_them(
    spec_flags: tuple[str, ...], name: str, added: tuple[str, ...]
) -> None:
    assert flags.pins(spec_flags, release(name), Backend.CPU) == added
    assert flags.pins(spec_flags, release(name), Backend.ROCM) == ()


@pytest.mark.parametrize("table", [TABLE.known, *TABLE.chips.values()])
def test_ranges_name_locked_releases_in_order(table: Mapping[str, str]) -> None:
    order = list(releases.locked())
    assert table
    for subject, text in table.items():
        ends = list(itertools.chain.from_iterable(flags._bounds(text)))
        places = [order.index(end) for end in ends if end]
        assert places == sorted(places), subject
        assert all(ends[1:-1]), f"{subject}: only the first start and the last end may be open"


@pytest.mark.parametrize("entry", TABLE.renamed, ids=attrgetter("old"))
def test_no_flag_is_renamed_to_one_that_the_release_does_not_know(entry: Rename) -> None:
    since = release(entry.since)
    assert since.date is not None, "a release candidate: ranges between releases are found by its date"
    before = Release(name="the day before", date=since.date - 1)
    known = set()
    for each in (*(locked.release for locked in releases.locked().values()), since, before):
        for name, values in ((entry.old, entry.new_of), (entry.new, entry.old_of)):
            if flags._unknown(name, each) is None:
                now = {flags._renamed(f"{name}={value}", each) for value in (["2"] if values is None else values)}
                assert [flags._unknown(flag, each) for flag in now] == [None] * len(now) != []
                known.add(name)
    assert known == {entry.old, entry.new}


def test_every_entry_of_the_table_is_a_flag_of_a_release() -> None:
    names = [*TABLE.refused, *TABLE.known, *TABLE.dropped, *TABLE.expanded, *TABLE.replaced]
    assert all(name.startswith("-") for name in names)
    assert all(name.startswith("--") and "=" not in name for name in names if name != "-o")
    olds, news = [entry.old for entry in TABLE.renamed], [entry.new for entry in TABLE.renamed]
    assert len({*olds, *news}) == len(olds) + len(news), "a flag is renamed once"
    assert all(last in releases.locked() for last in TABLE.dropped.values())
    assert all(release(entry.since).date for entry in TABLE.default)
    assert not {entry.flag for entry in TABLE.default} & {*TABLE.known, *TABLE.refused, *olds, *news}
    assert all(entry.since in releases.locked() for entry in TABLE.expanded.values())
    assert flags.statistics_flags() == tuple(
        f"{name}={value}" for name, value in zip(TABLE.replaced, ("json", flags.STATISTICS_NAME), strict=True)
    )


def test_the_table_has_no_key_that_is_not_read() -> None:
    text = resources.files("harness.iree").joinpath("flags.toml").read_text(encoding="utf-8")
    data = tomllib.loads(text)
    defaults = {each.name: each.default for kind in (Rename, Default) for each in dataclasses.fields(kind)}

    def stripped(value: Any) -> Any:
        """Return JSON data without keys that have their default."""
        if isinstance(value, dict):
            items = {key: stripped(each) for key, each in value.items()}
            return {key: each for key, each in items.items() if each not in (defaults.get(key), {})}
        return [stripped(each) for each in value] if isinstance(value, list) else value

    assert stripped(as_json(TABLE)) == stripped(data)


@pytest.mark.parametrize("prefix", flag_table.load().meaning)
def test_flags_that_say_what_a_program_means_are_known(prefix: str) -> None:
    assert any(name.startswith(prefix) for name in flag_classes._classes(flag_classes.Tool.COMPILE))


@pytest.mark.parametrize(
    ("own", "meaning", "is_plain"),
    [
        ((), (), True),
        (flags.CPU_FLAGS, (), True),
        (("--iree-input-type=torch", *flags.CPU_FLAGS), ("--iree-input-type=torch",), True),
        (("--iree-opt-level=O3", "--iree-torch-decompose-complex-ops"), ("--iree-torch-decompose-complex-ops",), False),
        (("--iree-hal-target-device=hip",), (), False),
    ],
)
def test_what_an_oracle_takes_over(own: tuple[str, ...], meaning: tuple[str, ...], is_plain: bool) -> None:  # noqa: FBT001
    assert (flags.of_meaning(own), flags.is_plain(own)) == (meaning, is_plain)
