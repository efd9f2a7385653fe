"""The tag of an image depends on the files of the harness; a process imports a changed copy."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import harness
from harness.containers import build_context

ASKS = """
import os, sys
from pathlib import Path
import harness
from harness.containers import build_context
from harness.host import bundled
package = Path(harness.__file__).parent
assert package == Path(sys.argv[1]), package  # it is about to be changed
def ask():
    bundled.sources_sha256.cache_clear()
    print(build_context.this_harness.__wrapped__())
ask()
(package / "__pycache__").mkdir(exist_ok=True)
(package / "__pycache__" / "new.pyc").write_bytes(b"x")
for path in package.rglob("*.py"):
    os.utime(path, (1, 1))
    path.chmod(0o600)
ask()
(package / "core" / "errors.py").write_text((package / "core" / "errors.py").read_text() + "#")
ask()
(package / "iree" / "flags.toml").rename(package / "iree" / "flags2.toml")
ask()
(package / "new.py").touch()
ask()
"""


def test_the_harness_is_told_by_its_sources_and_nothing_else(tmp_path: Path) -> None:
    shutil.copytree(Path(harness.__file__).parent, tmp_path / "harness", ignore=shutil.ignore_patterns("__pycache__"))
    argv = [sys.executable, "-B", "-P", "-c", ASKS, str(tmp_path / "harness")]
    environment = {"PYTHONPATH": str(tmp_path)}
    ran = subprocess.run(argv, cwd=tmp_path, env=environment, check=True, capture_output=True, text=True)
    first, touched, edited, renamed, added = ran.stdout.split()
    assert first == touched == build_context.this_harness()
    assert len({first, edited, renamed, added}) == 4
    assert re.fullmatch(rf"{re.escape(harness.__version__)}\+[0-9a-f]{{12}}", first)
