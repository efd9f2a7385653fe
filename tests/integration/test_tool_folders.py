"""The folders of tools on this machine: private, of plain names whatever the user's are called, and gone afterwards."""

from pathlib import Path

from tests.integration.laboratory import Laboratory

ODD = "a b'c\"d$(touch pwned)`touch pwned`;touch pwned;&&é"
# Leaves processes behind: in its group, in a session of its own, and without a parent.
LEAVES = """#!/bin/sh
sleep 1177 &
setsid sleep 1178 &
(setsid sh -c 'sleep 1179 & exec sleep 1180' &) &
exec "$@"
"""


def sleeping() -> list[str]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if words[0] == b"sleep" and words[1] in {b"1177", b"1178", b"1179", b"1180"}:
            found.append(words[1].decode())
    return found


def test_any_name_of_a_folder_will_do(lab: Laboratory) -> None:
    """iree-compile links through a shell, in which it does not quote paths."""
    temporary = lab.root / f"tmp {ODD}"
    temporary.mkdir()
    lab.store_dir, lab.out = lab.root / f"store {ODD}", lab.root / f"out {ODD}"
    lab.spec()
    result = lab.run(environment={"TMPDIR": str(temporary)})
    assert result.verdict == (0, "passed", None), result.text
    assert not list(lab.root.rglob("pwned"))
    assert list(temporary.iterdir()) == []


def test_what_a_tool_leaves_behind_ends_with_it(lab: Laboratory) -> None:
    lab.spec()
    wrapper = lab.model_dir / lab.file("leaves.sh", LEAVES)
    wrapper.chmod(0o755)
    result = lab.run("--run-wrapper", str(wrapper))
    assert result.verdict == (0, "passed", None), result.text
    assert sleeping() == []
