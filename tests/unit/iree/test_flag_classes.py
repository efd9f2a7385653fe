import re
from importlib import resources

import msgspec
import pytest

from harness.iree import flag_classes, flag_table, flags, releases
from harness.iree.flag_classes import FlagClass, Tool

PIPELINE = "--iree-preprocessing-pass-pipeline"
SUBSTITUTE = "--iree-hal-substitute-executable-source"
TUNER = flags.TUNER_FLAG
TABLE = flag_table.load()
TRUST = "; remove it from the spec, or accept all flags of the specs with --trust-flags"

PROGRAM, CODE, WRITE = "makes the tool start another program", "loads code into the tool", "makes the tool write a file"
UNKNOWN, OUTSIDE = "is not a flag of any known release", "names a file outside the folder in which the compiler runs"
FOLDER, ARCHIVE = "makes the tool read files that the flag does not name", "names another file than an archive"
PASS, TOKEN, FILES = "which is not known to be harmless", "which the harness does not read in a pipeline", "needs files"
HOSTILE = [
    ("--iree-hal-preprocess-executables-with=sh -c 'touch x'", PROGRAM),
    ("--iree-hal-preprocess-executables-with=builtin.module(canonicalize)", PROGRAM),
    ("--iree-llvmcpu-embedded-linker-path=/bin/sh", PROGRAM),
    ("--iree-llvmcpu-system-linker-path=touch x;", PROGRAM),
    ("--iree-llvmcpu-wasm-linker-path=x", PROGRAM),
    ("--iree-cuda-use-ptxas", PROGRAM),
    ("--iree-cuda-use-ptxas-from=./ptxas", PROGRAM),
    ("--iree-cuda-use-ptxas-params=-v; touch x", PROGRAM),
    ("--iree-metal-compile-to-metallib", PROGRAM),
    ("--exec-on-ir-change=/bin/sh", PROGRAM),
    ("--print-changed=dot-cfg", PROGRAM),
    ("--print-changed-dot-path=sh", PROGRAM),
    ("--print-changed-diff-path=sh", PROGRAM),
    ("--view-edge-bundles", PROGRAM),
    ("--view-block-freq-propagation-dags=fraction", PROGRAM),
    ("--attributor-view-dep-graph", PROGRAM),
    ("--load=a.so", CODE),
    ("--iree-load-plugin=a.so", CODE),
    ("--iree-plugin=hal_target_rocm", CODE),
    ("--iree-hip-pass-plugin-path=a.so", CODE),
    ("--iree-rocm-bc-dir=.", CODE),
    ("--iree-hip-bc-dir=/opt", CODE),
    ("--x86-lvi-load-opt-plugin=a.so", CODE),
    ("--info-output-file=/etc/cron.d/x", WRITE),
    ("--info-output-file=x", WRITE),
    ("--remarks-output-file=x", WRITE),
    ("--crash-diagnostics-dir=/tmp", WRITE),
    ("--mlir-pass-pipeline-crash-reproducer=x", WRITE),
    ("--log-actions-to=/tmp/x", WRITE),
    ("--profile-actions-to=x", WRITE),
    ("--ir-dump-directory=x", WRITE),
    ("--dot-cfg-mssa=x", WRITE),
    ("--memprof-export-to-dot", WRITE),
    ("--inliner-interactive-channel-base=/tmp/x", WRITE),
    ("--iree-llvmcpu-static-library-output-path=lib.o", WRITE),
    ("--iree-parameter-encoder-output-file=x.mlir", WRITE),
    ("--iree-hal-executable-object-search-path=/", FOLDER),
    (f"{SUBSTITUTE}s-from=/x", FOLDER),
    ("--iree-hal-substitute-executable-objects-from=.", FOLDER),
    ("--instrumentor-read-config-paths-file=x", FOLDER),
    ("--iree-hal-dump-executable-files-to=/tmp", OUTSIDE),
    ("--iree-hal-dump-executable-files-to=a/../../b", OUTSIDE),
    ("--dump-compilation-phases-to=..", OUTSIDE),
    ("--mlir-print-ir-tree-dir=/tmp/x", OUTSIDE),
    ("--iree-vm-bytecode-source-listing=/tmp/x", OUTSIDE),
    ("--iree-parameter-export=model=/tmp/a.irpa", ARCHIVE),
    ("--iree-parameter-export=/tmp/a.irpa", ARCHIVE),
    ("--iree-parameter-export=model=../a.irpa", ARCHIVE),
    ("--iree-parameter-export=model=0.linked.irpa", ARCHIVE),
    ("--iree-opt-export-parameters=a,/tmp/b.irpa", ARCHIVE),
    ("--iree-opt-export-parameters=model.mlir", ARCHIVE),
    ("--iree-opt-export-parameters=a=b=c.irpa", ARCHIVE),
    ("--iree-opt-export-parameters", ARCHIVE),
    (f"{PIPELINE}=builtin.module(iree-hal-preprocess-executables-with-tool{{command=sh}})", PASS),
    (f"{PIPELINE}=builtin.module(util.func(canonicalize),iree-util-dump-module{{path=/tmp/x}})", PASS),
    (f"{PIPELINE}=iree-preprocessing-apply-pdl-patterns{{patterns-file=/etc/passwd}}", PASS),
    (f"{PIPELINE}=builtin.module(iree-util-fixed-point-iterator{{pipeline=iree-util-dump-module}})", PASS),
    (f"{PIPELINE}=builtin.module(canonicalize{{a={{b}}}})", TOKEN),
    (f"{PIPELINE}=builtin.module(canonicalize{{a=1}}/../x)", TOKEN),
    (PIPELINE, "needs a value"),
    (f"{SUBSTITUTE}=a=b=/x.mlir", FILES),
    (f"{SUBSTITUTE}=/etc/x=a.mlir", FILES),
    (f"{SUBSTITUTE}=a=x.mlir,", FILES),
    (SUBSTITUTE, FILES),
    (TUNER, "needs the name of a file"),
    (f"{TUNER}=@main", "needs the name of a file"),
    ("--iree-codegen-tuning-spec-path=", "needs the name of a file"),
    ("--iree-llvmcpu-target-cpu", "needs a value"),
    ("--iree-plugi=x", UNKNOWN),
    ("--iree-hal-preprocess-executables-wit=sh", UNKNOWN),
    ("--IREE-LOAD-PLUGIN=a.so", UNKNOWN),
    ("--iree_load_plugin=a.so", UNKNOWN),
    ("--load-pass-plugin=a.so", UNKNOWN),
    ("--save-temps=x", UNKNOWN),
    ("--load a.so", UNKNOWN),
    (" --load=a.so", UNKNOWN),
    ("--iree-opt-level =O3", UNKNOWN),
    ("-iree-opt-level=O3", UNKNOWN),
    ("---load=a.so", UNKNOWN),
    ("-load", UNKNOWN),
    ("@flags.txt", UNKNOWN),
    ("--", UNKNOWN),
    ("-", UNKNOWN),
    ("", UNKNOWN),
    ("other.mlir", UNKNOWN),
]
SET = [
    ("-o", "is set by the harness"),
    ("--o=elsewhere.vmfb", "is set by the harness"),
    ("--iree-rocm-target=gfx942", "is set by the harness from the chip (--chip)"),
    ("--iree-parameter-splat=x", "is set by the harness where a spec has no real_weights"),
    ("--output-format=vm-asm", "would make the compiler write something other than a module"),
    ("--iree-llvmcpu-list-targets", "would make the compiler exit"),
]
HOSTILE_TO_RUN = [
    ("--executable_plugin=a.so", CODE),
    ("--hip_dylib_path=/tmp", CODE),
    ("--vulkan_libvulkan_search_path=/tmp", CODE),
    ("--device_capture_tool=x", CODE),
    ("--device_profiling_file=/tmp/x", WRITE),
    ("--device_replay_output=x", WRITE),
    ("--instrument_file=x", WRITE),
    ("--flagfile=/tmp/x", "is set by the harness"),
    ("--module=/tmp/x.vmfb", "is set by the harness"),
    ("--parameters=model=/tmp/x.irpa", "is set by the harness"),
    ("--input=4xf32=@/etc/passwd", "is set by the harness"),
    ("--output=@/tmp/x", "is set by the harness"),
    ("--output=+/tmp/x", "is set by the harness"),
    ("--expected_output=@/etc/passwd", "is set by the harness"),
    ("--function=f", "is set by the harness"),
    ("--device=hip", "is set by the harness"),
    ("--trace_execution=", None),
    ("--trace=/tmp/x", UNKNOWN),
    ("--executable-plugin=a.so", UNKNOWN),
    ("-executable_plugin=a.so", UNKNOWN),
    ("--expected_f32_threshol=1", UNKNOWN),
    ("@flags", UNKNOWN),
]
HARMLESS = [
    "--mlir-print-ir-after-all",
    "--mlir-timing",
    "--mlir-timing=false",
    "--verify=false",
    "--iree-opt-level=O3",
    "--iree-llvmcpu-link-embedded=false",
    "--iree-llvmcpu-target-cpu-features=",
    "--iree-hal-target-device=dev_a=local[0]",
    "--iree-hal-target-backends=llvm-cpu,vmvx",
    "--print-after=canonicalize",
    "--slp-threshold=-1",
    f"{PIPELINE}=builtin.module(util.func(iree-flow-canonicalize), iree-preprocessing-pad-to-intrinsics)",
    f"{PIPELINE}=builtin.module(\n\tiree-preprocessing-pad-to-intrinsics{{pad-target-type=conv}})",
    f"{TUNER}=/specs/a.mlir@main",
    "--iree-codegen-tuning-spec-path=a b,c=d.mlir",
    f"{SUBSTITUTE}=a=x/y.mlir,b=file:///z.mlir",
    "--iree-parameter-import=a.irpa,lora=../b.safetensors",
    "--iree-parameter-export=model=out.irpa",
    "--iree-opt-export-parameters=weights.irpa",
    "--iree-hal-dump-executable-files-to=a",
    "--iree-hal-dump-executable-benchmarks-to=-",
]


