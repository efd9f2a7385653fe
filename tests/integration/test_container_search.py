"""A bisect in containers: each release has an image of its own."""

import json
from collections.abc import Callable
from typing import Any

from tests.integration.dock import NAME, Dock, Yard
from tests.integration.test_matrix import NAMED_ADD


def test_the_release_that_broke_a_program_is_found_in_containers(rootful: Dock, yards: Callable[..., Yard]) -> None:
    yard = yards(rootful, can_build=True)
    program = yard.model_dir / yard.file("named.mlir", NAMED_ADD)
    ends = ["--good", "3.12.0", "--bad", "3.13.0", "--out", str(yard.out)]
    inputs = ["--function", "add", "--input", "4xf32=1", "--input", "4xf32=2", "--repeat", "3"]
    result = yard.run(str(program), *inputs, *ends, command="bisect")
    assert result.code == 0, result.text
    document: Any = json.loads((yard.out / "bisect.json").read_text())
    assert (document["result"]["kind"], document["result"]["first"]) == ("first-bad", "3.13.0")
    assert [probe["status"] for probe in document["probes"]] == ["failed", "ran"]
    results = json.loads((yard.out / "probes" / "3.12.0" / "results.json").read_text())
    assert results["environment"]["engine"] == "container"
    assert results["environment"]["image"]["tag"].startswith(f"{NAME}-3.12.0-")
    assert f"--image {NAME}" in document["commands"]["3.12.0"]
    assert yard.left() == []
    rootful.engine.api.remove_image(f"localhost/iree-quality:{results['environment']['image']['tag']}")
