"""Asks the worker for PyTorch for functions of odd.py, one after the other, and prints what it replies.

python -BIS torch_replies.py ENVIRONMENT FUNCTION...     in the folder of odd.py
"""

import importlib
import json
import sys
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "harness/importers/workers"

if __name__ == "__main__":
    sys.path[:0] = [str(FOLDER), sys.argv[1]]
    main = importlib.import_module("main")
    main._show_workers_only()
    worker, exchange = (
        importlib.import_module(f"harness.importers.workers.{each}") for each in ("torch_worker", "exchange")
    )
    replies = {}
    for entry in sys.argv[2:]:
        asked = {"do": "import", "model": str(Path("odd.py").absolute()), "entry": entry, "seed": 0, "inputs": []}
        Path(exchange.REQUEST).write_text(json.dumps({**asked, "dimensions": {}}), encoding="utf-8")
        exchange.answer(worker.STEPS)
        replies[entry] = json.loads(Path(exchange.REPLY).read_text(encoding="utf-8"))
    sys.stdout.write(f"{json.dumps(replies)}\n")