@pytest.mark.parametrize(("word", "reason"), HOSTILE)
def test_a_flag_that_can_do_harm_is_refused_unless_it_is_trusted(word: str, reason: str) -> None:
    found = flag_classes.refusal(word)
    assert found
    assert reason in found
    assert found.endswith(TRUST)
    assert flag_classes.refusal(word, trusted=True) is None
    assert flag_classes.is_opaque(word)


@pytest.mark.parametrize(("word", "reason"), SET)
def test_what_only_the_harness_says_is_refused_in_any_case(word: str, reason: str) -> None:
    for trusted in (False, True):
        found = flag_classes.refusal(word, trusted=trusted)
        assert found
        assert found.startswith(reason)
        assert found.endswith("; remove it from the spec")


def test_the_chip_of_another_backend_is_a_flag_as_any_other() -> None:
    word = "--iree-vulkan-target=rdna3"
    assert flag_classes.refusal(word, backend="cpu") is None
    assert flag_classes.refusal(word, backend="vulkan")
    assert not flag_classes.is_opaque(word)


@pytest.mark.parametrize(("word", "reason"), HOSTILE_TO_RUN)
def test_flags_of_the_runtime_have_classes_too(word: str, reason: str | None) -> None:
    found = flag_classes.refusal(word, tool=Tool.RUN)
    assert found is None if reason is None else found is not None and reason in found


