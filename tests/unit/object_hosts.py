"""A stand-in for the file systems of fsspec, and sources of one object that read from it."""

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from harness.fetch.object_stores import ObjectSource
from harness.host.cancel import CancelToken

PIECE_BYTES = 4 << 20
BODY = bytes(range(256)) * (9 << 12)  # 9 MiB: two pieces and a bit


@dataclass
class FakeFileSystem:
    """Has one file, of which each `info` may say something else, and fails if told to."""

    body: bytes = BODY
    infos: list[dict[str, Any]] = field(default_factory=lambda: [{}])
    failure: Exception | None = None
    gone: bool = False
    async_impl = False
    asked: list[dict[str, Any]] = field(default_factory=list)

    def info(self, path: str, *, refresh: bool) -> dict[str, Any]:
        assert (path, refresh) == ("models/clip.irpa", True)
        if self.failure:
            raise self.failure
        said = self.infos.pop(0) if len(self.infos) > 1 else self.infos[0]
        return {"type": "file", "size": len(self.body), "ETag": '"1"', **said}

    def cat_file(self, *, start: int, end: int, **arguments: Any) -> bytes:
        if self.gone:
            raise FileNotFoundError("models/clip.irpa")
        self.asked.append({"start": start, "end": end, **arguments})
        return self.body[start:end]

    def resolve_path(self, path: str) -> SimpleNamespace:
        return SimpleNamespace(root="datasets/org/name@main", path=path.removeprefix("models/"))


def source(filesystem: Any, scheme: str = "s3") -> ObjectSource:
    return ObjectSource(f"{scheme}://models/clip.irpa", stall_s=1, filesystem=lambda *_: filesystem)


def read(
    source: ObjectSource, start: int = 0, stop: int | None = None, cancel: CancelToken | None = None
) -> list[bytes]:
    with source.opened(start, stop, None, cancel) as (head, pieces):
        assert (head.start, head.ranged) == (start, True)
        return [bytes(each) for each in pieces]
