"""How tests are spread over processes, and what those inherit that they start."""

import os
import re
import signal
import tempfile
from pathlib import Path

import pytest
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

_WITH_ENGINES = re.compile(r"tests/integration/test_(apptainer|container|image|passthrough|pins|wall)")
_SHARING = re.compile(
    r"tests/integration/test_(bisect|bootstrap|by_kernel|catalogue|dialect|hosts|jax|localize|matrix|onnx|page|readme|reduce|serve_ranges"
    r"|tiny|torch|trained|verdict|wheel|worker)\w*\.py"
)
# What is shared under another name: the releases, the bundled models, and the importer for ONNX.
_SHARED = {
    "bisect": "releases",
    "by_kernel": "tiny",
    "matrix": "releases",
    "readme": "tiny",
    "reduce": "localize",
    "trained": "onnx",
}
# What takes minutes, and is left out with `-m "not slow"`: whole catalogues and distributions, every release where some
# show it, and every engine where some do. Podman is there without root, which is stricter.
_SLOW = re.compile(
    r"tests/integration/test_(?:bisect_imported|bootstrap|catalogue_compiles|container_catalogue|container_rocm)\.py"
    r"|tests/integration/test_(?:container|image|passthrough|wall)\w*\.py::\w+\[podman"
    r"|tests/integration/test_image\.py::test_what_an_image_says_has_the_same_bytes_wherever_it_is_built"
    r"|tests/integration/test_bisect\.py::test_a_case_that_fails_sometimes_is_no_answer\[1\]"
    r"|tests/integration/test_bisect\.py::test_(?:ends_\w+\[(?:expected|tangent|softmax-options5)|what_\w+\[rounded)"
    r"|tests/integration/test_jax\.py::test_what_\w+\[(?:dict|key|order|other|text)"
    r"|tests/integration/test_reduce\.py::test_calls_and_weights"
    r"|tests/integration/test_cluster\.py::test_workers_that_die_or_freeze_\w+\[20"
    r"|tests/integration/test_torch\.py::test_weights_that_are_there"
    r"|tests/integration/test_field_compare\.py::\w+\[3\.6\.0"
    r"|tests/integration/test_field_compile\.py::test_flags_of_the_harness_do_not_decide\[3\.1[12]"
    r"|tests/integration/test_field_run\.py::test_(?:a_program_for_two_devices|results_in_arguments\w+)\[3\.(?:3|6|10)"
    r"|tests/integration/test_reuse\.py::test_pytest_"
    r"|tests/integration/test_verdict_differential\.py::\w+\[3\.(?:6|12)\.0"
    r"|tests/integration/test_dialect\.py::(?!test_chips)\w+\[(?!3\.0\.0|3\.7\.1|3\.13\.0)"
    r"|tests/integration/test_dialect\.py::test_chips_\w+\[(?!3\.1[23]\.0-edges)"
    r"|tests/integration/test_localize\.py::test_(?:a_bisect_\w+|the_pass_\w+|whole_\w+|the_side_\w+\[false|the_operation_\w+\[(?!summed-3\.13\.0|unread))"
    r"|tests/integration/test_reduce\.py::test_(?:a_small_program|a_bisect|a_failed_dispatch|weights)_\w+"
    r"|tests/integration/test_memory_rule\.py"
    r"|tests/integration/test_onnx_localize\.py::test_nodes_are_named"
    r"|tests/integration/test_original_suite\.py::test_the_flags_\w+\[(?!3\.0\.0|3\.7\.1|3\.13\.0)"
    r"|tests/integration/test_tiny\.py::test_(?:all_\w+\[3\.9\.0|small_\w+\[3\.0\.0)"
)
_WHOLE = "whole"  # a fixture: all programs of which some release changes the answer, judged with all releases
_ENGINE = re.compile(r"\[(?:.*-)?(docker|podman|rootless)\b")


class _ByEngine(LoadScopeScheduling):  # type: ignore[misc]  # it has no types
    """Keeps tests together that share what takes long: an engine and its images, releases, servers, the catalogue."""

    def _split_scope(self, nodeid: str) -> str:
        if sharing := _SHARING.match(nodeid):
            return _SHARED.get(sharing[1], sharing[1])
        if not _WITH_ENGINES.match(nodeid):
            return nodeid
        return found[1] if (found := _ENGINE.search(nodeid)) else "docker"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what takes minutes."""
    for item in items:
        if _SLOW.match(item.nodeid) or _WHOLE in getattr(item, "fixturenames", ()):
            item.add_marker("slow")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> LoadScopeScheduling:
    """Schedule by engine: `--dist loadgroup` of xdist 3.8 has no effect with pytest 9.2."""
    return _ByEngine(config, log)


# Beginning of the reason for which a test is left out where container engines cannot be started.
LEFT_OUT = "left out for lack of an engine: "
_ENGINES = "docker.io iptables docker-registry podman netavark aardvark-dns crun catatonit uidmap mmdebstrap"


# The browser in which the page is tested, and the beginning of the reason for which it is left out.
CHROMIUM = "chromium"
NO_BROWSER = "left out for lack of a browser: "
# The software driver for Vulkan, and the same for it.
VULKAN = "mesa-vulkan-drivers libvulkan1"
NO_VULKAN = "left out for lack of a driver for Vulkan: "


def leave_out(reason: str) -> None:
    """Leave a test out; in CI, where everything is installed, this is a failure."""
    (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say in one line what was left out, and which command installs what it needs."""
    skipped = [each for each in terminalreporter.stats.get("skipped", ()) if LEFT_OUT in str(each.longrepr)]
    if skipped:
        command = f"sudo apt-get install --no-install-recommends {_ENGINES}"
        terminalreporter.write_line(
            f"{len(skipped)} tests with container engines were left out. To run them, as root: {command}"
        )
    for reason, packages, what in ((NO_BROWSER, CHROMIUM, "a browser"), (NO_VULKAN, VULKAN, "Vulkan")):
        if unseen := [each for each in terminalreporter.stats.get("skipped", ()) if reason in str(each.longrepr)]:
            command = f"sudo apt-get install --no-install-recommends {packages}"
            terminalreporter.write_line(f"{len(unseen)} tests with {what} were left out. To run them: {command}")


def pytest_configure(config: pytest.Config) -> None:
    """Let ^C reach what the tests start, and keep the history of the user as it is.

    A shell ignores ^C for what it has in the background, as us.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if not hasattr(config, "workerinput"):  # workers inherit it
        state = tempfile.TemporaryDirectory(prefix="harness-state-")
        config.add_cleanup(state.cleanup)
        os.environ["XDG_STATE_HOME"] = state.name
    _measure_what_is_started()


def _measure_what_is_started() -> None:
    """If coverage is measured, have it measured in the way of `started.coveragerc` in all processes from here on."""
    if os.environ.pop("COVERAGE_PROCESS_CONFIG", None):
        os.environ["COVERAGE_ROOT"] = str(Path(__file__).parents[1])
        os.environ["COVERAGE_PROCESS_START"] = str(Path(__file__).with_name("started.coveragerc"))
