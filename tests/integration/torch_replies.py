"""Asks the worker for PyTorch for models of a folder, one after the other in one process, and prints what it replies.

python -BIS torch_replies.py ENVIRONMENT REQUEST...     in the folder; each request is JSON, without what is the default
"""

import importlib
import json
import sys
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "harness/importers/workers"
DEFAULTS = {"do": "import", "model": "odd.py", "entry": "", "seed": 0, "inputs": [], "dimensions": {}, "weights": ""}

if __name__ == "__main__":
    sys.path[:0] = [str(FOLDER), sys.argv[1]]
    main = importlib.import_module("main")
    main._show_workers_only()
    worker, exchange = (
        importlib.import_module(f"harness.importers.workers.{each}") for each in ("torch_worker", "exchange")
    )
    replies = []
    for text in sys.argv[2:]:
        asked = {**DEFAULTS, **json.loads(text)}
        asked["model"] = str(Path(asked["model"]).absolute())
        Path(exchange.REQUEST).write_text(json.dumps(asked), encoding="utf-8")
        exchange.answer(worker.STEPS)
        replies.append(json.loads(Path(exchange.REPLY).read_text(encoding="utf-8")))
    sys.stdout.write(f"{json.dumps(replies)}\n")
