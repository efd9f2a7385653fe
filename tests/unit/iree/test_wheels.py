from pathlib import Path

import pytest

from harness.core.errors import FetchError
from harness.iree import wheels


def test_without_a_network_there_is_another_next_step(tmp_path: Path) -> None:
    with pytest.raises(FetchError, match="Cannot install IREE; run once without --offline"):
        wheels.install(
            "IREE",
            f"no-such-package-anywhere==1.0 --hash=sha256:{'0' * 64}\n",
            tmp_path,
            target=tmp_path,
            python_version="3.12",
            options=("--no-deps",),
            offline=True,
        )
