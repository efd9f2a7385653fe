"""Brings what a step needs to a worker: blobs, modules and archives of random weights."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import msgspec

from harness.cluster import contents
from harness.cluster.messages import Files, Request
from harness.core.blobs import Blob, Fetched, FetchedBlob
from harness.core.errors import FetchError, IntegrityError
from harness.core.values import frozen
from harness.pipeline.kept_module import MODULES
from harness.pipeline.step_results import CompileResult, DrawResult, FetchResult, Results
from harness.pipeline.step_runner import StepRunner
from harness.pipeline.steps import Compile, Fetch
from harness.store.store import Store

# The kind of entry for files of the command's machine, and the name of the file in it.
KIND, CONTENT = "inputs", "content"


@frozen
class Needs:
    """What a step needs.

    Attributes:
        request: the step, and what its command knows.
        held: the content of files and modules, by digest or key, as far as it was sent.
        store: keeps what was sent.
        fetch: returns a blob on disk.
    """

    request: Request
    held: Mapping[str, Files]
    store: Store
    fetch: Callable[[Blob], Fetched]

    def results(self, runner: StepRunner) -> Results:
        """Return the results that the step needs, with this machine's paths.

        Raises:
            FetchError: a blob is not here, and cannot be downloaded.
            IntegrityError: something has another content here.
        """
        found = Results()
        for blob, known in self.request.fetched.items():
            found[Fetch(blob=blob)] = FetchResult(fetched=self._fetched(blob, known))
        for step, compiled in self.request.compiled.items():
            found[step] = self._compiled(step, compiled)
        for draw, drawn in self.request.drawn.items():
            found[draw] = result = runner.run(draw, found, ())
            if isinstance(result, DrawResult) and result.sha256 != drawn.sha256:
                raise IntegrityError("The random weights of a step have another content on this worker.")
        return found

    def _fetched(self, blob: Blob, known: FetchedBlob) -> Fetched:
        if blob.is_remote:
            return self.fetch(replace(blob, sha256=known.sha256, size_bytes=known.bytes))
        if known.sha256 in self.held:
            path = self._kept(KIND, known.sha256, CONTENT, known.sha256) / CONTENT
        elif (path := blob.local_path).is_file() and self.store.digest(path) == known.sha256:
            pass
        else:
            raise FetchError(
                f"{path}: too large to be sent to workers, and not at this path on this worker; give it a URL, or put "
                "it at the same path on all machines."
            )
        return Fetched(path=path, blob=known, seconds=0.0)

    def _compiled(self, step: Compile, compiled: CompileResult) -> CompileResult:
        """Return a compilation whose module is here."""
        module = compiled.module
        folder = self._kept(MODULES, module.key, step.module, module.sha256)
        return msgspec.structs.replace(compiled, folder=folder, log_path=None)

    def _kept(self, kind: str, key: str, name: str, sha256: str) -> Path:
        """Return the folder of an entry of the store in which a file has this content; it is made of what was sent.

        A store that machines share is not told: it hears of a module from the machines that compile it.

        Raises:
            IntegrityError: what was sent has another content.
        """

        def make(folder: Path) -> None:
            contents.put(self.held[key], folder)

        entry = self.store.provide(kind, key, make, is_good=lambda entry: entry.sha256(name) == sha256, private=True)
        if entry.sha256(name) != sha256:
            raise IntegrityError(f"{name}: the worker got another content than it was told of; run it again.")
        return entry.path
