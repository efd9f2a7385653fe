"""What a run shows while it goes on, in a terminal and in a log, with real tools."""

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
from collections.abc import Callable
from pathlib import Path

from harness.iree import releases
from harness.iree import toolchain as toolchains
from harness.store.store import Store
from tests.integration.laboratory import A, Laboratory, clean_environment, wait_for

ROWS, COLUMNS = 24, 80
CONTROLS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Terminal:
    """A terminal of 24 lines and 80 columns with a command in it."""

    def __init__(self, argv: list[str], cwd: Path) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        variables = {**clean_environment(), "TERM": "xterm-256color"}
        variables = {name: value for name, value in variables.items() if name not in {"COLUMNS", "LINES"}}
        self.child = subprocess.Popen(argv, stdin=slave, stdout=slave, stderr=slave, env=variables, cwd=cwd)
        os.close(slave)
        self.text = ""

    def shows(self, text: str) -> bool:
        """Return whether a text was shown by now."""
        while select.select([self._master], [], [], 0)[0]:
            try:
                self.text += CONTROLS.sub("", os.read(self._master, 1 << 16).decode())
            except OSError:  # the command has ended
                break
        return text in self.text

    def close(self) -> int:
        """Wait for the end of the command, and return its exit code."""
        wait_for(lambda: self.shows("Results: ") and self.child.poll() is not None)
        os.close(self._master)
        return self.child.wait()


def test_a_terminal_shows_the_total_and_what_runs_and_no_line_is_too_long(lab: Laboratory) -> None:
    script = f"sh -c 'while [ ! -e {lab.root}/go ]; do sleep 0.01; done; exec \"$@\"' sh"
    lab.spec()
    lab.spec("with_quite_a_long_name_for_a_model_that_is_wrong_cpu", outputs=[lab.tensor("wrong.npy", A)])
    terminal = Terminal(lab.argv("toy", "--run-wrapper", script), lab.root)
    wait_for(lambda: terminal.shows(" running"))
    wait_for(lambda: terminal.shows("  running toy/"))
    assert "0/2 done" in terminal.text
    (lab.root / "go").touch()
    assert terminal.close() == 1
    lines = re.split(r"[\r\n]+", terminal.text)
    pasted = ("  log  ", "  kept  ", "  tool  ", "  again  ", "Results: ")
    assert [line for line in lines if len(line) > COLUMNS and not line.startswith(pasted)] == []
    assert any(line.startswith("  tool   (cd ") for line in lines), "what can be pasted is not broken"
    assert any("max error" in line or "exact" in line for line in lines)


def test_a_log_is_not_told_each_second(lab: Laboratory) -> None:
    lab.spec()
    shown = lab.run("toy", "--run-wrapper", "sh -c 'sleep 2; exec \"$@\"' sh").text
    assert " elapsed" not in shown
    assert [line.split()[0] for line in shown.splitlines() if line] == [
        "IREE",
        "PASSED",
        "slowest:",
        "1",
        "As",
        "Results:",
    ]


def test_an_installation_tells_how_much_it_has_written(
    tmp_path: Path, toolchain: Callable[[str], toolchains.Toolchain]
) -> None:
    name = releases.newest().name
    toolchain(name)  # so that uv has the wheels
    told: list[tuple[str, str | None]] = []
    with Store(tmp_path / "store", on_work=lambda *report: told.append(report)) as store:
        toolchains.installed(releases.find(name), store)
    assert {activity for activity, _ in told} == {f"installing IREE {name}"}
    (first, *amounts, last) = [amount for _, amount in told]
    assert (first, last) == ("", None)
    assert all(re.fullmatch(r"\d+\.\d MB", amount or "") for amount in amounts)
    assert amounts
