"""Kills fetching processes at random moments, and sees that nothing is lost and nothing wrong is left."""

import contextlib
import enum
import hashlib
import os
import random
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from harness.core import urls
from harness.fetch.journal import Chunk, gaps, parsed
from harness.fetch.partial import BLOB, JOURNAL
from harness.store.entry import MANIFEST
from harness.store.gc import verify
from harness.store.store import Store
from tests.integration.range_server import Asked, RangeServer, Serving
from tests.integration.zygote import Fetching, Job, Zygote
from tests.patience import PATIENCE_S

ROUNDS = 90  # with another seed in each run of the tests
SURE = 8  # every so many rounds, a process is killed at a moment of which it is known how far it came
KILLED_OFTEN = 7  # every so many rounds
KILLED = -9
KIB = 1 << 10


class Moment(enum.Enum):
    """When a process is killed."""

    CHUNKS = "when a part is whole, and the last byte is not sent"
    BYTE = "when so many bytes were sent, after which nothing more comes"
    PASSING = "when so many bytes were sent, while more come"
    LAST = "after the last byte was sent"
    PUBLISHING = "when its manifest is written, or its partial entry is gone"
    WAITING = "when it waits for the last lock it takes"
    FETCHED = "when it has said that all is there"


class Phase(enum.Enum):
    """How far a process came that was killed, as its files show."""

    NOTHING = "no part was whole"
    PARTLY = "some parts were whole"
    COMPLETE = "all parts were whole, and not published"
    PUBLISHED = "it was published, and not noted for its URL"
    NOTED = "it was noted for its URL"


@dataclass(frozen=True, kw_only=True)
class Shape:
    """The size of a blob, of its parts, and how many connections bring them."""

    size: int
    chunk_bytes: int
    connections: int

    @property
    def path(self) -> str:
        return f"/{self.size}"


SHAPES = (
    Shape(size=24 * 32 * KIB, chunk_bytes=32 * KIB, connections=8),
    Shape(size=20 * 64 * KIB + 1, chunk_bytes=64 * KIB, connections=8),
    Shape(size=10 * 256 * KIB - 1, chunk_bytes=256 * KIB, connections=4),
    Shape(size=200 * 8 * KIB + 77, chunk_bytes=8 * KIB, connections=8),  # three parts in each span
    Shape(size=5 * 64 * KIB, chunk_bytes=64 * KIB, connections=1),
)


@dataclass(frozen=True, kw_only=True)
class Kill:
    """When a process is killed: at a fraction of what it lacks, and somewhat later."""

    moment: Moment
    fraction: float
    delay_s: float


@dataclass(frozen=True, kw_only=True)
class State:
    """What a process left that was killed: whole parts, and how many it had merely begun."""

    phase: Phase
    chunks: tuple[Chunk, ...]
    begun: int


