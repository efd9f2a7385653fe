import json
from pathlib import Path

from harness.core.provenance import Provenance
from harness.specs import bless
from tests.unit.specs.test_reader import SOURCE, load, write


def test_recorded_outputs_leave_where_the_program_came_from(tmp_path: Path) -> None:
    value = {"mlir": "m.mlir", "run_function": "f", "outputs": [{"value": "4xf32=1"}], "provenance": {"source": SOURCE}}
    made = Provenance(
        reference="cpu", release="3.13.0", backend="cpu", devices=("local-task",), date=SOURCE["date"], outputs=(None,)
    )
    edit = bless.recorded(write(tmp_path, value), [None], made, inherited={})
    spec = load(tmp_path, json.loads(edit.after))
    assert spec.provenance == made
    assert spec.program_source
    assert spec.program_source.command == SOURCE["command"]
