import sys

import pytest

from harness.cli import command_line


@pytest.mark.parametrize("line", [["quality", "tiny", "--scheduler", "tcp://127.0.0.1:1"], ["cluster", "worker"]])
def test_a_cluster_without_its_extra_is_told(
    line: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in [each for each in sys.modules if each.startswith(("harness.cluster", "harness.cli.commands.cluster"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "distributed", None)
    monkeypatch.setitem(sys.modules, "dask", None)
    assert command_line.main(line, {}) == 2
    assert "use `pip install 'iree-quality-harness[cluster]'`." in capsys.readouterr().err
