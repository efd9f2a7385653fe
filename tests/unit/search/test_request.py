from pathlib import Path
from typing import Any

import pytest

from harness.core.cases import Case, Release
from harness.core.errors import UsageError
from harness.core.search_settings import SearchSettings
from harness.core.settings import Settings
from harness.iree.releases import Releases, ReleaseWheels, Wheel
from harness.search import request
from harness.search.finding import SearchRequest
from tests.unit.command_lines import invocation
from tests.unit.samples import CPU, blob, spec

CASE = Case(spec=spec(), target=CPU)


def search(*options: str) -> SearchSettings:
    return invocation("bisect", "tiny/clip", *options).search


def search_request(*options: str) -> SearchRequest:
    called = invocation("bisect", "tiny/clip", *options)
    return request.search_request(called.search, called.settings, CASE, Releases())


@pytest.mark.parametrize(
    ("options", "first", "last", "ends"),
    [
        ([], "3.0.0", "3.13.0", (None, None)),
        (["--good=3.4.0", "--bad=3.9.0"], "3.4.0", "3.9.0", (0, 6)),
        (["--good=3.4.0"], "3.4.0", "3.13.0", (0, None)),
        (["--bad=3.9.0"], "3.0.0", "3.9.0", (None, 11 - 1)),
        (["--find=fix", "--bad=3.1.0", "--good=3.2.0"], "3.1.0", "3.2.0", (0, 1)),
        (["--find=fix", "--bad=3.1.0"], "3.1.0", "3.13.0", (0, None)),
    ],
)
def test_the_releases_between_the_ends_are_searched(
    options: list[str], first: str, last: str, ends: tuple[int | None, int | None]
) -> None:
    found = search_request(*options)
    assert (found.releases[0], found.releases[-1]) == (first, last)
    assert (found.span.older, found.span.newer) == ends
    assert found.span.count == len(found.releases)
    assert found.case == "tiny/clip[cpu]"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ["--good=3.9.0", "--bad=3.4.0"],
            "--good 3.9.0 is not older than 3.4.0; to find the release that fixed it, add --find fix",
        ),
        (["--good=3.9.0", "--bad=3.9.0"], "--good 3.9.0 is not older than 3.9.0"),
        (["--find=fix", "--good=3.4.0", "--bad=3.9.0"], "--bad 3.9.0 is not older than 3.4.0; remove --find fix"),
        (["--good=3.13.0"], "--good 3.13.0 is not older than 3.13.0"),
        (["--good=3.99.0"], "3.99.0: no such IREE release"),
        (["--metric=x"], "unknown name 'x'"),
        (["--repeat=4", "--at-least=2"], "--at-least 2: expected more than half of --repeat 4, and at most 4"),
        (["--repeat=2", "--at-least=3"], "--at-least 3: expected more than half"),
    ],
)
def test_what_cannot_be_asked(options: list[str], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        search_request(*options)
    assert message in str(caught.value)


IMAGES = ("--image=a", "--image=b", "--image=c")


@pytest.mark.parametrize(
    ("options", "searched", "ends"),
    [
        ([], "abc", ("a", "c")),
        (["--over=images", "--find=fix"], "abc", ("c", "a")),
        (["--good=b"], "bc", ("b", "c")),
        (["--bad=b", "--iree=3.9.0"], "ab", ("a", "b")),
    ],
)
def test_the_ends_of_images_are_the_first_and_the_last(
    options: list[str], searched: str, ends: tuple[str, str]
) -> None:
    found = search_request(*IMAGES, *options)
    assert (found.axis, found.releases, (found.good, found.bad)) == ("image", tuple(searched), ends)
    assert found.release == ("3.9.0" if "--iree=3.9.0" in options else "3.13.0")
    assert request.defaults(found) == ()
    with pytest.raises(UsageError, match="--pin-defaults good: images have no defaults; name a release"):
        request.pinned("good", found)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--good=d"], "--good d: not among the images to search; expected one of a, b, c"),
        (["--good=c", "--bad=a"], "--good c is not older than a; to find the image that fixed it, add --find fix"),
        (["--attribute"], "--attribute has no effect if images are searched"),
        (["--over=hip"], "--over hip: name at least two --hip"),
    ],
)
def test_what_cannot_be_asked_of_images(options: list[str], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        search_request(*IMAGES, *options)
    assert message in str(caught.value)


def test_one_hip_runtime_is_not_enough(tmp_path: Path) -> None:
    (library := tmp_path / "libamdhip64.so").touch()
    with pytest.raises(UsageError, match="bisect needs at least two HIP runtimes, oldest first; name another one"):
        search_request("--hip", str(library))


def test_by_default_all_runs_have_to_agree() -> None:
    question = request.question(search("--repeat=5"))
    assert (question.repeat, question.at_least, question.confirms) == (5, 5, False)
    assert request.question(search("--repeat=5", "--at-least=3")).at_least == 3


def test_without_a_number_of_runs_the_answer_is_confirmed() -> None:
    question = request.question(search())
    assert (question.repeat, question.at_least, question.confirms) == (1, 1, True)
    assert not request.question(search("--repeat=1")).confirms


def key(folder: Path, *options: str, release: ReleaseWheels | None = None, **changes: Any) -> Any:
    called = invocation("bisect", "tiny/clip", "--store", str(folder / "store"), *options)
    found = release or Releases().find("3.0.0")
    return request.identity(called.settings, called.search, [Case(spec=spec(**changes), target=CPU)], [found])


def test_a_search_is_another_if_an_own_build_is_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "w.whl"
    wheels = (Wheel(package="iree-base-compiler", version="3.14.0", sha256=(), url=path.as_uri()),)
    own = ReleaseWheels(release=Release(name="3.14.0", date=None), release_candidate="3.14.0", commit="", wheels=wheels)
    found = []
    for text in ("1", "2"):
        path.write_text(text)
        found.append(key(tmp_path, release=own))
    assert found[0] != found[1]
    assert found[1] == key(tmp_path, release=own)


def test_a_search_is_another_if_the_question_or_a_file_is(tmp_path: Path) -> None:
    path = tmp_path / "model.mlir"
    path.write_text("1")
    local: dict[str, Any] = {"mlir": blob("x")}
    local["mlir"] = type(local["mlir"])(url=path.as_uri())
    first = key(tmp_path, **local)
    assert key(tmp_path, **local) == first
    assert key(tmp_path, "--jobs=3", "--out=x", "--log=y", "--connections=2", **local) == first
    assert key(tmp_path, "--good=3.4.0", **local) != first
    assert key(tmp_path, "--any-failure", **local) != first
    assert key(tmp_path, "--timeout=7", **local) != first
    assert key(tmp_path, run_function="other", **local) != first
    path.write_text("2")
    assert key(tmp_path, **local) != first


@pytest.mark.parametrize(
    ("options", "flags"),
    [
        (["--good=3.4.0"], ["--iree-opt-data-tiling", "--iree-llvmcpu-reassociate-fp-reductions"]),
        (["--good=3.8.0"], ["--iree-llvmcpu-reassociate-fp-reductions"]),
        (["--good=3.11.0"], []),
        (["--bad=3.7.1"], []),
    ],
)
def test_the_defaults_that_change_within_what_is_searched(options: list[str], flags: list[str]) -> None:
    assert [each.flag for each in request.defaults(search_request(*options))] == flags


@pytest.mark.parametrize(
    ("options", "pinned", "name"),
    [
        (["--good=3.4.0"], "good", "3.4.0"),
        (["--bad=3.9.0"], "bad", "3.9.0"),
        ([], "3.7.0", "3.7.0"),
        (["--good=3.4.0"], None, None),
    ],
)
def test_defaults_are_pinned_to_an_end_or_a_release(options: list[str], pinned: str | None, name: str | None) -> None:
    assert request.pinned(pinned, search_request(*options)) == name


def test_an_end_that_is_not_named_has_no_defaults() -> None:
    with pytest.raises(UsageError, match="--pin-defaults bad needs --bad; add it, or name a release"):
        request.pinned("bad", search_request())


@pytest.mark.parametrize(
    ("names", "is_timed", "measures_compiler"),
    [
        (["dispatches", "module_bytes", "max_abs_error"], False, False),
        (["compile_seconds"], False, True),
        (["dispatches", "compile_cpu_seconds"], False, True),
        (["peak_memory_bytes"], False, True),
        (["latency_ms"], True, False),
        (["latency_ms", "compile_seconds"], True, True),
    ],
)
def test_what_a_number_needs(names: list[str], *, is_timed: bool, measures_compiler: bool) -> None:
    run = request.timed(Settings(), names).run
    assert (run.timing is not None, run.measures_compiler) == (is_timed, measures_compiler)
