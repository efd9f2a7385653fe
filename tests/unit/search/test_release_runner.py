import io
import threading
from pathlib import Path

import pytest
from rich.console import Console

from harness.cli import arguments
from harness.search.release_runner import Prober, Quiet, known_releases


def prober(folder: Path) -> Prober:
    parsed = arguments.parser({}).parse_args(["matrix", "tiny", "--engine=local", f"--store={folder}/store"])
    live = Quiet(Console(file=io.StringIO()), id_width=0)
    return Prober(parsed, {}, (), folder, live, known=known_releases(parsed, {}, lambda _: None))


def test_an_interrupt_before_a_thread_has_begun_does_no_harm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_: threading.Thread) -> None:
        raise KeyboardInterrupt

    judge = prober(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", interrupted)
        with pytest.raises(KeyboardInterrupt):
            judge.prepare("3.13.0")
    judge.close()
    judge.prepare("3.12.0")
    assert not (tmp_path / "store" / "toolchains").exists(), "nothing begins after the end"
