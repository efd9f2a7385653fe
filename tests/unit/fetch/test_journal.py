import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from harness.fetch.journal import Chunk, Journal, gaps, parsed
from harness.fetch.partial import JOURNAL
from harness.fetch.source import Head
from harness.host.beneath import Folder

UNIT = 8


@dataclass(frozen=True)
class Line:
    """A line that was added, and where it is in the file; `part` is None if it is a head."""

    start: int
    stop: int
    chunk: Chunk | None


class Journals(RuleBasedStateMachine):
    """A journal that is written to, damaged by crashes and opened again, beside all that was ever written."""

    @initialize(units=st.integers(1, 12), odd=st.integers(0, UNIT - 1))
    def opened(self, units: int, odd: int) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.path = self.folder / JOURNAL
        self.journal = Journal(Folder(self.path.parent), self.path)
        self.total = units * UNIT + odd
        self.lines: list[Line] = []
        self.written: set[Chunk] = set()

    def teardown(self) -> None:
        if hasattr(self, "journal"):
            self.journal.close()
            shutil.rmtree(self.folder)

    @rule(source=st.sampled_from(["a", "b"]), etag=st.none() | st.just('"x"'))
    def notes_a_head(self, source: str, etag: str | None) -> None:
        start = self.size()
        self.journal.add_head(source, Head(total=self.total, etag=etag))
        self.lines.append(Line(start, self.size(), None))

    @rule(place=st.integers(0, 12), units=st.integers(1, 3), crc32=st.integers(0, 3))
    def notes_a_part(self, place: int, units: int, crc32: int) -> None:
        stop = min((place + units) * UNIT, self.total)
        if place * UNIT < stop:
            start, is_first = self.size(), not self.path.exists()
            chunk = Chunk(start=place * UNIT, stop=stop, crc32=crc32)
            self.journal.add_chunk(chunk)
            self.written.add(chunk)
            if is_first:  # the heads were written just now, before it
                self.lines = [Line(0, self.size(), None) for _ in self.lines]
            self.lines.append(Line(start, self.size(), chunk))

    def size(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0

    @precondition(lambda self: self.lines and self.path.exists())
    @rule(data=st.data())
    def loses_its_tail(self, data: st.DataObject) -> None:
        """Crash: the file ends sooner."""
        size = data.draw(st.integers(0, self.path.stat().st_size))
        with self.path.open("r+b") as file:
            file.truncate(size)
        self.lines = [each for each in self.lines if each.stop <= size]
        self.reopens()

    @precondition(lambda self: self.lines and self.path.exists())
    @rule(data=st.data(), zeros=st.booleans())
    def has_its_tail_garbled(self, data: st.DataObject, *, zeros: bool) -> None:
        """Crash: some bytes are zero or anything."""
        size = self.path.stat().st_size
        start = data.draw(st.integers(0, size))
        count = data.draw(st.integers(0, min(40, size - start)))
        garbage = bytes(count) if zeros else data.draw(st.binary(min_size=count, max_size=count))
        with self.path.open("r+b") as file:
            file.seek(start)
            file.write(garbage)
        self.lines = [each for each in self.lines if each.stop <= start or start + count <= each.start]
        self.reopens()

    @rule()
    def reopens(self) -> None:
        self.journal.close()
        self.journal = Journal(Folder(self.path.parent), self.path)
        if not self.path.exists():
            self.lines.clear()

    @rule()
    def is_cleared(self) -> None:
        self.journal.clear()
        self.lines.clear()
        self.written.clear()
        assert not self.journal.read().heads

    @invariant()
    def says_what_was_written_and_survived(self) -> None:
        if not hasattr(self, "journal"):
            return
        said = self.journal.read()
        assert set(said.chunks) <= self.written
        has_head = any(each.chunk is None for each in self.lines)
        assert said.total == self.total or (said.total is None and not has_head)
        if has_head:
            # Where parts overlap, one of them counts; where only one was ever written, it is there.
            for chunk in {each.chunk.start: each.chunk for each in self.lines if each.chunk}.values():
                others = {each for each in self.written if each.start < chunk.stop and chunk.start < each.stop}
                assert chunk in said.chunks or others != {chunk}

    @invariant()
    def partitions_the_whole_with_its_gaps(self) -> None:
        if hasattr(self, "journal") and (said := self.journal.read()).total is not None:
            pieces = sorted([(each.start, each.stop) for each in said.chunks] + list(gaps(said.chunks, said.total)))
            assert [0, *(stop for _, stop in pieces)] == [*(start for start, _ in pieces), said.total]
            assert all(start < stop for start, stop in pieces)


Journals.TestCase.settings = settings(max_examples=12, stateful_step_count=15, deadline=None)
TestJournals = Journals.TestCase


@given(st.binary(max_size=200))
def test_a_damaged_journal_can_be_read(text: bytes) -> None:
    assert not parsed(text).chunks


def test_a_line_after_a_torn_one_is_read(tmp_path: Path) -> None:
    journal, chunk = Journal(Folder(tmp_path), tmp_path / JOURNAL), Chunk(start=0, stop=8, crc32=1)
    journal.add_head("a", Head(total=16))
    journal.add_chunk(Chunk(start=8, stop=16, crc32=2))
    with (tmp_path / JOURNAL).open("r+b") as file:
        file.truncate(file.seek(0, 2) - 9)
    journal.add_chunk(chunk)
    assert journal.read().chunks == (chunk,)
    journal.close()


def test_heads_that_contradict_each_other_say_nothing(tmp_path: Path) -> None:
    journal = Journal(Folder(tmp_path), tmp_path / JOURNAL)
    journal.add_chunk(Chunk(start=0, stop=8, crc32=1))
    journal.add_head("a", Head(total=16))
    assert journal.read().total == 16
    journal.add_head("b", Head(total=17))
    assert journal.read().total is None
    assert journal.read().chunks == ()
    journal.close()
