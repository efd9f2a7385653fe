"""Seconds of CPU of what the client of a cluster does, without a cluster."""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from harness import __version__
from harness.cluster import contents, labels
from harness.cluster.messages import Offer
from harness.cluster.roster import Load, Roster
from harness.core.tensors import TensorType, Thresholds
from harness.pipeline import contents as contents_of
from harness.pipeline.compare import compare

NEEDS = {labels.COMPILE: 1}
WORKERS = 1000


def timed(what: Callable[[], object], count: int) -> float:
    """Return the seconds of this thread's CPU that something takes."""
    what()
    began = time.thread_time()
    for _ in range(count):
        what()
    return (time.thread_time() - began) / count


def chosen_s(*, busy: int) -> float:
    """Return the seconds of CPU to choose one of many workers, of which so many have no free slot."""
    offer = Offer(name="", version=__version__, cpu="", slots=NEEDS)
    roster, load = Roster({str(number): offer for number in range(WORKERS)}), Load()
    for _ in range(busy):
        load.take(roster, NEEDS)
    return timed(lambda: load.give_back(load.take(roster, NEEDS), NEEDS), 100)


def compared(size: int) -> float:
    """Return the seconds of CPU to compare an output of so many bytes."""
    with tempfile.TemporaryDirectory() as name:
        path, declared = Path(name, "output"), TensorType(shape=(size // 4,), element="f32")
        path.write_bytes(bytes(size))
        pair = contents_of.of_output(path, declared), contents_of.of_file(path, declared, is_npy=False)
        return timed(lambda: compare(0, *pair, thresholds=Thresholds()), 5)


def written(size: int) -> float:
    """Return the seconds of CPU that writing a file of a result takes."""
    with tempfile.TemporaryDirectory() as name:
        return timed(lambda: contents.put({"a": bytes(size)}, Path(tempfile.mkdtemp(dir=name))), 5)