@dataclass
class Round:
    """One blob in a store of its own, fetched again and again."""

    shape: Shape
    content: bytes
    root: Path
    server: RangeServer
    zygote: Zygote
    is_locked: bool
    phases: list[Phase] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.sha256 = hashlib.sha256(self.content).hexdigest()
        self.url = self.server.url(self.shape.path)
        place = ("blobs", self.sha256) if self.is_locked else ("urls", urls.index_key(self.url))
        self.store = Store(self.root)
        self.partial_dir = self.store.partial_dir(*place)
        self.path = self.store.path("blobs", self.sha256)
        self.index_path = self.store.path("urls", urls.index_key(self.url))

    def job(self, *, lingers: bool) -> Job:
        return Job(
            root=str(self.root),
            url=self.url,
            sha256=self.sha256 if self.is_locked else None,
            connections=self.shape.connections,
            chunk_bytes=self.shape.chunk_bytes,
            lingers=lingers,
        )

    def fetch_killed(self, kill: Kill) -> None:
        """Have a process killed, and look at what it left."""
        before = self.state()
        lacks = sum(stop - start for start, stop in self.lacking(before))
        at = int(kill.fraction * lacks)
        serving = self.server.anew(
            allowed=at if kill.moment is Moment.BYTE else None,
            before=self.shape.size - 1 if kill.moment is Moment.CHUNKS else None,
        )
        with self.lock_held(kill.moment):
            process = self.zygote.start(self.job(lingers=True))
            self.wait_until(kill.moment, serving, process, at, lacks)
            time.sleep(kill.delay_s)
            process.kill()
            assert process.ended() == KILLED, process.said
        serving.end()
        self.check_asked(before, serving.requests)
        after = self.state()
        self.phases.append(after.phase)
        # Once it is published, the rest of the partial entry is being removed, and its journal may be gone first.
        assert not self.lacking(after) or after.begun <= self.shape.connections * len(self.phases)
        self.check_store()

    def fetch(self) -> None:
        """Fetch it to its end."""
        before = self.state()
        serving = self.server.anew()
        process = self.zygote.start(self.job(lingers=False))
        assert process.wait_for("path") == str(self.path / BLOB)
        assert process.ended() == 0
        self.check_asked(before, serving.requests)
        assert (self.path / BLOB).read_bytes() == self.content
        assert not self.partial_dir.exists()
        self.check_store()
        with Store(self.root, boot="the one after a power loss") as store:
            assert store.find("blobs", self.sha256) is not None

    @contextlib.contextmanager
    def lock_held(self, moment: Moment) -> Iterator[None]:
        """Keep the process from ending: of a locked blob from noting its URL, of another from publishing it."""
        with contextlib.ExitStack() as stack:
            if moment is Moment.WAITING:
                kind, path = ("urls", self.index_path) if self.is_locked else ("blobs", self.path)
                stack.enter_context(self.store.lock(f"{kind}-{path.name}"))
            yield

    def wait_until(self, moment: Moment, serving: Serving, process: Fetching, at: int, lacks: int) -> None:
        match moment:
            case Moment.CHUNKS:
                wait_for(lambda: self.phase(self.state().chunks) is not Phase.NOTHING)
            case Moment.BYTE | Moment.PASSING:
                serving.wait(sent=at, requests=1 if lacks else 0)
            case Moment.LAST:
                serving.wait(sent=lacks)
            case Moment.PUBLISHING:
                wait_for(lambda: self.path.exists() or (self.partial_dir / MANIFEST).exists())
            case Moment.WAITING:
                process.wait_for("waits_for", "path")  # it needs no lock if all was there
            case Moment.FETCHED:
                process.wait_for("path")

    def state(self) -> State:
        """Return what is there; whatever the journal says must be true."""
        chunks: tuple[Chunk, ...] = ()
        begun = 0
        with contextlib.suppress(FileNotFoundError):
            chunks = parsed((self.partial_dir / JOURNAL).read_bytes()).chunks
        with contextlib.suppress(FileNotFoundError):
            there = (self.partial_dir / BLOB).read_bytes()
            for chunk in chunks:
                assert there[chunk.start : chunk.stop] == self.content[chunk.start : chunk.stop]
            size = self.shape.chunk_bytes
            whole = {chunk.start for chunk in chunks}
            # No byte of a content is zero: what is zero was never written.
            starts = [at for at in range(0, len(there), size) if at not in whole]
            begun = sum(1 for at in starts if there[at : at + size].strip(b"\0"))
        return State(phase=self.phase(chunks), chunks=chunks, begun=begun)

    def phase(self, chunks: tuple[Chunk, ...]) -> Phase:
        if self.index_path.exists():
            return Phase.NOTED
        if self.path.exists():
            return Phase.PUBLISHED
        if not chunks:
            return Phase.NOTHING
        return Phase.PARTLY if list(gaps(chunks, self.shape.size)) else Phase.COMPLETE

    def lacking(self, state: State) -> list[tuple[int, int]]:
        is_there = state.phase in {Phase.PUBLISHED, Phase.NOTED}
        return [] if is_there else list(gaps(state.chunks, self.shape.size))

    def check_asked(self, before: State, requests: list[Asked]) -> None:
        """See that nothing was asked for that was there: so only what had merely begun to come, comes twice."""
        lacking = self.lacking(before)
        for each in requests:
            assert any(start <= each.start and each.stop <= stop for start, stop in lacking), (each, lacking)
            assert each.if_range is not None or not before.chunks

    def check_store(self) -> None:
        """See that what is published is right, whether the store says so or not."""
        for entry in (self.root / "blobs").glob("*/*"):
            assert hashlib.sha256((entry / BLOB).read_bytes()).hexdigest() == entry.name
            there = {each.name for each in entry.iterdir() if not each.name.startswith(f".{MANIFEST}.")}
            assert there <= {BLOB, JOURNAL, MANIFEST}
        assert all(each.ok for each in verify(self.store))


def wait_for(condition: Callable[[], bool]) -> None:
    end_s = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end_s
        time.sleep(0.0002)


@pytest.fixture(scope="module")
def contents() -> dict[str, bytes]:
    """Return a content for each shape, without a zero byte."""
    return {
        shape.path: random.Random(number).randbytes(shape.size).replace(b"\0", b"\1")  # noqa: S311
        for number, shape in enumerate(SHAPES)
    }


