import sys
from pathlib import Path
from types import ModuleType

import pytest

from harness.importers.workers import user_code


def test_only_the_users_own_files_are_sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The model may be in a clone of the harness, or above the cache, which has the framework."""
    modules = {
        "layers": "layers.py",
        "parts.head": "parts/head.py",
        "harness.importers.workers.exchange": "harness/importers/workers/exchange.py",
        "torch": ".cache/importers/torch/torch/__init__.py",
    }
    for name, file in modules.items():
        module = ModuleType(name)
        module.__file__ = str(tmp_path / file)
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setattr(sys, "path", [str(tmp_path / ".cache/importers/torch"), *sys.path, str(tmp_path)])
    assert user_code.sources(tmp_path / "model.py") == ["model.py", "layers.py", "parts/head.py"]


@pytest.mark.parametrize("name", ["__main__", "__mp_main__"])  # the second is what multiprocessing calls it
def test_the_program_that_reads_a_model_is_no_source_of_it(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    program = Path(user_code.__file__).with_name("main.py")
    module = ModuleType(name)
    module.__file__ = str(program)
    monkeypatch.setitem(sys.modules, name, module)
    clone = program.parents[3]
    assert str(program.relative_to(clone)) not in user_code.sources(clone / "model.py")
