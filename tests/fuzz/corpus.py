r"""What was found: contents that once ended a reader or a command with an exception nobody expected, or did not end.

Add what `nox -s fuzz` prints.
"""

import json
from collections.abc import Sequence

FINDINGS: Sequence[tuple[str, bytes]] = (
    ("spec", b'{"mlir": "m.mlir", "run_function": "a\\u0000b"}'),
    ("spec", b'{"mlir": "m.mlir", "run_function": "\\ud800"}'),
    ("spec", b'{"mlir": "m.mlir", "compiler_flags": ["--x=\\u0000"], "inputs": [{"value": "4xf32=\\udfff"}]}'),
    ("spec", b'{"mlir": "m.mlir", "inputs": [{"value": "' + b"9" * 5000 + b'xf32=0"}]}'),
    ("spec", b'{"mlir": "m.mlir", "inputs": [{"source": "a", "value": "' + b"999999999x" * 60 + b'f32"}]}'),
    ("spec", b'{"mlir": "' + b"a" * 300 + b'"}'),
    ("spec", b'{"mlir": "m.mlir", "threshold_args": ["--expected_rtol=1_0_0"]}'),
    ("spec", b"[" * 100_000),
    ("spec", b'{"compiler_flags": [' + b"1, " * 200 + b'1], "mlir": []}'),
    ("lock", b'{"https://h/x": {"sha256": "ab", "size": 1e999}}'),
    ("lock", b'{"https://h/x": {"sha256": "' + b"ab" * 32 + b'", "size": ' + b"9" * 400 + b"}}"),
    ("lock", b"[" * 100_000),
    ("entry", b'{"files":{},"made":1}'),
    ("entry", b'{"files":{"blob":{"bytes":0,"mtime_ns":0,"inode":0,"sha256":null}},"made":1}'),
    ("entry", b'{"files":{"blob":{"bytes":"1","mtime_ns":[],"inode":{},"sha256":7}},"made":"x"}'),
    ("entry", b'{"files":{},"made":' + b"9" * 400 + b"}"),
    ("url", b'{"sha256": 7}'),
    ("url", b"{}"),
    ("digest", b"[]"),
    ("digest", b'{"path": "\\u0000"}'),
    ("results", b'{"schema": 1, "cases": [{"id": 7}]}'),
    ("results", json.dumps({"schema": 1, "seconds": 10**400, "cases": []}).encode()),
    (
        "results",
        b'{"schema": 1, "started": "", "seconds": 1, "exit_code": 1, "environment": {"prefix": 1}, "cases": []}',
    ),
    ("search", b'{"key": "a"}\n[]\n'),
    ("search", b"7\n"),
    ("page", b"<![if IE]><a href='x"),
    ("page", b"<a href='http://[/iree_base_compiler-3.9.0-cp312-cp312-linux_x86_64.whl'>"),
    ("message", b"[" * 100_000),
    ("literal", b"f32=" + b"1" * 100_000 + b"x"),
    ("literal", "f32=\N{FULLWIDTH DIGIT ONE}".encode()),
)
