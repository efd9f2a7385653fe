"""The ends of a bisect, from its file."""

import json
from pathlib import Path
from typing import Any

import pytest

from harness.core.errors import UsageError
from harness.localize import ends
from harness.localize.ends import Ends

PROBES = [{"release": "3.9.0", "results": "probes/3.9.0"}, {"release": "3.10.0", "results": "probes/3.10.0"}]
BREAK = {"kind": "first-bad", "first": "3.10.0", "last_good": "3.9.0", "last_bad": None}
FIX = {"kind": "first-good", "first": "3.10.0", "last_good": None, "last_bad": "3.9.0"}


def written(folder: Path, **changed: Any) -> Path:
    """Write what a bisect leaves."""
    document = {"schema": 1, "axis": "release", "result": BREAK, "probes": PROBES, **changed}
    (folder / "bisect.json").write_text(json.dumps(document))
    return folder


def test_a_bisect_names_the_bad_release_and_the_good_one(tmp_path: Path) -> None:
    assert ends.of_folder(written(tmp_path)) == (Ends(bad="3.10.0", good="3.9.0"), tmp_path / "probes/3.10.0")
    assert ends.of_folder(written(tmp_path, result=FIX)) == (
        Ends(bad="3.9.0", good="3.10.0"),
        tmp_path / "probes/3.9.0",
    )


def test_other_results_are_no_bisect(tmp_path: Path) -> None:
    assert ends.of_folder(tmp_path) is None


@pytest.mark.parametrize(
    "changed", [{"result": {**BREAK, "kind": "candidates", "first": None}}, {"axis": "image"}, {"probes": []}]
)
def test_a_bisect_without_an_answer_is_refused(tmp_path: Path, changed: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="names no single release; name one with --iree"):
        ends.of_folder(written(tmp_path, **changed))


@pytest.mark.parametrize("text", ["", "{", '{"axis": 3}'])
def test_a_broken_file_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "bisect.json").write_text(text)
    with pytest.raises(UsageError, match=r"bisect\.json: .*expected a file that `harness bisect` wrote"):
        ends.of_folder(tmp_path)