@pytest.fixture(scope="module")
def server(contents: dict[str, bytes]) -> Iterator[RangeServer]:
    with RangeServer(contents) as server:
        yield server


@pytest.fixture
def zygote() -> Iterator[Zygote]:
    with Zygote() as zygote:
        yield zygote


# When to kill for a process to have come just so far, and whether its blob is locked.
SURELY = {
    Phase.NOTHING: (Moment.BYTE, True),
    Phase.PARTLY: (Moment.CHUNKS, False),
    Phase.COMPLETE: (Moment.WAITING, False),
    Phase.PUBLISHED: (Moment.WAITING, True),
    Phase.NOTED: (Moment.FETCHED, False),
}


def drawn(chance: random.Random, kills: int) -> list[Kill]:
    """Return when to kill, in the order of how far that is."""
    weights = {
        Moment.CHUNKS: 2,
        Moment.BYTE: 5,
        Moment.PASSING: 4,
        Moment.LAST: 5,
        Moment.PUBLISHING: 4,
        Moment.WAITING: 2,
        Moment.FETCHED: 1,
    }
    order = list(Moment)
    moments = sorted(chance.choices(order, weights=[weights[each] for each in order], k=kills), key=order.index)
    longest_s = {Moment.LAST: 0.02, Moment.PUBLISHING: 0.002, Moment.WAITING: 0.0}
    return [
        Kill(
            moment=each,
            fraction=chance.choice([0.0, chance.random(), chance.random(), chance.random(), 1.0]),
            delay_s=chance.choice([0.0, chance.random()]) * longest_s.get(each, 0.003),
        )
        for each in moments
    ]


def test_a_fetch_that_is_killed_at_any_moment_resumes_and_leaves_nothing_wrong(
    tmp_path: Path, contents: dict[str, bytes], server: RangeServer, zygote: Zygote
) -> None:
    seed = random.SystemRandom().randrange(1 << 32)
    chance = random.Random(seed)  # noqa: S311
    phases: Counter[Phase] = Counter()
    for number in range(ROUNDS):
        kills = drawn(chance, chance.choice([2, 3]) if number % KILLED_OFTEN == 0 else 1)
        shape, is_locked = chance.choice(SHAPES), chance.random() < 0.5
        phase = None
        if number % SURE == 1:
            phase = list(Phase)[number // SURE % len(Phase)]
            moment, is_locked = SURELY[phase]
            kills = [Kill(moment=moment, fraction=0.0, delay_s=0.0)]
        root = tmp_path / str(number)
        each = Round(shape, contents[shape.path], root, server, zygote, is_locked)
        try:
            for kill in kills:
                each.fetch_killed(kill)
            assert phase in {None, *each.phases}
            each.fetch()
        except BaseException as error:
            error.add_note(f"round {number} of seed {seed}: {shape}, locked: {is_locked}, {kills}, {each.phases}")
            raise
        phases.update(each.phases)
        shutil.rmtree(root)
    assert sum(phases.values()) > ROUNDS
    assert min(phases[each] for each in Phase) >= ROUNDS // SURE // len(Phase), (seed, phases)


def test_another_machine_waits_names_the_holder_and_resumes_where_the_killed_one_was(
    tmp_path: Path, contents: dict[str, bytes], server: RangeServer
) -> None:
    shape = Shape(size=SHAPES[0].size, chunk_bytes=16 * KIB, connections=2)
    with Zygote("machine-a") as here, Zygote("machine-b") as there:
        for is_locked in (True, False):
            root = tmp_path / str(is_locked)
            each = Round(shape, contents[shape.path], root, server, here, is_locked)
            server.anew(before=shape.size - 1)
            holder = here.start(each.job(lingers=True))
            wait_for(lambda each=each: len(each.state().chunks) > shape.connections)  # type: ignore[misc]
            waiter = there.start(each.job(lingers=False))
            assert waiter.wait_for("waits_for") == f"process {holder.pid} on {here.host}, which is fetching {each.url}"
            before = each.state()
            serving = server.anew()  # which ends the other one
            holder.kill()
            assert holder.ended() == KILLED
            assert waiter.wait_for("path") == str(each.path / BLOB)
            assert waiter.ended() == 0
            assert (each.path / BLOB).read_bytes() == each.content
            each.check_asked(before, serving.requests)
            each.check_store()
        assert {here.host, there.host} in ({"machine-a", "machine-b"}, {os.uname().nodename})