@pytest.mark.parametrize("word", HARMLESS)
def test_a_harmless_flag_is_accepted(word: str) -> None:
    assert flag_classes.refusal(word) is None
    assert not flag_classes.is_opaque(word)


@pytest.mark.parametrize(
    ("word", "named", "renamed"),
    [
        (f"{SUBSTITUTE}=a=/x.mlir", ["/x.mlir"], f"{SUBSTITUTE}=a=0"),
        ("--iree-parameter-import=x,a=/y,../z", ["x", "/y", "../z"], "--iree-parameter-import=0,a=1,2"),
        ("--iree-link-bitcode=x.bc,x.bc", ["x.bc", "x.bc"], "--iree-link-bitcode=1,1"),
        (f"{TUNER}=a/b.mlir@main", ["a/b.mlir"], f"{TUNER}=0@main"),
        ("--fs-profile-file=/etc/passwd", ["/etc/passwd"], "--fs-profile-file=0"),
        ("--iree-opt-level=/etc/passwd", [], "--iree-opt-level=/etc/passwd"),
        ("--fs-profile-file", [], "--fs-profile-file"),
    ],
)
def test_each_file_of_a_flag_is_found_and_gets_a_plain_name(word: str, named: list[str], renamed: str) -> None:
    assert list(flag_classes.files_named(word)) == named
    names = {path: str(index) for index, path in enumerate(named)}
    assert flag_classes.with_files(word, names) == renamed


def test_every_flag_has_one_class() -> None:
    data = msgspec.json.decode(resources.files("harness.iree").joinpath("flag_classes.json").read_bytes())
    assert list(data) == [*Tool, "passes"]
    for tool in Tool:
        names = [name for found in data[tool].values() for name in found]
        assert len(names) == len(set(names))
        assert set(data[tool]) <= set(FlagClass)
        assert all(found == sorted(found) for found in data[tool].values())
        assert all(re.fullmatch(r"--?[A-Za-z0-9][\w.-]*", name) for name in names)
    assert data["passes"] == sorted(set(data["passes"]))


def test_both_tables_of_flags_agree() -> None:
    harness = {name for name, found in flag_classes._classes(Tool.COMPILE).items() if found is FlagClass.HARNESS}
    assert harness == set(TABLE.refused)
    known = {*TABLE.known, *TABLE.dropped, *TABLE.expanded, *TABLE.replaced, *(each.flag for each in TABLE.default)}
    assert None not in {flag_classes.of(name) for name in known}
    for each in TABLE.renamed:
        classes = {flag_classes.of(each.old), flag_classes.of(each.new)}
        assert len(classes) == 1 or classes <= {FlagClass.SWITCH, FlagClass.VALUE}, each.old


def test_what_only_dumps_is_left_out_unless_it_is_trusted() -> None:
    word, release = "--iree-hal-dump-executable-files-to=a", releases.newest()
    own = flags.translated((word, "--verify"), release)
    assert own.flags == ("--verify",)
    assert own.notes == (f"ignoring {word}: nothing reads its files; --trust-flags keeps it",)
    assert flags.translated((word,), release, trusted=True).flags == (word,)
