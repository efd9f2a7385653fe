"""The programs that `benchmarks/suite.py` compares do the same work: otherwise their costs say nothing."""

import importlib
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.iree import releases
from harness.iree.toolchain import Toolchain
from tests.integration.test_benchmarks import FOLDER


def test_a_script_pytest_and_the_harness_give_the_same_answers(
    toolchain: Callable[[str], Toolchain], store_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(FOLDER)
    suite, suite_models = importlib.import_module("suite"), importlib.import_module("suite_models")
    tools = toolchain(releases.newest().name)
    models = suite_models.written(tmp_path / "served", 2, 32)
    (tmp_path / "store").symlink_to(store_dir)
    with importlib.import_module("fetch").served(tmp_path / "served", 100) as root:
        place = suite.Place(
            scratch=tmp_path,
            tools=f"{tools.iree_compile.parent}:{tools.iree_run_module.parent}",
            models=models,
            jobs=1,
            container=f"{root}/0/suite",
        )
        suite_models.write_specs(place.specs, models, place.container)
        runs = [run for _, run in suite.PROGRAMS.values()]
        answers = [run(place)[1] for run in runs]
    assert len(runs) == 3
    assert answers == [{"model00": "failed", "model01": "passed"}] * 3
